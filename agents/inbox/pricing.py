"""Dollars are limited only where what they are spent on has a price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.inbox.refusals import Invalid
from agents.models import ModelPrice


def must_be_priced(model: str, limits: Mapping[str, Any]) -> None:
    """Raise ``Invalid`` for a limit in dollars on a model whose cost is unknown."""
    if "usd" in limits and not ModelPrice.objects.filter(model=model).exists():
        raise Invalid(
            f"{model} has no price, so a limit in dollars cannot be kept. Leave it out, or have an"
            " administrator add the price."
        )
