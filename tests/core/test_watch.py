"""What is found among three hundred sessions, and what is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agents.core.habits import Habits
from agents.core.risk import Risk
from agents.core.watch import Call, End, Finding, Seen, Turn, watch
from tests.core.seeded import Plant, World, play

SEEDS = range(1, 9)  # the first there are: none was chosen


def stream(world: World) -> list[tuple[str, Seen]]:
    """Everything in the order in which it happened."""
    found = [
        (one.at, session.name, n, session.agent, one)
        for session in world.sessions
        for n, one in enumerate(session.seen)
    ]
    return [(agent, one) for *_, agent, one in sorted(found, key=lambda row: row[:3])]


def findings(world: World) -> Iterator[Finding]:
    habits: dict[str, Habits] = {}
    for agent, seen in stream(world):
        yield from watch(habits.setdefault(agent, Habits()), seen)


def matches(finding: Finding, plant: Plant) -> bool:
    named = plant.subject in ("", finding.subject)
    return finding.kind == plant.kind and finding.session in plant.sessions and named


def caused(finding: Finding, plant: Plant) -> bool:
    return finding.session in plant.sessions and finding.kind in {plant.kind, *plant.also}


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_was_planted_is_found_and_little_else(seed: int) -> None:
    world = play(seed)
    alarms = [finding for finding in findings(world) if finding.level == "alert"]
    missed = [plant for plant in world.plants if not any(matches(a, plant) for a in alarms)]
    assert missed == []
    false = [a for a in alarms if not any(caused(a, plant) for plant in world.plants)]
    assert len(false) <= 2, false


@pytest.mark.parametrize("seed", SEEDS)
def test_where_nothing_was_planted_nobody_is_alarmed(seed: int) -> None:
    alarms = [one for one in findings(play(seed, planted=False)) if one.level == "alert"]
    assert len(alarms) <= 2, alarms


def test_habits_that_were_stored_and_read_find_the_same() -> None:
    world = play(SEEDS[0])
    whole = list(findings(world))
    habits: dict[str, Habits] = {}
    found: list[Finding] = []
    for n, (agent, seen) in enumerate(stream(world)):
        if n % 97 == 0:
            stored = {name: json.dumps(one.dump()) for name, one in habits.items()}
            habits = {name: Habits.load(json.loads(text)) for name, text in stored.items()}
        found += watch(habits.setdefault(agent, Habits()), seen)
    assert found == whole


def test_what_is_seen_twice_is_told_once() -> None:
    habits = Habits(runs=50)
    call = calling("a", "delete_record", Risk.HIGH)
    assert [one.kind for one in watch(habits, call)] == ["first_risky_use"]
    assert list(watch(habits, call)) == []


def test_the_first_runs_of_an_agent_alarm_nobody() -> None:
    found = list(watch(Habits(runs=3), calling("a", "delete_record", Risk.HIGH)))
    assert [(one.kind, one.level) for one in found] == [("first_risky_use", "notice")]


def test_a_few_values_are_no_habit() -> None:
    habits = Habits()
    calls = [calling(str(n), "read_file", ms=20) for n in range(19)]
    assert [list(watch(habits, call)) for call in calls] == [[]] * 19
    assert list(watch(habits, calling("x", "read_file", ms=90_000))) == []
    found = list(watch(habits, calling("y", "read_file", ms=90_000)))
    assert [one.kind for one in found] == ["slow_call"]


def test_little_more_than_nothing_is_no_matter() -> None:
    habits = Habits()
    for n in range(100):
        list(watch(habits, calling(str(n), "read_file", ms=2)))
    assert list(watch(habits, calling("x", "read_file", ms=200))) == []


def test_one_dear_turn_is_a_spike_and_no_burn_rate() -> None:
    habits = Habits()
    for hour in range(40):
        list(watch(habits, turning(str(hour), hour * 3600, 0.05)))
        list(watch(habits, turning(str(hour), hour * 3600 + 60, 0.06)))
    found = list(watch(habits, turning("dear", 40 * 3600, 9.0)))
    assert [one.kind for one in found] == ["cost_spike"]


def test_a_turn_that_wrote_much_does_not_hide_what_it_cost() -> None:
    habits = Habits()
    for hour in range(40):
        usual = turning(str(hour), hour * 3600, 0.01 + 0.0001 * (hour % 7))
        list(watch(habits, replace(usual, output=1000 + 100 * (hour % 9))))
    longer = replace(turning("long", 40 * 3600, 1.1), output=3800)
    found = [(one.kind, one.level) for one in watch(habits, longer)]
    assert found == [("token_burst", "notice"), ("cost_spike", "alert")]


def test_an_hour_dearer_than_any_by_far_is_told_however_much_hours_differ() -> None:
    habits = Habits()
    for hour in range(30):
        for n in range(2):
            spent = 0.01 * 60 ** ((hour % 6) / 5)
            list(watch(habits, turning(f"{hour}-{n}", hour * 3600 + n, spent)))
    found = [watch(habits, turning(f"x{n}", 40 * 3600 + n, 0.24)) for n in range(20)]
    assert "burn_rate" in [one.kind for some in found for one in some]


def test_what_never_ended_does_not_count_as_a_run() -> None:
    habits = Habits()
    list(watch(habits, End("nobody", 1, 1, 0)))
    assert habits.runs == 0


def calling(session: str, tool: str, risk: Risk = Risk.SAFE, ms: int = 5) -> Call:
    return Call(session, 3, 1, 1.0, tool, risk, True, True, ms, 10)


def turning(session: str, at: float, cost: float) -> Turn:
    return Turn(session, 2, 1, at, "model", 1000, 100, 1000, 500, cost)
