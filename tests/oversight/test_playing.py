"""What a replay's player is given, and what it shows without a script."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.contrib.auth.models import User

from agents.core.events import Record
from agents.models import Session
from oversight import playing, timeline, track
from oversight.views import replay
from tests.demo import postmortem
from tests.oversight import stories
from tests.oversight.test_deciding import come, text
from tests.oversight.test_past import paid

BEGAN = datetime(2026, 3, 3, 9, tzinfo=UTC)


def records(told: list[stories.Told]) -> list[Record]:
    return [
        Record("s", seq, step, fact, BEGAN + timedelta(seconds=at), "runtime", 1, str(seq))
        for seq, (at, step, fact) in enumerate(told, 1)
    ]


def picture() -> playing.Picture:
    return playing.picture(records(postmortem.told()), BEGAN)


def test_the_track_is_as_high_as_much_happened_and_full_while_people_are_waited_for() -> None:
    columns = picture().columns
    assert {"model", "tool", "human", "error"} <= {column.kind for column in columns}
    assert {column.height for column in columns if column.kind == "human"} == {100}
    worked = [column.height for column in columns if column.kind == "tool"]
    assert min(worked) < 40 < max(worked) <= 100
    assert max(column.x + column.width for column in columns) <= 100


def test_what_a_person_looks_for_is_marked() -> None:
    kinds = [mark.kind for mark in picture().marks]
    assert kinds == ["approval", "approval", "fault", "comment", "approval", "approval", "approval"]


def test_times_under_the_track_keep_apart_and_only_waits_are_called_so() -> None:
    ticks = sorted(picture().ticks, key=lambda tick: tick.x)
    assert (ticks[0].text, ticks[-1].text) == ("0:00", "10:44")
    said = [tick.text for tick in ticks]
    assert "6 min 07 s wait" in said
    assert "38 s" in said  # a tool ran
    gaps = [after.x - before.x for before, after in pairwise(ticks)]
    assert min(gaps) > 5


def test_a_wait_is_told_from_work() -> None:
    stops = picture().stops
    asked = next(s for s in stops if s.step == 9 and s.mark == "approval")
    assert asked.busy == 0  # 6 minutes of waiting for a person
    ran = [s for s in stops if s.step == 9][-2]
    assert ran.busy == pytest.approx(38.2)


def test_a_link_leads_to_the_last_event_of_its_second_within_its_step() -> None:
    stops = picture().stops
    at = playing.standing(stops, 9, 514)
    assert at is not None
    assert (at.step, int(at.t)) == (9, 514)
    last = playing.standing(stops, 9, None)
    assert last == [stop for stop in stops if stop.step == 9][-1]
    early = playing.standing(stops, 3, 9000)
    assert early is not None
    assert early.step == 3
    assert playing.standing([], 3, 9) is None


def test_a_session_without_events_has_an_empty_track() -> None:
    nothing = playing.picture([], BEGAN)
    assert (nothing.columns, nothing.ticks, nothing.stops, nothing.marks) == ([], [], [], [])


def test_errors_outweigh_what_is_around_them() -> None:
    told = [*paid()[:3], (9.0, 1, stories.result("read_file", "No.", ok=False, ms=10))]
    found = playing.picture(records(told), BEGAN)
    assert "error" in {column.kind for column in track.columns(found.found, found.log, found.along)}


@pytest.mark.django_db
def test_without_a_script_the_page_shows_its_step_and_leads_on(olu: User, bob: User) -> None:
    past = stories.tell(postmortem.told(), olu)
    page = text(come(bob).get(f"/sessions/{past.uuid}/replay/?step=3"))
    assert re.findall(r'class="at-step now" data-step="(\d+)"', page) == ["3"]
    assert page.count('class="future"') == 9
    for name, step in {"back": 2, "forward": 4, "fault": 8, "approval": 7}.items():
        assert re.search(rf'href="\?step={step}\b[^"]*" data-play="{name}"', page), name


@pytest.mark.django_db
def test_a_replay_renders_each_step_once(
    olu: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = stories.tell(postmortem.told(), olu)
    rendered: list[int] = []

    def render_step(step: int, log: list[Record]) -> str:
        rendered.append(step)
        return ""

    monkeypatch.setattr(timeline, "render_step", render_step)
    assert come(bob).get(f"/sessions/{past.uuid}/replay/").status_code == 200
    assert rendered == list(range(13))


@pytest.mark.django_db
def test_beyond_what_a_page_shows_the_next_error_is_found_all_the_same(
    olu: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MOST_STEPS", 4)
    past = stories.tell(postmortem.told(), olu)
    Session.objects.filter(pk=past.pk).update(steps=12)
    page = text(come(bob).get(f"/sessions/{past.uuid}/replay/?step=1"))
    assert 'data-play="fault" data-beyond="8"' in page
    assert 'data-play="approval" data-beyond="7"' in page
    assert "Steps from 5 on are not shown" in page
    late = text(come(bob).get(f"/sessions/{past.uuid}/replay/?step=12"))
    assert "Steps before 8 are not shown" in late
    assert "<b>10:44</b>" in late  # counted from where the session began
