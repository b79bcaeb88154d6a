"""``@tool`` and the box that holds tools."""

from __future__ import annotations

import time
from typing import Annotated, Any

import pytest

from agents.core.risk import Effect, Risk
from agents.core.tools import (
    InvalidArguments,
    ToolContext,
    ToolError,
    ToolOutput,
    ToolTimeout,
    UnknownTool,
)
from agents.toolbox.box import open_box
from agents.toolbox.mcp import Servers
from agents.toolbox.tool import PythonTool, python_tools, tool


@tool(risk=Risk.LOW, effect=Effect.KEYED, timeout=0.2)
def stamp(
    context: ToolContext, word: Annotated[str, "What to stamp"], times: int = 1
) -> dict[str, Any]:
    """Stamp a word."""
    return {"stamp": word * times, "key": context.idempotency_key}


@tool(risk=Risk.SAFE, effect=Effect.READ)
async def silence() -> str:
    """Say nothing."""
    return ""


@tool(risk=Risk.SAFE, effect=Effect.READ, timeout=0.2)
def sleep() -> str:
    """Take too long."""
    time.sleep(0.6)
    return "awake"


TOOLS: dict[str, PythonTool] = {item.name: item for item in (stamp, silence, sleep)}


def test_a_schema_comes_from_the_signature() -> None:
    assert stamp.definition.input_schema == {
        "type": "object",
        "properties": {
            "word": {"description": "What to stamp", "type": "string"},
            "times": {"default": 1, "type": "integer"},
        },
        "required": ["word"],
        "additionalProperties": False,
    }
    assert stamp.definition.description == "Stamp a word."
    assert stamp.definition.risk is Risk.LOW


def test_a_probe_and_the_probed_effect_belong_together() -> None:
    with pytest.raises(TypeError, match="probe"):
        tool(risk=Risk.LOW, effect=Effect.PROBED)
    with pytest.raises(TypeError, match="probe"):
        tool(risk=Risk.LOW, effect=Effect.KEYED, probe=lambda: None)


async def test_a_call_gets_its_context_and_answers_in_json(context: ToolContext) -> None:
    output = await stamp.call({"word": "ab", "times": 2}, context)
    assert output == ToolOutput('{"stamp":"abab","key":"key-1"}')


async def test_no_output_is_said(context: ToolContext) -> None:
    assert (await silence.call({}, context)).content == "(no output)"


async def test_arguments_of_the_wrong_type_never_reach_the_function(context: ToolContext) -> None:
    for arguments in ({"word": 3}, {}, {"word": "a", "more": 1}):
        with pytest.raises(InvalidArguments) as caught:
            await stamp.call(arguments, context)
        assert not caught.value.effects


async def test_a_box_holds_what_its_patterns_name_and_nothing_else(context: ToolContext) -> None:
    box = await open_box(["s[it]*"], Servers(), tools=TOOLS)
    assert [item.name for item in box.definitions()] == ["silence", "stamp"]
    assert box.problems("stamp", {"word": "a"}) == []
    assert box.problems("stamp", {"times": "x"}) != []
    with pytest.raises(UnknownTool):
        box.problems("sleep", {})
    with pytest.raises(UnknownTool):
        await box.call("sleep", {}, context)


async def test_a_tool_that_takes_too_long_times_out_with_possible_effects(
    context: ToolContext,
) -> None:
    box = await open_box(["*"], Servers(), tools=TOOLS)
    with pytest.raises(ToolTimeout) as caught:
        await box.call("sleep", {}, context)
    assert caught.value.effects


async def test_only_a_probed_tool_can_be_probed(context: ToolContext) -> None:
    box = await open_box(["*"], Servers(), tools=TOOLS)
    with pytest.raises(ToolError, match="cannot be asked"):
        await box.probe("stamp", {"word": "a"}, context)


def test_every_file_of_the_package_is_found() -> None:
    assert {"search_web", "read_file", "write_file", "send_email"} <= set(python_tools())
