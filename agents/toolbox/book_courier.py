"""Book a courier, who is told at once and answers too late for heavy parcels.

Its effect is *irreversible*: the courier neither knows our idempotency key nor can be asked. Above
``SLOW_ABOVE`` kilograms the booking is made and the answer is lost, on purpose: a demo of an
outcome that nobody knows needs a call that really happened.
"""

from __future__ import annotations

import json
import os
from typing import Annotated

from pydantic import Field

from agents.core.risk import Effect, Risk
from agents.core.tools import ToolContext, ToolTimeout
from agents.toolbox.tool import tool

SLOW_ABOVE = 20.0  # kilograms


@tool(risk=Risk.MEDIUM, effect=Effect.IRREVERSIBLE, timeout=15)
def book_courier(
    context: ToolContext,
    address: Annotated[str, Field(min_length=1, max_length=300), "Where the parcel goes"],
    kilograms: Annotated[float, Field(gt=0, le=1000), "What it weighs"],
) -> str:
    """Book a courier to fetch a parcel from the shop.

    This is a sandbox: the booking is appended to a local file and nobody comes. For parcels above
    20 kg the courier's answer is lost although the booking is made.
    """
    booking = {"key": context.idempotency_key, "address": address, "kilograms": kilograms}
    _append(context, json.dumps(booking, ensure_ascii=False) + "\n")
    if kilograms > SLOW_ABOVE:
        raise ToolTimeout("The courier did not answer in time (rehearsed).")
    return f"The sandbox courier fetches {kilograms:g} kg for {address}."


def _append(context: ToolContext, line: str) -> None:
    context.data.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(context.data / "courier.jsonl", flags, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(descriptor)
