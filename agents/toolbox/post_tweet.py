"""Post to the shop's public timeline, which is a file.

Its effect is *irreversible*: like the real thing, the timeline neither knows our idempotency key
nor can be asked whether a post arrived.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from agents.core.risk import Effect, Risk
from agents.core.tools import InvalidArguments, ToolContext
from agents.toolbox.tool import tool


@tool(risk=Risk.HIGH, effect=Effect.IRREVERSIBLE, timeout=15, open_world=True)
def post_tweet(
    context: ToolContext,
    text: Annotated[str, Field(min_length=1, max_length=280), "At most 280 characters"],
) -> str:
    """Post a short public message in the shop's name. It cannot be taken back.

    This is a sandbox: the post is appended to a local timeline file and nobody else sees it.
    """
    if not text.strip():
        raise InvalidArguments("text: must not be blank", effects=False)
    context.data.mkdir(parents=True, exist_ok=True)
    post = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "text": text}
    line = json.dumps(post, ensure_ascii=False) + "\n"
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(context.data / "timeline.jsonl", flags, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(descriptor)
    return f"Posted {len(text)} characters to the sandbox timeline."
