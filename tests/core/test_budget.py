"""Budgets warn once, are reached once, and look one call ahead."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agents.core import budget, events, turn
from agents.core.budget import Meter, Price
from agents.core.model import Turn
from agents.core.next import next_step
from agents.core.step import Ask, Park, Say
from tests.core.sessions import START, Session, text

PRICE = Price(input=3.0, output=15.0, cache_read=0.3, cache_write=3.75)


def spend(session: Session, turns: int = 1, cost: float | None = None, **usage: int) -> None:
    for _ in range(turns):
        session.think(text("on it"), usage=usage, cost=cost)


def test_no_limit_is_never_reached() -> None:
    session = Session()
    spend(session, 100, input_tokens=10**6)
    assert budget.check(session.state) is None
    assert budget.meters(session.state) == []


def test_a_warning_at_eighty_percent_and_the_end_at_a_hundred() -> None:
    session = Session(limits={"steps": 10})
    spend(session, 7)
    assert budget.check(session.state) is None
    spend(session)
    warned = budget.check(session.state)
    assert isinstance(warned, events.BudgetWarned)
    assert (warned.dimension, warned.used, warned.limit) == ("steps", 8, 10)
    assert "80 %" in warned.note
    session.say(warned)
    spend(session)
    assert budget.check(session.state) is None
    spend(session)
    assert budget.check(session.state) == events.BudgetReached("steps", 10, 10)


def test_a_reached_budget_is_said_once_and_again_when_raised() -> None:
    session = Session(limits={"steps": 2})
    spend(session, 2)
    reached = budget.check(session.state)
    assert reached
    session.say(reached)
    assert budget.check(session.state) is None
    session.say(events.LimitsChanged(by="ada", limits={"steps": 6}))
    assert budget.check(session.state) is None
    spend(session, 4)
    assert isinstance(budget.check(session.state), events.BudgetReached)


def test_raising_one_budget_is_no_answer_about_another() -> None:
    session = Session(limits={"steps": 2, "tool_calls": 5})
    spend(session, 2)
    reached = budget.check(session.state)
    assert reached
    session.say(reached)
    session.say(events.LimitsChanged(by="ada", limits={"tool_calls": 9}))
    assert session.state.asking == "budget"
    assert "step" in session.state.asked
    session.say(events.LimitsChanged(by="ada", limits={"steps": 6}))
    assert session.state.asking == ""


def test_a_reached_budget_goes_before_a_warning() -> None:
    session = Session(limits={"steps": 10, "active_seconds": 8})
    spend(session, 8)
    assert budget.check(session.state) == events.BudgetReached("active_seconds", 8.0, 8)


def test_the_next_call_is_forecast_in_tokens_and_dollars() -> None:
    session = Session(limits={"tokens": 539}, max_tokens=8_000)
    spend(session, 3, input_tokens=90, output_tokens=10)
    # A conversation of 100 and an answer of at most twice the longest so far; and a last turn.
    assert budget.check(session.state) == events.BudgetReached("tokens", 300, 539, forecast=120)
    session.say(events.LimitsChanged("ada", {"tokens": 540}))
    assert isinstance(budget.check(session.state), events.BudgetWarned)


@pytest.mark.parametrize(("limits", "turns"), [({"steps": 4}, 3), ({"tokens": 500}, 2)])
def test_the_agent_hears_of_the_last_turn_that_fits_though_it_is_before_eighty_percent(
    limits: dict[str, int], turns: int
) -> None:
    session = Session(limits=limits, max_tokens=8_000)
    spend(session, turns - 1, input_tokens=90, output_tokens=10)
    assert budget.check(session.state) is None
    spend(session, input_tokens=90, output_tokens=10)
    warned = budget.check(session.state)
    assert isinstance(warned, events.BudgetWarned)
    assert warned.used < 0.8 * warned.limit
    assert "About 1 more turn will fit" in warned.note
    session.say(warned)
    spend(session, input_tokens=90, output_tokens=10)
    assert isinstance(budget.check(session.state), events.BudgetReached)


def test_who_was_told_to_hurry_hears_of_the_extension() -> None:
    session = Session(limits={"steps": 5, "usd": 9})
    spend(session, 4)
    session.say(events.LimitsChanged("Olu", {"usd": 10}))
    assert not session.state.notes  # of this budget it had heard nothing
    warned = budget.check(session.state)
    assert warned
    session.say(warned)
    session.say(events.LimitsChanged("Olu", {"steps": 20}))
    assert "Olu changed your budget to 20 steps" in session.state.notes[-1].text


def proposal(verdict: str = "allow", risk: str = "low") -> events.ToolCall:
    return events.ToolCall("c", "post", {}, risk, verdict, "r", "irreversible")


@pytest.mark.parametrize(
    ("limits", "verdict", "risk"),
    [
        ({"tool_calls": 2}, "allow", "low"),
        ({"approvals": 2}, "ask", "low"),
        ({"high_executions": 2}, "ask", "high"),
        ({"high_executions": 2}, "allow", "high"),
    ],
)
def test_the_calls_of_one_turn_are_counted_before_they_are_let_through(
    limits: dict[str, int], verdict: str, risk: str
) -> None:
    state = Session(limits=limits).state
    call = proposal(verdict, risk)
    assert budget.no_room(state, call) is None
    assert budget.no_room(state, call, [call]) is None
    full = budget.no_room(state, call, [call, call])
    assert full == Meter(next(iter(limits)), 0, 2)
    # What does not run takes no room, and what uses nothing of a budget is not kept by it.
    assert budget.no_room(state, call, [proposal("deny", risk), proposal("invalid", risk)]) is None
    if "tool_calls" not in limits:
        assert budget.no_room(state, proposal(), [call, call]) is None


def test_what_was_judged_high_counts_as_high_though_its_tool_is_not() -> None:
    session = Session(limits={"high_executions": 3})
    session.think({"type": "tool_use", "id": "c", "name": "post", "input": {}})
    session.say(replace(proposal("ask", "high"), base="medium"))
    session.say(events.ToolStarted("c", "post", {}, "d", "k", 1))
    assert budget.meters(session.state) == [Meter("high_executions", 1, 3)]


def test_dollars_are_forecast_by_the_price_at_the_start() -> None:
    prices = {"input": 3.0, "output": 15.0, "cache_read": 0.3, "cache_write": 3.75}
    session = Session(limits={"usd": 1.0}, max_tokens=1_000, settings={"price": prices})
    usage = {"input_tokens": 100, "cache_creation_input_tokens": 900, "output_tokens": 5_000}
    session.think(text("on it"), usage=usage, cost=0.5)
    # All of it is read again from the cache, and no answer is longer than may be asked for.
    assert budget.forecast(session.state, "usd") == pytest.approx(
        (6_000 * 0.3 + 1_000 * 15.0) / 1_000_000
    )
    without = Session(limits={"usd": 1.0}, max_tokens=1_000, settings={"price": prices})
    without.think(text("on it"), usage={"input_tokens": 1_000, "output_tokens": 10}, cost=0.5)
    assert budget.forecast(without.state, "usd") == pytest.approx(
        (1_010 * 3.0 + 20 * 15.0) / 1_000_000
    )


def test_without_a_price_dollars_are_forecast_by_what_calls_have_cost() -> None:
    session = Session(limits={"usd": 0.45})
    spend(session, 3, cost=0.1, input_tokens=1)
    reached = budget.check(session.state)
    assert isinstance(reached, events.BudgetReached)
    assert reached.used == pytest.approx(0.3)
    assert reached.forecast == pytest.approx(0.1)


def test_a_limit_overrun_by_a_tenth_ends_a_session_that_nobody_attends() -> None:
    session = Session(limits={"tokens": 1_000}, settings={"unattended": True})
    spend(session, input_tokens=1_100)
    assert budget.overrun(session.state) is None
    spend(session, input_tokens=1)
    assert budget.overrun(session.state) == Meter("tokens", 1_101, 1_000)


def test_an_overrun_has_no_last_turn_unless_a_person_grants_one() -> None:
    for unattended in (True, False):
        session = Session(limits={"tokens": 1_000}, settings={"unattended": unattended})
        session.usage = {"input_tokens": 1_200, "output_tokens": 10}
        session.call("look", {}, "found")
        reached = budget.check(session.state)
        assert isinstance(reached, events.BudgetReached)
        session.say(reached)
        if not unattended:
            session.say(events.Resumed("Olu", answer="wrap_up"))
        step = next_step(session.state, 1, START)
        if not unattended:
            assert isinstance(step, Ask)
            continue
        assert isinstance(step, Say)
        (fact,) = step.facts
        assert isinstance(fact, events.Error)
        assert fact.error_class == "budget_exhausted"


def test_a_last_turn_that_fails_is_the_end() -> None:
    session = Session(limits={"steps": 1}, settings={"unattended": True})
    session.call("look", {}, "found")
    session.say(events.BudgetReached("steps", 1, 1))
    session.say(events.TurnDiscarded("truncated", "", {}, session.state.seq))
    step = next_step(session.state, 1, START)
    assert isinstance(step, Say)
    assert [fact.kind for fact in step.facts] == ["error"]


@pytest.mark.parametrize("stop_reason", ["tool_use", "end_turn", "max_tokens"])
def test_a_last_turn_that_calls_tools_is_not_kept(stop_reason: str) -> None:
    session = Session(limits={"steps": 1}, settings={"unattended": True})
    call = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    answer = Turn([text("One more look."), call], stop_reason, {"output_tokens": 9}, "m")
    session.say(events.BudgetReached("steps", 1, 1))
    fact = turn.judge(session.state, answer, 0.1)
    assert isinstance(fact, events.TurnDiscarded)
    assert (fact.reason, fact.cost) == ("called_tools", 0.1)
    session.say(fact)
    step = next_step(session.state, 1, START)
    assert isinstance(step, Say)
    (end,) = step.facts
    assert isinstance(end, events.Error)
    assert end.error_class == "budget_exhausted"


@pytest.mark.parametrize("unattended", [True, False])
def test_what_went_wrong_before_takes_no_session_its_last_turn(unattended: bool) -> None:
    """An answer that was cut off costs tokens, so a budget may well be reached right after it."""

    def cut_text(session: Session) -> None:
        session.think(text("On and"), stop_reason="max_tokens")

    def cut_call(session: Session) -> None:
        session.say(events.TurnDiscarded("truncated", "", {}, session.state.seq))

    for trouble in (cut_text, cut_call):
        session = Session(settings={"unattended": unattended})
        session.call("look", {}, "found")
        trouble(session)
        session.say(events.BudgetReached("tokens", 9, 8))
        if not unattended:
            session.say(events.Resumed("Olu", answer="wrap_up"))
        step = next_step(session.state, 1, START)
        assert isinstance(step, Ask)
        assert step.request.tool_choice == {"type": "none"}
        assert step.request.messages[-1]["role"] == "user"
        session.think(text("Half done."))
        session.say(events.Message("Olu", "Too late."))
        end = next_step(session.state, 1, START)
        assert isinstance(end, Say)
        assert end.facts == (events.Error("budget_exhausted", "Half done."),)


def test_the_days_cap_is_waited_for_and_words_do_not_lift_it() -> None:
    session = Session()
    session.say(events.BudgetReached("usd", 5.0, 5.0, 0.1, "2026-11-23"))
    parked = next_step(session.state, 1, START)
    assert isinstance(parked, Park)
    assert (parked.status, parked.question) == ("waiting_input", "day 2026-11-23 usd 5")
    session.say(events.Message("Olu", "Go on."))
    assert isinstance(next_step(session.state, 1, START), Park)
    session.say(events.Resumed("policy:cap", "A new day has begun."))
    assert not session.state.wrap_up
    assert isinstance(next_step(session.state, 1, START), Ask)


@pytest.mark.parametrize(
    ("dimension", "used", "limit", "expected"),
    [
        ("steps", 50, 50, 75),
        ("steps", 3, 3, 5),
        ("tool_calls", 14, 10, 21),
        ("tokens", 1_950_000, 2_000_000, 3_000_000),
        ("tokens", 412_345, 400_000, 619_000),
        ("usd", 0.051, 0.05, 0.08),
        ("usd", 5, 5, 7.5),
        ("active_seconds", 1_810, 1_800, 2_760),
        ("high_executions", 1, 1, 2),
    ],
)
def test_an_extension_is_half_as_much_again_in_round_figures(
    dimension: str, used: float, limit: float, expected: float
) -> None:
    assert budget.extended(dimension, used, limit, 0.5) == expected


def test_nothing_is_forecast_before_the_first_call() -> None:
    assert budget.check(Session(limits={"usd": 0.01, "tokens": 1}).state) is None


def test_tokens_read_from_the_cache_are_metered_apart() -> None:
    session = Session(limits={"tokens": 1_000})
    spend(session, cache_read_input_tokens=900_000, cache_creation_input_tokens=40, output_tokens=5)
    assert budget.meters(session.state) == [Meter("tokens", 45, 1_000)]


def test_discarded_turns_and_compactions_cost_but_are_no_steps() -> None:
    session = Session(limits={"tokens": 10_000, "steps": 5, "usd": 5})
    used = {"input_tokens": 50, "output_tokens": 50}
    session.say(events.TurnDiscarded("truncated", "", used, session.state.seq, cost=0.25))
    messages = session.state.history
    session.say(events.ContextCompacted(1, 9, 8, "s", messages, 0, usage=used, cost=0.5))
    assert budget.meters(session.state) == [
        Meter("steps", 0, 5),
        Meter("tokens", 200, 10_000),
        Meter("usd", 0.75, 5),
    ]


def test_active_seconds_count_models_and_tools_and_what_is_running() -> None:
    session = Session(limits={"active_seconds": 100})
    first, second = session.propose(("look", {}), ("look", {"at": 2}))
    session.answer(first, "found", duration_ms=2_500)
    session.say(events.ToolStarted(second, "look", {}, "d", "k", 1))
    assert budget.meters(session.state)[0].used == 3.5
    started = session.state.call(second).started_at
    assert started
    now = started + timedelta(seconds=4)
    assert budget.meters(session.state, now)[0].used == 7.5


def test_waiting_is_not_active() -> None:
    session = Session(limits={"active_seconds": 100})
    spend(session)
    assert budget.meters(session.state, START + timedelta(days=3))[0].used == 1.0


def test_limits_are_metered_in_a_fixed_order_with_counts() -> None:
    limits = {"high_executions": 3, "approvals": 2, "tool_calls": 4}
    session = Session(limits=limits)
    (call_id,) = session.propose(("look", {}))
    session.say(events.ToolStarted(call_id, "look", {}, "d", "k", 1))
    session.answer(call_id, "found")
    assert [(m.dimension, m.used) for m in budget.meters(session.state)] == [
        ("tool_calls", 1),
        ("approvals", 0),
        ("high_executions", 0),
    ]


def test_cost_counts_each_kind_of_token_at_its_price() -> None:
    usage = {
        "input_tokens": 1_000_000,
        "cache_creation_input_tokens": 1_000_000,
        "cache_read_input_tokens": 1_000_000,
        "output_tokens": 1_000_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 1_000_000},
    }
    assert budget.cost(usage, PRICE) == pytest.approx(3 + 3.75 + 0.3 + 15)
    assert budget.cost({"input_tokens": None}, PRICE) == 0
    assert budget.cost({}, PRICE) == 0


def test_what_is_kept_in_the_cache_for_an_hour_has_its_own_price() -> None:
    usage = {
        "cache_creation_input_tokens": 1_000_000,
        "cache_creation": {
            "ephemeral_5m_input_tokens": 400_000,
            "ephemeral_1h_input_tokens": 600_000,
        },
    }
    priced = Price(3.0, 15.0, 0.3, 3.75, cache_write_1h=5.0)
    assert budget.cost(usage, priced) == pytest.approx(0.4 * 3.75 + 0.6 * 5)
    assert budget.cost(usage, PRICE) == pytest.approx(0.4 * 3.75 + 0.6 * 6)


def test_a_model_without_a_price_has_no_cost() -> None:
    assert budget.cost({"input_tokens": 5}, None) is None


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"step": 3}, "step: no such limit"),
        ({"steps": 0}, "steps: must be more than 0"),
        ({"usd": -1.5}, "usd: must be more than 0"),
        ({"steps": "3"}, "steps: a number is needed"),
        ({"steps": True}, "steps: a number is needed"),
        ({"steps": None}, "steps: a number is needed"),
        ({"usd": float("nan")}, "usd: a number is needed"),
        ({"usd": float("inf")}, "usd: a number is needed"),
        ({"steps": 2.5}, "steps: a whole number is needed"),
        ({"steps": 1e300}, "steps: must be less than 1,000,000,000,000"),
    ],
)
def test_a_bad_limit_is_named(limits: dict[str, object], problem: str) -> None:
    (found,) = budget.validate(limits)
    assert found.startswith(problem)


def test_good_limits_have_no_problems() -> None:
    limits = dict.fromkeys(budget.DIMENSIONS, 3)
    assert budget.validate({**limits, "usd": 0.5, "active_seconds": 1.5}) == []
    assert budget.validate({}) == []


def test_every_problem_is_reported() -> None:
    assert len(budget.validate({"steps": 0, "hours": 3})) == 2


def test_a_fork_counts_its_own_steps_alone() -> None:
    session = Session(limits={"steps": 3})
    spend(session, 3)
    fork = {"session": "s", "step": 4, "tools": "live", "replaces": None, "arguments": {}}
    session.say(replace(session.state.begun, fork=fork))
    assert budget.meters(session.state) == [Meter("steps", 0, 3)]
    assert budget.check(session.state) is None
    spend(session, 3)
    assert session.state.step == 6
    assert budget.check(session.state) == events.BudgetReached("steps", 3, 3)


@pytest.mark.parametrize("unattended", [True, False])
def test_an_answer_that_was_cut_off_is_not_taken_for_the_last_turn(*, unattended: bool) -> None:
    session = Session(limits={"steps": 2}, settings={"unattended": unattended})
    spend(session)
    session.think(text("The export is late bec"), stop_reason="max_tokens")
    reached = budget.check(session.state)
    assert isinstance(reached, events.BudgetReached)
    session.say(reached)
    if not unattended:
        session.say(events.Resumed("Olu"))
    last = next_step(session.state, 1, START)
    assert isinstance(last, Ask)
    assert last.request.tool_choice == {"type": "none"}
    session.think(text("It is late because of the clock."))
    assert next_step(session.state, 1, START) == Say(
        (events.Error("budget_exhausted", "It is late because of the clock."),)
    )
