"""Figures by day: what they add up to, whenever they are worked out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from agents.core import spread
from agents.insights import days, reading, rounds
from agents.insights.reading import Ballot
from agents.models import Approval, DayFigure, RollupState, ToolUse, TurnUse, Vote
from tests.oversight import stories

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def figures() -> list[tuple[object, ...]]:
    names = ("day", "subject", "agent", "name", "risk", "outcome", "count", "ms", "cost", "spread")
    return sorted(DayFigure.objects.values_list(*names), key=str)


def of(subject: str, **more: object) -> DayFigure:
    return DayFigure.objects.get(subject=subject, **more)


def test_a_day_adds_up_its_sessions() -> None:
    for hour in (0, 1):
        stories.finished(start=NOON + timedelta(hours=hour))
    days.replace(NOON.date())
    assert of("session", outcome="started").count == 2
    assert of("call", name="find_records").count == 2
    assert of("call", name="send_email", outcome="ok").ms == 1800
    turns = of("turn")
    assert (turns.count, turns.tokens) == (6, 6 * 5420)
    assert float(turns.cost) == pytest.approx(0.246)
    assert spread.quantile(spread.load(turns.spread), 0.5) == pytest.approx(3800, rel=0.1)
    approval = of("approval")
    assert (approval.name, approval.outcome, approval.count) == ("send_email", "approved", 2)
    assert approval.ms == 2 * 180_900


def test_a_round_done_again_changes_nothing() -> None:
    stories.finished()
    assert rounds.round_()
    once = figures()
    assert rounds.round_()
    assert figures() == once


def test_only_one_worker_works_at_a_time() -> None:
    RollupState.objects.update_or_create(
        pk=1, defaults={"claimed_until": timezone.now() + timedelta(minutes=1)}
    )
    assert not rounds.round_()
    RollupState.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert rounds.round_()


def test_a_rebuild_from_the_logs_gives_the_same_figures() -> None:
    stories.finished()
    stories.finished(agent="clerk", start=datetime.now(UTC) - timedelta(days=3))
    rounds.rebuild()
    once = figures()
    assert {row[2] for row in once} == {"assistant", "clerk"}
    for table in (ToolUse, TurnUse, DayFigure):
        table._default_manager.all().delete()
    output = StringIO()
    call_command("rollup", "--rebuild", stdout=output)
    assert figures() == once
    assert "as of" in output.getvalue()


def test_sessions_from_before_are_filled_and_rolled_up_by_the_worker_itself() -> None:
    old = stories.finished(start=datetime.now(UTC) - timedelta(days=5))
    stories.finished()
    rounds.round_()
    once = figures()
    for table in (ToolUse, TurnUse, DayFigure):
        table._default_manager.all().delete()
    RollupState.objects.update(unfilled=old.pk + 1)
    rounds.round_()
    assert figures() == once


@override_settings(TIME_ZONE="Asia/Kolkata")
def test_a_day_is_what_the_installation_calls_one() -> None:
    begins, ends = days.bounds(date(2026, 3, 10))
    assert begins == datetime(2026, 3, 9, 18, 30, tzinfo=UTC)
    assert ends - begins == timedelta(days=1)


def test_what_is_due_reaches_back_a_little() -> None:
    midnight = datetime(2026, 3, 10, 0, 5, tzinfo=UTC)
    assert rounds.due(midnight, midnight) == [date(2026, 3, 9), date(2026, 3, 10)]
    assert rounds.due(NOON, NOON) == [NOON.date()]


def ballot(seconds: float, asked: float, length: int, user: int = 1) -> Ballot:
    at, since = NOON + timedelta(seconds=seconds), NOON + timedelta(seconds=asked)
    return Ballot(user, at, since, length, "clerk", None)


def fast(*ballots: Ballot) -> list[bool]:
    return [press.fast for press in reading.presses(list(ballots)) for _ in press.ballots]


def test_a_decision_is_too_fast_only_if_nobody_could_have_read_it() -> None:
    assert fast(ballot(3, 0, 400)) == [True]
    assert fast(ballot(9, 0, 400)) == [False]


def test_a_queue_leaves_the_time_since_the_last_decision() -> None:
    assert sorted(fast(ballot(600, 0, 400), ballot(603, 0, 400))) == [False, True]
    assert fast(ballot(600, 0, 400, user=1), ballot(603, 0, 400, user=2)) == [False, False]


def test_what_is_decided_with_one_press_is_read_together() -> None:
    assert fast(ballot(10, 0, 200), ballot(10.2, 0, 200)) == [False, False]
    assert fast(ballot(10, 0, 400), ballot(10.2, 0, 400)) == [True, True]


def test_votes_are_counted_for_who_cast_them(ann: User) -> None:
    approval = stories.waiting()
    Vote.objects.create(approval=approval, user=ann, decision="approve", digest=approval.digest)
    later = approval.requested_at + timedelta(seconds=1)
    Vote.objects.update(at=later)
    days.replace(timezone.localtime(later).date())
    found = of("reading")
    assert (found.name, found.outcome, found.count, found.ms) == (str(ann.pk), "fast", 1, 1000)
    assert Approval.objects.get().pk == approval.pk
