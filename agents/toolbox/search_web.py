"""Search the documents that ship with the project."""

from __future__ import annotations

import re
import sqlite3
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from pydantic import Field

from agents.core.risk import Effect, Risk
from agents.core.tools import InvalidArguments
from agents.toolbox.tool import tool

LIBRARY = Path(__file__).with_name("library")
_one_at_a_time = Lock()  # the index is one connection


@tool(risk=Risk.SAFE, effect=Effect.READ, timeout=10, open_world=True)
def search_web(
    query: Annotated[str, Field(min_length=1, max_length=300), "A few words"],
    limit: Annotated[int, Field(ge=1, le=10), "At most so many results"] = 5,
) -> dict[str, Any]:
    """Search for documents by their words; the best come first, with their text.

    This is a sandbox: results come from a small bundled library about Fernhill Supplies, not from
    the web.
    """
    words = re.findall(r"\w+", query)[:20]
    if not words:
        raise InvalidArguments("query: needs at least one word", effects=False)
    # Quoted, so that FTS5 reads no operator in a model's words.
    match = " OR ".join(f'"{word}"' for word in words)
    with _one_at_a_time:
        rows = _index().execute(
            "SELECT name, title, text FROM page"
            " WHERE page MATCH ? ORDER BY bm25(page, 0, 5, 1) LIMIT ?",
            (match, limit),
        )
        results = [{"page": f"library/{n}", "title": t, "text": e[:2000]} for n, t, e in rows]
    return {"source": "bundled library, not the web", "results": results}


@cache
def _index() -> sqlite3.Connection:
    index = sqlite3.connect(":memory:", check_same_thread=False)
    index.execute(
        "CREATE VIRTUAL TABLE page USING fts5(name UNINDEXED, title, text, tokenize = 'porter')"
    )
    for path in sorted(LIBRARY.glob("*.md")):
        title, _, text = path.read_text(encoding="utf-8").partition("\n")
        index.execute(
            "INSERT INTO page VALUES (?, ?, ?)", (path.name, title.lstrip("# "), text.strip())
        )
    return index
