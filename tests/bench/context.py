"""What keeping context costs: the product's own sessions, and two other policies for the same
conversation, all billed as the API bills caches.

Costs are in thousands of uncached input tokens of the main model, which is what a price of one
dollar a million makes of the product's own accounting. Answers of the main model are free here,
because every policy pays the same for them (context-cost.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agents import supervisor
from agents.core import budget, context, events
from agents.core.state import Param
from agents.journal import read
from agents.llm.anthropic import NEWEST_HAIKU, AnthropicModel
from agents.models import AgentDefinition, ModelPrice, Session, Tool
from tests.bench import house
from tests.bench.tools import hold, recall
from tests.endpoint.billing import Cache
from tests.endpoint.client import Endpoint

MAIN = "claude-sonnet-5-5"
WINDOW = 30_000  # tokens
SUMMARY = "s" * 2_048  # 512 tokens
MAIN_PRICE = budget.Price(1.0, 0.0, 0.1, 1.25)
CHEAP_PRICE = budget.Price(0.3333, 1.6667, 0.0333, 0.4166)
SUMMARISER = "You summarise"  # how its system prompt begins
TASK = "Recall every entry of the ledger. " + "t" * 766
KEPT_BY_RECIPE = 10  # messages
READ_BY_RECIPE = 200  # characters of each message it summarises


@dataclass(frozen=True, slots=True)
class Run:
    """One session as the product ran it; ``size`` is characters of a tool's result."""

    session: Session
    facts: Sequence[events.Fact]
    size: int
    bodies: Sequence[str] = ()  # the requests as the endpoint got them, summaries left out

    @property
    def turns(self) -> list[events.Thinking]:
        return [fact for fact in self.facts if isinstance(fact, events.Thinking)]

    @property
    def largest(self) -> int:
        """Tokens of the longest prompt that was sent."""
        return max(_prompt(turn.usage) for turn in self.turns)

    def cost(self, steps: int) -> float:
        """What the product booked for the first ``steps`` turns and the compactions among them."""
        spent, turns = 0.0, 0
        for fact in self.facts:
            if isinstance(fact, events.Thinking | events.ContextCompacted | events.TurnDiscarded):
                spent += fact.cost or 0.0
            turns += isinstance(fact, events.Thinking)
            if turns == steps:
                break
        return spent * 1_000


def furnish(size: int, **agent: Any) -> None:
    """Prices, one tool that returns ``size`` characters, and an agent with 1,500 tokens of system
    and tools."""
    hold(recall(size))
    for model, price in ((MAIN, MAIN_PRICE), (NEWEST_HAIKU, CHEAP_PRICE)):
        names = ("input", "output", "cache_read", "cache_write")
        figures = {name: Decimal(str(getattr(price, name))) for name in names}
        ModelPrice.objects.update_or_create(model=model, defaults=figures)
    Tool.objects.update_or_create(
        name="recall", defaults={"risk": "safe", "effect": "read", "reviewed": True}
    )
    fields = {"model": MAIN, "system": "y" * 3_400, "tools": ["recall"], "window": WINDOW}
    AgentDefinition.objects.update_or_create(name="bench", defaults={**fields, **agent})


def script(steps: int) -> dict[str, Any]:
    """The agent recalls entry after entry; whoever summarises is brief."""
    call = {"name": "recall", "input": {"entry": "step-{n}", "why": "w" * 150}}
    work = {"function": "onward", "count": steps, "tools": [call], "text": "All recalled."}
    return {
        SUMMARISER: {"replies": [{"text": SUMMARY}], "shared": True, "repeat": True},
        "*": [work],
    }


def product(steps: int, size: int, **agent: Any) -> Run:
    """Run a session through the engine, the SDK and an endpoint in a process of its own."""
    furnish(size, **agent)
    session = supervisor.start(None, "bench", TASK)
    with Endpoint(script(steps)) as endpoint:
        asyncio.run(_work(session, endpoint.url))
        if refused := endpoint.refusals():
            raise SystemExit(f"The endpoint refused requests: {refused[:3]}")
        log = [entry["body"] for entry in endpoint.log() if entry["path"] == "/v1/messages"]
    session.refresh_from_db()
    return Run(session, _facts(session), size, [body for body in log if SUMMARISER not in body])


def _facts(session: Session) -> list[events.Fact]:
    facts: list[events.Fact] = []
    while page := read(session.pk, len(facts)):
        facts += [record.fact for record in page]
    return facts


