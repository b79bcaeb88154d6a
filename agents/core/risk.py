"""Risk, effect and the rules of the gate."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from urllib.parse import urlsplit

from agents.core import patterns, titles


class Risk(IntEnum):
    """How much harm a call may do. Ordered, so that ``Risk.HIGH > Risk.LOW`` is true."""

    SAFE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @classmethod
    def of(cls, word: str) -> Risk:
        """The risk that ``word`` (any case) names. Raises ``ValueError``."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"risk must be safe, low, medium or high, not {word!r}") from None

    @property
    def word(self) -> str:
        return self.name.lower()


class Effect(StrEnum):
    """What happens if a call runs twice; decides what a crash or time-out may repeat."""

    READ = "read"  # changes nothing
    KEYED = "keyed"  # the target drops repeats of our idempotency key
    PROBED = "probed"  # the target can be asked whether it happened
    IRREVERSIBLE = "irreversible"  # neither: never repeated by the machine


class Verdict(StrEnum):
    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"
    INVALID = "invalid"  # unknown tool or bad arguments: nobody is asked


# Deny beats ask beats allow; specificity never matters.
_STRENGTH = {Verdict.ALLOW: 0, Verdict.ASK: 1, Verdict.DENY: 2, Verdict.INVALID: 3}


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one argument: ``field op value``, e.g. ``amount > 100``.

    ``field`` is a dotted path. ``op`` is one of ``glob, regex, <, <=, >, >=, ==, !=, host, under,
    missing``. A field that is absent or of the wrong type makes an *allow* rule fail and a *deny*
    or *ask* rule hold, so that nothing slips through a hole in the data.
    """

    field: str
    op: str
    value: object = None


@dataclass(frozen=True, slots=True)
class Rule:
    """(tool pattern, agent, conditions on arguments) -> verdict."""

    name: str
    tool: str
    verdict: Verdict
    agent: str = "*"
    conditions: tuple[Condition, ...] = ()
    approvals: int = 1

    def holds(self, agent: str, tool: str, arguments: Mapping[str, object]) -> bool:
        return (
            matches(self.tool, tool)
            and matches(self.agent, agent)
            and all(self._met(condition, arguments) for condition in self.conditions)
        )

    def _met(self, condition: Condition, arguments: Mapping[str, object]) -> bool:
        met = _test(condition, arguments)
        return self.verdict is not Verdict.ALLOW if met is None else met


@dataclass(frozen=True, slots=True)
class ToolRisk:
    """What the operator's catalogue says of one tool."""

    risk: Risk = Risk.HIGH
    effect: Effect = Effect.IRREVERSIBLE
    approvals: int = 1
    reviewed: bool = False
    title: str = ""  # the template of its calls' titles: how they read, and nothing the gate asks


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    risk: Risk
    effect: Effect
    rule: str
    required: int = 1  # people who must approve, when the verdict is ask
    compared: bool = False  # no rule held, so risk was compared with what runs unasked
    base: Risk | None = None  # the catalogue's risk, where the session so far raised it


@dataclass(frozen=True, slots=True)
class RiskMap:
    """The operator's catalogue and rules, as one value. No entry means HIGH and irreversible."""

    tools: Mapping[str, ToolRisk] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def judge(
        self, agent: str, tool: str, arguments: Mapping[str, object], max_auto_risk: Risk
    ) -> Judgement:
        """Deny beats ask beats allow beats the comparison of risk with ``max_auto_risk``."""
        known = self.tools.get(tool, ToolRisk())
        held = [rule for rule in self.rules if rule.holds(agent, tool, arguments)]
        verdict, because = _strongest(held) or _compare(known, tool, max_auto_risk)
        asked = [rule.approvals for rule in held if rule.verdict is Verdict.ASK]
        required = max([known.approvals, *asked])
        return Judgement(verdict, known.risk, known.effect, because, required, not held)

    def title(self, tool: str) -> str:
        """The template by which a call of the tool is titled."""
        return titles.in_force(tool, self.tools.get(tool, ToolRisk()).title)

    def narrowed(self, agent: str, tool: str) -> RiskMap:
        """The same map for this agent's calls of this tool, without what never concerns them."""
        rules = (r for r in self.rules if matches(r.tool, tool) and matches(r.agent, agent))
        return RiskMap({tool: self.tools.get(tool, ToolRisk())}, tuple(rules))

    def looks_at_arguments(self, agent: str, tool: str) -> bool:
        """Whether two calls of this tool by this agent may be judged differently."""
        return any(rule.conditions for rule in self.narrowed(agent, tool).rules)


