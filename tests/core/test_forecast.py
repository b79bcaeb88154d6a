"""What an edit would have changed over the calls that were made."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.core.forecast import Forecast, Past, forecast
from agents.core.risk import Condition, Risk, RiskMap, Rule, ToolRisk, Verdict

LARGE = Condition("amount", ">", 100)


def pay(amount: int = 5, count: int = 1, denied: int = 0, agent: str = "clerk") -> Past:
    return Past(agent, "pay", Risk.LOW, {"amount": amount}, count, denied)


def tool(risk: Risk, *rules: Rule, approvals: int = 1) -> RiskMap:
    return RiskMap({"pay": ToolRisk(risk, approvals=approvals)}, rules)


def rule(verdict: Verdict, approvals: int = 1, agent: str = "*") -> Rule:
    return Rule("r", "pay", verdict, agent, (LARGE,), approvals)


def test_a_lower_risk_lets_calls_run_that_people_denied() -> None:
    calls = [pay(count=59), pay(denied=1), pay(denied=1)]
    figures = forecast(tool(Risk.HIGH), tool(Risk.LOW), calls)
    assert figures == Forecast(calls=61, unasked=61, unasked_denied=2)
    assert forecast(tool(Risk.LOW), tool(Risk.HIGH), calls) == Forecast(calls=61, asked=61)


def test_between_two_risks_that_both_ask_nothing_changes() -> None:
    assert forecast(tool(Risk.HIGH), tool(Risk.MEDIUM), [pay()]).changed == 0


def test_a_rule_is_measured_on_the_arguments() -> None:
    calls = [pay(5), pay(100), pay(101), pay(5000, denied=1)]
    plain, asked = tool(Risk.LOW), tool(Risk.LOW, rule(Verdict.ASK, 2))
    denied = tool(Risk.LOW, rule(Verdict.DENY))
    assert forecast(plain, asked, calls) == Forecast(calls=4, asked=2)
    assert forecast(asked, plain, calls) == Forecast(calls=4, unasked=2, unasked_denied=1)
    assert forecast(asked, denied, calls) == Forecast(calls=4, refused=2)
    assert forecast(denied, plain, calls) == Forecast(calls=4, permitted=2)
    assert forecast(denied, asked, calls) == Forecast(calls=4, permitted=2)


def test_people_needed_are_counted_where_a_call_asks_both_times() -> None:
    one, two = tool(Risk.HIGH), tool(Risk.HIGH, approvals=2)
    assert forecast(one, two, [pay(count=3)]) == Forecast(calls=3, more_people=3)
    assert forecast(two, one, [pay(count=3)]) == Forecast(calls=3, fewer_people=3)


def test_a_rule_of_one_agent_leaves_the_others_calls_alone() -> None:
    edited = tool(Risk.LOW, rule(Verdict.DENY, agent="clerk"))
    calls = [pay(500), pay(500, agent="buyer")]
    assert forecast(tool(Risk.LOW), edited, calls) == Forecast(calls=2, refused=1)


VERDICTS = st.sampled_from([Verdict.DENY, Verdict.ASK, Verdict.ALLOW])
RULES = st.lists(
    st.builds(
        Rule,
        st.just("r"),
        st.sampled_from(["pay", "p*", "other", "*"]),
        VERDICTS,
        st.sampled_from(["*", "clerk", "buyer"]),
        st.sampled_from([(), (LARGE,), (Condition("to", "glob", "a*"),)]),
        st.integers(1, 3),
    ),
    max_size=5,
)
CALLS = st.builds(
    Past,
    st.sampled_from(["clerk", "buyer"]),
    st.just("pay"),
    st.sampled_from(Risk),
    st.fixed_dictionaries({}, optional={"amount": st.integers(0, 200), "to": st.just("abc")}),
)


@given(RULES, st.sampled_from(Risk), CALLS)
def test_a_narrowed_map_judges_as_the_whole_one(rules: list[Rule], risk: Risk, call: Past) -> None:
    whole = tool(risk, *rules)
    narrow = whole.narrowed(call.agent, call.tool)
    asked = (call.agent, call.tool, call.arguments, call.max_auto_risk)
    assert narrow.judge(*asked) == whole.judge(*asked)
    if not whole.looks_at_arguments(call.agent, call.tool):
        assert whole.judge(call.agent, call.tool, {}, call.max_auto_risk) == whole.judge(*asked)


@given(RULES, RULES, st.sampled_from(Risk), st.sampled_from(Risk), st.lists(CALLS, max_size=4))
def test_every_call_counts_once_at_most(
    before: list[Rule], after: list[Rule], was: Risk, will: Risk, calls: list[Past]
) -> None:
    figures = forecast(tool(was, *before), tool(will, *after), calls)
    assert 0 <= figures.changed <= figures.calls == len(calls)
    assert forecast(tool(was, *before), tool(was, *before), calls).changed == 0
