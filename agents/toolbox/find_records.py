"""Look things up in the shop."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from agents.core.risk import Effect, Risk
from agents.core.tools import NotFound, ToolContext
from agents.toolbox.shop import Table, shop
from agents.toolbox.tool import tool

# Constants, so that no text from a model ever becomes SQL.
_QUERIES: dict[Table, str] = {
    "customers": "SELECT * FROM customers",
    "products": "SELECT * FROM products",
    "orders": "SELECT orders.*, customers.name AS customer, products.name AS product FROM orders "
    "JOIN customers ON customers.id = customer_id JOIN products ON products.id = product_id",
    "payments": "SELECT id, order_id, amount_pence FROM payments",
}


@tool(risk=Risk.SAFE, effect=Effect.READ, timeout=10)
def find_records(
    context: ToolContext,
    table: Annotated[Table, "Which records"],
    id: Annotated[int | None, "Only the record with this id"] = None,  # noqa: A002 - the name that the model sees
    text: Annotated[str, Field(max_length=200), "Only records that contain this text"] = "",
    limit: Annotated[int, Field(ge=1, le=100), "At most so many"] = 20,
) -> dict[str, Any]:
    """Look up customers, products, orders or payments in the shop's database.

    This is a sandbox: the shop is a small local database of invented data.
    """
    with shop(context.data) as database:
        rows = [dict(row) for row in database.execute(f"{_QUERIES[table]} ORDER BY 1")]
    found = [row for row in rows if _matches(row, id, text)]
    if id is not None and not found:
        raise NotFound(f"There is no record {id} in {table}.", effects=False)
    return {"source": "sandbox shop", "found": len(found), "records": found[:limit]}


def _matches(row: dict[str, Any], wanted: int | None, text: str) -> bool:
    if wanted is not None and row["id"] != wanted:
        return False
    return any(text.casefold() in str(value).casefold() for value in row.values())
