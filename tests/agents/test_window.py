"""How large a window a session gets, and what happens at its edge when summaries fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import User

from agents import inbox
from agents.core import events
from agents.journal import read
from agents.llm.anthropic import NEWEST_HAIKU, AnthropicModel
from agents.models import Session
from tests.agents.working import ENDED, QUICK, begin, db, kinds, until, worker
from tests.endpoint.client import Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-ant-a-key-of-the-tests"
SUMMARISER = "You summarise"  # how its system prompt begins
# Each turn writes a file whose text is long, so a few turns fill a small window.
WRITE = {"name": "write_file", "input": {"path": "step-{n}.txt", "content": "w" * 8_000}}
WORK = {"function": "onward", "count": 14, "tools": [WRITE], "text": "All written."}
SOON = {**QUICK, "keep_turns": 1}  # the less is kept, the sooner compacting pays
GOOD = {"text": "Files were written, one a step."}
FAULTS: dict[str, Mapping[str, Any]] = {
    "overloaded": {"fault": "status", "status": 529},
    "unknown model": {"fault": "status", "status": 404},
    "bad request": {"fault": "status", "status": 400},
    "too long": {"fault": "prompt_too_long"},
    "cut stream": {"fault": "cut", "after": 3},
    "quiet end": {"fault": "quiet_end"},
    "error in the stream": {"fault": "error_event", "after": 2},
    "broken event": {"fault": "broken_event", "after": 2},
    "cut off": {"text": "Files were", "stop_reason": "max_tokens"},
    "refused": {"fault": "refusal"},
    "empty": {"fault": "empty"},
    "blank": {"content": [{"type": "text", "text": "  \n"}]},
    "thinking alone": {"thinking": "Hm.", "stop_reason": "end_turn"},
    "a secret": {"text": "Files were written to the vault-of-the-tests."},
}


def script(*summaries: Mapping[str, Any], task: str = "") -> dict[str, Any]:
    """The agent works; the summariser of this task says these in turn, then what it said last."""
    replies = [*summaries, *[summaries[-1]] * 40]
    match = f"[user] {task}" if task else SUMMARISER
    return {match: {"replies": replies, "shared": True}, "*": [WORK]}


async def log_of(session: Session) -> list[events.Fact]:
    return [record.fact for record in await db(read, session.pk, 0)]


async def compactions(session: Session) -> list[events.ContextCompacted]:
    return [f for f in await log_of(session) if isinstance(f, events.ContextCompacted)]


async def lost(session: Session) -> list[events.TurnDiscarded]:
    return [f for f in await log_of(session) if isinstance(f, events.TurnDiscarded)]


def model_of(endpoint: Endpoint) -> AnthropicModel:
    return AnthropicModel(KEY, endpoint.url)


async def test_the_window_is_the_models_own_and_the_agents_is_a_cap() -> None:
    with Endpoint(window=30_000) as small:
        async with worker(model_of(small)):
            capped = await until(await begin("Do it.", window=20_000), *ENDED)
            own = await until(await begin("Do it.", window=200_000), *ENDED)
            again = await until(await begin("Do it.", window=200_000), *ENDED)
        asked = [entry for entry in small.log() if entry["path"].startswith("/v1/models/")]
    windows = [(await log_of(session))[0].window for session in (capped, own, again)]  # type: ignore[union-attr] # session_started is the first
    assert windows == [20_000, 30_000, 30_000]
    assert len(asked) == 1, "what a model can be shown is asked once"


async def test_the_newest_haiku_summarises_unless_the_agent_names_another(
    endpoint: Endpoint,
) -> None:
    endpoint.script(script(GOOD))
    async with worker(model_of(endpoint)):
        await until(await begin("Write it.", settings=SOON), *ENDED)
        named = await begin("Write it.", settings=SOON, summary_model="claude-opus-5-5")
        await until(named, *ENDED)
    asked = {body["model"] for body in endpoint.requests(SUMMARISER)}
    assert asked == {NEWEST_HAIKU, "claude-opus-5-5"}
    assert endpoint.refusals() == []


async def test_a_summary_that_fails_below_the_hard_mark_costs_the_session_nothing(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.equipment._secrets", lambda servers: ("vault-of-the-tests",))
    scripts = [script(fault, GOOD, task=f"Write: {name}.") for name, fault in FAULTS.items()]
    endpoint.script({match: track for one in scripts for match, track in one.items()})
    async with worker(model_of(endpoint)):
        begun = {name: await begin(f"Write: {name}.", settings=SOON) for name in FAULTS}
        ended = {name: await until(session, *ENDED, seconds=90) for name, session in begun.items()}
    for name, session in ended.items():
        assert (session.status, session.result) == ("completed", "All written."), name
        (failure,) = await lost(session)
        assert (failure.reason, failure.must) == ("summary", False), name
        assert failure.message, name
        assert "vault" not in str(await log_of(session))
        assert await compactions(session), f"{name}: the next try made a summary"
    assert endpoint.refusals() == []


async def test_a_right_that_only_the_summarys_model_lacks_stops_no_session(
    endpoint: Endpoint,
) -> None:
    """The first session meets the 403, and the model is blocked for all; no other waits for it."""
    names = ("first", "second", "third")
    forbidden = {"fault": "status", "status": 403}
    scripts = [script(forbidden, GOOD, task="Write: first.")]
    scripts += [script(GOOD, task=f"Write: {name}.") for name in names[1:]]
    endpoint.script({match: track for one in scripts for match, track in one.items()})
    async with worker(model_of(endpoint)):
        sessions = [await until(await begin("Write: first.", settings=SOON), *ENDED)]
        begun = [await begin(f"Write: {name}.", settings=SOON) for name in names[1:]]
        sessions += [await until(session, *ENDED) for session in begun]
    for session in sessions:
        assert (session.status, session.result) == ("completed", "All written.")
        (failure,) = await lost(session)
        assert (failure.reason, failure.must) == ("summary", False)
        assert await compactions(session), "the session's own model made the summary"
        assert "model_retried" not in await kinds(session)
    asked = [body["model"] for body in endpoint.requests(SUMMARISER)]
    assert asked.count(NEWEST_HAIKU) == 1


async def test_past_the_hard_mark_a_person_is_asked_and_the_next_try_goes_on(
    endpoint: Endpoint, olu: User
) -> None:
    overloaded = FAULTS["overloaded"]
    endpoint.script(script(overloaded, overloaded, GOOD))
    async with worker(model_of(endpoint)):
        session = await until(await begin("Write it.", window=12_000), "waiting_input")
        assert "could not be summarised" in session.asking
        assert [failure.must for failure in await lost(session)] == [True, True]
        await db(inbox.resume, olu, session.uuid)
        session = await until(session, *ENDED)
    assert (session.status, session.result) == ("completed", "All written.")
    assert await compactions(session)
    assert endpoint.refusals() == []


async def test_an_unattended_session_goes_on_without_a_summary_but_with_its_record(
    endpoint: Endpoint,
) -> None:
    endpoint.script(script(FAULTS["overloaded"]))
    settings = {**QUICK, "unattended": True}
    async with worker(model_of(endpoint)):
        session = await until(await begin("Write it.", window=12_000, settings=settings), *ENDED)
    assert (session.status, session.result) == ("completed", "All written.")
    first = (await compactions(session))[0]
    assert "No summary could be made" in first.summary
    told = str(first.messages[0])
    assert "Write it." in told
    assert "write_file" in told, "what was done stays on the record"
    assert "waiting_input" not in await kinds(session)
    assert endpoint.refusals() == []
