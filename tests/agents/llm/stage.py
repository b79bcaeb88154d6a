"""A small loop for the rehearsal model: the real toolbox, and people who decide as told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.core import wording
from agents.core.model import ModelFailure, Request, Turn
from agents.core.tools import ToolContext, ToolError
from agents.llm.rehearsal import SCENARIOS
from agents.llm.rehearsal.model import rehearsal_model
from agents.toolbox.tool import python_tools
from agents.toolbox.workspace import seed_workspace
from tests.agents.llm.asking import SYSTEM, user

GATED = {"send_email", "post_tweet", "delete_record", "process_payment"}
TASKS = {scenario.name: scenario.task for scenario in SCENARIOS}

# Given a gated call's block: the arguments that run, or the words that refuse it.
Decide = Callable[[Mapping[str, Any]], "Mapping[str, Any] | str"]


def approve(block: Mapping[str, Any]) -> Mapping[str, Any]:
    given: Mapping[str, Any] = block["input"]
    return given


def deny(reason: str) -> Decide:
    return lambda block: wording.refusal(block["name"], "denied", reason)[0]


@dataclass
class Stage:
    """One session. ``say`` gives the notes that come with a turn's results, by turn number."""

    folder: Path
    decide: Decide = approve
    say: Mapping[int, list[str]] = field(default_factory=dict)
    tools: frozenset[str] = field(default_factory=lambda: frozenset(python_tools()))
    messages: list[dict[str, Any]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    failures: list[ModelFailure] = field(default_factory=list)
    ran: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        seed_workspace(self.folder / "workspace")

    async def play(self, task: str, turns: int = 80) -> str:
        """Run to the end of the script; gives its last words."""
        self.messages.append(user(task))
        return await self.play_on(turns)

    async def play_on(self, turns: int = 80) -> str:
        model = rehearsal_model(speed=100_000)
        try:
            for _ in range(turns):
                turn = await self._turn(model.turn)
                if turn.stop_reason != "tool_use":
                    return said(turn)
                await self._answer(turn)
        finally:
            await model.aclose()
        raise AssertionError("the script does not end")

    async def _turn(self, ask: Callable[..., Any]) -> Turn:
        for attempt in range(10):
            try:
                turn: Turn = await ask(self.request(4 if attempt else 1), lambda *_: None)
            except ModelFailure as failure:
                if not failure.transient:
                    raise
                self.failures.append(failure)
                continue
            self.turns.append(turn)
            if turn.stop_reason != "max_tokens":
                return turn
        raise AssertionError("no answer came")

    def request(self, times: int = 1) -> Request:
        held = python_tools()
        tools = [held[name].definition.param() for name in sorted(self.tools)]
        return Request("claude-sonnet-5-5", 4096 * times, SYSTEM, tools, tuple(self.messages))

    async def _answer(self, turn: Turn) -> None:
        self.messages.append({"role": "assistant", "content": list(turn.content)})
        calls = [block for block in turn.content if block["type"] == "tool_use"]
        results = [await self._result(block) for block in calls]
        number = sum(message["role"] == "assistant" for message in self.messages)
        self.messages.append(user(*results, *self.say.get(number, ())))

    async def _result(self, block: Mapping[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": block["id"]}
        decided = self.decide(block) if block["name"] in GATED else block["input"]
        if isinstance(decided, str):
            return {**result, "content": decided, "is_error": True}
        self.ran.append((block["name"], decided))
        content, failed = await self._call(block, decided)
        note = wording.edited(decided) if decided != block["input"] else ""
        text = "\n\n".join(part for part in (note, content) if part)
        return {**result, "content": text, **({"is_error": True} if failed else {})}

    async def _call(
        self, block: Mapping[str, Any], arguments: Mapping[str, Any]
    ) -> tuple[str, bool]:
        name, key = block["id"], f"key-{block['id']}"
        context = ToolContext("s", name, key, 1, self.folder / "workspace", self.folder / "data")
        try:
            output = await python_tools()[block["name"]].call(arguments, context)
        except ToolError as error:
            return wording.failure(error.error_class, 1, str(error), "none", ""), True
        return str(output.content), False


def said(turn: Turn) -> str:
    return "\n".join(block["text"] for block in turn.content if block["type"] == "text")


def spoken(stage: Stage) -> list[str]:
    return [said(turn) for turn in stage.turns]


def check_legal(messages: list[dict[str, Any]]) -> None:
    """Roles alternate, and each call is answered once, in order, in the next message."""
    seen: set[str] = set()
    for at, message in enumerate(messages):
        assert message["role"] == ("user", "assistant")[at % 2]
        assert message["content"]
        if message["role"] == "assistant":
            calls = [b["id"] for b in message["content"] if b["type"] == "tool_use"]
            blocks = messages[at + 1]["content"] if at + 1 < len(messages) else []
            assert calls == [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"]
            assert not seen & set(calls)
            seen |= set(calls)
