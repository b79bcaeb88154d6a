"""Every request is legal, and no compaction loses what is pinned: random conversations."""

from __future__ import annotations

import json
import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.core import compaction, context, events
from agents.core.state import State
from tests.core.plays import Play, check, proposal
from tests.core.sessions import TASK, Session, text
from tests.endpoint.blocks import unmarked
from tests.endpoint.signing import signed

TURN = st.tuples(
    st.just("turn"),
    st.integers(1, 3),
    st.booleans(),
    st.text("ab ", min_size=1, max_size=3).map(lambda words: words * 1_000 + "."),
)
# The same examples each time; EXAMPLES=20000 makes a campaign of it.
CAMPAIGN = int(os.environ.get("EXAMPLES", "0"))
SETTINGS = settings(
    deadline=None, derandomize=not CAMPAIGN, max_examples=CAMPAIGN or 60, database=None
)
BEGINNING = st.lists(TURN, max_size=8)
ACTIONS = st.lists(
    st.one_of(
        TURN,
        st.tuples(st.just("steer"), st.text("xyz <>/", min_size=1, max_size=30)),
        st.tuples(
            st.just("decide"),
            st.sampled_from(["denied", "approved", "edited", "answered", "expired", "forbidden"]),
            st.text("pqr", min_size=1, max_size=30),
        ),
        st.tuples(st.just("compact")),
        st.tuples(st.just("seal")),
        st.tuples(st.just("say")),
    ),
    min_size=1,
    max_size=20,
)


def decide(play: Play, decision: str, words: str) -> None:
    """A call that people or policy decide about, and its one result."""
    play.made += 1
    call_id = f"toolu_x{play.made + 900}"
    use = {"type": "tool_use", "id": call_id, "name": "write", "input": {"to": words}}
    body = check(context.request(play.state))
    play.think(*signed(body, [text("I want to write"), use], shown=True), stop_reason="tool_use")
    if decision == "forbidden":
        play.say(proposal(call_id, {"to": words}, risk="high", verdict="deny"))
        refused = {"ok": False, "error_class": "denied_by_policy", "executed": False}
        play.answer(call_id, "NOT EXECUTED", **refused)
        return
    play.say(proposal(call_id, {"to": words}, risk="high", verdict="ask"))
    fields = ("a", call_id, "look", {"to": words}, "d", "2026-11-24T00:00:00Z", 1, "high", "test")
    play.say(events.ApprovalRequested(*fields))
    changed = {"to": f"{words} as changed"} if decision == "edited" else None
    given = "approved" if changed else decision
    play.say(events.ApprovalDecided("a", call_id, given, "ada", words, "d", changed))
    ran = given == "approved"
    play.answer(call_id, "done" if ran else "NOT EXECUTED", ok=ran, executed=ran)


def act(play: Play, action: tuple[Any, ...], pins: list[str]) -> None:
    match action:
        case ("turn", calls, think, result):
            play.turn(calls, think, [result] * calls)
        case ("steer", words):
            play.say(events.Message(by="ada", text=words))
            pins.append(words.replace("<", "&lt;") if "<record" in words else words)
        case ("decide", decision, words):
            decide(play, decision, words)
            pins.append(f"{words} as changed" if decision == "edited" else words)
        case ("seal",) if not may_seal(overflowed(play.state)):
            pass
        case ("seal",):
            fact = play.seal()
            last = "\n".join(b["text"] for b in fact.messages[-1]["content"] if "text" in b)
            assert TASK in last
            assert all(pin in last for pin in pins)
        case ("say",):
            play.turn(0, False, [])
            play.say(events.Message(by="ada", text="go on"))
        case _ if compaction.due(overflowed(play.state)):
            fact = play.compact()
            first = "\n".join(block["text"] for block in fact.messages[0]["content"])
            assert first.startswith(TASK)
            assert all(pin in first for pin in pins)
            assert_bare(fact)


def may_seal(state: State) -> bool:
    plan = compaction.due(state)
    return plan is not None and compaction.sealable(state, plan.cut)


def overflowed(state: State) -> State:
    play = object.__new__(Session)
    play.state = state
    return play.say(events.TurnDiscarded("overflow", "", {}, state.seq))


def assert_bare(fact: events.ContextCompacted) -> None:
    roles = [message["role"] for message in fact.messages]
    assert roles[::2] == ["user"] * len(roles[::2])
    assert roles[1::2] == ["assistant"] * len(roles[1::2])
    kinds = {block["type"] for message in fact.messages for block in message["content"]}
    assert not kinds & {"thinking", "redacted_thinking"}


@SETTINGS
@given(BEGINNING, ACTIONS)
def test_every_request_over_random_conversations_is_legal_and_pinned(
    beginning: list[tuple[Any, ...]], actions: list[tuple[Any, ...]]
) -> None:
    play, pins = Play(), list[str]()
    for action in (*beginning, *actions):
        act(play, action, pins)
        check(context.request(play.state))


@SETTINGS
@given(BEGINNING, ACTIONS)
def test_requests_of_one_epoch_share_their_prefix_byte_for_byte(
    beginning: list[tuple[Any, ...]], actions: list[tuple[Any, ...]]
) -> None:
    play = Play()
    before: tuple[int, dict[str, Any]] | None = None
    for action in (*beginning, *actions):
        act(play, action, [])
        body = unmarked(context.request(play.state).body())
        if before and before[0] == play.state.epoch:
            shown = before[1]["messages"]
            assert body["system"] == before[1]["system"]
            assert body["tools"] == before[1]["tools"]
            assert json.dumps(body["messages"][: len(shown) - 1]) == json.dumps(shown[:-1])
            tail = shown[-1]["content"]
            assert body["messages"][len(shown) - 1]["content"][: len(tail)] == tail
        before = play.state.epoch, body
