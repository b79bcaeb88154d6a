"""The model's turn against an endpoint in a process of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.agents.llm.asking import KEY, ask, failing, model_at, request, results, said, user
from tests.endpoint.client import Endpoint

SHOWN = {"type": "adaptive", "display": "summarized"}
CALL = {"name": "write_file", "input": {"path": "a.txt"}}


async def test_an_answer_comes_whole_and_was_told_as_it_came(served: Endpoint) -> None:
    text = "Hello, here is a sentence that is long enough for several deltas."
    served.script([{"thinking": "Let me see.", "text": text, "tools": [CALL], "chunk": 10}])
    deltas: list[tuple[str, str]] = []
    async with model_at(served.url) as model:
        turn = await ask(model, deltas=deltas, thinking=SHOWN)
    assert [block["type"] for block in turn.content] == ["thinking", "text", "tool_use"]
    assert turn.stop_reason == "tool_use"
    assert turn.content[2]["input"] == {"path": "a.txt"}
    assert turn.usage["input_tokens"] > 0
    assert turn.usage["output_tokens"] > 1
    assert turn.message_id.startswith("msg_")
    assert turn.model == "claude-opus-5-5"
    told = [said for kind, said in deltas if kind == "text"]
    assert told[-1] == text
    assert all(text.startswith(part) for part in told)
    assert len(told) > 3
    assert ("thinking", "Let me see.") in deltas


async def test_text_is_cumulative_over_several_blocks(served: Endpoint) -> None:
    blocks = [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]
    served.script([{"content": blocks}])
    deltas: list[tuple[str, str]] = []
    async with model_at(served.url) as model:
        await ask(model, deltas=deltas)
    assert deltas[-1] == ("text", "One.\n\nTwo.")


async def test_blocks_go_back_as_they_came(served: Endpoint) -> None:
    """The endpoint checks every signature against all that stands before it."""
    step = {"thinking": "Hm, ünïcode … \u2028", "text": "On it.", "tools": [CALL, CALL]}
    served.script([step, step, {"thinking": "Good.", "text": "Done."}])
    before = len(served.refusals())
    messages: list[Any] = [user("Replay this.")]
    async with model_at(served.url) as model:
        for expected in ("tool_use", "tool_use", "end_turn"):
            turn = await ask(model, *messages, thinking=SHOWN)
            messages += [said(turn), results(turn)]
            assert turn.stop_reason == expected
    assert served.refusals()[before:] == []
    asked = served.requests("Replay this.")
    answers = [entry["answer"] for entry in served.log() if "Replay this." in entry["body"]]
    for earlier, later, answer in zip(asked, asked[1:], answers, strict=False):
        kept = later["messages"][: len(earlier["messages"])]
        assert json.dumps(kept) == json.dumps(earlier["messages"])
        assert later["messages"][len(earlier["messages"])]["content"] == answer["content"]


async def test_a_changed_history_is_named_as_our_fault(served: Endpoint) -> None:
    served.script([{"thinking": "Hm.", "tools": [CALL]}])
    async with model_at(served.url) as model:
        turn = await ask(model, user("First."), thinking=SHOWN)
        other = (user("Changed."), said(turn), results(turn))
        failure = await failing(model, *other, thinking=SHOWN)
    assert failure.error_class == "thinking_bound"
    assert not failure.transient
    assert "bound to a different conversation" in failure.message


@pytest.mark.parametrize("fault", ["cut", "quiet_end"])
async def test_a_cut_stream_is_no_answer(served: Endpoint, fault: str) -> None:
    served.script([{"fault": fault}])
    async with model_at(served.url) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("cut_stream", True)
    assert failure.usage["input_tokens"] > 0


async def test_a_stream_that_says_nothing_is_cut(served: Endpoint) -> None:
    served.script([{"fault": "quiet_end", "after": 0}])
    async with model_at(served.url) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.usage) == ("cut_stream", {})


@pytest.mark.parametrize("fault", ["bad_json", "broken_event"])
async def test_broken_json(served: Endpoint, fault: str) -> None:
    served.script([{"fault": fault}])
    async with model_at(served.url) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("bad_json", True)


@pytest.mark.parametrize(
    "raw",
    [
        '{"path": "a", "path": "b"}',
        '{"path": NaN}',
        '{"path": Infinity}',
        '{"path": 1e400}',
        '{"path": 123456789012345678901234567890}',
        '{"path": "a"',
        '["a"]',
        '{"path": "a"} x',
        '{"path": ' + "[" * 80 + "]" * 80 + "}",
    ],
)
async def test_arguments_are_read_strictly(served: Endpoint, raw: str) -> None:
    served.script([{"tools": [{"name": "write_file", "raw_input": raw}]}])
    async with model_at(served.url) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("bad_json", True)


async def test_lone_surrogates_are_refused() -> None:
    # In an endpoint of its own, whose log cannot be read after this.
    tool = {"name": "write_file", "raw_input": '{"path": "\\ud800"}'}
    with Endpoint([{"tools": [tool]}]) as own:
        async with model_at(own.url) as model:
            failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("bad_json", True)


@pytest.mark.parametrize("raw", ["", "{}"])
async def test_no_arguments_are_an_empty_object(served: Endpoint, raw: str) -> None:
    served.script([{"tools": [{"name": "write_file", "raw_input": raw}]}])
    async with model_at(served.url) as model:
        turn = await ask(model)
    assert turn.content[0]["input"] == {}


async def test_a_truncated_turn_says_so_rather_than_complaining_of_its_json(
    served: Endpoint,
) -> None:
    served.script([{"fault": "truncate"}])
    async with model_at(served.url) as model:
        turn = await ask(model)
    assert turn.stop_reason == "max_tokens"


@pytest.mark.parametrize(
    "fault", ["refusal", "pause_turn", "model_context_window_exceeded", "empty"]
)
async def test_other_ends_are_passed_on(served: Endpoint, fault: str) -> None:
    served.script([{"fault": fault}])
    async with model_at(served.url) as model:
        turn = await ask(model)
    assert turn.stop_reason == ("end_turn" if fault == "empty" else fault)


async def test_the_key_never_enters_the_record(served: Endpoint) -> None:
    deltas: list[Any] = []
    async with model_at(served.url) as model:
        for reply in (
            {"text": f"The key is {KEY}.", "chunk": 3},
            {"tools": [{"name": "write_file", "input": {"path": KEY}}]},
            {"tools": [{"name": "write_file", "input": {KEY: 1}}]},
        ):
            served.script([reply])
            failure = await failing(model, deltas=deltas)
            assert (failure.error_class, failure.transient) == ("secret_in_turn", False)
            assert KEY not in failure.message
            assert failure.usage["input_tokens"] > 0
    assert not any(KEY in text for _kind, text in deltas)


async def test_a_call_whose_id_is_too_long_for_the_log_is_asked_for_again(
    served: Endpoint,
) -> None:
    served.script([{"tools": [{"id": "toolu_" + "x" * 200, "name": "write_file", "input": {}}]}])
    async with model_at(served.url) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("bad_json", True)


async def test_a_word_is_no_secret(served: Endpoint) -> None:
    served.script([{"text": "The key is none."}])
    async with model_at(served.url, api_key="none") as model:
        turn = await ask(model)
    assert turn.stop_reason == "end_turn"


async def test_cancelling_closes_the_stream(served: Endpoint) -> None:
    served.script([{"fault": "hang", "after": 4, "seconds": 60}])
    heard = asyncio.Event()
    number = len(served.log())
    async with model_at(served.url) as model:
        task = asyncio.create_task(model.turn(request(), lambda *_: heard.set()))
        await asyncio.wait_for(heard.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        served.wait(lambda log: log[number]["outcome"] == "client_gone")


async def test_a_listener_that_fails_is_not_the_models_fault(served: Endpoint) -> None:
    served.script([{"text": "Hello."}])

    def broken(_kind: str, _text: str) -> None:
        raise ValueError("a bug in the listener")

    async with model_at(served.url) as model:
        with pytest.raises(ValueError, match="a bug in the listener"):
            await model.turn(request(), broken)


async def test_nobody_listens_there() -> None:
    async with model_at("http://127.0.0.1:9") as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("connection", True)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "nonsense"])
async def test_an_address_that_is_none_is_not_retried(url: str) -> None:
    async with model_at(url) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("invalid_request", False)


async def test_without_a_key_a_placeholder_is_sent(
    served: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "from-the-environment")
    served.script(["Hello."])
    async with model_at(served.url, api_key=None) as model:
        turn = await ask(model)
    assert turn.stop_reason == "end_turn"
    assert served.log()[-1]["auth"] is not None
