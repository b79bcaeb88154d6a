"""Whole lives of sessions against the endpoint's rules: crashed anywhere, taken up by another.

The endpoint refuses what the API refuses, and each request must tell what the log says may never
be lost. What that is, is read here from the log alone, with nothing of the product.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agents.core import events
from agents.core.events import Record
from agents.core.loop import Fenced
from agents.core.model import ModelFailure, OnDelta, Request, Turn
from agents.core.state import Call, CallStatus, State
from agents.core.summaries import SUMMARISER
from agents.core.tools import ToolTimeout
from agents.testing import MemoryStore, Stage, Trouble
from tests.core.loops import decided, stage
from tests.core.plays import SIGNED_TOOL_ID, check
from tests.endpoint.answer import sealed
from tests.endpoint.billing import Cache, tokens
from tests.endpoint.blocks import Json
from tests.endpoint.signing import signed

TASK = "Close the books of «the month»."
MODEL, OTHER = "claude-sonnet-5-5", "claude-opus-5-5"
DOWN = 3  # failures in a row after which another model takes over, or the session ends
HINTS = 4  # to a session that has no room left; then people stop it


@dataclass(frozen=True)
class Said:
    """One answer of the model: ``kind`` is calls, or what is wrong with it."""

    kind: str = "calls"
    tools: tuple[str, ...] = ("look",)
    think: bool = False
    size: int = 10  # characters that each call carries, and its result repeats
    same: bool = False  # the same arguments as every other such call


@dataclass(frozen=True)
class Plot:
    """What happens to a session. Moments count the log's records; requests count the model's."""

    script: tuple[Said, ...]
    mode: str = "summary"  # who compacts: a model of ours, or the API as its own server
    window: int = 20_000  # tokens that the session counts on
    room: float = 1.0  # what the endpoint has of them
    keep: int | None = None
    steps: int | None = None  # the budget
    fallback: bool = False
    decisions: tuple[str, ...] = ("approved",)
    settled: tuple[str, ...] = ("happened",)
    summaries: tuple[str, ...] = ()  # what becomes of each summary; later ones come
    failing: tuple[tuple[str, bool], ...] = ()  # tools that time out once, with or without effect
    moments: Mapping[int, str] = field(default_factory=dict)
    requests: Mapping[int, str] = field(default_factory=dict)  # what happens while it is answered


@dataclass
class Endpoint:
    """A model behind the API's rules. ``faults`` keeps what was wrong with requests, because
    nobody hears of it from a driver that is fenced."""

    plot: Plot
    store: MemoryStore
    troubles: People | None = None
    asked: int = 0
    made: int = 0
    compactions: list[tuple[str, bool]] = field(default_factory=list)  # kind, crashed meanwhile
    faults: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.script = list(self.plot.script)
        self.summaries = list(self.plot.summaries)
        self.down = 0
        self.cache = Cache()

    async def turn(self, request: Request, on_delta: OnDelta) -> Turn:
        try:
            return self._answer(request)
        except ModelFailure:
            raise
        except BaseException as fault:
            self.faults.append(fault)
            raise

    async def window(self, model: str) -> int | None:
        return None

    def _answer(self, request: Request) -> Turn:
        body = check(request)
        summary = bool(body["system"]) and body["system"][0]["text"] == SUMMARISER
        if not summary and not request.compaction:
            assert_told(self.store.records, body)
        crashed = self._meanwhile()
        if summary or request.compaction:
            self.compactions.append(("summary" if summary else "server", crashed))
        if tokens(body) > self.plot.window * self.plot.room and not summary:
            raise ModelFailure("context_overflow", "prompt is too long", status=400)
        if summary:
            return self._summary()
        return self._sealed(body) if request.compaction else self._said(body)

    def _meanwhile(self) -> bool:
        self.asked += 1
        happening = self.plot.requests.get(self.asked, "")
        if happening and self.troubles:
            self.troubles.happen(happening, f"q{self.asked}")
        return happening == "crash"

    def _summary(self) -> Turn:
        match self.summaries.pop(0) if self.summaries else "":
            case "fails":
                raise ModelFailure("permission", "no such right", status=403)
            case "refused":
                raise ModelFailure("invalid_request", "not for this model", status=400)
            case "empty":
                content: list[Json] = []
            case _:
                content = [{"type": "text", "text": "Went on with the work. " * 4}]
        return Turn(content, "end_turn", {"input_tokens": 90, "output_tokens": 9}, OTHER)

    def _sealed(self, body: Json) -> Turn:
        reply: Json = {"text": "Went on. " * 9}
        match self.summaries.pop(0) if self.summaries else "":
            case "fails":
                raise ModelFailure("overloaded", "busy", transient=True, status=529)
            case "refused":
                raise ModelFailure("invalid_request", "no compaction here", status=400)
            case "empty":
                reply = {"stop_reason": "refusal"}
            case _:
                pass
        answer = sealed(reply, body, self.cache.bill(body))
        return Turn(answer["content"], answer["stop_reason"], answer["usage"], body["model"])

    def _said(self, body: Json) -> Turn:
        if self.down:
            self.down -= 1
            raise ModelFailure("overloaded", "busy", transient=True, status=529)
        said = self.script.pop(0) if self.script else Said("done")
        if (body.get("tool_choice") or {}).get("type") == "none":
            said = Said("done")
        if said.kind == "down":
            self.down = DOWN - 1
        if failure := FAILURES.get(said.kind):
            raise failure()
        content, stop = self._content(said, body)
        content = signed(body, content, shown=True)
        usage = self.cache.bill(body).usage(max(1, len(str(content)) // 4))
        return Turn(content, stop, usage, body["model"])

    def _content(self, said: Said, body: Json) -> tuple[list[Json], str]:
        words = {"type": "text", "text": f"Now {self.asked}."}
        thought = [{"type": "thinking", "thinking": "hm", "signature": ""}] * said.think
        match said.kind:
            case "calls":
                return [*thought, words, *self._uses(said)], "tool_use"
            case "truncated":
                return [*thought, *self._uses(said)], "max_tokens"
            case "cut":
                return [*thought, words], "max_tokens"
            case "pause":
                search = {"type": "server_tool_use", "name": "web_search", "input": {"query": "q"}}
                return [*thought, words, {**search, "id": f"srvtoolu_{self.asked}"}], "pause_turn"
            case "empty":
                return [], "end_turn"
            case "refusal":
                return [words], "refusal"
            case _:
                return [*thought, words], "end_turn"

    def _uses(self, said: Said) -> list[Json]:
        form = SIGNED_TOOL_ID if said.think else "toolu_x{:03}"
        uses = []
        for tool in said.tools:
            self.made += 1
            at = "«same»" if said.same else f"«{self.asked}.{self.made}»"
            given = {"at": at, "fill": "f" * said.size}
            call_id = f"{form.format(self.made)}s{self.store.term}"
            uses.append({"type": "tool_use", "id": call_id, "name": tool, "input": given})
        return uses


FAILURES = {
    "down": lambda: ModelFailure("overloaded", "busy", transient=True, status=529),
    "bound": lambda: ModelFailure("thinking_bound", "bound", status=400),
    "bad_json": lambda: ModelFailure("bad_json", "not JSON"),
    "overflow": lambda: ModelFailure("context_overflow", "prompt is too long", status=400),
    "forbidden": lambda: ModelFailure("permission", "no such right", status=403),
}


# What may never be lost


def assert_told(records: Sequence[Record], body: Json) -> None:
    """Each pinned fact of the log stands somewhere in the request."""
    said = json.dumps(body["messages"], ensure_ascii=False)
    paused = body["messages"][-1]["role"] == "assistant"
    lost = [pin for pin in pinned(records, paused=paused) if pin not in said]
    assert not lost, f"not told: {lost}"


def pinned(records: Sequence[Record], *, paused: bool) -> list[str]:
    """The task, what people told, what they decided and why, what was done or may have been, and
    what policy denied. Words said during a pause of the turn come after it."""
    task, words, acts = TASK, list[tuple[int, str]](), list[str]()
    proposals: dict[str, events.ToolCall] = {}
    edits: dict[str, Mapping[str, Any]] = {}
    answered: list[int] = []
    told, stop = 0, ""
    for record in records:
        match record.fact:
            case events.Thinking(read_upto=upto, stop_reason=reason):
                told, stop = (told if stop == "pause_turn" else upto), reason
                answered.append(upto)
            case events.Message(text=text, replaces=replaces):
                if replaces:
                    since = (answered[-2:] or [0])[0]
                    words = [word for word in words if word[0] <= since]
                if replaces and not answered and not words:
                    task = text
                else:
                    words.append((record.seq, text))
            case events.ToolCall() as call:
                proposals[call.call_id] = call
            case events.ApprovalDecided() as decision:
                acts.append(proposals[decision.call_id].arguments["at"])
                if decision.arguments is not None:
                    edits[decision.call_id] = decision.arguments
                if decision.decision in ("denied", "answered"):
                    acts.append(decision.reason)
            case events.ToolResult() as result:
                denied = result.error_class == "denied_by_policy"
                if result.executed or denied:
                    given = edits.get(result.call_id, proposals[result.call_id].arguments)
                    acts += [given["at"], *filter(None, [given.get("edited")])]
            case events.OutcomeUnknown() as unknown:
                acts.append(proposals[unknown.call_id].arguments["at"])
            case _:
                pass
    return [task, *(text for seq, text in words if seq <= told or not paused), *acts]


# People


@dataclass
class People:
    """Decide, settle, answer and say things, each as the plot says."""

    made: Stage
    plot: Plot
    decisions: int = 0
    settled: int = 0
    hints: int = 0
    answers: int = 0

    def happen(self, what: str, name: str) -> None:
        """What happens to a session that is being driven."""
        store = self.made.store
        if store._closed & {"ended", "stopping"}:
            return
        match what:
            case "crash":
                store.lease()  # another worker has it: this driver is fenced
            case "steer":
                store.write(events.Message("Olu", f"hint «{name}»"))
            case "pause":
                store.write(events.Paused("Olu"))

    def act(self, state: State) -> None:
        waiting = [call for call in state.calls if call.status is CallStatus.WAITING]
        for call in waiting[:1]:
            self.made.store.write(self._decision(call))
        for call in [call for call in state.calls if call.status is CallStatus.UNKNOWN]:
            self.made.store.write(self._settle(call))
        if state.asking == "refusal":
            self._answer_refusal()
        elif state.asking == "budget":
            self._answer_budget(state)
        elif state.paused or state.asking or state.retry_parked:
            self.made.store.write(events.Resumed("Olu", answer=self._answer(state)))
        elif not state.calls:
            self._make_room()

    def _decision(self, call: Call) -> events.ApprovalDecided:
        wanted = self.plot.decisions[self.decisions % len(self.plot.decisions)]
        self.decisions += 1
        edit = {**call.proposed, "edited": f"«edit {self.decisions}»"} if wanted == "edit" else None
        fact = decided(call, "approved" if edit else wanted, edit)
        because = {"denied": "no «{}»", "answered": "it is «{}»"}.get(wanted, "")
        return replace(fact, reason=because.format(self.decisions))

    def _settle(self, call: Call) -> events.OutcomeSettled:
        found = [r.fact for r in self.made.store.records if r.kind == "outcome_unknown"]
        outcome = [f for f in found if getattr(f, "call_id", "") == call.call_id][-1]
        assert isinstance(outcome, events.OutcomeUnknown)
        wanted = self.plot.settled[self.settled % len(self.plot.settled)]
        self.settled += 1
        done = self.made.toolbox.happened(call.idempotency_key)
        if wanted != "abandoned":
            wanted = "not_happened" if done is None else "happened"
        return events.OutcomeSettled(outcome.outcome_id, call.call_id, wanted, "Ada")

    def _answer_refusal(self) -> None:
        """In turn: on another model, said another way, results withheld."""
        self.answers += 1
        words = f"rather «so {self.answers}»"
        match self.answers % 3:
            case 0:
                self.made.store.write(events.Resumed("Olu", model=OTHER))
            case 1:
                self.made.store.write(events.Message("Olu", words, replaces=True))
            case _:
                self.made.store.write(events.Message("Olu", words, withholds=True))

    def _answer_budget(self, state: State) -> None:
        self.answers += 1
        more = events.LimitsChanged("Ada", {"steps": state.step + 3})
        self.made.store.write(more if self.answers % 2 else events.Resumed("Olu"))

    def _answer(self, state: State) -> str:
        return "lift_block" if state.asking == "loop" and state.blocked else ""

    def _make_room(self) -> None:
        """The conversation is too long for the endpoint, however it is told."""
        self.hints += 1
        if self.hints > HINTS:
            self.made.store.write(events.StopRequested("Olu"))
        else:
            self.made.store.write(events.Message("Olu", f"shorter «h{self.hints}»"))


# A life


@dataclass
class Life:
    stage: Stage
    endpoint: Endpoint
    state: State
    crashes: int = 0


def born(plot: Plot) -> Stage:
    made = stage([])
    timeout = ToolTimeout("slow")
    made.toolbox.troubles = {tool: [Trouble(timeout, done=done)] for tool, done in plot.failing}
    made.settings = {
        "compaction": plot.mode,
        "summary_model": "claude-haiku-5-5",
        "fallback_model": OTHER if plot.fallback else "",
        **({} if plot.keep is None else {"keep_turns": plot.keep}),
    }
    limits = {"steps": plot.steps} if plot.steps else {}
    made.begin(TASK, limits=limits, window=plot.window, system=[SYSTEM])
    return made


SYSTEM = {"type": "text", "text": "You keep the books."}


def live(plot: Plot, made: Stage | None = None) -> Life:
    """``lived`` in a loop of its own, quicker than ``asyncio.run``: that asks for the loop's whole
    representation twice."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(lived(plot, made))
    finally:
        loop.close()


async def lived(plot: Plot, made: Stage | None = None) -> Life:
    """Drive a session to its end, under a new term after each crash."""
    made = made or born(plot)
    people = People(made, plot)
    endpoint = Endpoint(plot, made.store, people)
    made.model = endpoint  # type: ignore[assignment]  # a Model as the hands see it
    moments = dict(plot.moments)

    def happen(record: Record) -> None:
        if not isinstance(record.fact, events.ENDINGS):
            people.happen(moments.pop(record.seq, ""), f"m{record.seq}")

    made.store.after = happen
    crashes = 0
    for _ in range(300):
        try:
            state = await made.drive()
        except Fenced:
            crashes += 1
            continue
        finally:
            assert not endpoint.faults, endpoint.faults[0]
        if state.ended:
            return Life(made, endpoint, state, crashes)
        people.act(state)
    raise AssertionError(f"no end: {[r.kind for r in made.store.records][-20:]}")


def cut(life: Life, length: int) -> Stage:
    """The same session as a crash after ``length`` records left it."""
    made = stage([])
    made.settings = life.stage.settings
    made.store = life.stage.store.prefix(length)
    made.toolbox.done = dict(life.stage.toolbox.done)
    return made
