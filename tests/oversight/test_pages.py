"""What pages say: the words of models and people stay words, and large logs come in windows."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from agents.core import events
from agents.models import Cap, DaySpend, ModelPrice, RoleAssignment, Slots
from oversight import queries, tiles, today
from oversight.meters import meters
from tests.oversight import stories
from tests.oversight.test_timeline import HOSTILE, Tags

pytestmark = pytest.mark.django_db

EVIL = HOSTILE[:110]


@pytest.fixture
def client(ada: User) -> Client:
    client = Client()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    return client


def assert_tame(page: str, html: str) -> None:
    for tag, marks in Tags(html).tags:
        assert not [name for name in marks if name.startswith("on") or name == "style"], tag
        assert marks.get("src", "/static/").startswith("/static/")  # type: ignore[union-attr]  # a src is never None
    assert "alert(1)</script>" not in html
    assert "\u202e" not in html, (page, html.split("\u202e", maxsplit=1)[0][-90:])


def test_hostile_words_are_tame_on_every_page(client: Client, olu: User) -> None:
    approval = stories.waiting(olu, "high", 1, **{EVIL: EVIL})
    session = approval.session
    stories.add(session, [(11, 2, stories.unknown()), (12, 3, events.Error(EVIL[:40], EVIL))])
    changed = {"title": EVIL, "agent": EVIL[:60], "task": EVIL, "activity": EVIL, "asking": EVIL}
    type(session).objects.update(**changed)
    stories.tell([(0, 0, stories.started())], olu, title=EVIL, status="waiting_input", asking=EVIL)
    pages = ["", "replay/", "pending/", "events/2/", "events/6/?as=json", "confirm/?do=stop"]
    of_session = [f"/sessions/{session.uuid}/{page}" for page in pages]
    of_approval = [f"/approvals/{approval.uuid}/{p}" for p in ("", "confirm/?do=edit")]
    for page in ["/sessions/", "/approvals/", "/history/", *of_session, *of_approval]:
        assert_tame(page, client.get(page).content.decode())


def test_arguments_are_whole_where_they_are_approved(client: Client, olu: User) -> None:
    approval = stories.waiting(olu, note="line\n" * 400 + "the very end")
    html = client.get(f"/approvals/{approval.uuid}/").content.decode()
    assert "the very end" in html


def test_what_is_not_seen_is_shown(client: Client, olu: User) -> None:
    approval = stories.waiting(olu, to="bank\u202eknab\u200b")
    html = client.get(f"/approvals/{approval.uuid}/").content.decode()
    assert "bank⟦U+202E⟧knab⟦U+200B⟧" in html


def test_a_long_session_comes_in_windows(client: Client, olu: User) -> None:
    turns = [(n, n, stories.turn(f"Turn {n}")) for n in range(1, 201)]
    session = stories.tell([(0, 0, stories.started()), *turns], olu, status="running")
    address = f"/sessions/{session.uuid}/"
    page = client.get(address).content.decode()
    assert page.count('<article class="step"') == 40
    assert 'id="step-200"' in page
    assert 'id="step-160"' not in page
    earlier = client.get(f"{address}steps/?before=161").content.decode()
    assert earlier.count('<article class="step"') == 100
    assert 'id="step-160"' in earlier
    assert 'id="step-161"' not in earlier
    assert "before=61" in earlier


def test_long_output_is_fetched_on_demand(client: Client, olu: User) -> None:
    session = stories.finished(olu)
    page = client.get(f"/sessions/{session.uuid}/").content.decode()
    assert "Show 32 more lines" in page
    whole = client.get(f"/sessions/{session.uuid}/events/4/", headers={"HX-Request": "true"})
    assert whole.content.decode().count("charge 1") == 40


def test_an_ended_session_says_what_it_took(client: Client, olu: User) -> None:
    ended = client.get(f"/sessions/{stories.finished(olu).uuid}/").content.decode()
    assert "This session has ended" in ended
    assert re.search(r'id="totals"> after 3 steps in \d+:\d\d, for \$0\.\d\d</span>', ended)
    waits = client.get(f"/sessions/{stories.waiting(olu).session.uuid}/").content.decode()
    assert 'id="totals"></span>' in waits


def test_every_page_says_that_it_rehearses(client: Client, settings: object) -> None:
    settings.REHEARSAL = True  # type: ignore[attr-defined]  # pytest-django's fixture
    for page in ("/sessions/", "/approvals/", "/history/", "/me/", "/sessions/new/"):
        assert 'class="rehearsal"' in client.get(page).content.decode()
    settings.REHEARSAL = False  # type: ignore[attr-defined]  # pytest-django's fixture
    assert 'class="rehearsal"' not in client.get("/sessions/").content.decode()


def test_replay_stands_where_the_address_says(client: Client, olu: User) -> None:
    session = stories.finished(olu)
    page = client.get(f"/sessions/{session.uuid}/replay/?step=2&t=190").content.decode()
    assert 'data-length="199.1" data-seq="9"' in page  # the last event of that second
    assert "<b>3:10</b> / 3:19" in page
    assert page.count('class="event') == 13


def test_replay_shows_the_rows_of_the_live_page(client: Client, olu: User) -> None:
    session = stories.finished(olu)
    pages = (f"/sessions/{session.uuid}/", f"/sessions/{session.uuid}/replay/")
    live, replay = (_rows(client.get(page).content.decode()) for page in pages)
    assert live == replay
    assert len(live) == 13


def _rows(html: str) -> list[str]:
    return [part.split("</li>")[0] for part in html.split('<li id="e-')[1:]]


def test_pages_that_are_not_there_are_in_house_style(client: Client) -> None:
    answer = client.get("/sessions/nonsense/")
    assert answer.status_code == 404
    assert b"Go to the first page" in answer.content


def test_a_compaction_says_what_was_kept_and_leads_to_the_originals(
    client: Client, olu: User
) -> None:
    told = [(0.0, 0, stories.started())]
    told += [(n, n, stories.turn(f"Said in step {n}.")) for n in range(1, 61)]
    first = [{"role": "user", "content": [{"type": "text", "text": "Go on."}]}]
    compacted = events.ContextCompacted(
        1, 9_000, 2_000, "In short.", first, 4, cost=0.01, through_step=3
    )
    session = stories.tell([*told, (61, 60, compacted)], olu)
    page = client.get(f"/sessions/{session.uuid}/").content.decode()
    assert "the last 4 turns word for word" in page
    assert "It cost $0.01" in page
    assert "Said in step 2." not in page, "it is in an earlier window"
    (link,) = [
        str(marks["href"])
        for tag, marks in Tags(page).tags
        if tag == "a" and "before=4" in str(marks.get("href"))
    ]
    originals = client.get(link.partition("#")[0]).content.decode()
    assert all(f"Said in step {n}." in originals for n in (1, 2, 3))
    assert 'id="step-3"' in originals
    assert link.endswith("#step-3")


def test_what_is_spent_today_is_what_the_days_cap_counts(ada: User, olu: User, eve: User) -> None:
    """A session of yesterday spends today; and whoever sees one group sees what that spent."""
    ModelPrice.objects.create(model="m", input=1, output=1, cache_read=1, cache_write=1)
    ours = Group.objects.create(name="ours")
    RoleAssignment.objects.create(user=eve, role="viewer", group=ours)
    yesterday = timezone.now() - timedelta(days=1)
    told = [(86_400.0, 1, stories.turn("Still at it.", cost=0.5))]
    stories.tell(told, olu, start=yesterday, status="running")
    stories.tell([(0, 1, stories.turn("Mine.", cost=0.25))], olu, start=yesterday, group=ours)
    told_today = [(86_400.0, 2, stories.turn("Ours.", cost=0.125))]
    stories.tell(told_today, olu, start=yesterday, group=ours, status="running")
    for shard, usd in ((1, "0.6"), (2, "0.025")):
        DaySpend.objects.create(day=timezone.localdate(), shard=shard, usd=usd, tokens=10)
    everything, one_group = today.stats(ada), today.stats(eve)
    assert (everything.spent, everything.tokens) == (0.625, 20)
    assert (one_group.spent, one_group.tokens) == (0.125, 5420)


def test_a_finished_session_says_what_people_decided_in_it(client: Client, olu: User) -> None:
    session = stories.finished(olu)
    denied = stories.asked("post_tweet")
    told = [(200.0, 3, denied), (201.0, 3, stories.decided(denied, "denied"))]
    stories.add(session, told)
    for page in ("/sessions/", "/history/"):
        assert "1 approved, 1 denied" in client.get(page).content.decode()


def test_waits_for_people_stand_in_the_strip_of_a_card(olu: User) -> None:
    finished, waits = stories.finished(olu), stories.waiting(olu)
    assert [letter for letter, _ in finished.strip].count("h") == 1
    assert "human" not in {mark.kind for mark in tiles.strip(waits.session)}
    assert "human" in {mark.kind for mark in tiles.strip(waits.session, waits)}


def test_a_paused_session_says_so_on_its_card(client: Client, olu: User) -> None:
    told = [(0.0, 0, stories.started()), (1.0, 1, stories.turn("I look into it."))]
    stories.tell(told, olu, status="paused")
    assert "Paused after: I look into it." in client.get("/sessions/").content.decode()


def test_a_paused_session_names_who_paused_it(client: Client, olu: User) -> None:
    session = stories.tell([(0, 0, stories.started())], olu)
    stories.add(session, [(1, 0, events.Paused("<b>Jonas</b>\u202e", "Until the freeze ends."))])
    card, bar = (
        client.get(path).content.decode() for path in ("/sessions/", f"/sessions/{session.uuid}/")
    )
    assert "Paused by &lt;b&gt;Jonas&lt;/b&gt;⟦U+202E⟧: Until the freeze ends." in card
    assert "by &lt;b&gt;Jonas&lt;/b&gt;⟦U+202E⟧</span>" in bar
    stories.add(session, [(2, 0, events.Resumed("Olu"))])
    assert "Paused by" not in client.get("/sessions/").content.decode()


def test_the_filter_for_errors_says_how_many_there_are(client: Client, olu: User) -> None:
    session = stories.tell([(0, 0, stories.started())], olu)
    assert 'id="errors" hidden>0<' in client.get(f"/sessions/{session.uuid}/").content.decode()
    failed = stories.result("read_file", "no such file", ok=False, error_class="missing")
    stories.add(session, [(1, 1, stories.call("read_file", path="a")), (2, 1, failed)])
    assert 'id="errors">1<' in client.get(f"/sessions/{session.uuid}/").content.decode()
    assert 'id="errors" hx-swap-oob="outerHTML">1<' in tiles.render_status(session)


def test_the_wall_shows_what_works_before_what_rests_and_what_failed(olu: User) -> None:
    for status in ("running", "failed", "paused", "running"):
        ended = {"ended_at": timezone.now()} if status == "failed" else {}
        stories.tell([(0, 0, stories.started())], olu, status=status, **ended)
    found = queries.wall(olu, "", "").active
    assert [one.status for one in found] == ["running", "running", "paused", "failed"]


def test_the_strip_of_the_wall_says_the_slots_and_the_days_cap(client: Client) -> None:
    ModelPrice.objects.create(model="m", input=1, output=1, cache_read=1, cache_write=1)
    Slots.objects.update_or_create(name=Slots.ALL, defaults={"sessions": 12})
    Cap.objects.update_or_create(name=Cap.DAY, defaults={"usd": 60})
    page = client.get("/sessions/").content.decode()
    assert "of 12 slots" in page
    assert "of $60.00" in page


def test_a_forks_meter_of_steps_counts_its_own(olu: User) -> None:
    asked = {"step": 5, "arguments": {}}
    fork = stories.tell([(0, 6, stories.turn("On."))], olu, fork=asked, limits={"steps": 9})
    (steps,) = (meter for meter in meters(fork) if meter.name == "Steps")
    assert (steps.used, steps.limit) == ("2", "9")
    edited = {"step": 5, "arguments": {"c1": {}}}
    fork = stories.tell([(0, 6, stories.turn("On."))], olu, fork=edited)
    assert fork.own_steps == 1


def test_the_tools_used_are_told_again_as_a_session_runs(olu: User) -> None:
    session = stories.tell([(0, 0, stories.started())], olu, status="running")
    stories.add(
        session, [(1, 1, stories.call("read_file")), (2, 1, stories.result("read_file", "."))]
    )
    assert "Tools used" in tiles.render_status(session)
