"""A first guess at what a tool may do. A server cannot talk it down."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.risk import Effect, Risk
from agents.core.suggestion import suggest, words


@pytest.mark.parametrize(
    ("name", "risk", "effect"),
    [
        ("get_order_status", Risk.SAFE, Effect.READ),
        ("listFiles", Risk.SAFE, Effect.READ),
        ("search-web", Risk.SAFE, Effect.READ),
        ("send_email", Risk.MEDIUM, Effect.IRREVERSIBLE),
        ("create_issue", Risk.MEDIUM, Effect.IRREVERSIBLE),
        ("update_record", Risk.MEDIUM, Effect.KEYED),
        ("delete_record", Risk.HIGH, Effect.IRREVERSIBLE),
        ("process_payment", Risk.HIGH, Effect.IRREVERSIBLE),
        ("executeSql", Risk.HIGH, Effect.IRREVERSIBLE),
        ("frobnicate", Risk.HIGH, Effect.IRREVERSIBLE),
        ("", Risk.HIGH, Effect.IRREVERSIBLE),
    ],
)
def test_the_name_counts_first(name: str, risk: Risk, effect: Effect) -> None:
    guess = suggest(name)
    assert (guess.risk, guess.effect) == (risk, effect)
    assert guess.reasons
    assert not guess.reasons[0].untrusted


def test_the_servers_own_name_says_nothing_of_its_tools() -> None:
    assert suggest("reader__purge", server="reader").risk is Risk.HIGH
    assert suggest("payments__list_charges", server="payments").risk is Risk.SAFE


@pytest.mark.parametrize(
    ("field", "risk"),
    [("amount", Risk.HIGH), ("sqlText", Risk.HIGH), ("to", Risk.MEDIUM), ("note", Risk.MEDIUM)],
)
def test_an_argument_can_raise_the_guess(field: str, risk: Risk) -> None:
    assert suggest("update_thing", input_schema={"properties": {field: {}}}).risk is risk


def test_who_reads_may_name_an_account_but_not_run_code() -> None:
    assert suggest("get_balance", input_schema={"properties": {"account": {}}}).risk is Risk.SAFE
    assert suggest("query_db", input_schema={"properties": {"sql": {}}}).risk is Risk.HIGH
    assert suggest("fetch_page", input_schema={"properties": {"url": {}}}).risk is Risk.LOW


def test_hints_are_marked_as_the_servers_own_words() -> None:
    guess = suggest("get_thing", annotations={"destructiveHint": True}, server="")
    assert (guess.risk, guess.effect) == (Risk.HIGH, Effect.IRREVERSIBLE)
    assert [reason.untrusted for reason in guess.reasons] == [False, True]


HINTS = st.dictionaries(
    st.sampled_from(["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"]),
    st.one_of(st.booleans(), st.none(), st.text(), st.lists(st.integers())),
)
NAMES = st.sampled_from(["get_x", "send_x", "update_x", "pay_x", "x", "délete", "\u202eyap"])


@given(NAMES, HINTS, st.text())
def test_no_server_talks_a_guess_down(name: str, hints: dict[str, Any], described: str) -> None:
    plain, hinted = suggest(name), suggest(name, described, annotations=hints)
    assert hinted.risk >= plain.risk
    assert hinted.effect in (plain.effect, Effect.IRREVERSIBLE)


@pytest.mark.parametrize("schema", [{}, {"properties": []}, {"properties": "x"}, {"properties": 3}])
def test_any_schema_will_do(schema: dict[str, Any]) -> None:
    assert suggest("get_x", input_schema=schema).risk is Risk.SAFE


def test_words_in_a_name() -> None:
    assert words("sendEmail2_now-please") == ["send", "email", "now", "please"]
