"""The gate looks again before a call begins, and before each further attempt of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from agents.catalogue import CatalogueCopy, risk_map
from agents.core import events
from agents.core.risk import Effect, Risk, RiskMap, Rule, ToolRisk, Verdict
from agents.core.state import Call, CallStatus, State
from agents.core.stuck import signature
from agents.core.turn import Proposed
from agents.gatekeeper import SessionGate
from agents.models import GateRule, Tool
from agents.testing import MemoryToolbox
from tests.core.sessions import START, Session

TOOLS = {"look": Effect.READ, "write": Effect.PROBED, "mail": Effect.KEYED}
DENY = Rule("not any more", "*", Verdict.DENY)
ASK = Rule("ask by now", "*", Verdict.ASK)


def still(call: Call, *rules: Rule, risk: Risk = Risk.LOW, state: State | None = None) -> object:
    """What stands in the way of ``call`` by the rules of this moment; None if nothing does."""
    judged = gate(*rules, risk=risk).still(state or Session(max_auto_risk="low").state, call)
    assert judged.version == 2, "the claim must see the catalogue that was looked at"
    return judged.facts[0] if judged.facts else None


def again(call: Call, *rules: Rule) -> Sequence[events.Fact]:
    return gate(*rules).again(Session(max_auto_risk="low").state, call).facts


def gate(*rules: Rule, risk: Risk = Risk.LOW) -> SessionGate:
    known = RiskMap({name: ToolRisk(risk, effect) for name, effect in TOOLS.items()}, rules)
    return SessionGate("s", MemoryToolbox(TOOLS), CatalogueCopy(known, version=2))


def ready(tool: str, **fields: object) -> Call:
    call = Call("c1", tool, {}, {}, CallStatus.READY, "low", "", TOOLS[tool], 1, 5.0, "d")
    return replace(call, **fields)  # type: ignore[arg-type]  # any of the call's fields


@pytest.mark.parametrize("attempt", [0, 1])
def test_what_the_catalogue_still_allows_goes_on(attempt: int) -> None:
    assert still(ready("write", attempt=attempt)) is None


@pytest.mark.parametrize("tool", ["look", "write"])
def test_an_attempt_that_a_rule_forbids_by_now_is_not_made(tool: str) -> None:
    fact = still(ready(tool, attempt=1), DENY)
    assert isinstance(fact, events.ToolResult)
    assert (fact.error_class, fact.executed) == ("denied_by_policy", False)


@pytest.mark.parametrize("rule", [DENY, ASK])
def test_of_a_keyed_call_whose_repeat_is_forbidden_a_person_says_what_became(rule: Rule) -> None:
    begun = ready("mail", attempt=1, idempotency_key="k", key_since=START)
    fact = still(begun, rule)
    assert isinstance(fact, events.OutcomeUnknown)
    assert (fact.idempotency_key, rule.name in fact.evidence) == ("k", True)
    proven = still(replace(begun, key_since=None), rule)
    assert isinstance(proven, events.ToolResult), "no attempt can have had its effect"


def test_a_read_that_is_forbidden_by_now_leaves_no_doubt() -> None:
    assert isinstance(still(ready("look", attempt=1, key_since=START), DENY), events.ToolResult)


def test_an_attempt_that_needs_a_person_by_now_is_asked_for_by_a_new_call() -> None:
    fact = still(ready("write", attempt=1), ASK)
    assert isinstance(fact, events.ToolResult)
    assert "Call it again" in str(fact.content)
    assert still(ready("write", attempt=1, approval_id="a"), ASK) is None, "a person said yes"


def granted(risk: str = "low") -> State:
    session = Session(max_auto_risk="safe")
    return session.say(events.GrantGiven("g", by="Ann", tool="write", risk=risk))


@pytest.mark.parametrize(
    ("given", "risk", "runs"),
    [
        ("low", Risk.LOW, True),
        ("low", Risk.MEDIUM, False),
        ("high", Risk.HIGH, False),  # nobody can give such a grant, and it would hold for nothing
    ],
)
def test_a_grant_lets_nothing_through_above_its_risk(given: str, risk: Risk, runs: bool) -> None:
    fact = still(ready("write", grant="g"), risk=risk, state=granted(given))
    assert (fact is None) is runs
    assert runs or isinstance(fact, events.ApprovalRequested)


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [(ASK, "allow"), (Rule("two", "*", Verdict.ASK, approvals=2), "ask"), (DENY, "deny")],
)
async def test_a_grant_stands_for_one_person_and_softens_no_rule_that_forbids(
    rule: Rule, verdict: str
) -> None:
    judged = await gate(rule).judge(granted(), [Proposed("c1", "write", {})], "")
    call = judged.facts[0]
    assert isinstance(call, events.ToolCall)
    assert call.verdict == verdict
    assert (still(ready("write", grant="g"), rule, state=granted()) is None) is (verdict == "allow")


async def test_a_call_that_the_loop_guard_blocks_is_not_let_through() -> None:
    session = Session(max_auto_risk="low")
    evidence = {"signature": signature("write", {})}
    session.say(events.LoopDetected("same_call_error", "block", evidence))
    judged = await gate().judge(session.state, [Proposed("c1", "write", {})], "")
    result = judged.facts[-1]
    assert isinstance(result, events.ToolResult)
    assert result.error_class == "loop_blocked"


@pytest.mark.parametrize("call", [ready("write"), ready("write", approval_id="a")])
def test_a_call_that_would_be_asked_about_anew_and_is_forbidden_by_now_is_not_asked_about(
    call: Call,
) -> None:
    (fact,) = again(replace(call, status=CallStatus.AGAIN), DENY)
    assert isinstance(fact, events.ToolResult)
    assert fact.error_class == "denied_by_policy"


def test_a_call_is_asked_about_anew_for_no_less_than_before_and_no_less_than_now() -> None:
    (before,) = again(ready("write", risk="high", rule="it was", required=2))
    (now,) = again(ready("write"), Rule("two by now", "*", Verdict.ASK, approvals=2))
    assert isinstance(before, events.ApprovalRequested)
    assert (before.risk, before.rule, before.required) == ("high", "it was", 2)
    assert isinstance(now, events.ApprovalRequested)
    assert (now.risk, now.rule, now.required) == ("low", "rule two by now", 2)


def test_a_grant_that_is_gone_lets_nothing_through() -> None:
    asked = still(ready("write", grant="g"), risk=Risk.MEDIUM)
    assert isinstance(asked, events.ApprovalRequested)


def verdict(*rows: Tool | GateRule, tool: str = "get[1]") -> Verdict:
    tools = [row for row in rows if isinstance(row, Tool)]
    rules = [row for row in rows if isinstance(row, GateRule)]
    return risk_map(tools, rules).judge("a", tool, {}, Risk.HIGH).verdict


def test_a_tool_that_is_switched_off_is_that_tool_alone_whatever_its_name() -> None:
    off = Tool(name="get[1]", enabled=False)
    assert verdict(off) is Verdict.DENY
    assert verdict(off, tool="get1") is Verdict.ALLOW


def test_a_rule_that_is_switched_off_says_nothing() -> None:
    assert verdict(GateRule(name="r", tool="*", verdict="deny")) is Verdict.DENY
    assert verdict(GateRule(name="r", tool="*", verdict="deny", enabled=False)) is Verdict.ALLOW


def test_a_tool_that_is_not_what_was_reviewed_is_high_and_asks_as_many_people_as_before() -> None:
    changed = Tool(name="t", risk="low", effect="read", approvals=2, reviewed=True, offered={})
    judged = risk_map([changed], []).judge("a", "t", {}, Risk.LOW)
    assert (judged.verdict, judged.risk, judged.required) == (Verdict.ASK, Risk.HIGH, 2)
    assert judged.effect is Effect.IRREVERSIBLE
