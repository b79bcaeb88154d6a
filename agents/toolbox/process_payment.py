"""Take a payment for an order.

High risk, because money moves; yet its effect is *keyed*, because this shop enforces the
idempotency key by a UNIQUE column: a repeat of the same call answers with the first payment. A
payment service that does not take a key needs a tool that says *irreversible*.
"""

from __future__ import annotations

import sqlite3
from typing import Annotated

from pydantic import Field

from agents.core.risk import Effect, Risk
from agents.core.tools import InvalidArguments, NotFound, ToolContext
from agents.toolbox.shop import pounds, shop
from agents.toolbox.tool import Conflict, tool


@tool(risk=Risk.HIGH, effect=Effect.KEYED, timeout=20)
def process_payment(
    context: ToolContext,
    order_id: Annotated[int, "The order that is paid"],
    amount: Annotated[float, Field(gt=0, le=100_000), "Pounds, at most two decimals"],
) -> str:
    """Charge the customer of an open order. The amount must be exactly the order's total.

    This is a sandbox: the payment is a row in a small local database; no money moves.
    """
    pence = round(amount * 100)
    if abs(amount * 100 - pence) > 1e-6:
        raise InvalidArguments("amount: at most two decimals", effects=False)
    with shop(context.data, write=True) as database:
        key = context.idempotency_key
        paid = database.execute("SELECT * FROM payments WHERE idempotency_key = ?", (key,))
        payment = paid.fetchone()
        if payment:
            return _receipt(payment, " It had been taken before under this key: not taken again.")
        _check(database.execute("SELECT * FROM orders WHERE id = ?", (order_id,)), order_id, pence)
        row = database.execute(
            "INSERT INTO payments (order_id, amount_pence, idempotency_key) VALUES (?, ?, ?)"
            " RETURNING *",
            (order_id, pence, key),
        ).fetchone()
        database.execute("UPDATE orders SET status = 'paid' WHERE id = ?", (order_id,))
    return _receipt(row)


def _check(found: sqlite3.Cursor, order_id: int, pence: int) -> None:
    order = found.fetchone()
    if order is None:
        raise NotFound(f"There is no order {order_id}.", effects=False)
    if order["status"] != "open":
        raise Conflict(f"Order {order_id} is {order['status']}, not open.", effects=False)
    if order["total_pence"] != pence:
        total = pounds(order["total_pence"])
        raise InvalidArguments(f"amount: order {order_id} costs {total}", effects=False)


def _receipt(payment: sqlite3.Row, note: str = "") -> str:
    amount = pounds(payment["amount_pence"])
    order = payment["order_id"]
    return f"Payment {payment['id']}: {amount} for order {order}, in the sandbox shop.{note}"
