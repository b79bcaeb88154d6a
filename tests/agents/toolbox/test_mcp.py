"""MCP servers: real ones, and ones that misbehave."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from agents.core.risk import Effect, Risk
from agents.core.tools import (
    InvalidArguments,
    NotFound,
    ToolContext,
    ToolError,
    ToolTimeout,
    Unavailable,
)
from agents.toolbox.box import open_box
from agents.toolbox.mcp import DefinitionChanged, ServerConfig, Servers

Serve = Callable[..., Servers]
Config = Callable[..., ServerConfig]


async def test_the_real_git_server_reads_a_real_history(
    serve: Serve, context: ToolContext, tmp_path: Path
) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.example"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "the first word"], check=True)
    servers = serve(ServerConfig("git", (sys.executable, "-m", "mcp_server_git")))
    box = await open_box(["git__*"], servers)
    output = await box.call("git__git_log", {"repo_path": str(tmp_path)}, context)
    assert "the first word" in str(output.content)


async def test_the_real_time_server_answers_and_is_checked_by_its_schema(
    serve: Serve, context: ToolContext
) -> None:
    servers = serve(ServerConfig("time", (sys.executable, "-m", "mcp_server_time")))
    box = await open_box(["time__get_*"], servers)
    assert [d.name for d in box.definitions()] == ["time__get_current_time"]
    assert box.problems("time__get_current_time", {}) != []
    output = await box.call("time__get_current_time", {"timezone": "Europe/Paris"}, context)
    assert "Europe/Paris" in str(output.content)


async def test_all_tools_are_suggested_high_and_irreversible_whatever_they_claim(
    serve: Serve, unruly: Config
) -> None:
    found = await serve(unruly()).tools("unruly")
    assert {d.risk for d in found.definitions.values()} == {Risk.HIGH}
    assert {d.effect for d in found.definitions.values()} == {Effect.IRREVERSIBLE}
    assert found.definitions["unruly__drop_everything"].annotations["readOnlyHint"] is True


async def test_one_process_serves_all_sessions(
    serve: Serve, unruly: Config, context: ToolContext
) -> None:
    servers = serve(unruly())
    calls = [
        servers.call("unruly__process", {}, replace(context, session_id=f"s{n}")) for n in range(3)
    ]
    pids = {str(output.content).split()[0] for output in await asyncio.gather(*calls)}
    assert len(pids) == 1


async def test_a_session_of_its_own_ends_its_server_when_it_is_released(
    serve: Serve, unruly: Config, context: ToolContext
) -> None:
    servers = serve(unruly(per_session=True))
    other = replace(context, session_id="session-2")
    mine = _pids(await servers.call("unruly__process", {}, context))
    theirs = _pids(await servers.call("unruly__process", {}, other))
    assert mine[0] != theirs[0]
    await servers.release(context.session_id)
    assert not psutil.pid_exists(mine[0])
    assert not psutil.pid_exists(mine[1])
    assert psutil.pid_exists(theirs[0])


async def test_the_idempotency_key_travels_with_the_call(
    serve: Serve, unruly: Config, context: ToolContext, notes: Path
) -> None:
    await serve(unruly()).call("unruly__note", {"text": "hello"}, context)
    assert notes.read_text() == "hello key-1\n"


async def test_a_server_that_dies_in_mid_call_may_have_acted_and_comes_back(
    serve: Serve, unruly: Config, context: ToolContext, notes: Path
) -> None:
    servers = serve(unruly())
    with pytest.raises(Unavailable, match="out of cheese") as caught:
        await servers.call("unruly__die", {"text": "acted"}, context)
    assert caught.value.effects
    assert "exit code 3" in str(caught.value)
    assert notes.read_text() == "acted\n"
    output = await servers.call("unruly__echo", {"text": "again"}, context)
    assert output.content == "again"


async def test_a_session_that_begins_waits_for_a_server_that_keeps_dying(
    serve: Serve, unruly: Config, context: ToolContext
) -> None:
    servers = serve(unruly())
    for _ in range(2):  # the first restart is immediate, the second is not
        with pytest.raises(Unavailable):
            await servers.call("unruly__die", {"text": "acted"}, context)
    with pytest.raises(Unavailable, match="next start in") as caught:
        await servers.tools("unruly")
    assert caught.value.retry_after
    box = await open_box(["unruly__*"], servers)
    assert not box.unavailable
    assert "unruly__echo" in {definition.name for definition in box.definitions()}


async def test_a_server_found_dead_before_the_call_is_started_anew(
    serve: Serve, unruly: Config, context: ToolContext
) -> None:
    servers = serve(unruly())
    pid = _pids(await servers.call("unruly__process", {}, context))[0]
    psutil.Process(pid).kill()
    await asyncio.sleep(0.3)
    output = await servers.call("unruly__echo", {"text": "again"}, context)
    assert output.content == "again"


async def test_a_late_answer_is_a_timeout_with_possible_effects(
    serve: Serve, unruly: Config, context: ToolContext
) -> None:
    servers = serve(unruly(timeout=0.5))
    with pytest.raises(ToolTimeout) as caught:
        await servers.call("unruly__hang", {"seconds": 30}, context)
    assert caught.value.effects
    assert (await servers.call("unruly__echo", {"text": "alive"}, context)).content == "alive"


async def test_an_error_result_is_an_error_with_its_text(
    serve: Serve, unruly: Config, context: ToolContext
) -> None:
    with pytest.raises(ToolError, match="no such branch") as caught:
        await serve(unruly()).call("unruly__fail", {"reason": "no such branch"}, context)
    assert caught.value.error_class == "unknown"
    assert caught.value.effects


async def test_a_definition_that_changes_after_it_was_pinned_is_not_called(
    serve: Serve, unruly: Config, context: ToolContext
) -> None:
    servers = serve(unruly())
    box = await open_box(["unruly__*"], servers)
    pinned = box.definition("unruly__echo")
    await box.call("unruly__grow", {}, context)
    await asyncio.sleep(0.3)
    current = await box.current("unruly__echo")
    assert current is not None
    assert current.digest != pinned.digest
    with pytest.raises(DefinitionChanged) as caught:
        await box.call("unruly__echo", {"text": "secret"}, context)
    assert not caught.value.effects


async def test_a_resumed_session_asks_no_server_before_its_first_call(
    serve: Serve, unruly: Config, context: ToolContext
) -> None:
    pinned = (await open_box(["unruly__*"], serve(unruly()))).definitions()
    servers = serve(unruly())
    box = await open_box(["unruly__echo"], servers, pinned=pinned)
    assert servers.status() == {"unruly": "idle"}
    assert (await box.call("unruly__echo", {"text": "x"}, context)).content == "x"
    assert servers.status() == {"unruly": "connected"}


async def test_a_server_sees_only_a_short_list_of_the_environment(
    serve: Serve, unruly: Config, context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    output = await serve(unruly()).call("unruly__environment", {}, context)
    assert "ANTHROPIC_API_KEY" not in str(output.content)
    assert "DATABASE_URL" not in str(output.content)
    assert "NOTES" in str(output.content)


@pytest.mark.parametrize(
    "expected",
    [
        ("scalar", Unavailable, r"not JSON-RPC|protocol"),
        ("wrong shape", ToolError, r"broke the protocol"),
        ("broken json", Unavailable, r"broke the protocol"),
        ("invalid params", InvalidArguments, r"n must be even"),
        ("not sent", ToolError, r"never sent"),
    ],
    ids=lambda expected: expected[0],
)
async def test_a_lying_answer_is_a_typed_error_with_possible_effects(
    serve: Serve,
    liar: Config,
    context: ToolContext,
    expected: tuple[str, type[ToolError], str],
) -> None:
    mode, error, words = expected
    servers = serve(liar(mode))
    began = time.monotonic()
    with pytest.raises(error, match=words) as caught:
        await servers.call("liar__fine", {}, context)
    assert caught.value.effects
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("mode", "words"), [("", "structured content, n: "), ("bare", "no structured content")]
)
async def test_a_result_that_breaks_its_own_schema_is_an_error(
    serve: Serve, liar: Config, context: ToolContext, mode: str, words: str
) -> None:
    with pytest.raises(ToolError, match=words):
        await serve(liar(mode)).call("liar__typed", {}, context)


async def test_a_result_is_checked_in_bounded_time(
    serve: Serve, liar: Config, context: ToolContext
) -> None:
    with pytest.raises(ToolError, match="structured content, a: "):
        await serve(liar("forever")).call("liar__forever", {}, context)


@pytest.mark.parametrize(
    ("mode", "words"), [("old", "protocol version"), ("bad list", "broke the protocol")]
)
async def test_a_server_of_another_protocol_is_refused_and_the_session_goes_on(
    serve: Serve, liar: Config, mode: str, words: str
) -> None:
    box = await open_box(["liar__*", "read_file"], serve(liar(mode)))
    assert [d.name for d in box.definitions()] == ["read_file"]
    assert words in box.unavailable["liar"]


async def test_a_server_that_never_starts_is_given_up(serve: Serve, liar: Config) -> None:
    with pytest.raises(Unavailable, match="did not start within") as caught:
        await serve(liar("mute", start_timeout=0.5)).tools("liar")
    assert not caught.value.effects


async def test_a_command_that_does_not_exist_says_so(serve: Serve) -> None:
    servers = serve(ServerConfig("gone", ("no-such-command-anywhere",)))
    with pytest.raises(Unavailable, match="cannot start no-such-command-anywhere") as caught:
        await servers.tools("gone")
    assert not caught.value.effects


async def test_restarts_back_off(serve: Serve) -> None:
    servers = serve(ServerConfig("gone", ("no-such-command-anywhere",)))
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot start"):
            await servers.tools("gone")
    with pytest.raises(Unavailable, match="next start in") as caught:
        await servers.tools("gone")
    assert caught.value.retry_after is not None


async def test_tools_that_cannot_be_trusted_are_excluded_with_a_reason(
    serve: Serve, liar: Config
) -> None:
    found = await serve(liar("exclusions")).tools("liar")
    reasons = {item.name.removeprefix("liar__")[:10]: item.reason for item in found.excluded}
    assert set(found.definitions) == {"liar__fine", "liar__typed", "liar__twice"}
    assert "expands" in reasons["bomb"]
    assert "another document" in reasons["remote"]
    assert "x-mcp-header" in reasons["header"]
    assert "description" in reasons["wordy"]
    assert "name" in reasons["bad name!"]
    assert "name" in reasons["n" * 10]
    assert "malformed at inputSchema.required" in reasons["wrong"]
    assert "twice" in reasons["twice"]


async def test_the_tools_beyond_a_thousand_are_excluded(serve: Serve, liar: Config) -> None:
    found = await serve(liar("many")).tools("liar")
    assert len(found.definitions) == 1_000
    assert len(found.excluded) == 202


async def test_configured_secrets_do_not_show_in_errors(serve: Serve, liar: Config) -> None:
    config = liar("old", env={"TOKEN": "sk-very-secret"})
    with pytest.raises(Unavailable, match=r"token \[redacted\]") as caught:
        await serve(config).tools("liar")
    assert "sk-very-secret" not in str(caught.value)


async def test_a_tool_of_no_server_is_not_found(serve: Serve, context: ToolContext) -> None:
    with pytest.raises(NotFound):
        await serve().call("nobody__tool", {}, context)


async def test_a_server_whose_configuration_changed_is_ended(
    serve: Serve, unruly: Config, context: ToolContext
) -> None:
    servers = serve(unruly())
    pid = _pids(await servers.call("unruly__process", {}, context))[0]
    await servers.update([unruly(timeout=3)])
    assert not psutil.pid_exists(pid)
    await servers.call("unruly__echo", {"text": "x"}, context)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "a__b", "command": ("x",)},
        {"name": "a_", "command": ("x",)},
        {"name": "", "command": ("x",)},
        {"name": "a"},
        {"name": "a", "command": ("x",), "url": "http://x"},
        {"name": "a", "url": "file:///etc/passwd"},
        {"name": "a", "url": "http://user:pw@host/mcp"},
        {"name": "a", "command": ("x",), "timeout": 0},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="server"):
        ServerConfig(**fields)  # type: ignore[arg-type]  # wrong on purpose


def _pids(output: object) -> list[int]:
    return [int(word) for word in str(getattr(output, "content", "")).split()]
