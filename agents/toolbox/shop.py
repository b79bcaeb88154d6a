"""The small shop that record and payment tools work on: one SQLite file, seeded on first use."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from agents.core.tools import Unavailable

Table = Literal["customers", "products", "orders", "payments"]
VERSION = 1

_SCHEMA = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, city TEXT NOT NULL
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, price_pence INTEGER NOT NULL, stock INTEGER NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers ON DELETE RESTRICT,
    product_id INTEGER NOT NULL REFERENCES products ON DELETE RESTRICT,
    quantity INTEGER NOT NULL, total_pence INTEGER NOT NULL, status TEXT NOT NULL
);
CREATE TABLE payments (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders ON DELETE RESTRICT,
    amount_pence INTEGER NOT NULL CHECK (amount_pence > 0),
    idempotency_key TEXT NOT NULL UNIQUE
);
"""
_CUSTOMERS = [
    (1, "Ada Brook", "ada@brook.example", "Leeds"),
    (2, "Imran Wells", "imran@wells.example", "Bath"),
    (3, "Lotte Hahn", "lotte@hahn.example", "Hull"),
    (4, "Tomas Reyes", "tomas@reyes.example", "York"),
    (5, "Test Account", "test@fernhill.example", "Nowhere"),
]
_PRODUCTS = [
    (1, "Ledger A4", 1290, 140),
    (2, "Copper nib set", 2450, 32),
    (3, "Fern ink 50 ml", 990, 210),
    (4, "Blotting paper", 325, 500),
    (5, "Desk lamp", 8900, 7),
]
_ORDERS = [
    (1001, 1, 1, 3, 3870, "paid"),
    (1002, 2, 2, 1, 2450, "open"),
    (1003, 1, 3, 2, 1980, "open"),
    (1004, 3, 1, 12, 15480, "shipped"),
    (1005, 4, 4, 5, 1625, "open"),
    (1006, 2, 5, 1, 8900, "refund requested"),
]


@contextmanager
def shop(data: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    """A transaction on the shop's database under ``data``. Raises ``Unavailable`` if it is busy."""
    with _trouble(effects=False):
        connection = _connect(data)
    try:
        with _trouble(effects=False):
            connection.execute(f"BEGIN {'IMMEDIATE' if write else 'DEFERRED'}")
            yield connection
        with _trouble(effects=write):
            connection.execute("COMMIT")
    finally:
        connection.close()  # what is not committed is rolled back


@contextmanager
def _trouble(*, effects: bool) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(f"The shop database failed: {error}.", effects=effects) from None


def _connect(data: Path) -> sqlite3.Connection:
    data.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(data / "shop.sqlite3", timeout=5, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if _version(connection) < VERSION:
            _seed(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _seed(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if _version(connection) == VERSION:  # another process was first
        connection.execute("ROLLBACK")
        return
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", _CUSTOMERS)
    connection.executemany("INSERT INTO products VALUES (?, ?, ?, ?)", _PRODUCTS)
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", _ORDERS)
    connection.execute("INSERT INTO payments VALUES (1, 1001, 3870, 'seed')")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def pounds(pence: int) -> str:
    return f"£{pence // 100:,}.{pence % 100:02d}"
