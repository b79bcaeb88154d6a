"""Delete a record of the shop.

Its effect is *irreversible*: the row is really gone, the shop keeps no trace of our key, and a row
that is missing does not say who deleted it.
"""

from __future__ import annotations

import sqlite3
from typing import Annotated

from agents.core.risk import Effect, Risk
from agents.core.tools import NotFound, ToolContext
from agents.toolbox.shop import Table, shop
from agents.toolbox.tool import Conflict, tool

_STATEMENTS: dict[Table, str] = {
    "customers": "DELETE FROM customers WHERE id = ?",
    "products": "DELETE FROM products WHERE id = ?",
    "orders": "DELETE FROM orders WHERE id = ?",
    "payments": "DELETE FROM payments WHERE id = ?",
}


@tool(risk=Risk.HIGH, effect=Effect.IRREVERSIBLE, timeout=15)
def delete_record(
    context: ToolContext,
    table: Annotated[Table, "Where the record is"],
    id: Annotated[int, "The record's id"],  # noqa: A002 - the name that the model sees
) -> str:
    """Delete one record from the shop's database for good. There is no undo.

    This is a sandbox: the shop is a small local database of invented data.
    """
    try:
        with shop(context.data, write=True) as database:
            deleted = database.execute(_STATEMENTS[table], (id,)).rowcount
    except sqlite3.IntegrityError:
        raise Conflict(
            f"Record {id} in {table} is in use by other records; delete those first.", effects=False
        ) from None
    if not deleted:
        raise NotFound(f"There is no record {id} in {table}.", effects=False)
    return f"Deleted record {id} from {table} in the sandbox shop."
