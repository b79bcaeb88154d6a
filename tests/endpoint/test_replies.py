"""What the endpoint answers, read by the real SDK."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from tests.endpoint.asking import (
    LOOKS,
    MODEL,
    THINK,
    TOOL,
    answered,
    plain,
    result,
    said,
    stream,
    text,
    user,
)
from tests.endpoint.client import Endpoint


async def test_streams_text_in_the_events_of_the_real_api(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    endpoint.script([{"text": "Hello, world", "chunk": 5}])
    raw = await client.messages.create(
        model=MODEL, max_tokens=10, messages=[{"role": "user", "content": "hi"}], stream=True
    )
    kinds = [event.type async for event in raw]
    assert kinds == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_pings_are_sent(endpoint: Endpoint) -> None:
    body = {"model": MODEL, "max_tokens": 10, "messages": [user("hi")], "stream": True}
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    request = urllib.request.Request(
        f"{endpoint.url}/v1/messages?beta=true", json.dumps(body).encode(), headers
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        raw = response.read().decode()
    assert 'event: ping\ndata: {"type":"ping"}' in raw
    assert endpoint.log()[0]["query"] == "beta=true"


@pytest.mark.parametrize("send", [stream, plain])
async def test_a_parallel_tool_turn_with_thinking_is_replayed_over_two_turns(
    endpoint: Endpoint, client: AsyncAnthropic, send: Any
) -> None:
    endpoint.script(
        [
            {"thinking": "Where is it?", "text": "I look.", "tools": LOOKS},
            {"thinking": "Not there.", "tools": LOOKS[:1]},
            {"function": "echo_results"},
        ]
    )
    more: dict[str, Any] = {"tools": [TOOL], "thinking": THINK, "system": "Find it."}
    messages = [user("Find the key")]
    first = await send(client, messages, **more)
    assert [block.type for block in first.content] == ["thinking", "text", *["tool_use"] * 3]
    assert first.stop_reason == "tool_use"
    assert first.content[0].thinking == "Where is it?"
    assert [b.input for b in first.content[2:]] == [look["input"] for look in LOOKS]
    messages += answered(first)
    second = await send(client, messages, **more)
    messages += answered(second, is_error=True)
    last = await send(client, messages, **more)
    assert last.stop_reason == "end_turn"
    assert "is_error=True: result of 0" in text(last)
    assert endpoint.refusals() == []


async def test_results_may_come_in_any_order_with_text_after_them(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    endpoint.script([{"tools": LOOKS}, {"function": "echo_results"}])
    first = await stream(client, [user("go")], tools=[TOOL])
    turn, results = answered(first)
    results["content"].reverse()
    results["content"].append({"type": "text", "text": "Go on."})
    last = await stream(client, [user("go"), turn, results], tools=[TOOL])
    assert text(last).index("result of 2") < text(last).index("result of 0")


async def test_thinking_text_is_empty_unless_asked_for(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    endpoint.script([{"thinking": "Hidden words here", "text": "Hi"}])
    message = await stream(client, [user("hi")], thinking={"type": "adaptive"})
    assert message.content[0].type == "thinking"
    assert message.content[0].thinking == ""
    assert message.content[0].signature
    details = message.usage.output_tokens_details
    assert details is not None
    assert details.thinking_tokens == 4
    turn = said([block.to_dict() for block in message.content])
    again = await stream(client, [user("hi"), turn, user("more")], thinking={"type": "adaptive"})
    assert text(again) == "Done."


async def test_a_script_that_runs_out_answers_done(client: AsyncAnthropic) -> None:
    message = await stream(client, [user("hi")])
    assert (text(message), message.stop_reason) == ("Done.", "end_turn")


async def test_replies_are_chosen_by_the_task(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script({"*": ["other"], "red": ["Red."], "blue": ["Blue."]})
    for task, reply in (("a blue one", "Blue."), ("a red one", "Red."), ("x", "other")):
        assert text(await stream(client, [user(task)])) == reply
    in_system = await stream(client, [user("go")], system="The task: red")
    assert text(in_system) == "Red."


async def test_two_sessions_with_the_same_task_go_separately(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    endpoint.script([{"tools": LOOKS[:1]}, {"tools": LOOKS[1:2]}, "End."])
    one = [user("same")]
    two = [user("same")]
    for turn in range(2):
        for messages in (one, two):
            message = await stream(client, messages, tools=[TOOL])
            assert message.content[0].to_dict()["input"] == LOOKS[turn]["input"]
            messages.extend(answered(message))
    for messages in (one, two):
        assert text(await stream(client, messages, tools=[TOOL])) == "End."


async def test_a_client_that_lost_a_reply_gets_it_again_and_a_fault_is_used_up(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    fault = {"fault": "status", "status": 529}
    endpoint.script([{"tools": LOOKS[:1]}, fault, {"tools": LOOKS[1:2]}, "End."])
    messages = [user("go")]
    messages += answered(await stream(client, messages, tools=[TOOL]))
    with pytest.raises(anthropic.APIStatusError):
        await stream(client, messages, tools=[TOOL])
    again = [await stream(client, messages, tools=[TOOL]) for _ in range(3)]
    for message in again:
        assert message.content[0].to_dict()["input"] == LOOKS[1]["input"]
    messages += answered(again[-1])
    assert text(await stream(client, messages, tools=[TOOL])) == "End."


async def test_a_shared_track_goes_on_when_the_first_message_changes(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    endpoint.script({"*": {"shared": True, "replies": ["One.", "Two.", "Three."]}})
    assert text(await stream(client, [user("task")])) == "One."
    turns = [user("<summary> of task"), said("One."), user("go on")]
    assert text(await stream(client, turns)) == "Two."
    assert text(await stream(client, [user("<summary> 2 of task")])) == "Three."


async def test_a_repeating_track_never_ends(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script({"*": {"repeat": True, "replies": [{"tools": LOOKS[:1]}]}})
    messages = [user("go")]
    for _ in range(4):
        message = await stream(client, messages, tools=[TOOL])
        assert message.stop_reason == "tool_use"
        messages += answered(message)


async def test_raw_input_goes_out_byte_for_byte(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    raw = '{"place": "a",  "place": "b", "n": 1e400}'
    endpoint.script([{"tools": [{"name": "look", "raw_input": raw}], "chunk": 3}])
    async with client.messages.stream(
        model=MODEL,
        max_tokens=10,
        messages=[{"role": "user", "content": "go"}],
        tools=[TOOL],  # type: ignore[list-item]  # a plain dict for a TypedDict
    ) as events:
        parts = [event.partial_json async for event in events if event.type == "input_json"]
    assert "".join(parts) == raw


async def test_delays_space_out_the_deltas(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script([{"text": "abcdefgh", "chunk": 2, "delay_ms": 50}])
    async with client.messages.stream(
        model=MODEL, max_tokens=10, messages=[{"role": "user", "content": "go"}]
    ) as events:
        at = [time.monotonic() async for _part in events.text_stream]
    assert len(at) == 4
    assert at[-1] - at[0] >= 0.1


async def test_usage_and_stop_reason_can_be_set(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script([{"text": "Hi", "stop_reason": "strange", "usage": {"output_tokens": 77}}])
    message = await stream(client, [user("go")])
    assert str(message.stop_reason) == "strange"
    assert message.usage.output_tokens == 77


# Functions


async def test_until_done_goes_on_until_a_result_says_so(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    tools = LOOKS[:1]
    endpoint.script([{"function": "until_done", "until": "ready", "tools": tools}, "After."])
    messages = [user("wait")]
    for content in ("no", "no", "ready"):
        message = await stream(client, messages, tools=[TOOL])
        assert message.stop_reason == "tool_use"
        turn = said([block.to_dict() for block in message.content])
        messages += [turn, user([result(turn["content"][0]["id"], content)])]
    done = await stream(client, messages, tools=[TOOL])
    assert text(done) == "Done."
    messages += [said("Done."), user("and now?")]
    assert text(await stream(client, messages, tools=[TOOL])) == "After."


async def test_steps_counts_its_turns(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    tools = [{"name": "look", "input": {"place": "room {n}"}}]
    endpoint.script([{"function": "steps", "count": 3, "tools": tools, "text": "All seen."}])
    messages = [user("walk")]
    for number in range(1, 4):
        message = await stream(client, messages, tools=[TOOL])
        assert message.content[0].to_dict()["input"] == {"place": f"room {number}"}
        messages += answered(message)
    assert text(await stream(client, messages, tools=[TOOL])) == "All seen."


@pytest.mark.parametrize(
    ("content", "more", "reply"),
    [("NOT EXECUTED. x", {"is_error": True}, "Denied."), ("fine", {}, "Else.")],
)
async def test_choose_reacts_to_the_results(
    endpoint: Endpoint, client: AsyncAnthropic, content: str, more: Any, reply: str
) -> None:
    case = {"contains": "NOT EXECUTED", "error": True, "reply": {"text": "Denied."}}
    chosen = {"function": "choose", "cases": [case], "else": {"text": "Else."}}
    endpoint.script([{"tools": LOOKS[:1]}, chosen])
    first = await stream(client, [user("go")], tools=[TOOL])
    turn, results = answered(first)
    results["content"][0].update(content=content, **more)
    assert text(await stream(client, [user("go"), turn, results], tools=[TOOL])) == reply
