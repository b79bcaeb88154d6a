"""The endpoint as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from tests.endpoint.asking import (
    BOUND,
    GO,
    LOOKS,
    MODEL,
    answered,
    sdk,
    stream,
    text,
    user,
)
from tests.endpoint.client import ROOT, Endpoint


async def test_the_log_keeps_bytes_headers_and_answers(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    endpoint.script(["Hi."])
    await stream(client, [user("grüße")])
    entry = endpoint.log()[0]
    assert "grüße" in entry["body"]
    assert entry["auth"] == "authorization"
    assert "test-key" not in json.dumps(entry)
    assert entry["headers"]["anthropic-version"]
    assert entry["answer"]["content"] == [{"type": "text", "text": "Hi."}]
    assert (entry["status"], entry["outcome"], entry["reply"]) == (200, "complete", 0)
    assert endpoint.requests("grüße")[0]["messages"] == [user("grüße")]
    endpoint.stop()
    assert endpoint.log()[0] == entry


@pytest.mark.parametrize("kill", [False, True])
async def test_a_restart_keeps_port_script_place_and_signatures(
    endpoint: Endpoint, kill: bool
) -> None:
    endpoint.script([{"thinking": "Hm", "tools": LOOKS[:1]}, {"fault": "empty"}, "End."])
    url = endpoint.url
    async with sdk(endpoint) as client:
        messages = [user("go")]
        messages += answered(await stream(client, messages, **BOUND))
        assert (await stream(client, messages, **BOUND)).content == []
    endpoint.restart(kill=kill)
    assert endpoint.url == url
    async with sdk(endpoint) as client:
        assert text(await stream(client, messages, **BOUND)) == "End."
    assert len(endpoint.log()) == 3


def test_a_script_that_makes_no_sense_is_refused(endpoint: Endpoint) -> None:
    nonsense: list[Any] = ["text", [1], {"a": {"b": 1}}, [{"txt": "a typo"}]]
    nonsense += [[{"fault": "no such"}], [{"function": "no such"}], [{"function": "steps"}]]
    for script in nonsense:
        with pytest.raises(ValueError, match="script"):
            endpoint.script(script)


async def test_many_connections_at_once(endpoint: Endpoint) -> None:
    import asyncio

    endpoint.script([{"text": "Hi.", "delay_ms": 20, "chunk": 1}])
    async with sdk(endpoint) as client:
        messages = await asyncio.gather(*(stream(client, [user(f"go {n}")]) for n in range(100)))
    assert {text(message) for message in messages} == {"Hi."}


def test_the_program_by_itself(tmp_path: Path) -> None:
    script, log = tmp_path / "script.json", tmp_path / "log.jsonl"
    script.write_text('["From a file."]', "utf-8")
    command = [sys.executable, "-m", "tests.endpoint", "--port", "0"]
    command += ["--script", str(script), "--log", str(log)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        request = urllib.request.Request(
            line.split()[-1] + "/v1/messages",
            json.dumps({"model": MODEL, "max_tokens": 9, "messages": [GO]}).encode(),
            {"x-api-key": "k", "anthropic-version": "x"},
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            assert json.load(response)["content"][0]["text"] == "From a file."
        process.terminate()
        assert process.wait(10) == 0
    assert json.loads(log.read_text("utf-8"))["status"] == 200


def test_nothing_of_the_product_is_imported() -> None:
    code = "import sys, tests.endpoint.server; print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "'agents" not in done.stdout
    assert "'oversight" not in done.stdout
    assert "'django" not in done.stdout
