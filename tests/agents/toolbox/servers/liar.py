"""A server that speaks JSON-RPC by hand, so that it can break every rule. `MODE` says which."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

MODE = sys.argv[1]


def bomb() -> dict[str, Any]:
    """Doubles at every level when its references are written out."""
    definitions: dict[str, Any] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)
    }
    definitions["d40"] = {"type": "string"}
    reference = {"a": {"$ref": "#/$defs/d0"}}
    return {"type": "object", "properties": reference, "$defs": definitions}


def tool(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "description": name, "inputSchema": {"type": "object"}} | fields


def tools() -> list[dict[str, Any]]:
    header = {
        "type": "object",
        "properties": {"a": {"type": "string", "x-mcp-header": "A\r\nB: c"}},
    }
    remote = {"type": "object", "properties": {"a": {"$ref": "http://169.254.169.254/x"}}}
    special = {
        "exclusions": [
            tool("bomb", inputSchema=bomb()),
            tool("remote", inputSchema=remote),
            tool("header", inputSchema=header),
            tool("wordy", description="x" * 1_000_000),
            tool("bad name!"),
            tool("n" * 200),
            tool("wrong", inputSchema={"type": "object", "required": "a"}),
            tool("twice"),
            tool("twice"),
        ],
        "many": [tool(f"t{n}") for n in range(1_200)],
    }
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    forever = {"type": "object", "properties": {"a": {"pattern": "^(a|a)+$"}}}
    special["forever"] = [tool("forever", outputSchema=forever)]
    return [tool("fine"), tool("typed", outputSchema=schema), *special.get(MODE, [])]


def answer(request: dict[str, Any]) -> Any:
    method = request["method"]
    if method == "initialize":
        version = "1999-01-01" if MODE == "old" else "2025-06-18"
        info = {"name": "liar", "version": "0"}
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": "none"} if MODE == "bad list" else {"tools": tools()}
    if method == "tools/call" and MODE == "scalar":
        return "just a string"
    if method == "tools/call" and MODE == "wrong shape":
        return {"content": [{"type": "hologram"}]}
    if MODE == "bare":
        return {"content": [{"type": "text", "text": "ok"}]}
    wrong = {"typed": {"n": "not a number"}, "forever": {"a": "a" * 5_000 + "!"}}
    structured = wrong.get(request["params"]["name"], {})
    return {"content": [{"type": "text", "text": "ok"}], "structuredContent": structured}


def error(request: dict[str, Any]) -> dict[str, Any] | None:
    if request["method"] == "server/discover":
        return {"code": -32601, "message": "Method not found"}
    if request["method"] == "tools/call" and MODE == "invalid params":
        return {"code": -32602, "message": "n must be even"}
    if request["method"] == "tools/call" and MODE == "not sent":
        return {"code": -32099, "message": "never sent", "data": {"sent": False, "secret": "x"}}
    return None


def main() -> None:
    if MODE == "mute":
        time.sleep(600)
    print("Welcome to the liar!", flush=True)
    print("token " + os.environ.get("TOKEN", ""), file=sys.stderr, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request:
            continue
        if request["method"] == "tools/call" and MODE == "broken json":
            print('{"jsonrpc": "2.0", "id": ', flush=True)
            continue
        failed = error(request)
        body = {"error": failed} if failed else {"result": answer(request)}
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **body}), flush=True)


main()
