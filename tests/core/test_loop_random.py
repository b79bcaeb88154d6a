"""Random turns, decisions, steers and crashes: what holds for every session."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.core import canonical, events
from agents.core.loop import Fenced
from agents.core.model import Turn
from agents.core.state import Call, State
from agents.core.tools import ToolTimeout
from agents.testing import Stage, Trouble, calls, says
from tests.core.loops import People, assert_paired, results, stage

TOOLS = ["look", "charge", "write", "post", "wipe", "bomb", "nothing"]
TURN = st.lists(st.sampled_from(TOOLS), min_size=1, max_size=4)
DECISIONS = st.sampled_from(["approved", "edit", "denied", "answered", "expired"])
MOMENTS = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from(["crash", "steer", "pause"])), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(
    turns=st.lists(TURN, min_size=1, max_size=3),
    decisions=st.lists(DECISIONS, min_size=1, max_size=8),
    moments=MOMENTS,
    failing=st.sets(st.sampled_from(["charge", "write", "post", "wipe"])),
)
def test_every_call_has_one_result_and_no_effect_is_doubled(
    turns: list[list[str]],
    decisions: list[str],
    moments: list[tuple[int, str]],
    failing: set[str],
) -> None:
    made = stage([*_scripted(turns), says("Done.")])
    made.toolbox.troubles = {tool: [Trouble(ToolTimeout("slow"), done=True)] for tool in failing}
    made.begin()
    made.store.after = _troublemaker(made, dict(moments))
    asked = _Decisions(decisions)
    state = asyncio.run(_lived(made, People(made, asked)))
    _assert_sound(made, state, asked)


def _scripted(turns: list[list[str]]) -> list[Turn]:
    return [
        calls(*((f"t{at}c{n}", tool, {"at": f"{at}.{n}"}) for n, tool in enumerate(tools)))
        for at, tools in enumerate(turns)
    ]


class _Decisions:
    """Decides call by call, each as the list says, and keeps what was decided."""

    def __init__(self, decisions: list[str]) -> None:
        self.left = decisions
        self.made: dict[str, str] = {}

    def __call__(self, call: Call) -> tuple[str, Mapping[str, Any] | None]:
        decision = self.left[len(self.made) % len(self.left)]
        self.made[call.call_id] = decision
        edited = {**call.proposed, "edited": True}
        return ("approved", edited) if decision == "edit" else (decision, None)


def _troublemaker(made: Stage, moments: dict[int, str]) -> Any:
    def happen(record: events.Record) -> None:
        if isinstance(record.fact, events.ENDINGS):
            return
        match moments.pop(record.seq, ""):
            case "crash":
                made.store.lease()  # another worker has it: this driver is fenced
            case "steer":
                made.store.write(events.Message("Olu", f"hint {record.seq}"))
            case "pause":
                made.store.write(events.Paused("Olu"))

    return happen


async def _lived(made: Stage, people: People) -> State:
    for _ in range(200):
        try:
            state = await made.drive()
        except Fenced:
            continue
        if state.ended:
            return state
        people.act(state)
    raise AssertionError("the session never ended")


def _assert_sound(made: Stage, state: State, asked: _Decisions) -> None:
    assert isinstance(state.ending, events.Complete)
    assert_paired(state.history)
    told = results(made.store.records)
    proposed = [r.fact.call_id for r in made.store.records if isinstance(r.fact, events.ToolCall)]
    assert set(told) == set(proposed)
    done = Counter(effect for effect in made.toolbox.effects if effect[0] != "look")
    assert set(done.values()) <= {1}
    assert not [tool for tool, _ in done if tool in ("bomb", "nothing")]
    allowed = _allowed(made, asked)
    assert {effect for effect in done if effect[0] in ("post", "wipe")} <= allowed
    steers = [r.fact.text for r in made.store.records if isinstance(r.fact, events.Message)]
    said = canonical.event_text(list(state.history))
    assert all(said.count(f'{text}"') == 1 for text in steers)


def _allowed(made: Stage, asked: _Decisions) -> set[tuple[str, str]]:
    """What people approved, as they approved it."""
    facts = [r.fact for r in made.store.records if isinstance(r.fact, events.ToolCall)]
    out = set()
    for fact in facts:
        decision = asked.made.get(fact.call_id)
        if decision in ("approved", "edit"):
            extra = {"edited": True} if decision == "edit" else {}
            out.add((fact.tool, canonical.sorted_text({**fact.arguments, **extra})))
    return out
