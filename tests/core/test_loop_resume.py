"""A session resumes from every prefix of its log to the same end, and repeats no effect."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from agents.core import events
from agents.core.model import ModelFailure
from agents.core.state import Call, CallStatus, State
from agents.core.tools import ToolTimeout, Unavailable
from agents.testing import MemoryToolbox, Stage, Trouble, calls, says
from tests.core.loops import People, assert_paired, play, results, stage, stop

Decide = Callable[[Call], tuple[str, Mapping[str, Any] | None]]


def by_argument(call: Call) -> tuple[str, Mapping[str, Any] | None]:
    """The call says itself what people make of it."""
    decision = str(call.proposed.get("decide", "approved"))
    return ("approved", {"edited": True}) if decision == "edit" else (decision, None)


def gated() -> Stage:
    turn = calls(
        ("c1", "post", {"decide": "approved"}),
        ("c2", "post", {"decide": "denied"}),
        ("c3", "wipe", {"decide": "edit"}),
        ("c4", "wipe", {"decide": "answered"}),
    )
    return stage([turn, says("Done.")])


def parallel() -> Stage:
    first = calls(("c1", "look", {}), ("c2", "charge", {}), ("c3", "write", {}), ("c4", "post", {}))
    second = calls(("d1", "bomb", {}), ("d2", "nothing", {}), ("d3", "charge", {}))
    return stage([first, second, says("Done.")])


def retried() -> Stage:
    made = stage([calls(("c1", "charge", {}), ("c2", "look", {})), says("Done.")])
    made.toolbox.troubles = {
        "charge": [Trouble(ToolTimeout("slow"), done=True)],
        "look": [Trouble(Unavailable("down"))],
    }
    failure = ModelFailure("overloaded", "busy", transient=True)
    made.model.troubles = {0: [failure, failure], 1: [failure]}
    return made


def truncated() -> Stage:
    made = stage([calls(("c1", "charge", {})), says("Done.")])
    cut = calls(("x1", "post", {"cut": True}), stop_reason="max_tokens")
    made.model.troubles = {0: [cut, cut], 1: [says("", "end_turn")]}
    return made


def unknown() -> Stage:
    made = stage([calls(("c1", "post", {}), ("c2", "wipe", {})), says("Done.")])
    made.toolbox.troubles = {
        "post": [Trouble(ToolTimeout("slow"), done=True)],
        "wipe": [Trouble(ToolTimeout("slow"), done=False)],
    }
    return made


SCENES = [gated, parallel, retried, truncated, unknown]


@dataclass
class Life:
    """A session that was lived to its end, and the world as it was after each commit."""

    stage: Stage
    end: State
    worlds: dict[int, MemoryToolbox]


async def lived(make: Callable[[], Stage]) -> Life:
    made = make()
    worlds: dict[int, MemoryToolbox] = {}

    def keep(record: events.Record) -> None:
        worlds[len(made.store.records)] = world(made.toolbox)

    made.store.after = keep
    made.begin()
    end = await play(made, People(made, by_argument))
    return Life(made, end, worlds)


def world(toolbox: MemoryToolbox) -> MemoryToolbox:
    return MemoryToolbox(toolbox.tools, effects=toolbox.effects[:], done=dict(toolbox.done))


def resumed(make: Callable[[], Stage], life: Life, length: int, *, done: bool) -> Stage:
    """The session after a crash that left ``length`` records; a call that was in flight had had
    its effect (``done``) or not."""
    again = make()
    again.store = life.stage.store.prefix(length)
    again.model.troubles = {}
    again.toolbox = again.gate.toolbox = world(life.worlds[length])
    for call in again.store.state().calls:
        in_flight = call.status is CallStatus.STARTED
        if done and in_flight and call.idempotency_key not in again.toolbox.done:
            again.toolbox.do(call.tool, call.arguments, call.idempotency_key)
    return again


def effects(made: Stage) -> Counter[tuple[str, str]]:
    """What changed the world; a read may be repeated."""
    return Counter(effect for effect in made.toolbox.effects if effect[0] != "look")


@pytest.mark.parametrize("make", SCENES)
@pytest.mark.parametrize("done", [True, False], ids=["had its effect", "had none"])
async def test_every_prefix_leads_to_the_same_end(make: Callable[[], Stage], *, done: bool) -> None:
    life = await lived(make)
    for length in life.stage.store.commits:
        again = resumed(make, life, length, done=done)
        state = await play(again, People(again, by_argument))
        assert state.ending == life.end.ending
        assert strip(state) == strip(life.end), f"after {length} records"
        assert effects(again) == effects(life.stage)


def strip(state: State) -> list[Any]:
    """The conversation without the runtime's notes, which tell of troubles on the way, and without
    fences: what a person says of an outcome stands in none, what the tool says itself does."""
    return [
        {**m, "content": [_bare(b) for b in m["content"] if "NOTE FROM" not in b.get("text", "")]}
        for m in state.history
    ]


def _bare(block: Any) -> Any:
    if block["type"] != "tool_result":
        return block
    return {**block, "content": re.sub(r"</?tool_output[^>]*>|\n", "", block["content"])}


@pytest.mark.parametrize("make", SCENES)
@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
async def test_a_stop_at_any_prefix_begins_nothing_more(
    make: Callable[[], Stage], *, kill: bool
) -> None:
    life = await lived(make)
    for length in life.stage.store.commits[:-1]:
        again = resumed(make, life, length, done=True)
        before = again.toolbox.effects[:]
        stop(again, kill=kill)
        state = await play(again, People(again, by_argument))
        assert isinstance(state.ending, events.Stopped)
        assert again.toolbox.effects == before
        assert again.model.requests == []
        assert_paired(state.history)


@pytest.mark.parametrize("make", SCENES)
async def test_a_stop_while_it_is_driven_at_any_fact_is_the_last_word(
    make: Callable[[], Stage],
) -> None:
    life = await lived(make)
    for at in range(1, len(life.stage.store.records)):
        made = make()
        made.begin()
        started_by: list[int] = []

        def press(record: events.Record, made: Stage = made, at: int = at) -> None:
            if record.seq == at:
                made.store.after = lambda later: None
                stop(made)

        made.store.after = press
        if at == 1:
            stop(made)
        state = await play(made, People(made, by_argument))
        assert isinstance(state.ending, events.Stopped | events.Complete)
        stopped = next(r.seq for r in made.store.records if r.kind == "stop_requested")
        started_by = [r.seq for r in made.store.records if r.kind == "tool_started"]
        assert all(seq < stopped for seq in started_by)
        assert_paired(state.history)


@pytest.mark.parametrize("make", SCENES)
async def test_a_pause_at_any_prefix_only_delays_the_same_end(make: Callable[[], Stage]) -> None:
    life = await lived(make)
    for length in life.stage.store.commits[:-1]:
        again = resumed(make, life, length, done=True)
        again.store.write(events.Paused("Olu"))
        state = await play(again, People(again, by_argument))
        assert strip(state) == strip(life.end)
        assert effects(again) == effects(life.stage)


async def test_every_call_of_a_long_scene_has_one_result() -> None:
    life = await lived(parallel)
    assert set(results(life.stage.store.records)) == {"c1", "c2", "c3", "c4", "d1", "d2", "d3"}
    assert_paired(life.end.history)
