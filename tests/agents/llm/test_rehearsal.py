"""The rehearsal model plays its scripts through the SDK and heeds what people decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agents.core import epoch, wording
from agents.core.model import Request
from agents.llm import SCENARIOS, is_rehearsal
from agents.llm.anthropic import AnthropicModel
from agents.llm.model import build_model
from agents.llm.rehearsal.model import rehearsal_model
from agents.llm.rehearsal.script import pick, scripts
from agents.llm.rehearsal.transport import speed_from_environment
from agents.toolbox.tool import python_tools
from tests.agents.llm.asking import SYSTEM, ask, user
from tests.agents.llm.stage import TASKS, Stage, check_legal, said, spoken

NUDGE = "NOTE FROM THE RUNTIME: read_file failed 3 times. Try another way, or say what is blocked."


@pytest.mark.parametrize("name", [name for name in TASKS if name != "question"])
async def test_every_script_reaches_its_end_legally(tmp_path: Path, name: str) -> None:
    stage = Stage(tmp_path, say={3: [NUDGE]} if name == "loop" else {})
    end = await stage.play(TASKS[name])
    check_legal(stage.messages)
    assert end
    assert stage.ran


@pytest.mark.parametrize("name", list(TASKS))
def test_every_call_fits_its_tools_schema(name: str) -> None:
    for step in scripts()[name].steps:
        for call in step.calls:
            schema = python_tools()[call.tool].definition.input_schema
            jsonschema.validate(call.arguments, schema)


@pytest.mark.parametrize("name", list(TASKS))
def test_steps_can_be_told_apart(name: str) -> None:
    script = scripts()[name]
    marks = [call.mark for step in script.steps for call in step.calls]
    assert len(marks) == len(set(marks))
    assert len({step.key for step in script.steps}) == len(script.steps)


def test_presets_are_worth_showing() -> None:
    assert SCENARIOS[0].name == "press"
    named = {"press", "quick", "refunds", "courier", "outage", "loop", "stuck", "question", "long"}
    assert named == set(TASKS)
    assert all(scenario.title and len(scenario.task) > 20 for scenario in SCENARIOS)


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("[loop] anything at all", "loop"),
        (TASKS["refunds"], "refunds"),
        ("Please take a payment from a customer", "refunds"),
        ("Something quite different", "press"),
        ("", "press"),
    ],
)
def test_a_task_picks_its_script(task: str, name: str) -> None:
    assert pick(task).scenario.name == name


async def test_the_endpoint_fails_in_every_rehearsed_way(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.play(TASKS["outage"])
    classes = [failure.error_class for failure in stage.failures]
    assert classes == ["overloaded", "cut_stream", "rate_limited", "overloaded"]
    assert stage.failures[0].retry_after == 1.0
    assert "max_tokens" in [turn.stop_reason for turn in stage.turns]
    check_legal(stage.messages)


async def test_it_repeats_itself_until_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, say={3: [NUDGE]})
    end = await stage.play(TASKS["loop"])
    reads = [args["path"] for _, args in stage.ran]
    assert reads == ["notes/agenda.md"] * 3 + ["notes", "notes/supplier.txt"]
    assert "I change course" in spoken(stage)[3]
    assert "4 % off" in end


async def test_it_gives_up_by_itself_in_the_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.play(TASKS["loop"])
    assert [args["path"] for _, args in stage.ran].count("notes/agenda.md") == 8


async def test_a_refusal_waits_for_a_person(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert "breaking in" in await stage.play(TASKS["question"])
    assert stage.turns[-1].stop_reason == "refusal"
    told = wording.steer("Ines", "Do it the open way.")
    stage.messages[-1]["content"].append({"type": "text", "text": told})
    end = await stage.play_on()
    assert "Do it the open way." in spoken(stage)[1]
    assert "suppliers/kestrel.md" in end


async def test_it_stops_calling_when_it_must_wrap_up(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    with pytest.raises(AssertionError, match="does not end"):
        await stage.play(TASKS["long"], turns=5)
    stage.messages[-1]["content"].append({"type": "text", "text": wording.WRAP_UP})
    model = rehearsal_model(speed=100_000)
    tools = stage.request().tools
    turn = await ask(model, *stage.messages, tools=tools, tool_choice={"type": "none"})
    await model.aclose()
    assert turn.stop_reason == "end_turn"
    assert "not complete" in said(turn)


async def test_without_its_tools_it_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, tools=frozenset())
    assert "rehearsal model" in await stage.play(TASKS["press"])
    assert stage.ran == []


async def test_a_missing_tool_is_left_out(tmp_path: Path) -> None:
    stage = Stage(tmp_path, tools=frozenset(python_tools()) - {"post_tweet", "send_email"})
    await stage.play(TASKS["press"])
    assert [tool for tool, _ in stage.ran][-1] == "write_file"


async def test_the_same_question_gets_the_same_answer(tmp_path: Path) -> None:
    turns = []
    for _ in range(2):
        model = rehearsal_model(speed=100_000)
        tools = Stage(tmp_path).request().tools
        turns.append(await ask(model, user(TASKS["press"]), tools=tools))
        await model.aclose()
    assert json.dumps(turns[0].content) == json.dumps(turns[1].content)
    assert turns[0].message_id == turns[1].message_id


async def test_usage_counts_the_cache(tmp_path: Path) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    model = rehearsal_model(speed=100_000)
    stage = Stage(tmp_path)
    first = user(TASKS["press"])
    marked = user({**first["content"][0], **mark})
    tools = stage.request().tools
    one = await ask(model, marked, tools=tools)
    assert one.usage["cache_read_input_tokens"] == 0
    assert one.usage["cache_creation_input_tokens"] > 300
    results = [
        {"type": "tool_result", "tool_use_id": b["id"], "content": "x" * 400, **mark}
        for b in one.content
        if b["type"] == "tool_use"
    ]
    said_before = {"role": "assistant", "content": list(one.content)}
    two = await ask(model, first, said_before, user(*results), tools=tools)
    plain = await ask(model, first, tools=tools)
    await model.aclose()
    assert two.usage["cache_read_input_tokens"] > 300
    assert plain.usage["cache_read_input_tokens"] == plain.usage["cache_creation_input_tokens"] == 0
    assert plain.usage["input_tokens"] > 300


async def test_it_streams_at_a_human_pace() -> None:
    model = rehearsal_model(speed=2)
    deltas: list[Any] = []
    tools = [python_tools()["search_web"].definition.param()]
    turn = await ask(model, user(TASKS["quick"]), deltas=deltas, tools=tools)
    await model.aclose()
    assert turn.stop_reason == "tool_use"
    assert 150 < turn.duration_ms < 5000


async def test_the_quick_one_is_quick(tmp_path: Path) -> None:
    end = await Stage(tmp_path).play(TASKS["quick"])
    assert "open Tuesday to Saturday" in end


@pytest.mark.parametrize(
    ("value", "speed"), [("", 1.0), ("50", 50.0), ("0", 1.0), ("-1", 1.0), ("fast", 1.0)]
)
def test_the_speed_is_configurable(
    monkeypatch: pytest.MonkeyPatch, value: str, speed: float
) -> None:
    monkeypatch.setenv("OVERSIGHT_REHEARSAL_SPEED", value)
    assert speed_from_environment() == speed


def test_which_model_is_built() -> None:
    assert is_rehearsal(None, None)
    assert is_rehearsal("", "")
    assert not is_rehearsal("key", None)
    assert not is_rehearsal(None, "http://127.0.0.1:1")
    assert isinstance(build_model("key", None), AnthropicModel)


async def test_a_summary_lets_it_go_on_where_it_was(tmp_path: Path) -> None:
    """The request and the new epoch as the runtime makes them."""
    stage = Stage(tmp_path)
    with pytest.raises(AssertionError, match="does not end"):
        await stage.play(TASKS["long"], turns=12)
    history = epoch.fenced("history", epoch.rendered(stage.messages, 500))
    system = [{"type": "text", "text": "You summarise the work of an AI agent."}]
    model = rehearsal_model(speed=100_000)
    summary = said(await ask(model, user(history), system=system, tools=[]))
    assert TASKS["long"] in summary
    opening = user(
        TASKS["long"],
        f"A summary:\n<summary>\n{summary}\n</summary>",
        "<record>\nWhat people told you:\nnothing\n\nDecisions: none\n</record>",
        "Continue the task.",
    )
    request = Request("claude-sonnet-5-5", 4096, SYSTEM, stage.request().tools, (opening,))
    turn = await model.turn(request, lambda *_: None)
    await model.aclose()
    assert "Topic 12 of 60" in said(turn)
