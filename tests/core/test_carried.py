"""A history that is told anew fits into an event, whatever it holds."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from agents.core import carried, compaction, context, events, retold, summaries
from agents.core.model import ModelFailure, OnDelta, Request, Turn
from agents.core.state import Param, State
from agents.core.tools import File, ToolContext, ToolOutput
from agents.testing import MemoryToolbox, ScriptedModel, Stage, calls, says
from tests.core.loops import TOOLS, stage
from tests.core.plays import THOUGHT, check
from tests.core.sessions import Session, summary

OVERFLOW = ModelFailure("context_overflow", "too long")
BUSY = ModelFailure("overloaded", "busy", transient=True)
OTHER = "claude-opus-5-5"


def noise(edge: int = 1_150) -> bytes:
    """A picture that nothing makes smaller: more than a megabyte, as it is sent."""
    out = io.BytesIO()
    Image.effect_noise((edge, edge), 90).save(out, "PNG")
    return out.getvalue()


PICTURE = noise()


class Camera(MemoryToolbox):
    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutput:
        return ToolOutput([File(PICTURE, "image/png", f"{arguments['name']}.png")])


@dataclass
class Painter(ScriptedModel):
    """Looks as often as it is told to, with the failures that come in between."""

    script: list[Turn | ModelFailure] = field(default_factory=list)

    async def turn(self, request: Request, on_delta: OnDelta) -> Turn:
        check(request)
        if not request.tools:
            return says("Looked at pictures.")
        self.requests.append(request)
        answer = self.script.pop(0)
        if isinstance(answer, ModelFailure):
            raise answer
        return answer


def look(*names: str) -> Turn:
    return calls(*((f"toolu_{name}", "look", {"name": name}) for name in names))


async def played(*script: Turn | ModelFailure, **settings: Any) -> tuple[Stage, State]:
    made = stage([says("Done.")], settings=settings)
    made.toolbox = Camera(TOOLS)
    made.gate.toolbox = made.toolbox
    made.model = Painter([], script=[*script, says("Done.")])
    made.begin()
    return made, await made.drive()


def retellings(made: Stage) -> list[events.ContextCompacted]:
    found = [r.fact for r in made.store.records if isinstance(r.fact, events.ContextCompacted)]
    assert all(len(events.encode(fact)) <= events.MAX_TEXT for fact in found)
    return found


def seen(messages: Any) -> int:
    return json.dumps(messages).count('"type": "image"')


def named(made: Stage, messages: Any) -> list[str]:
    """The pictures whose artifacts the messages name, in order."""
    told = json.dumps(messages)
    kept = sorted(made.artifacts.held.values(), key=lambda one: told.find(one.id))
    return [one.name.removesuffix(".png") for one in kept if one.id in told]


async def test_a_session_with_big_pictures_survives_its_compaction() -> None:
    made, state = await played(*map(look, "abcde"), OVERFLOW)
    assert state.ending == events.Complete("Done.")
    (fact,) = retellings(made)
    assert fact.kept_turns == 4
    assert seen(made.model.requests[-2].messages) == 5
    assert seen(fact.messages) == 1
    assert seen(fact.messages[-1:]) == 1, "the newest is seen still"
    assert named(made, fact.messages) == ["b", "c", "d", "e"]
    assert json.dumps(fact.messages).count("[image, no longer shown]") == 3


async def test_of_a_turn_that_no_event_can_hold_the_oldest_pictures_give_way() -> None:
    made, state = await played(*map(look, "abcd"), look("e", "f", "g"), OVERFLOW)
    assert state.ending == events.Complete("Done.")
    (fact,) = retellings(made)
    assert (fact.kept_turns, seen(fact.messages)) == (4, 1)
    assert named(made, fact.messages) == ["b", "c", "d", "e", "f", "g"]


async def test_a_session_with_big_pictures_survives_what_follows_a_second_overflow() -> None:
    made, state = await played(*map(look, "abcde"), OVERFLOW, OVERFLOW)
    assert len(retellings(made)) > 1
    assert state.ending == events.Complete("Done.")


async def test_a_session_with_big_pictures_survives_its_fallback() -> None:
    settings = {"fallback_model": OTHER, "retry": {"attempts": 1, "parks": []}}
    made, state = await played(*map(look, "abcde"), BUSY, **settings)
    assert state.ending == events.Complete("Done.")
    assert made.model.requests[-1].model == OTHER
    (fact,) = retellings(made)
    assert seen(fact.messages[-1:]) == 1
    assert named(made, fact.messages) == ["a", "b", "c", "d", "e"]


async def test_small_pictures_stay_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.core.test_carried.PICTURE", noise(100))
    made, _ = await played(*map(look, "abcde"), OVERFLOW)
    (fact,) = retellings(made)
    assert seen(fact.messages) == 4
    assert "no longer shown" not in json.dumps(fact.messages)


# Whatever the history

CONTROL = "\x01" * 700_000  # six characters each in JSON
TAGS = "<task" * 200_000
IMAGE: dict[str, Any] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "x"},
}
HUGE = {**IMAGE, "source": {**IMAGE["source"], "data": "x" * 1_700_000}}
DOCUMENT = {**HUGE, "type": "document"}
CONTENTS = [CONTROL, TAGS, '"' * 3_000_000, "日" * 1_500_000, [HUGE, HUGE], [DOCUMENT, HUGE]]
NAMES = ["control", "tags", "quotes", "kanji", "pictures", "documents"]


def lived(content: Any, *, thinks: bool = False) -> Session:
    session = Session(window=1_000_000)
    for number in range(5):
        (call_id,) = session.propose(("look", {"n": number}), before=[THOUGHT] * thinks)
        session.answer(call_id, content)
    session.say(events.TurnDiscarded("overflow", "", {}, session.state.seq))
    return session


def holds(fact: events.ContextCompacted) -> bool:
    return len(events.bounded(fact)) <= events.MAX_TEXT


@pytest.mark.parametrize("thinks", [False, True])
@pytest.mark.parametrize("content", CONTENTS, ids=NAMES)
def test_what_begins_an_epoch_fits_into_an_event(content: Any, thinks: bool) -> None:
    session = lived(content, thinks=thinks)
    long = summary("s" * (carried.MOST_SUMMARY - 100))
    for cut in (1, 3, 5, 7, 9):
        plan = compaction.Plan("hard", cut, (11 - cut) // 2, 1_000)
        assert not summaries.failed(plan, long)
        session_of_its_own = lived(content, thinks=thinks)
        session_of_its_own.say(fact := summaries.compacted(session.state, plan, long, None))
        assert holds(fact)
        check(context.request(session_of_its_own.state))
        assert holds(retold.fallback(session_of_its_own.state)), "another one from there"


@pytest.mark.parametrize("thinks", [False, True])
@pytest.mark.parametrize("content", CONTENTS, ids=NAMES)
def test_what_another_model_is_told_fits_into_an_event(content: Any, thinks: bool) -> None:
    session = lived(content, thinks=thinks)
    fact = retold.fallback(session.state)
    assert holds(fact)
    session.say(fact)
    check(context.request(session.state))
    assert holds(retold.fallback(session.state))


@pytest.mark.parametrize("content", CONTENTS, ids=NAMES)
def test_results_are_cut_down_only_where_an_event_can_hold_the_rest(content: Any) -> None:
    fact = retold.clipped(lived(content).state)
    assert fact is None or holds(fact)


def test_a_text_beside_the_turns_takes_of_their_room() -> None:
    session = Session()
    session.call("look", {}, [HUGE])
    kept, told = carried.turns(session.state.history[1:], "x" * (carried.MOST // 2))
    assert seen(kept) == 0
    assert carried.size(kept) + carried.size(told) <= carried.MOST
    kept, told = carried.turns(session.state.history[1:], "x" * carried.MOST)
    assert not kept
    assert carried.size(told) <= carried.MOST


def test_a_turn_of_thousands_of_results_is_clipped_as_a_whole() -> None:
    session = Session()
    for call_id in session.propose(*[("look", {"n": n}) for n in range(2_000)]):
        session.answer(call_id, "\x01" * 500)
    assert carried.size(carried.text(session.state.history)) <= carried.MOST
    assert holds(retold.fallback(session.state))


def test_pictures_of_the_last_results_give_way_where_they_are_cut_down() -> None:
    session = Session()
    words = {"type": "text", "text": "w" * 9_000}
    session.call("look", {}, [words, HUGE, HUGE])
    fact = retold.clipped(session.state)
    assert fact
    assert holds(fact)
    assert seen(fact.messages) == 0


def test_a_summary_without_end_cannot_be_used() -> None:
    plan = compaction.Plan("rent", 1, 0, 1_000)
    assert "long" in summaries.failed(plan, summary("s" * carried.MOST_SUMMARY))


def test_what_the_apis_own_summary_leaves_must_fit_as_it_is() -> None:
    """Thinking is bound to it, so nothing of it may become words."""

    def due(picture: Param) -> compaction.Plan:
        session = Session(settings={"compaction": "server"}, window=50_000)
        for number in range(30):
            session.call("look", {"n": number}, "r" * 4_000)
        session.call("look", {}, [picture, picture])
        plan = compaction.due(session.state)
        assert plan
        assert plan.kept_turns
        return plan

    assert due(IMAGE).server
    assert not due(HUGE).server
