"""The calls of the last thirty days, as an edit of the risk map is measured against them.

They are counted in their projection. Only where a rule looks at arguments are these read from the
log, by its own key, for the newest ``MOST`` calls: nothing else knows what they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from agents.core import events
from agents.core.forecast import Past
from agents.core.risk import Risk, RiskMap, Verdict
from agents.models import AgentDefinition, Event, ToolUse

DAYS = 30
MOST = 20_000  # calls whose arguments one forecast reads

Pair = tuple[str, str]  # an agent and a tool
_DENIED = Q(decision="denied", decided_by__isnull=False)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Calls to measure with; ``sampled`` where there were more than were read."""

    calls: list[Past]
    sampled: bool


def since() -> datetime:
    return timezone.now() - timedelta(days=DAYS)


def recorded(tools: Sequence[str], maps: Sequence[RiskMap]) -> Recorded:
    """The settled calls of these tools that came before the gate.

    Those of agents that are gone are left out: nobody knows what they would be allowed now.
    """
    limits = {
        name: Risk.of(risk)
        for name, risk in AgentDefinition.objects.values_list("name", "max_auto_risk")
    }
    uses = ToolUse.objects.filter(tool__in=tools, settled_at__gte=since()).exclude(
        verdict=Verdict.INVALID
    )
    counted = list(_counted(uses.filter(session__agent__in=limits), limits))
    read = {
        (past.agent, past.tool)
        for past in counted
        if any(one.looks_at_arguments(past.agent, past.tool) for one in maps)
    }
    alike = [past for past in counted if (past.agent, past.tool) not in read]
    total = sum(past.count for past in counted if (past.agent, past.tool) in read)
    return Recorded([*alike, *_read(uses, read, limits)], sampled=total > MOST)


def _counted(uses: QuerySet[ToolUse], limits: dict[str, Risk]) -> Iterator[Past]:
    rows = uses.order_by().values("session__agent", "tool")
    rows = rows.annotate(n=Count("id"), said_no=Count("id", filter=_DENIED))
    names = ("session__agent", "tool", "n", "said_no")
    for agent, tool, count, denied in rows.values_list(*names):
        yield Past(agent, tool, limits[agent], count=count, denied=denied)


def _read(uses: QuerySet[ToolUse], pairs: set[Pair], limits: dict[str, Risk]) -> Iterator[Past]:
    if not pairs:
        return
    wanted = Q()
    for agent, tool in pairs:
        wanted |= Q(session__agent=agent, tool=tool)
    called = Event.objects.filter(session_id=OuterRef("session_id"), seq=OuterRef("seq"))
    rows = (
        uses.filter(wanted)
        .order_by("-settled_at")[:MOST]
        .annotate(text=Subquery(called.values("text")[:1]))
    )
    names = ("session__agent", "tool", "text", "decision", "decided_by_id")
    for agent, tool, text, decision, person in rows.values_list(*names):
        arguments = events.parse_text(text)["arguments"]
        denied = int(decision == "denied" and person is not None)
        yield Past(agent, tool, limits[agent], arguments, denied=denied)
