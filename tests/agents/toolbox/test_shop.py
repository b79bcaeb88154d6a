"""The tools that act on the shop, the mailbox, the timeline and the library."""

from __future__ import annotations

import asyncio
import email
import sqlite3
from dataclasses import replace
from email.policy import default
from typing import Any

import pytest

from agents.core.risk import Effect, Risk
from agents.core.tools import InvalidArguments, NotFound, ToolContext, ToolError, Unavailable
from agents.toolbox.tool import Conflict, python_tools


async def use(name: str, context: ToolContext, **arguments: Any) -> Any:
    return (await python_tools()[name].call(arguments, context)).content


@pytest.mark.parametrize(
    ("name", "risk", "effect"),
    [
        ("search_web", Risk.SAFE, Effect.READ),
        ("read_file", Risk.SAFE, Effect.READ),
        ("find_records", Risk.SAFE, Effect.READ),
        ("write_file", Risk.LOW, Effect.PROBED),
        ("send_email", Risk.MEDIUM, Effect.KEYED),
        ("post_tweet", Risk.HIGH, Effect.IRREVERSIBLE),
        ("delete_record", Risk.HIGH, Effect.IRREVERSIBLE),
        ("process_payment", Risk.HIGH, Effect.KEYED),
    ],
)
def test_every_tool_says_its_risk_its_effect_and_that_it_is_a_sandbox(
    name: str, risk: Risk, effect: Effect
) -> None:
    definition = python_tools()[name].definition
    assert (definition.risk, definition.effect) == (risk, effect)
    assert "sandbox" in definition.description


async def test_a_payment_under_the_same_key_is_taken_once(context: ToolContext) -> None:
    first = await use("process_payment", context, order_id=1002, amount=24.50)
    again = await use("process_payment", context, order_id=1002, amount=24.50)
    assert first.startswith("Payment 2: £24.50")
    assert "not taken again" in again
    other = replace(context, idempotency_key="key-2")
    with pytest.raises(Conflict, match="paid"):
        await use("process_payment", other, order_id=1002, amount=24.50)


async def test_payments_at_the_same_moment_under_one_key_are_one(context: ToolContext) -> None:
    calls = [use("process_payment", context, order_id=1005, amount=16.25) for _ in range(8)]
    await asyncio.gather(*calls)
    with sqlite3.connect(context.data / "shop.sqlite3") as database:
        paid = database.execute("SELECT count(*) FROM payments WHERE order_id = 1005").fetchone()
    database.close()
    assert paid == (1,)


@pytest.mark.parametrize(
    ("order", "amount", "error"),
    [(9999, 1, NotFound), (1003, 1, InvalidArguments), (1003, 19.801, InvalidArguments)],
)
async def test_a_payment_that_does_not_fit_is_refused_without_effect(
    context: ToolContext, order: int, amount: float, error: type[ToolError]
) -> None:
    with pytest.raises(error) as caught:
        await use("process_payment", context, order_id=order, amount=amount)
    assert not caught.value.effects


async def test_a_record_is_deleted_for_good_unless_it_is_in_use(context: ToolContext) -> None:
    with pytest.raises(Conflict):
        await use("delete_record", context, table="customers", id=1)
    assert "Deleted" in await use("delete_record", context, table="customers", id=5)
    with pytest.raises(NotFound):
        await use("delete_record", context, table="customers", id=5)
    with pytest.raises(NotFound):
        await use("find_records", context, table="customers", id=5)


async def test_sql_in_an_argument_is_only_text(context: ToolContext) -> None:
    found = await use("find_records", context, table="orders", text="'; DROP TABLE orders; --")
    assert '"found":0' in found
    assert '"found":6' in await use("find_records", context, table="orders")


async def test_an_email_is_filed_once_per_key(context: ToolContext) -> None:
    letter = {"to": ["ada@brook.example"], "subject": "Your örder", "body": "It ships.\n"}
    await use("send_email", context, **letter)
    assert "not sent again" in await use("send_email", context, **letter)
    await use("send_email", replace(context, idempotency_key="key-2"), **letter)
    filed = sorted((context.data / "mailbox").iterdir())
    assert len(filed) == 2
    message = email.message_from_bytes(filed[0].read_bytes(), policy=default)
    assert message["Subject"] == "Your örder"
    assert message["To"] == "ada@brook.example"


@pytest.mark.parametrize(
    "change",
    [{"to": ["a@b.example\nBcc: x@y.example"]}, {"to": ["nobody"]}, {"subject": "a\r\nBcc: x@y"}],
)
async def test_a_header_cannot_be_smuggled_into_an_email(
    context: ToolContext, change: dict[str, Any]
) -> None:
    letter = {"to": ["ada@brook.example"], "subject": "x", "body": "y"} | change
    with pytest.raises(InvalidArguments):
        await use("send_email", context, **letter)


async def test_a_post_is_appended_to_the_timeline(context: ToolContext) -> None:
    await use("post_tweet", context, text="First\nline")
    await use("post_tweet", context, text="Second")
    assert len((context.data / "timeline.jsonl").read_text().splitlines()) == 2
    with pytest.raises(InvalidArguments):
        await use("post_tweet", context, text="x" * 281)


@pytest.mark.parametrize(
    ("query", "page"),
    [("refund a lamp", "incident-lamp"), ("press release contact", "press-contacts")],
)
async def test_a_search_finds_the_page_and_names_its_source(
    context: ToolContext, query: str, page: str
) -> None:
    found = await use("search_web", context, query=query)
    assert f"library/{page}.md" in found
    assert "bundled library" in found


async def test_search_operators_in_a_query_are_only_words(context: ToolContext) -> None:
    assert "results" in await use("search_web", context, query='" OR NEAR(x* title:')
    with pytest.raises(InvalidArguments):
        await use("search_web", context, query="***")


async def test_a_busy_shop_is_unavailable_without_effect(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    await use("find_records", context, table="orders")
    other = sqlite3.connect(context.data / "shop.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k | {"timeout": 0.1}))
    with pytest.raises(Unavailable) as caught:
        await use("delete_record", context, table="customers", id=5)
    other.close()
    assert not caught.value.effects
