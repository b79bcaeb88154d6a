"""What an answer of the model means, stop reason by stop reason, failure by failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.core import events, moment, retry
from agents.core.budget import Price
from agents.core.loop import run
from agents.core.model import ModelFailure, Turn
from agents.core.state import Usage
from agents.testing import Stage, calls, says
from tests.core.loops import assert_paired, kinds, play, stage

# As it is; and such as JSON writes otherwise: a password, a path, a key of several lines.
SECRETS = ["hunter2hunter2", 'hunter2"hunter2', "hunter2\\hunter2", "-KEY-\nhunter2\n-END-\n"]


def troubled(*troubles: Turn | ModelFailure, **settings: Any) -> Stage:
    made = stage([says("Done.")], settings=settings)
    made.model.troubles = {0: list(troubles)}
    made.begin()
    return made


def busy(**fields: Any) -> ModelFailure:
    return ModelFailure("overloaded", "busy", transient=True, **fields)


async def test_a_refusal_executes_nothing_and_asks_a_person() -> None:
    made = troubled(says("I will not.", "refusal"))
    state = await made.drive()
    assert (state.asking, state.asked) == ("refusal", "The model refused: I will not.")
    assert not made.store.held
    made.store.write(events.Message("Olu", "It is our own shop."))
    assert (await made.drive()).ending == events.Complete("Done.")


async def test_calls_that_come_without_tool_use_are_not_executed() -> None:
    cut = [calls(("c1", "charge", {}), stop_reason=why) for why in ("max_tokens", "end_turn")]
    made = troubled(*cut)
    state = await play(made)
    assert made.toolbox.requests == []
    assert "tool_call" not in kinds(made.store.records)
    assert state.ending == events.Complete("Done.")


async def test_an_answer_that_is_cut_off_three_times_is_the_end() -> None:
    made = troubled(*[calls(("c1", "charge", {}), stop_reason="max_tokens")] * 3)
    state = await play(made)
    assert isinstance(state.ending, events.Error)
    assert state.ending.error_class == "truncated"
    assert made.model.requests[1].max_tokens == 4 * made.model.requests[0].max_tokens
    assert "smaller tool calls" in str(made.model.requests[2].messages[-1])


async def test_words_that_were_cut_off_are_continued() -> None:
    made = stage([says("It is ", "max_tokens"), says("late.")])
    made.begin()
    state = await play(made)
    assert state.ending == events.Complete("It is late.")
    assert_paired(state.history)
    assert made.model.requests[1].messages[-1]["content"][0]["text"] == "Continue."


async def test_after_pause_turn_the_answer_stays_last_and_notes_wait() -> None:
    made = stage([says("Searching.", "pause_turn"), says("Found.")])
    made.begin()
    made.store.after = lambda record: (
        made.store.write(events.Message("Olu", "hurry"))
        if record.kind == "thinking" and record.step == 1
        else None
    )
    state = await play(made)
    assert made.model.requests[1].messages[-1]["role"] == "assistant"
    assert "hurry" in str(made.model.requests[2].messages[-1])
    assert isinstance(state.ending, events.Complete)


async def test_a_model_that_only_pauses_is_ended() -> None:
    made = stage([says("Searching.", "pause_turn")])
    made.begin()
    state = await play(made)
    assert isinstance(state.ending, events.Error)
    assert state.ending.error_class == "pause_turn"


async def test_an_empty_turn_is_asked_again_and_three_are_the_end() -> None:
    made = troubled(says(""))
    assert (await play(made)).ending == events.Complete("Done.")
    made = troubled(*[says("")] * 3)
    assert (await play(made)).ending == events.Complete("", "empty")


async def test_arguments_that_are_not_json_four_times_are_the_end() -> None:
    made = troubled(*[ModelFailure("bad_json", "nope")] * 4)
    state = await play(made)
    assert isinstance(state.ending, events.Error)
    assert state.ending.error_class == "bad_json"


async def test_a_failure_that_passes_is_retried() -> None:
    made = troubled(busy(), busy())
    assert (await play(made)).ending == events.Complete("Done.")
    assert kinds(made.store.records).count("model_retried") == 2


async def test_a_failure_that_stays_ends_the_session_with_its_name() -> None:
    made = troubled(*[busy()] * 9)
    state = await play(made)
    assert isinstance(state.ending, events.Error)
    assert state.ending.error_class == "overloaded"
    assert state.ending.message == "busy (3 attempts)"


async def test_a_failure_that_no_retry_mends_ends_it_at_once() -> None:
    made = troubled(ModelFailure("not_found", "There is no such model."))
    state = await play(made)
    assert isinstance(state.ending, events.Error)
    assert state.ending.error_class == "not_found"
    assert state.ending.message == "There is no such model."
    assert len(made.model.requests) == 1


async def test_two_hours_of_retry_after_hold_no_task() -> None:
    made = troubled(busy(retry_after=7200.0))
    state = await made.drive()
    assert state.retry_parked
    assert state.retry_at
    assert state.retry_at - datetime.now(UTC) > timedelta(seconds=7000)
    assert not made.store.held
    made.store.write(events.Resumed("Olu"))
    assert (await made.drive()).ending == events.Complete("Done.")


async def test_an_overflow_that_cannot_be_compacted_has_a_name() -> None:
    made = troubled(ModelFailure("context_overflow", "too long"), unattended=True)
    state = await play(made)
    assert isinstance(state.ending, events.Error)
    assert state.ending.error_class == "context_overflow"


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "turn",
    [
        lambda secret: says(f"the key is {secret}"),
        lambda secret: calls(("c1", "charge", {"notes": [{"key": f"it is {secret}!"}]})),
        lambda secret: calls(("c1", "charge", {"body": json.dumps({"key": secret})})),
        lambda secret: calls(("c1", "charge", {secret: True})),
    ],
    ids=["words", "argument", "json", "name"],
)
async def test_a_turn_that_contains_a_secret_is_not_stored(
    secret: str, turn: Callable[[str], Turn]
) -> None:
    made = stage([turn(secret)], secrets=(secret,))
    made.begin()
    state = await made.drive()
    assert isinstance(state.ending, events.Error)
    assert state.ending.error_class == "secret_in_turn"
    assert kinds(made.store.records) == ["session_started", "error"]
    assert not any("hunter2" in events.encode(r.fact) for r in made.store.records)


async def test_a_refusal_whose_reason_quotes_a_secret_is_not_stored() -> None:
    refused = replace(says("", "refusal"), stop_details={"explanation": "I saw hunter2hunter2."})
    made = stage([refused], secrets=("hunter2hunter2",))
    made.begin()
    assert isinstance((await made.drive()).ending, events.Error)
    assert not any("hunter2" in events.encode(r.fact) for r in made.store.records)


# What a failed call cost

PRICE = Price(input=3.0, output=15.0, cache_read=0.3, cache_write=3.75)
BROKEN_OFF = {"input_tokens": 100_000, "output_tokens": 2_000}  # 0.33 dollars


async def spent(made: Stage, **fields: Any) -> Usage:
    """What is booked once the session is over or waits."""
    log = made.store.lease()
    state = await run(log, replace(made.hands(log), prices={"claude-sonnet-5-5": PRICE}, **fields))
    for record in made.store.records[1:]:
        assert moment.asked_at(record.fact) is not None, "the request can be shown"
    return state.usage


@pytest.mark.parametrize(
    ("error_class", "settings"),
    [
        ("billing", {}),  # a person is asked
        ("billing", {"unattended": True}),  # the end
        ("invalid_request", {}),  # the end
        ("secret_in_turn", {}),  # the end
        ("bad_json", {"retry": {"attempts": 1, "parks": [60]}}),
        ("overloaded", {"retry": {"attempts": 1, "parks": [60]}}),  # parked
    ],
)
async def test_what_a_failed_call_cost_is_booked_whatever_comes_of_it(
    error_class: str, settings: dict[str, Any]
) -> None:
    made = troubled(ModelFailure(error_class, "no", usage=BROKEN_OFF), **settings)
    made.model.troubles[0].append(ModelFailure("billing", "no"))
    used = await spent(made)
    assert (used.input, used.output) == (100_000, 2_000)
    assert used.usd == pytest.approx(0.33)
    assert used.usd_known


async def test_what_an_overloaded_model_cost_is_booked_when_another_takes_over() -> None:
    settings = {"fallback_model": "claude-haiku-5-5", "retry": {"attempts": 1, "parks": []}}
    made = troubled(busy(usage=BROKEN_OFF), **settings)
    made.model.troubles[0].append(ModelFailure("not_found", "no"))
    log = made.store.lease()
    prices = {"claude-sonnet-5-5": PRICE}
    state = await run(log, replace(made.hands(log), prices=prices))
    assert state.model == "claude-haiku-5-5"
    assert state.usage.usd == pytest.approx(0.33)
    assert state.usage.usd_known


async def test_an_answer_that_held_a_secret_is_booked() -> None:
    made = stage([replace(says("It is hunter2hunter2."), usage=BROKEN_OFF)])
    made.begin()
    used = await spent(made, secrets=("hunter2hunter2",))
    assert used.usd == pytest.approx(0.33)
    assert used.usd_known


async def test_without_a_price_an_end_that_cost_something_is_unpriced() -> None:
    made = troubled(ModelFailure("invalid_request", "no", usage=BROKEN_OFF))
    assert not (await made.drive()).usage.usd_known
    made = troubled(ModelFailure("invalid_request", "no"))
    assert (await made.drive()).usage.usd_known


def test_errors_of_older_logs_are_read_and_written_as_before() -> None:
    told = {"error_class": "internal", "message": "It broke."}
    fact = events.decode("error", told)
    assert fact == events.Error("internal", "It broke.")
    assert events.data(fact) == told


# Waits


@pytest.mark.parametrize(("attempt", "most"), [(1, 1.0), (2, 2.0), (5, 16.0), (9, 30.0)])
def test_a_wait_doubles_up_to_its_cap(attempt: int, most: float) -> None:
    assert retry.backoff(attempt, {}, 1.0) == most
    assert retry.backoff(attempt, {}, 0.0) == 0.0


def test_the_endpoint_may_ask_for_longer() -> None:
    delay = retry.model_delay(busy(retry_after=20.0), 1, {}, draw=0.0)
    assert delay == retry.Delay(20.0)
    delay = retry.model_delay(busy(retry_after=61.0), 1, {}, draw=0.0)
    assert delay == retry.Delay(61.0, parked=True)


def test_attempts_then_parks_then_giving_up() -> None:
    settings = {"attempts": 2, "parks": [60, 300]}
    delays = [retry.model_delay(busy(), n, settings, draw=0.0) for n in range(1, 5)]
    assert delays == [
        retry.Delay(0.0),
        retry.Delay(60.0, parked=True),
        retry.Delay(300.0, parked=True),
        None,
    ]


@pytest.mark.parametrize(
    ("attempt", "spent", "parks", "delay"),
    [
        (1, 150.0, [60], retry.Delay(30.0)),  # three minutes in all, and not a moment more
        (1, 150.1, [60, 90], retry.Delay(60.0, parked=True)),
        (1, 150.1, [], retry.Delay(30.0)),  # there is nothing to park for
        (2, 0.0, [10], retry.Delay(30.0, parked=True)),  # no park is shorter than was asked for
    ],
)
def test_attempts_in_process_have_three_minutes_and_then_park(
    attempt: int, spent: float, parks: list[int], delay: retry.Delay
) -> None:
    settings = {"attempts": 2, "parks": parks, "base": 0}
    asked = retry.model_delay(busy(retry_after=30.0), attempt, settings, spent=spent)
    assert asked == delay
