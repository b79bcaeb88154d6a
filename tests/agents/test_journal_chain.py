"""The chain: a log that was tampered with names its first bad event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from agents import chain, triggers
from tests.agents.desk import Desk, said

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def unprotected() -> Iterator[Any]:
    triggers.remove(connection)
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        triggers.install(connection)


@pytest.mark.parametrize(
    ("change", "seq"),
    [
        ("UPDATE agents_event SET text = replace(text, 'second', 'sEcond') WHERE seq = 3", 3),
        ("UPDATE agents_event SET actor = 'human:1' WHERE seq = 2", 2),
        ("UPDATE agents_event SET step = 9 WHERE seq = 2", 2),
        ("DELETE FROM agents_event WHERE seq = 2", 2),
        ("DELETE FROM agents_event WHERE seq = 4", 4),
        ("UPDATE agents_event SET seq = 9 WHERE seq = 4", 4),
    ],
)
def test_a_log_that_was_tampered_with_names_its_first_bad_event(change: str, seq: int) -> None:
    desk = Desk()
    for word in ("first", "second", "third"):
        desk.write(said(word))
    assert chain.verify(desk.row) is None
    with unprotected() as cursor:
        cursor.execute(change)
    broken = chain.verify(desk.row)
    assert broken
    assert broken.seq == seq
