"""How large a prompt may grow."""

from __future__ import annotations

import pytest

from agents.llm.windows import Windows


@pytest.mark.parametrize(
    ("model", "said", "window"),
    [
        ("claude-sonnet-5-5", 1_000_000, 1_000_000),
        ("claude-haiku-5-5", 1_000_000, 100_000),
        ("claude-haiku-5-5-20261001", None, 100_000),
        ("claude-haiku-5-5", 30_000, 30_000),
        ("house-model", None, None),
        ("house-model", True, None),
    ],
)
async def test_a_prompt_fits_the_model_and_stays_below_where_its_price_steps(
    model: str, said: object, window: int | None
) -> None:
    async def ask(model: str) -> object:
        return said

    assert await Windows(ask).of(model) == window
