"""The gate's verdicts: the order of risks, the strength of rules, the holes they must not have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core import patterns
from agents.core.risk import (
    OPERATORS,
    Condition,
    Effect,
    Risk,
    RiskMap,
    Rule,
    ToolRisk,
    Verdict,
    matches,
)

ORDER = [Risk.SAFE, Risk.LOW, Risk.MEDIUM, Risk.HIGH]
RISKS = st.sampled_from(Risk)


@pytest.mark.parametrize("most", Risk)
@pytest.mark.parametrize("risk", Risk)
def test_a_call_is_gated_exactly_when_its_risk_is_higher(risk: Risk, most: Risk) -> None:
    catalogue = RiskMap(tools={"t": ToolRisk(risk)})
    asks = ORDER.index(risk) > ORDER.index(most)
    assert catalogue.judge("a", "t", {}, most).verdict is (Verdict.ASK if asks else Verdict.ALLOW)


@pytest.mark.parametrize("most", [Risk.SAFE, Risk.LOW, Risk.MEDIUM])
def test_an_unknown_tool_is_high_irreversible_and_asked_about(most: Risk) -> None:
    judged = RiskMap().judge("a", "never_heard_of", {}, most)
    assert (judged.verdict, judged.risk) == (Verdict.ASK, Risk.HIGH)
    assert judged.effect is Effect.IRREVERSIBLE


def test_risks_are_named_in_any_case() -> None:
    assert [Risk.of(word) for word in ("safe", "LOW", "Medium", "high")] == ORDER
    assert Risk.HIGH.word == "high"
    for word in ("", "critical", "high "):
        with pytest.raises(ValueError, match="risk must be"):
            Risk.of(word)


def rule(verdict: Verdict, *conditions: Condition, tool: str = "t", **fields: Any) -> Rule:
    return Rule(f"{verdict} {tool}", tool, verdict, conditions=conditions, **fields)


def judge(*rules: Rule, tool: str = "t", agent: str = "a", **arguments: Any) -> Verdict:
    catalogue = RiskMap(tools={"t": ToolRisk(Risk.MEDIUM)}, rules=rules)
    return catalogue.judge(agent, tool, arguments, Risk.LOW).verdict


def test_deny_beats_ask_beats_allow_beats_risk() -> None:
    allow, ask, deny = (rule(v) for v in (Verdict.ALLOW, Verdict.ASK, Verdict.DENY))
    assert judge() is Verdict.ASK
    assert judge(allow) is Verdict.ALLOW
    assert judge(allow, ask) is Verdict.ASK
    assert judge(ask, deny, allow) is Verdict.DENY


def test_specificity_never_matters() -> None:
    everywhere = rule(Verdict.DENY, tool="*")
    here = rule(Verdict.ALLOW, Condition("path", "==", "a"))
    assert judge(here, everywhere, path="a") is Verdict.DENY


@given(st.permutations([Verdict.ALLOW, Verdict.ASK, Verdict.DENY]))
def test_the_order_of_rules_never_matters(verdicts: list[Verdict]) -> None:
    assert judge(*map(rule, verdicts)) is Verdict.DENY


@given(RISKS, RISKS, st.sampled_from([Verdict.ALLOW, Verdict.ASK, Verdict.DENY]))
def test_a_rule_never_changes_the_risk(risk: Risk, most: Risk, verdict: Verdict) -> None:
    catalogue = RiskMap(tools={"t": ToolRisk(risk, Effect.READ)}, rules=(rule(verdict),))
    judged = catalogue.judge("a", "t", {}, most)
    assert (judged.risk, judged.effect, judged.verdict) == (risk, Effect.READ, verdict)


def test_a_rule_is_for_its_tool_and_its_agent() -> None:
    assert judge(rule(Verdict.DENY, tool="other")) is Verdict.ASK
    assert judge(rule(Verdict.DENY, agent="b")) is Verdict.ASK
    assert judge(rule(Verdict.DENY, agent="a*"), agent="abe") is Verdict.DENY


def test_a_rule_for_another_agent_looks_at_nobody_elses_arguments() -> None:
    other = rule(Verdict.ASK, Condition("x", "==", 1), agent="b")
    assert RiskMap(rules=(other,)).looks_at_arguments("b", "t")
    assert not RiskMap(rules=(other,)).looks_at_arguments("a", "t")


def test_globs_are_anchored_and_mind_case() -> None:
    assert matches("bash", "bash")
    assert not matches("bash", "bash_admin")
    assert not matches("bash", "Bash")
    assert matches("git__*", "git__log")
    assert not matches("git__*", "my_git__log")


def test_the_most_people_that_anything_asks_for_are_needed() -> None:
    tools = {"t": ToolRisk(Risk.HIGH, approvals=2)}
    held = rule(Verdict.ASK, approvals=3)
    idle = rule(Verdict.ASK, Condition("x", "==", 1), approvals=5)
    allow = rule(Verdict.ALLOW, approvals=9)
    judged = RiskMap(tools, (held, idle, allow)).judge("a", "t", {"x": 2}, Risk.LOW)
    assert judged.required == 3
    assert RiskMap(tools).judge("a", "t", {}, Risk.LOW).required == 2


def test_the_rule_that_fired_is_named() -> None:
    judged = RiskMap(rules=(rule(Verdict.DENY),)).judge("a", "t", {}, Risk.HIGH)
    assert judged.rule == "rule deny t"
    judged = RiskMap().judge("a", "t", {}, Risk.LOW)
    assert judged.rule == "t is HIGH, not reviewed; only LOW runs unasked"


CONDITIONS = [
    ("glob", "*.txt", "a.txt", "a.exe"),
    ("regex", r"[a-z]+", "abc", "abc1"),
    ("<", 5, 4, 5),
    ("<=", 5, 5, 5.5),
    (">", 5, 5.1, 5),
    (">=", 5, 5, 4),
    ("==", "x", "x", "X"),
    ("!=", "x", "y", "x"),
    ("host", "*.example.com", "https://A.example.com/x", "https://example.com.evil.org"),
    ("host", "example.com", "http://user@example.com:80/", "http://example.com@evil.org/"),
    ("host", "EVIL.org", "https://evil.org./", "https://evil.org.com/"),  # one name, and its root
    ("host", "xn--bcher-kva.org", "https://bücher.org/", "https://bucher.org/"),
    ("host", "::1", "http://[::1]:80/", "http://[::2]/"),
    ("host", "127.0.0.1", "http://127.0.0.1/", "http://127.0.0.2/"),
    ("under", "work", "work/a/../b", "work/../secret"),
    ("under", "/srv/work", "/srv/work", "/srv/workshop"),
    ("under", "/", "/etc/passwd", "etc/passwd"),
]


@pytest.mark.parametrize(("op", "value", "good", "bad"), CONDITIONS)
def test_a_condition_holds_for_what_it_says(
    op: str, value: object, good: object, bad: object
) -> None:
    condition = Condition("x", op, value)
    assert judge(rule(Verdict.ALLOW, condition), x=good) is Verdict.ALLOW
    assert judge(rule(Verdict.ALLOW, condition), x=bad) is Verdict.ASK
    assert judge(rule(Verdict.DENY, condition), x=good) is Verdict.DENY
    assert judge(rule(Verdict.DENY, condition), x=bad) is Verdict.ASK


@pytest.mark.parametrize("op", [op for op in OPERATORS if op not in ("missing", "==", "!=")])
@pytest.mark.parametrize("arguments", [{}, {"x": None}, {"x": [1]}, {"x": {"y": 1}}, {"x": True}])
def test_what_cannot_be_tested_never_allows_and_always_denies(
    op: str, arguments: dict[str, Any]
) -> None:
    condition = Condition("x", op, 5)
    assert judge(rule(Verdict.ALLOW, condition), **arguments) is Verdict.ASK
    assert judge(rule(Verdict.DENY, condition), **arguments) is Verdict.DENY


@pytest.mark.parametrize("op", ["==", "!="])
def test_equality_of_an_absent_field_never_allows_and_always_denies(op: str) -> None:
    condition = Condition("x", op, 5)
    assert judge(rule(Verdict.ALLOW, condition)) is Verdict.ASK
    assert judge(rule(Verdict.DENY, condition)) is Verdict.DENY


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("a*", "a" * (patterns.LONGEST + 1)),
        (r"(a+)\1", "aa"),  # has no bound of time
    ],
)
def test_a_pattern_that_is_not_tried_never_allows_and_always_denies(
    pattern: str, text: str
) -> None:
    condition = Condition("x", "regex", pattern)
    assert judge(rule(Verdict.ALLOW, condition), x=text) is Verdict.ASK
    assert judge(rule(Verdict.DENY, condition), x=text) is Verdict.DENY


def test_equality_tells_types_apart() -> None:
    condition, other = Condition("x", "==", 1), Condition("x", "!=", 1)
    assert judge(rule(Verdict.ALLOW, condition), x=True) is Verdict.ASK
    assert judge(rule(Verdict.ALLOW, condition), x=1) is Verdict.ALLOW
    assert judge(rule(Verdict.DENY, other), x=True) is Verdict.DENY
    assert judge(rule(Verdict.DENY, other), x=1) is Verdict.ASK


def test_missing_tests_for_absence() -> None:
    condition = Condition("bcc", "missing")
    assert judge(rule(Verdict.ALLOW, condition)) is Verdict.ALLOW
    assert judge(rule(Verdict.ALLOW, condition), bcc="a@b.c") is Verdict.ASK


def test_fields_are_dotted_paths() -> None:
    condition = Condition("to.amount", ">", 100)
    assert judge(rule(Verdict.DENY, condition), to={"amount": 101}) is Verdict.DENY
    assert judge(rule(Verdict.DENY, condition), to={"amount": 99}) is Verdict.ASK
    assert judge(rule(Verdict.DENY, condition), to=101) is Verdict.DENY


def test_all_conditions_must_hold() -> None:
    both = rule(Verdict.ALLOW, Condition("x", ">", 1), Condition("y", "<", 5))
    assert judge(both, x=2, y=3) is Verdict.ALLOW
    assert judge(both, x=2, y=5) is Verdict.ASK


@pytest.mark.parametrize("path", ["work/a\x00b", "work\x00/../..", "work/../../etc", "/work", ".."])
def test_a_path_that_leaves_the_folder_is_not_under_it(path: str) -> None:
    assert judge(rule(Verdict.ALLOW, Condition("x", "under", "work")), x=path) is Verdict.ASK
