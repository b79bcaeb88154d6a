"""Rows 15 to 26: what a tool's failure leads to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.core import canonical, events, retry
from agents.core.model import ModelFailure
from agents.core.risk import Effect
from agents.core.state import CallStatus
from agents.core.tools import (
    NotFound,
    PermissionDenied,
    RateLimited,
    ToolError,
    ToolTimeout,
    Unavailable,
)
from agents.llm import failures
from agents.llm.anthropic import AnthropicModel
from agents.testing import Hold, Stage, Trouble, calls, says
from tests.core.loops import People, kinds, play, results, stage, stop
from tests.rules.rows import row

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def failing(tool: str, *errors: Exception, **settings: Any) -> Stage:
    """One call of ``tool`` that fails so before it works."""
    made = stage([calls(("c1", tool, {"n": 1})), says("Done.")], settings=settings)
    made.toolbox.troubles = {tool: [Trouble(error, done=True) for error in errors]}
    made.begin()
    return made


async def told(tool: str, *errors: Exception, **fields: Any) -> events.ToolResult:
    """The result that the model is given."""
    made = failing(tool, *errors)
    for name, value in fields.items():
        setattr(made, name, value)
    await play(made)
    return results(made.store.records)["c1"]


@row(15)
async def test_a_timed_out_payment_is_not_repeated() -> None:
    made = failing("post", ToolTimeout("no answer"))
    people = People(made)
    people.act(await made.drive())
    state = await made.drive()
    assert state.call("c1").status is CallStatus.UNKNOWN
    assert made.toolbox.effects == [("post", '{"n":1}')]
    await play(made, people)
    assert made.toolbox.effects == [("post", '{"n":1}')]


@row(16)
def test_a_wait_is_parsed_clamped_and_parked_when_it_is_long() -> None:
    asked = ["5", "-5", "soon", "nan", "1e999", "Mon, 23 Nov 2026 12:00:30 GMT"]
    waits = [failures.retry_after({"retry-after": value}, NOON) for value in asked]
    assert waits == [5.0, 0.0, None, None, None, 30.0]
    for seconds, parks in ((59.0, False), (61.0, True)):
        busy = ModelFailure("rate_limited", "busy", transient=True, retry_after=seconds)
        delay = retry.model_delay(busy, 1, {}, draw=0.0)
        assert delay
        assert delay.parked is parks


@row(17)
async def test_nothing_waits_when_no_attempt_follows() -> None:
    made = failing("look", *[Unavailable("down")] * 3)
    await play(made)
    after = kinds(made.store.records)
    assert after.count("tool_retried") == 2
    assert after[after.index("tool_result") - 1] == "tool_started"
    given_up = retry.tool_delay(RateLimited("busy", retry_after=30.0), Effect.READ, 4, {})
    assert given_up is None


@row(18)
def test_waits_are_spread_over_all_of_their_range() -> None:
    assert [retry.backoff(5, {}, draw) for draw in (0.0, 0.5, 1.0)] == [0.0, 8.0, 16.0]
    assert len({retry.backoff(5, {}) for _ in range(20)}) > 10


@row(19)
async def test_a_failure_of_an_unknown_kind_is_not_repeated_and_named() -> None:
    made = failing("look", KeyError("customer"))
    await play(made)
    assert len(made.toolbox.requests) == 1
    result = results(made.store.records)["c1"]
    assert result.error_class == "unknown"
    assert "KeyError: 'customer'" in str(result.content)
    reset = failing("look", ConnectionResetError("reset by peer"))
    await play(reset)
    assert len(reset.toolbox.requests) == 2, "a line that dropped is no bug"


@row(20)
async def test_the_model_is_told_how_many_attempts_there_were() -> None:
    assert "not_found after 1 attempt:" in str((await told("look", NotFound("no"))).content)
    down = [Unavailable("down")] * 3
    assert "unavailable after 3 attempts:" in str((await told("look", *down)).content)


@row(21)
async def test_a_failure_says_what_happened_what_it_did_and_what_may_follow() -> None:
    read = str((await told("look", NotFound("There is no order 7."))).content)
    assert "There is no order 7." in read
    assert "Side effects: none because read-only." in read
    assert read.endswith("Check what it says before you try again.")
    refused = str((await told("charge", PermissionDenied("No right to refund."))).content)
    assert "Do not try again: the permission is missing." in refused
    assert "roceed" not in read + refused


@row(22)
async def test_a_failure_is_an_error_result_under_its_calls_id() -> None:
    made = failing("look", NotFound("no"))
    await play(made)
    (block,) = made.model.requests[-1].messages[-1]["content"]
    assert (block["type"], block["tool_use_id"], block["is_error"]) == ("tool_result", "c1", True)


@row(23)
async def test_a_failures_words_are_redacted_short_and_never_empty() -> None:
    leak = ToolError("key hunter2hunter2 refused" + "x" * 5000)
    text = str((await told("look", leak, secrets=("hunter2hunter2",))).content)
    assert "hunter2" not in text
    assert "[redacted]" in text
    assert len(text) < 2000
    assert "no details" in str((await told("look", ToolError(""))).content)


@row(24)
async def test_a_stop_is_heard_during_a_wait() -> None:
    made = failing("look", RateLimited("busy", effects=False, retry_after=50.0))
    made.store.after = lambda record: stop(made) if record.kind == "tool_retried" else None
    async with asyncio.timeout(60):
        state = await play(made)
    assert isinstance(state.ending, events.Stopped)
    assert len(made.toolbox.requests) == 1


@row(25)
async def test_a_call_has_a_deadline_and_its_retries_have_one_owner() -> None:
    assert AnthropicModel()._client.max_retries == 0
    made = failing("look")
    made.gate.timeout = 0.02
    made.toolbox.holds["look"] = Hold()
    await play(made)
    assert len(made.toolbox.requests) == 3
    assert "timeout after 3 attempts: no answer within 0.02 s" in str(
        results(made.store.records)["c1"].content
    )
    spent = retry.PER_CALL - 1
    wait = retry.tool_delay(Unavailable("down"), Effect.READ, 2, {}, draw=1.0, spent=spent)
    assert wait is None, "all attempts of a call share one deadline"


@row(26)
async def test_an_intent_is_on_record_before_the_act_and_attempts_share_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = failing("charge", Unavailable("reset"), Unavailable("reset"))
    before: list[str] = []
    act = made.toolbox.do

    def witnessed(name: str, arguments: Mapping[str, Any], key: str) -> str:
        before.append(kinds(made.store.records)[-1])
        return act(name, arguments, key)

    monkeypatch.setattr(made.toolbox, "do", witnessed)
    await play(made)
    assert before == ["tool_started"] * 3
    keys = {context.idempotency_key for _, context in made.toolbox.requests}
    assert keys == {canonical.sha256(f"{made.store.uuid}:1:c1:0")}
    assert len(made.toolbox.effects) == 1


# reliability.md 3.4 asks for a rule about an irreversible tool's own failure: a bug in it, or a
# server's ``is_error``. Such a failure is an answer, so the model is told, and told that effects
# are possible. Only silence, which nobody can tell from success, becomes a person's to settle:
# every failed write would otherwise be a review, and reviews that are mostly noise are not read.


async def test_an_irreversible_tools_own_failure_is_told_and_not_put_to_people() -> None:
    made = failing("post", ToolError("The post was refused by the moderator."))
    state = await play(made)
    assert isinstance(state.ending, events.Complete)
    assert "outcome_unknown" not in kinds(made.store.records)
    assert len(made.toolbox.requests) == 1
    text = str(results(made.store.records)["c1"].content)
    assert "Side effects: possible." in text
    proven = await told("post", ToolError("The text is too long.", effects=False))
    assert "Side effects: none." in str(proven.content)