Operator = Callable[[object, object], "bool | None"]


def matches(pattern: str, name: str) -> bool:
    """An anchored, case-sensitive glob: ``bash`` never matches ``bash_admin``."""
    return fnmatch.fnmatchcase(name, pattern)


def _strongest(held: Iterable[Rule]) -> tuple[Verdict, str] | None:
    rule = max(held, key=lambda rule: _STRENGTH[rule.verdict], default=None)
    return (rule.verdict, f"rule {rule.name}") if rule else None


def _compare(known: ToolRisk, tool: str, max_auto_risk: Risk) -> tuple[Verdict, str]:
    if known.risk > max_auto_risk:
        source = "" if known.reviewed else ", not reviewed"
        because = f"{tool} is {known.risk.name}{source}; only {max_auto_risk.name} runs unasked"
        return Verdict.ASK, because
    return Verdict.ALLOW, f"{tool} is {known.risk.name}, at most {max_auto_risk.name}"


def _test(condition: Condition, arguments: Mapping[str, object]) -> bool | None:
    """True, False, or None where the argument cannot be tested."""
    present, actual = _lookup(arguments, condition.field)
    if condition.op == "missing":
        return not present
    if not present:
        return None
    return _OPERATORS[condition.op](actual, condition.value)


def _lookup(arguments: Mapping[str, object], path: str) -> tuple[bool, object]:
    value: object = arguments
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False, None
        value = value[part]
    return True, value


def _number(actual: object, limit: object) -> tuple[float, float] | None:
    if isinstance(actual, bool) or isinstance(limit, bool):
        return None
    if isinstance(actual, int | float) and isinstance(limit, int | float):
        return actual, limit
    return None


def _ordered(sign: int, equal: bool) -> Operator:
    def test(actual: object, limit: object) -> bool | None:
        pair = _number(actual, limit)
        if pair is None:
            return None
        return (pair[0] - pair[1]) * sign > 0 or (equal and pair[0] == pair[1])

    return test


def _glob(actual: object, pattern: object) -> bool | None:
    if not isinstance(actual, str):
        return None
    return fnmatch.fnmatchcase(actual, str(pattern))


def _regex(actual: object, pattern: object) -> bool | None:
    if not isinstance(actual, str) or len(actual) > patterns.LONGEST:
        return None
    try:
        return patterns.compiled(str(pattern)).fullmatch(actual)
    except patterns.Unbounded:
        return None


def _host(actual: object, pattern: object) -> bool | None:
    """Whether a URL's host is ``pattern`` or, for ``*.x``, below it. None if it is no URL."""
    if not isinstance(actual, str):
        return None
    try:
        host = urlsplit(actual if "//" in actual else f"//{actual}").hostname
        if host:
            host = host.rstrip(".").encode("idna").decode()
    except ValueError:  # a host that is none, or cannot be a name
        return None
    return fnmatch.fnmatchcase(host.lower(), str(pattern).lower()) if host else None


def _under(actual: object, root: object) -> bool | None:
    """Whether a path, once ``..`` is resolved, lies in ``root``."""
    if not isinstance(actual, str) or "\x00" in actual:
        return None
    path, top = posixpath.normpath(actual), posixpath.normpath(str(root))
    return path == top or path.startswith(top.rstrip("/") + "/")


_OPERATORS: dict[str, Operator] = {
    "glob": _glob,
    "regex": _regex,
    "host": _host,
    "under": _under,
    "<": _ordered(-1, False),
    "<=": _ordered(-1, True),
    ">": _ordered(1, False),
    ">=": _ordered(1, True),
    "==": lambda actual, value: actual == value and type(actual) is type(value),
    "!=": lambda actual, value: actual != value or type(actual) is not type(value),
}
OPERATORS = (*_OPERATORS, "missing")
