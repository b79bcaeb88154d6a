"""The operator's catalogue, as the gate reads it: a version that rises with every edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models import F
from django.db.models.signals import post_delete, post_save

from agents.core.risk import Condition, Effect, Risk, RiskMap, Rule, ToolRisk, Verdict
from agents.models import Catalogue, GateRule, Tool
from agents.threads import DatabaseThreads


def load_map() -> tuple[RiskMap, Mapping[str, float], int]:
    """The catalogue as it is now: the map, the tools' time-outs (seconds) and the version."""
    with transaction.atomic():
        version = Catalogue.objects.values_list("version", flat=True).get(pk=1)
        tools = list(Tool.objects.all())
        rules = list(GateRule.objects.filter(enabled=True))
    return risk_map(tools, rules), {tool.name: tool.timeout for tool in tools}, version


def risk_map(tools: Iterable[Tool], rules: Iterable[GateRule]) -> RiskMap:
    """The map that these rows say, saved or not."""
    tools = list(tools)
    known = {tool.name: _tool_risk(tool) for tool in tools}
    disabled = [_disabled(tool.name) for tool in tools if not tool.enabled]
    return RiskMap(known, (*(_rule(rule) for rule in rules if rule.enabled), *disabled))


def _tool_risk(tool: Tool) -> ToolRisk:
    if tool.offered is not None:
        # What was judged is not what would be called: nobody has reviewed the new definition.
        return ToolRisk(approvals=tool.approvals)
    return ToolRisk(
        Risk.of(tool.risk), Effect(tool.effect), tool.approvals, tool.reviewed, tool.title
    )


def _disabled(name: str) -> Rule:
    return Rule(f"{name} is disabled", _literal(name), Verdict.DENY)


def _literal(name: str) -> str:
    return name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")


def _rule(rule: GateRule) -> Rule:
    conditions = tuple(
        Condition(one["field"], one["op"], one.get("value")) for one in rule.conditions
    )
    return Rule(rule.name, rule.tool, Verdict(rule.verdict), rule.agent, conditions, rule.approvals)


@dataclass
class CatalogueCopy:
    """This process's copy of the map; read again when the journal says that it is old."""

    map: RiskMap = field(default_factory=RiskMap)
    timeouts: Mapping[str, float] = field(default_factory=dict)
    version: int = 0
    _threads: DatabaseThreads = field(default_factory=lambda: DatabaseThreads(1, "catalogue"))

    async def refresh(self) -> None:
        self.map, self.timeouts, self.version = await self._threads.run(load_map)

    async def close(self) -> None:
        await self._threads.close()


def bump_catalogue(**_: object) -> None:
    """Every edit of a tool or rule gives the catalogue a new version, in the edit's transaction.

    The journal refuses a turn that was judged under an older one.
    """
    Catalogue.objects.filter(pk=1).update(version=F("version") + 1)
    if all(waiting[1] is not _rejudge for waiting in connection.run_on_commit):
        transaction.on_commit(_rejudge)  # once, however many rows one transaction edits


def _rejudge() -> None:
    from agents import inbox  # noqa: PLC0415 - the inbox stands on the gate

    inbox.rejudge()


def connect() -> None:
    for model in (Tool, GateRule):
        post_save.connect(bump_catalogue, sender=model, dispatch_uid=f"save {model.__name__}")
        post_delete.connect(bump_catalogue, sender=model, dispatch_uid=f"delete {model.__name__}")
