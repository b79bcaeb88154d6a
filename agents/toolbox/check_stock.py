"""Ask the warehouse how much there is, over a line that drops.

The first try of every call fails, on purpose: a demo of a tool that fails and is tried again needs
one that really does.
"""

from __future__ import annotations

import json
from typing import Annotated

from agents.core.risk import Effect, Risk
from agents.core.tools import NotFound, ToolContext, Unavailable
from agents.toolbox.tool import tool

_STOCK = {"desk lamp": 14, "ledger a4": 120, "fountain pen": 37, "blotting paper": 260}


@tool(risk=Risk.SAFE, effect=Effect.READ, timeout=10)
def check_stock(
    context: ToolContext,
    product: Annotated[str, "A product's name, e.g. desk lamp"],
) -> str:
    """Ask the warehouse how many of a product are in stock.

    This is a sandbox: the warehouse is a table, and its line drops on every first try.
    """
    if context.attempt == 1:
        raise Unavailable("The warehouse's line dropped (rehearsed).", effects=False)
    known = _STOCK.get(product.strip().lower())
    if known is None:
        names = ", ".join(sorted(_STOCK))
        raise NotFound(f"The warehouse knows no {product[:60]!r}. It has: {names}.", effects=False)
    return json.dumps({"source": "sandbox warehouse", "product": product, "in_stock": known})
