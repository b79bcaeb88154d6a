"""The demo tools that fail on purpose: one whose line drops, one whose answer is lost."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agents.core.risk import Effect
from agents.core.tools import NotFound, ToolContext, ToolTimeout, Unavailable
from agents.toolbox.tool import python_tools
from tests.agents.toolbox.test_shop import use


async def test_the_warehouse_answers_at_the_second_try(context: ToolContext) -> None:
    with pytest.raises(Unavailable) as dropped:
        await use("check_stock", context, product="Desk lamp")
    assert not dropped.value.effects
    answer = await use("check_stock", replace(context, attempt=2), product="Desk lamp")
    assert json.loads(answer)["in_stock"] == 14


async def test_a_product_that_the_warehouse_does_not_know_is_not_found(
    context: ToolContext,
) -> None:
    with pytest.raises(NotFound, match="desk lamp"):
        await use("check_stock", replace(context, attempt=2), product="anvil")


async def test_a_heavy_parcel_is_booked_although_the_answer_is_lost(context: ToolContext) -> None:
    assert python_tools()["book_courier"].definition.effect is Effect.IRREVERSIBLE
    with pytest.raises(ToolTimeout) as lost:
        await use("book_courier", context, address="9 Station Road", kilograms=24)
    assert lost.value.effects
    answer = await use("book_courier", context, address="4 Mill Lane", kilograms=2)
    assert "2 kg" in answer
    bookings = (context.data / "courier.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["kilograms"] for line in bookings] == [24, 2]
