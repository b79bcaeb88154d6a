"""Each row of guards.md 5.1 that an endpoint's error decides, at an endpoint process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from agents import inbox
from agents.core import events
from tests.agents.talking import READ, facts, play, said, shown, status, tail, working
from tests.agents.working import ENDED, QUICK, begin, db, kinds, until
from tests.endpoint.fixtures import Talk, shared_endpoint, talk

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["shared_endpoint", "talk"]

BOUND = "Invalid signature in thinking block. The block is bound to a different conversation."
OVERFLOWS = [
    status(400, message="prompt is too long: 250000 tokens > 200000 maximum"),
    status(400, message="input is too long for this model"),
    status(400, message="input length and `max_tokens` exceed context limit: 190000 + 32000"),
    status(413, message="Request exceeds the maximum size"),
    {"fault": "model_context_window_exceeded"},
]


def writes(count: int, size: int) -> list[dict[str, object]]:
    """Turns that each add ``size`` characters to the conversation."""
    given = [{"path": f"{n}.txt", "content": str(n) * size} for n in range(count)]
    return [{"tools": [{"name": "write_file", "input": arguments}]} for arguments in given]


# Overflow


@pytest.mark.parametrize("overflow", OVERFLOWS, ids=lambda fault: str(fault.get("message", "stop")))
async def test_a_conversation_that_is_too_long_is_compacted_once_and_goes_on(
    talk: Talk, overflow: dict[str, object]
) -> None:
    session = await play(talk, *writes(6, 3000), overflow, "A summary.", "All read.")
    assert (session.status, session.result) == ("completed", "All read.")
    (epoch,) = await facts(session, events.ContextCompacted)
    assert (epoch.epoch, epoch.reason, epoch.summary) == (1, "overflow", "A summary.")
    assert len(shown(talk.requests()[-1])) < len(shown(talk.requests()[-3]))


async def test_what_compacting_cannot_mend_has_its_last_results_clipped_and_then_asks(
    talk: Talk, olu: User
) -> None:
    too_long = OVERFLOWS[0]
    said(talk, *writes(6, 3000), READ, too_long, "A summary.", too_long, too_long, "At last.")
    session = await begin("Read.")
    folder = Path(settings.OVERSIGHT_DATA) / "workspaces" / str(session.uuid)
    folder.mkdir(parents=True)
    (folder / "orders.csv").write_text("1042,paid\n" * 900)
    async with working(talk):
        session = await until(session, "waiting_input")
        epochs = await facts(session, events.ContextCompacted)
        assert [(e.epoch, e.reason) for e in epochs] == [(1, "overflow"), (1, "clipped")]
        whole, _summary, compacted, clipped = talk.requests()[7:]
        sizes = [len(tail(body)[0]["content"]) for body in (whole, compacted, clipped)]
        assert sizes[0] == sizes[1] >= 9_000
        assert sizes[2] < 4_100
        assert "too long for the model" in session.asking
        await db(inbox.steer, olu, session.uuid, "Do without.", withholds=True)
        session = await until(session, *ENDED)
    assert session.result == "At last."
    assert tail(talk.requests()[-1])[0]["content"] == "[withheld]"


async def test_an_overflow_that_nobody_can_answer_fails_as_such(talk: Talk) -> None:
    session = await play(talk, OVERFLOWS[0], settings={"unattended": True})
    assert (session.status, session.error_class) == ("failed", "context_overflow")


# The stream and its JSON


async def test_a_stream_without_an_end_is_discarded_as_a_cut_stream(talk: Talk) -> None:
    session = await play(talk, READ, {"fault": "quiet_end"}, "All read.")
    assert session.result == "All read."
    (fact,) = await facts(session, events.ModelRetried)
    assert fact.error_class == "cut_stream"
    assert "broken off somewhere" not in shown(talk.requests()[-1])


async def test_arguments_that_are_no_json_are_sampled_again_twice_and_then_noted(
    talk: Talk,
) -> None:
    session = await play(talk, *[{"fault": "bad_json"}] * 3, "In words, then.")
    assert session.result == "In words, then."
    noted = ["were not valid JSON" in shown(body) for body in talk.requests()]
    assert noted == [False, False, False, True]
    assert "tool_call" not in await kinds(session)


# Thinking that is bound to another conversation


async def test_thinking_bound_elsewhere_is_dropped_from_then_on(talk: Talk) -> None:
    talk.provoked = 1
    forged = {**READ, "thinking": "Hm.", "forged": True}
    again = {"tools": [{"name": "read_file", "input": {"path": "other.csv"}}]}
    session = await play(talk, forged, again, "All read.")
    assert session.result == "All read."
    discarded = await facts(session, events.TurnDiscarded)
    assert [fact.reason for fact in discarded] == ["bound"]
    sent = [entry for entry in talk.log() if entry["path"] == "/v1/messages"]
    betas = [entry["headers"].get("anthropic-beta", "") for entry in sent]
    assert ["thinking-binding-controls" in beta for beta in betas] == [False, False, True, True]
    assert ["drop_block" in entry["body"] for entry in sent] == [False, False, True, True]
    left_out = [turn.input_transformations for turn in await facts(session, events.Thinking)]
    assert left_out[0] is None
    assert left_out[1] == [
        {
            "type": "thinking_dropped",
            "path": "messages.1.content.0",
            "reason": "prefix_binding_mismatch",
        }
    ]


async def test_thinking_that_stays_bound_elsewhere_is_retried_once_only(talk: Talk) -> None:
    session = await play(talk, *[status(400, message=BOUND)] * 2)
    assert (session.status, session.error_class) == ("failed", "thinking_bound")
    assert len(talk.requests()) == 2


# Other errors


@pytest.mark.parametrize(
    ("code", "error_class"),
    [(400, "invalid_request"), (404, "not_found"), (422, "invalid_request")],
)
async def test_a_request_that_is_wrong_is_not_tried_again(
    talk: Talk, code: int, error_class: str
) -> None:
    session = await play(talk, status(code))
    assert (session.status, session.error_class) == ("failed", error_class)
    assert len(talk.requests()) == 1


@pytest.mark.parametrize(
    ("code", "error_class"), [(401, "authentication"), (402, "billing"), (403, "permission")]
)
async def test_a_key_or_a_bill_that_is_wrong_waits_for_a_person_who_puts_it_right(
    talk: Talk, olu: User, code: int, error_class: str
) -> None:
    said(talk, status(code), "At last.")
    async with working(talk):
        session = await until(await begin("Do it."), "waiting_input")
        assert len(talk.requests()) == 1
        (fact,) = await facts(session, events.ModelRetried)
        assert (fact.error_class, fact.asks) == (error_class, True)
        assert str(code) in session.asking
        await db(inbox.resume, olu, session.uuid)
        session = await until(session, *ENDED)
    assert session.result == "At last."


async def test_a_wrong_key_that_nobody_can_put_right_fails(talk: Talk) -> None:
    session = await play(talk, status(401), settings={"unattended": True})
    assert (session.status, session.error_class) == ("failed", "authentication")


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [
        (status(408), "timeout"),
        (status(409), "server_error"),
        (status(429), "rate_limited"),
        (status(500), "server_error"),
        (status(502), "server_error"),
        (status(503), "server_error"),
        (status(504), "server_error"),
        (status(529), "overloaded"),
        ({"fault": "error_event", "type": "overloaded_error"}, "overloaded"),
        ({"fault": "error_event", "type": "rate_limit_error"}, "rate_limited"),
        ({"fault": "error_event", "type": "api_error"}, "server_error"),
        ({"fault": "error_event", "type": "timeout_error"}, "timeout"),
        ({"fault": "cut", "after": 0}, "cut_stream"),
    ],
)
async def test_an_error_that_passes_is_retried_and_on_record(
    talk: Talk, fault: dict[str, object], error_class: str
) -> None:
    session = await play(talk, fault, "Done.")
    assert (session.status, session.result) == ("completed", "Done.")
    (fact,) = await facts(session, events.ModelRetried)
    assert (fact.error_class, fact.attempt) == (error_class, 1)
    assert len(talk.requests()) == 2


async def test_an_error_of_its_own_inside_a_stream_is_not_tried_again(talk: Talk) -> None:
    fault = {"fault": "error_event", "type": "invalid_request_error", "message": "No."}
    session = await play(talk, fault)
    assert (session.status, session.error_class) == ("failed", "invalid_request")


async def test_an_overloaded_model_without_a_fallback_is_never_changed(talk: Talk) -> None:
    session = await play(talk, *[status(529)] * 3)
    assert (session.status, session.error_class) == ("failed", "overloaded")
    assert {body["model"] for body in talk.requests()} == {"claude-sonnet-5-5"}


async def test_an_overloaded_model_gives_way_to_its_fallback_in_a_new_epoch(talk: Talk) -> None:
    thought = {**READ, "thinking": "Let me see."}
    session = await play(
        talk, thought, *[status(529)] * 3, "Read.", settings={"fallback_model": "claude-haiku-5-5"}
    )
    assert (session.status, session.result) == ("completed", "Read.")
    tried = await facts(session, events.ModelRetried)
    assert [fact.fallback for fact in tried] == ["", "", "claude-haiku-5-5"]
    (epoch,) = await facts(session, events.ContextCompacted)
    assert (epoch.epoch, epoch.reason) == (1, "fallback")
    last = talk.requests()[-1]
    assert last["model"] == "claude-haiku-5-5"
    assert "'thinking'" not in shown(last)
    assert [body["model"] for body in talk.requests()][:4] == ["claude-sonnet-5-5"] * 4


async def test_attempts_in_process_are_bounded_and_then_the_session_is_parked(talk: Talk) -> None:
    said(talk, *[status(500)] * 3, "Done.")
    retry = {**QUICK["retry"], "parks": [300]}
    async with working(talk):
        session = await begin("Do it.", settings={"retry": retry})
        async with asyncio.timeout(60):
            while len(await facts(session, events.ModelRetried)) < 3:
                await until(session, "queued", "running")
        session = await until(session, "queued")
    parked = (await facts(session, events.ModelRetried))[-1]
    assert (parked.attempt, parked.resume_at is not None) == (3, True)
    assert len(talk.requests()) == 3
