"""Between two attempts a session sleeps or parks, and hears what people say meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.core import events, retry, retry_after
from agents.core.risk import Effect
from agents.core.state import CallStatus
from agents.core.tools import PermissionDenied, RateLimited, ToolError, ToolTimeout, Unavailable
from agents.testing import Stage, Trouble, calls, says
from tests.core.loops import kinds, play, results, stage

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TWO_HOURS = timedelta(hours=2)


def one(tool: str, *errors: ToolError, **settings: Any) -> Stage:
    made = stage([calls(("c1", tool, {})), says("Done.")], settings=settings)
    made.toolbox.troubles = {tool: [Trouble(error) for error in errors]}
    made.begin()
    return made


def busy(seconds: float | str, *, effects: bool = False) -> RateLimited:
    return RateLimited("slow down", retry_after=seconds, effects=effects)


def keys(made: Stage) -> list[str]:
    return [context.idempotency_key for _, context in made.toolbox.requests]


@pytest.mark.parametrize("tool", ["look", "charge"])
async def test_a_long_retry_after_of_a_tool_parks_the_session_and_holds_no_task(tool: str) -> None:
    made = one(tool, busy(7200))
    before = asyncio.all_tasks()
    state = await made.drive()
    assert asyncio.all_tasks() == before
    assert not made.store.held
    assert made.store.parked
    assert made.store.parked.status == "queued"
    assert made.store.parked.resume_at == state.call("c1").retry_at
    made.store.later = TWO_HOURS
    assert (await made.drive()).ended
    assert len(keys(made)) == 2
    assert len(set(keys(made))) == 1
    assert results(made.store.records)["c1"].ok


async def test_a_park_that_is_not_over_is_parked_again() -> None:
    made = one("look", busy(7200))
    first = await made.drive()
    assert made.store.parked
    resume_at = made.store.parked.resume_at
    assert await made.drive() == first
    assert made.store.parked.resume_at == resume_at
    assert len(made.toolbox.requests) == 1


async def test_a_write_that_may_have_happened_is_not_parked_to_be_repeated() -> None:
    made = stage([calls(("c1", "post", {})), says("Done.")])
    made.gate.verdicts = {"post": "allow"}
    made.toolbox.troubles = {"post": [Trouble(busy(7200, effects=True))]}
    made.begin()
    assert (await made.drive()).call("c1").status is CallStatus.UNKNOWN
    assert len(made.toolbox.requests) == 1


async def test_once_its_repeats_are_used_up_the_model_is_told_when_it_is_available() -> None:
    made = one("look", *[busy(7200)] * 4)
    for _ in range(6):
        made.store.later += TWO_HOURS
        if (await made.drive()).ended:
            break
    told = results(made.store.records)["c1"]
    assert len(made.toolbox.requests) == 4
    assert told.error_class == "rate_limited"
    assert "available again at" in str(told.content)
    assert "after 4 attempts" in str(told.content)


async def test_permission_is_never_asked_for_twice() -> None:
    made = one("look", PermissionDenied("no", retry_after=1))
    await play(made)
    assert len(made.toolbox.requests) == 1
    assert "Do not try again" in str(results(made.store.records)["c1"].content)


async def test_a_person_may_have_it_tried_at_once() -> None:
    made = one("look", busy(7200))
    await made.drive()
    made.store.write(events.Resumed("Olu"))
    assert (await made.drive()).ended
    assert len(made.toolbox.requests) == 2


async def test_a_call_that_waits_for_a_person_is_asked_about_while_another_is_parked() -> None:
    made = stage([calls(("c1", "look", {}), ("c2", "post", {})), says("Done.")])
    made.toolbox.troubles = {"look": [Trouble(busy(7200))]}
    made.begin()
    await made.drive()
    assert made.store.parked
    assert made.store.parked.status == "waiting_approval"
    assert made.store.parked.resume_at is not None
    made.store.later = TWO_HOURS
    state = await made.drive()
    assert state.call("c1").status is CallStatus.SETTLED
    assert state.wakes_at is None
    assert (await play(made)).ended


def meanwhile(made: Stage, *facts: events.Fact) -> None:
    """Write once, right after the first attempt failed."""

    def after(record: events.Record) -> None:
        if record.kind == "tool_retried":
            made.store.after = lambda later: None
            made.store.write(*facts)

    made.store.after = after


async def test_a_pause_between_two_attempts_is_honoured() -> None:
    made = one("charge", busy(30))
    meanwhile(made, events.Paused("Olu"))
    async with asyncio.timeout(60):
        await made.drive()
    assert made.store.parked
    assert made.store.parked.status == "paused"
    assert len(made.toolbox.requests) == 1
    made.store.write(events.Resumed("Olu"))
    assert (await made.drive()).ended
    assert len(set(keys(made))) == 1


async def test_a_stop_between_two_attempts_is_honoured() -> None:
    made = one("charge", busy(30))
    meanwhile(made, events.StopRequested("Olu"))
    async with asyncio.timeout(60):
        state = await made.drive()
    assert isinstance(state.ending, events.Stopped)
    assert len(made.toolbox.requests) == 1


async def test_every_attempt_is_an_event() -> None:
    made = one("look", Unavailable("gone"), Unavailable("gone"))
    await play(made)
    log = kinds(made.store.records)
    assert log.count("tool_started") == 3
    assert log.count("tool_retried") == 2
    assert log.count("tool_result") == 1


# Time allowed


def test_all_attempts_of_a_call_share_three_minutes() -> None:
    slow = ToolTimeout("slow")
    assert retry.tool_delay(slow, Effect.READ, 1, {}, draw=0.0, spent=170.0)
    assert retry.tool_delay(slow, Effect.READ, 1, {}, draw=0.0, spent=180.0) is None
    begun = datetime.now(UTC) - timedelta(seconds=150)
    assert retry.time_allowed(60.0, None) == 60.0
    assert 25 < retry.time_allowed(60.0, begun) <= 30
    assert retry.time_allowed(5.0, begun) == 5.0
    assert retry.time_allowed(60.0, begun - timedelta(hours=1)) == 1.0, "it may still be tried"


def test_the_total_does_not_cut_a_first_attempt_that_is_allowed_to_be_long() -> None:
    assert retry.time_allowed(600.0, None) == 600.0


async def test_a_call_whose_worker_was_lost_has_its_whole_time_again() -> None:
    made = one("look")
    state = await _interrupted(made)
    assert state.call("c1").began_at
    assert state.call("c1").first_attempt is None


async def _interrupted(made: Stage) -> Any:
    from agents.testing import Hold

    hold = made.toolbox.holds["look"] = Hold()
    driving = asyncio.create_task(made.drive())
    await hold.entered.wait()
    driving.cancel()
    await asyncio.gather(driving, return_exceptions=True)
    return made.store.state()


def test_no_park_is_longer_than_the_operator_allows() -> None:
    week = busy(7 * 86_400)
    asked = retry.tool_delay(week, Effect.READ, 1, {}, draw=0.0)
    assert asked == retry.Delay(86_400.0, parked=True)
    asked = retry.tool_delay(week, Effect.READ, 1, {"longest_park": 3600}, draw=0.0)
    assert asked == retry.Delay(3600.0, parked=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        (True, None),
        (float("nan"), None),
        (-5, 0.0),
        ("-5", 0.0),
        (1e9, retry_after.LONGEST),
        ("1e999", None),
        (float("inf"), retry_after.LONGEST),
        ("120", 120.0),
        ("Mon, 23 Nov 2026 14:00:00 GMT", 7200.0),
        ("Mon, 23 Nov 2020 14:00:00 GMT", 0.0),
    ],
)
def test_whatever_stands_in_retry_after_means_a_bounded_wait(
    value: object, seconds: float | None
) -> None:
    assert retry_after.seconds(value, NOON) == seconds


def test_a_tool_may_say_anything_about_when_to_come_back() -> None:
    assert busy("nonsense").retry_after is None
    assert busy(1e9).retry_after == retry_after.LONGEST
    assert busy(-1).retry_after == 0.0


@pytest.mark.parametrize(("holds", "sooner"), [(False, ["charge", "look"]), (True, ["look"])])
async def test_writes_wait_for_what_people_look_at_only_where_the_agent_is_set_so(
    holds: bool, sooner: list[str]
) -> None:
    turn = calls(("c1", "look", {}), ("c2", "charge", {}), ("c3", "post", {}))
    made = stage([turn, says("Done.")], settings={"hold_writes_with_pending": holds})
    made.begin()
    await made.drive()
    assert made.store.parked
    assert made.store.parked.status == "waiting_approval"
    assert sorted(name for name, _ in made.toolbox.requests) == sooner
    await play(made)
    assert sorted(name for name, _ in made.toolbox.requests) == ["charge", "look", "post"]
