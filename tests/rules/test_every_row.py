"""The table itself: no row is forgotten and none is tested under another's number."""

from __future__ import annotations

import importlib
import pkgutil

import tests.rules
from tests.rules.rows import LAST, NO_BEHAVIOUR, covered


def test_every_row_has_its_test_or_a_reason_why_it_has_none() -> None:
    for module in pkgutil.iter_modules(tests.rules.__path__):
        importlib.import_module(f"tests.rules.{module.name}")
    assert sorted({*covered, *NO_BEHAVIOUR}) == list(range(1, LAST + 1))
    assert not set(covered) & set(NO_BEHAVIOUR)
    assert all(NO_BEHAVIOUR.values())


def test_tests_stand_in_the_order_of_their_rows() -> None:
    for module in pkgutil.iter_modules(tests.rules.__path__):
        importlib.import_module(f"tests.rules.{module.name}")
    modules: dict[str, list[int]] = {}
    for number, names in covered.items():
        for name in names:
            modules.setdefault(name.rsplit(".", 1)[0], []).append(number)
    assert all(numbers == sorted(numbers) for numbers in modules.values())
