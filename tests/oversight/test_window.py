"""A log of any length makes a page of bounded weight, and every event of it can be reached."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.core import events
from agents.core.trouble import is_trouble
from agents.models import Session
from oversight import rows, timeline, window
from tests.oversight import stories
from tests.oversight.facts import fact, record
from tests.oversight.served import ROW
from tests.oversight.test_timeline import Tags

pytestmark = pytest.mark.django_db

MOST_BYTES = 150_000  # compressed
MOST_ELEMENTS = 1500


@pytest.fixture
def client(ada: User) -> Client:
    client = Client()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _page(client: Client, session: Session, query: str = "") -> str:
    answer = client.get(f"/sessions/{session.uuid}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def _light(html: str) -> None:
    assert len(gzip.compress(html.encode())) < MOST_BYTES
    assert len(Tags(html).tags) < MOST_ELEMENTS


def _steps(html: str) -> list[int]:
    return [int(step) for step in re.findall(r'<article class="step" id="step-(\d+)"', html)]


def _seqs(html: str) -> list[int]:
    return [int(seq) for seq in ROW.findall(html)]


def test_ten_thousand_events_make_a_light_page_with_the_last_forty_steps(
    client: Client, olu: User
) -> None:
    session = stories.long(olu)
    assert session.last_seq == 10_000
    html = _page(client, session)
    _light(html)
    assert _steps(html) == list(range(session.steps - 39, session.steps + 1))
    assert _seqs(html)[-1] == 10_000
    assert f"?before={session.steps - 39}" in html
    _light(_page(client, session, "?before=900"))
    middle = _page(client, session, "?at=5000#e-5000")
    _light(middle)
    assert 5000 in _seqs(middle)
    assert "Go to the latest" in middle
    assert "data-live" not in middle, "it does not reach the end, so that nothing may be appended"


def _one_step(olu: User, count: int) -> Session:
    told: Sequence[stories.Told] = [(n, 1, events.Message("Olu", f"No {n}")) for n in range(count)]
    return stories.tell([(0, 0, stories.started()), *told], olu, status="running")


def test_a_single_long_step_comes_in_windows_too(client: Client, olu: User) -> None:
    session = _one_step(olu, 900)
    html = _page(client, session)
    _light(html)
    shown = _seqs(html)
    assert shown[-1] == 901
    assert len(shown) < 100
    found, address = shown, re.search(r'hx-get="(\S+/steps/1/\?before=\d+)"', html)
    while address:
        more = client.get(address[1]).content.decode()
        found = [*_seqs(more), *found]
        address = re.search(r'hx-get="(\S+/steps/1/\?before=\d+)"', more)
    assert found == list(range(2, 902))


@pytest.mark.parametrize("seq", [2, 5, 300, 450, 895, 901])
def test_a_link_to_an_event_within_a_long_step_shows_it(
    client: Client, olu: User, seq: int
) -> None:
    html = _page(client, _one_step(olu, 900), f"?at={seq}")
    _light(html)
    assert seq in _seqs(html)


@pytest.mark.parametrize("seq", [1, 7, 200, 449])
def test_a_link_to_an_event_of_a_short_step_shows_it(client: Client, olu: User, seq: int) -> None:
    turns = [(n, n, stories.turn(f"Turn {n}")) for n in range(1, 451)]
    session = stories.tell([(0, 0, stories.started()), *turns], olu, status="running")
    html = _page(client, session, f"?at={seq}")
    assert seq in _seqs(html)
    assert len(_steps(html)) == 40
    assert ("Go to the latest" in html) == (seq < 449)


def test_what_follows_within_a_step_is_fetched(client: Client, olu: User) -> None:
    session = _one_step(olu, 250)
    address = f"/sessions/{session.uuid}/steps/1/"
    assert _seqs(client.get(f"{address}?after=100").content.decode()) == list(range(101, 201))
    assert "?after=200" in client.get(f"{address}?after=100").content.decode()
    assert "?after=" not in client.get(f"{address}?after=200").content.decode()


def test_a_step_whose_rows_are_not_here_says_what_it_holds(client: Client, olu: User) -> None:
    session = stories.long(olu, 400)
    html = _page(client, session)
    tags = Tags(html).tags
    marks = [m for tag, m in tags if tag == "li" and "hx-get" in m]
    folds = [m for tag, m in tags if tag == "details"]
    assert marks
    assert len([fold for fold in folds if "open" not in fold]) >= len(marks)
    opened = client.get(str(marks[0]["hx-get"])).content.decode()
    assert len(_seqs(opened)) == 5
    assert html.count('data-has="tools"') >= len(marks)


def test_what_went_wrong_stands_open_however_long_ago(client: Client, olu: User) -> None:
    session = stories.long(olu, 150)
    failed = stories.result("read_file", "no such file", ok=False, error_class="missing")
    stories.add(session, [(31, 20, failed)])
    html = _page(client, session)
    step = html.partition('id="step-20"')[2].partition("</article>")[0]
    assert "<details open" in step
    assert 'data-has="errors tools"' in html


def _fact(kind: str, **fields: Any) -> events.Fact:
    known: Any = fact(kind, "words")
    made: events.Fact = replace(known, **fields)
    return made


@pytest.mark.parametrize(
    "one",
    [
        *(fact(kind, "words") for kind in sorted(events.KINDS)),
        *(_fact("tool_call", verdict=said) for said in ("allow", "deny", "invalid")),
        *(_fact("tool_result", ok=False, executed=ran) for ran in (True, False)),
        *(_fact("approval_decided", decision=said) for said in rows._DECISIONS),
    ],
    ids=lambda one: one.kind,
)
def test_the_filter_for_errors_shows_what_it_counts(one: events.Fact) -> None:
    row = timeline.render_row(record(one))
    assert ("data-trouble" in row) == is_trouble(one)
    assert not is_trouble(one) or "bad" in rows.row(record(one)).tone


def test_what_people_or_a_policy_decided_is_no_error(client: Client, olu: User) -> None:
    first, second = stories.asked("post_tweet"), stories.asked("delete_file")
    told = [
        (0, 0, stories.started()),
        (1, 1, stories.call("drop_table", verdict="deny")),
        (1, 1, _unmade("drop_table", "denied_by_policy")),
        (2, 2, stories.call("post_tweet", verdict="ask")),
        (2, 2, first),
        (3, 2, stories.decided(first, "denied")),
        (3, 2, _unmade("post_tweet", "denied")),
        (4, 3, stories.call("delete_file", verdict="ask")),
        (4, 3, second),
        (5, 3, stories.decided(second, "expired")),
        (5, 3, _unmade("delete_file", "expired")),
        (6, 3, events.StopRequested("Olu Bello", kill=False, reason="Enough.")),
        (6, 3, events.Stopped("Olu Bello", "Enough.")),
    ]
    session = stories.tell(told, olu, status="cancelled")
    html = _page(client, session)
    assert 'id="errors" hidden>0<' in html
    assert "data-trouble" not in html
    assert [m["data-has"] for tag, m in Tags(html).tags if "data-has" in m] == [
        "",
        "tools",
        *["approvals tools"] * 2,
    ]
    outline = [m for _, m in Tags(html).tags if str(m.get("href", "")).startswith("#step-")]
    assert len(outline) == 4
    assert not [m for m in outline if "class" in m]
    assert session.strip == [["h", 22_000]] * 2


def _unmade(tool: str, why: str) -> events.Fact:
    return stories.result(tool, "NOT EXECUTED", ok=False, error_class=why, executed=False)


def test_a_call_that_is_no_call_stands_in_the_strip_as_an_error(olu: User) -> None:
    wrong = stories.call("no_such_tool", verdict="invalid")
    told = [(0, 0, stories.started()), (1, 1, wrong), (1, 1, _unmade("no_such_tool", "unknown"))]
    session = stories.tell(told, olu)
    assert (session.troubles, session.strip) == (1, [["e", 0]])


def test_a_step_in_which_a_call_was_forbidden_stays_open() -> None:
    assert timeline.may_close([record(stories.call("read_file"))])
    assert not timeline.may_close([record(stories.call("read_file", verdict="deny"))])


def test_the_end_of_a_log_is_read_within_bounds(
    olu: User, django_assert_num_queries: object
) -> None:
    session = _one_step(olu, 500)
    assert sum(len(log) for _, log in window.tail(session, 2)) == 200
