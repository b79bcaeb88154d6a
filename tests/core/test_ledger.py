"""The record that no compaction loses comes from the log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agents.core import events, ledger
from agents.core.ledger import Entry
from agents.core.risk import Effect
from agents.core.state import Call, CallStatus
from tests.core.sessions import START


def a_call(risk: str = "medium", **arguments: Any) -> Call:
    return Call(
        call_id="c",
        tool="send_email",
        proposed=arguments,
        arguments=arguments,
        status=CallStatus.STARTED,
        risk=risk,
        rule="test",
        effect=Effect.IRREVERSIBLE,
        required=1,
        timeout=60,
        definition="",
    )


def result(ok: bool = True, **fields: Any) -> events.ToolResult:
    return events.ToolResult("c", "send_email", ok, "sent", **fields)


@pytest.mark.parametrize(
    ("fact", "outcome"),
    [
        (result(), "done"),
        (result(False, error_class="timeout"), "failed (timeout); it may have had effects"),
        (result(False, error_class="outcome_unknown"), "outcome unknown: it may have happened"),
    ],
)
def test_what_was_done_or_may_have_been_is_a_line(fact: events.ToolResult, outcome: str) -> None:
    entry = ledger.of_result(a_call(to="bob"), fact, START)
    assert entry == Entry(2, f'2026-11-23 09:00 send_email {{"to":"bob"}}: {outcome}')


def test_safe_calls_and_calls_that_never_ran_have_no_line() -> None:
    assert ledger.of_result(a_call("safe"), result(), START) is None
    refused = result(False, error_class="denied", executed=False)
    assert ledger.of_result(a_call(), refused, START) is None


def test_a_decision_is_told_with_who_and_why() -> None:
    fact = events.ApprovalDecided("a", "c", "denied", "ada", "wrong customer", "d")
    entry = ledger.of_decision(a_call("high"), fact, START)
    assert entry.text.endswith("denied by ada. Reason: wrong customer")
    edited = events.ApprovalDecided("a", "c", "approved", "ada", "", "d", {"to": "eve"})
    assert "approved with other arguments" in ledger.of_decision(a_call(), edited, START).text


def test_long_arguments_are_cut() -> None:
    entry = ledger.of_result(a_call(body="x" * 5_000), result(), START)
    assert entry
    assert len(entry.text) < 300


def test_the_oldest_of_the_lowest_risk_give_way_and_decisions_never() -> None:
    entries: tuple[Entry, ...] = ()
    for number in range(100):
        entries = ledger.added(entries, Entry(number % 3 + 1, f"effect {number}"))
        entries = ledger.added(entries, Entry(4, f"decision {number}"))
    effects = [entry for entry in entries if entry.rank < 4]
    assert len(entries) - len(effects) == 100
    assert len(effects) == ledger.MOST_LINES
    assert sum(entry.rank == 3 for entry in effects) == 33
    assert sum(entry.rank == 2 for entry in effects) == 27
    assert ledger.added(entries, None) == entries


def test_steers_are_verbatim_and_only_the_oldest_are_shortened() -> None:
    assert ledger.steers(["first", "second"]) == ["first", "second"]
    told = ledger.steers(["a" * 9_000, "b" * 9_000, "c"])
    assert told == ["a" * 300, "b" * 9_000, "c"]


def test_a_long_argument_hides_no_other_and_what_a_person_changed_comes_first() -> None:
    call = a_call(body="b" * 5_000, copies=["c" * 900], to="bob")
    entry = ledger.of_result(
        replace(call, arguments={**call.arguments, "to": "eve"}), result(), START
    )
    assert entry
    assert 'send_email {"to":"eve","body":"bbb' in entry.text
    assert '"copies":"[' in entry.text
    assert len(entry.text) < 500
