"""Replies that depend on what the client sent: each gives a reply, and whether it goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from tests.endpoint.blocks import Json, first_user_text, last_results, result_text, text_of

Made = tuple[Json, bool]
STEP = re.compile(r"step-(\d+)")


def echo_results(_reply: Json, body: Json) -> Made:
    """Quote every result since the model last spoke."""
    lines = [
        f"[{block['tool_use_id']}] is_error={bool(block.get('is_error'))}: {result_text(block)}"
        for block in last_results(body["messages"])
    ]
    return {"text": "\n".join(lines) or "No tool results."}, False


def echo_last(_reply: Json, body: Json) -> Made:
    """Quote the task, and the text of what came since the model last spoke."""
    texts: list[str] = []
    for message in body["messages"]:
        texts = [] if message["role"] == "assistant" else [*texts, text_of(message["content"])]
    return {"text": json.dumps({"task": first_user_text(body), "last": texts})}, False


def until_done(reply: Json, body: Json) -> Made:
    """Call the same tools again until a result contains the words."""
    words = reply.get("until", "done")
    if any(words in result_text(block) for block in last_results(body["messages"])):
        return {"text": reply.get("text", "Done.")}, False
    return {"tools": reply["tools"]}, True


def steps(reply: Json, body: Json) -> Made:
    """Take `count` tool turns; `{n}` in the tools' text becomes the turn's number, from 1."""
    taken = sum(
        block.get("type") == "tool_result"
        for message in body["messages"]
        for block in (message["content"] if isinstance(message["content"], list) else [])
    )
    done = taken // max(1, len(reply["tools"]))
    if done >= reply["count"]:
        return {"text": reply.get("text", "Done.")}, False
    rest = {key: value for key, value in reply.items() if key not in {"function", "count", "text"}}
    made: Json = json.loads(json.dumps(rest).replace("{n}", str(done + 1)))
    return made, True


def onward(reply: Json, body: Json) -> Made:
    """Take tool turns up to number `count`. The turn before is told by the highest `step-<n>` that
    the client still shows, so it goes on after a compaction; `{n}` becomes the turn's number."""
    seen = STEP.findall(json.dumps(body["messages"]))
    done = max(map(int, seen), default=0)
    if done >= reply["count"]:
        return {"text": reply.get("text", "Done.")}, False
    rest = {key: value for key, value in reply.items() if key not in {"function", "count", "text"}}
    made: Json = json.loads(json.dumps(rest).replace("{n}", f"{done + 1:04}"))
    return made, True


def choose(reply: Json, body: Json) -> Made:
    """The first case whose words stand in the last results (`error`: that is an error or not)."""
    results = last_results(body["messages"])
    text = "\n".join(result_text(block) for block in results)
    failed = any(block.get("is_error") for block in results)
    for case in reply["cases"]:
        if case.get("contains", "") in text and case.get("error", failed) == failed:
            return case["reply"], False
    return reply.get("else", {"text": "Done."}), False


FUNCTIONS: dict[str, Callable[[Json, Json], Made]] = {
    "echo_results": echo_results,
    "echo_last": echo_last,
    "until_done": until_done,
    "steps": steps,
    "onward": onward,
    "choose": choose,
}