async def _work(session: Session, url: str) -> None:
    model = AnthropicModel("key-of-the-benchmark", url)
    try:
        async with house.engine(model) as running:
            while running.driven or not await asyncio.to_thread(_ended, session.pk):
                await asyncio.sleep(0.05)
    finally:
        await model.aclose()


def _ended(pk: int) -> bool:
    from django.db import connection

    ended = Session.objects.filter(pk=pk, status__in=Session.ENDED).exists()
    connection.close()
    return ended


# The same conversation under other policies


def full_history(run: Run, steps: int) -> float:
    """Everything is sent each time, with the product's own breakpoints."""
    cache, spent = Cache(), 0.0
    for shown in _requests(run, steps):
        spent += _bill(cache, run, context.with_breakpoints(shown))
    return spent


def recipe(run: Run, steps: int) -> float:
    """The article's: past ten messages, all the rest is summarised on every step."""
    cache, spent = Cache(), 0.0
    for shown in _requests(run, steps):
        messages: Sequence[Param] = shown
        if len(shown) > KEPT_BY_RECIPE:
            old = shown[:-KEPT_BY_RECIPE]
            usage = {"input_tokens": sum(map(_clipped, old)) // 4, "output_tokens": 512}
            spent += (budget.cost(usage, CHEAP_PRICE) or 0.0) * 1_000
            told = [{"type": "text", "text": SUMMARY}]
            messages = [{"role": "user", "content": told}, *shown[-KEPT_BY_RECIPE:]]
        spent += _bill(cache, run, messages)
    return spent


def floor(run: Run, steps: int) -> float:
    """What nobody can save: system, tools and task read each time, each new turn written once."""
    fixed = _tokens(run, [])
    spent, before = 0.0, 0
    for shown in _requests(run, steps):
        whole = _tokens(run, shown)
        new = whole - max(before, fixed)
        spent += (0.1 * fixed + 1.25 * new) / 1_000
        before = whole
    return spent


def table(steps: Sequence[int] = (200, 600), sizes: Sequence[int] = (1_000, 4_000)) -> list[str]:
    """The lines that ``make bench-context`` prints."""
    lines = ["steps  result  policy            cost  of recipe  of full  longest prompt"]
    for size in sizes:
        run = product(max(steps), size)
        for count in steps:
            lines += _lines(run, count)
    return lines


def _lines(run: Run, steps: int) -> Iterator[str]:
    full, article = full_history(run, steps), recipe(run, steps)
    rows = {
        "full history": (full, ""),
        "article's recipe": (article, ""),
        "rent or buy": (run.cost(steps), f"{run.largest:,}"),
        "floor": (floor(run, steps), ""),
    }
    for name, (cost, longest) in rows.items():
        shares = f"{cost / article:9.3f}  {cost / full:7.3f}"
        yield f"{steps:5}  {run.size:6}  {name:16} {cost:8.1f}  {shares}  {longest:>14}".rstrip()


def _requests(run: Run, steps: int) -> Iterator[list[Param]]:
    """The conversation before each of the first ``steps`` turns, nothing left out."""
    messages: list[Param] = [{"role": "user", "content": [{"type": "text", "text": TASK}]}]
    results = {f.call_id: f for f in run.facts if isinstance(f, events.ToolResult)}
    for turn in run.turns[:steps]:
        yield list(messages)
        calls = [block["id"] for block in turn.content if block["type"] == "tool_use"]
        answers = [
            {"type": "tool_result", "tool_use_id": call, "content": results[call].content}
            for call in calls
        ]
        messages += [
            {"role": "assistant", "content": turn.content},
            {"role": "user", "content": answers},
        ]


def _body(run: Run, messages: Sequence[Param]) -> dict[str, Any]:
    started = run.facts[0]
    assert isinstance(started, events.SessionStarted)
    system = context.marked(started.system)
    return {"model": MAIN, "system": system, "tools": started.tools, "messages": messages}


def _bill(cache: Cache, run: Run, messages: Sequence[Param]) -> float:
    usage = cache.bill(_body(run, messages)).usage(0)
    return (budget.cost(usage, MAIN_PRICE) or 0.0) * 1_000


def _tokens(run: Run, messages: Sequence[Param]) -> int:
    task: Param = {"role": "user", "content": [{"type": "text", "text": TASK}]}
    return _prompt(Cache().bill(_body(run, messages or [task])).usage(0))


def _prompt(usage: Mapping[str, Any]) -> int:
    keys = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(int(usage[key]) for key in keys)


def _clipped(message: Param) -> int:
    block = message["content"][0]
    text = str(block.get("text") or block.get("content") or block.get("input"))
    return min(READ_BY_RECIPE, len(text))
