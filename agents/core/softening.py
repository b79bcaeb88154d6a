"""Whether an edit of the risk map lets through what was held before. Pure.

Settings are plain tables, as rows and history hold them; None is a row that is not there. What
cannot be shown to be at least as strict counts as softer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from agents.core import canonical
from agents.core.risk import Effect, Risk, Verdict

Settings: TypeAlias = Mapping[str, Any]

UNKNOWN_TOOL: Settings = {
    "risk": Risk.HIGH.word,
    "effect": Effect.IRREVERSIBLE.value,
    "approvals": 1,
    "starter_may_decide": True,
    "enabled": True,
}
_EFFECTS = [Effect.READ, Effect.KEYED, Effect.PROBED, Effect.IRREVERSIBLE]
_VERDICTS = [Verdict.ALLOW, Verdict.ASK, Verdict.DENY]


def softer_tool(before: Settings | None, after: Settings | None) -> list[str]:
    """What the edit of a tool softens, one sentence each. A tool without a row is HIGH."""
    old, new = {**UNKNOWN_TOOL, **(before or {})}, {**UNKNOWN_TOOL, **(after or {})}
    return list(_softer_tool(old, new))


def _softer_tool(old: Settings, new: Settings) -> Iterator[str]:
    if Risk.of(new["risk"]) < Risk.of(old["risk"]):
        yield f"its risk goes down from {old['risk'].upper()} to {new['risk'].upper()}"
    if _EFFECTS.index(Effect(new["effect"])) < _EFFECTS.index(Effect(old["effect"])):
        yield f"its effect goes from {old['effect']} to {new['effect']}, so more may be repeated"
    if new["approvals"] < old["approvals"]:
        yield "fewer people must approve"
    if new["starter_may_decide"] and not old["starter_may_decide"]:
        yield "whoever starts a session may approve its calls"
    if new["enabled"] and not old["enabled"]:
        yield "it is no longer forbidden"


def softer_rule(before: Settings | None, after: Settings | None) -> list[str]:
    """What the edit of a rule softens, one sentence each. A disabled rule is no rule."""
    old, new = _standing(before), _standing(after)
    return list(_softer_rule(old, new))


def _standing(settings: Settings | None) -> Settings | None:
    return settings if settings and settings.get("enabled", True) else None


def _softer_rule(old: Settings | None, new: Settings | None) -> Iterator[str]:
    was, will = _strength(old), _strength(new)
    if will < was:
        yield f"it goes from {_word(old)} to {_word(new)}"
    elif old is None or new is None:
        return
    else:
        if new["verdict"] == Verdict.ASK and new["approvals"] < old["approvals"] and was == will:
            yield "fewer people must approve"
        if not _at_least_as_strict(old, new):
            yield "it holds for other calls than before"


def _strength(rule: Settings | None) -> float:
    # No rule stands between asking and allowing: the comparison of risks decides.
    return 0.5 if rule is None else _VERDICTS.index(Verdict(rule["verdict"]))


def _word(rule: Settings | None) -> str:
    return "no rule" if rule is None else f"“{rule['verdict']}”"


def _at_least_as_strict(old: Settings, new: Settings) -> bool:
    """Whether a deny or ask rule holds at least where it did, an allow rule at most there."""
    if new["verdict"] == Verdict.ALLOW:
        return _covers(old, new)
    return _covers(new, old)


def _covers(wide: Settings, narrow: Settings) -> bool:
    """Whether ``wide`` surely holds wherever ``narrow`` does: fewer conditions, wider patterns."""
    patterns = all(wide[key] in (narrow[key], "*") for key in ("tool", "agent"))
    held = _texts(narrow["conditions"])
    return patterns and all(text in held for text in _texts(wide["conditions"]))


def _texts(conditions: Sequence[Mapping[str, Any]]) -> list[str]:
    return [canonical.sorted_text(condition) for condition in conditions]
