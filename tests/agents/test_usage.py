"""One row per call and per turn: what the projections write of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User

from agents import inbox, supervisor
from agents.core import events
from agents.insights import filling
from agents.insights.sentences import sentence
from agents.llm.rehearsal.model import rehearsal_model
from agents.models import Anomaly, Approval, Incident, RollupState, Session, ToolUse, TurnUse
from agents.usage import host, size
from tests.agents.working import db, until, worker
from tests.oversight import stories
from tests.oversight.stories import Told

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_run_leaves_a_row_for_each_turn_and_each_call(olu: User, ann: User) -> None:
    session = await db(
        supervisor.start, olu, "assistant", "Refund the duplicate charge of order 4471"
    )
    async with worker(rehearsal_model(1000)), asyncio.timeout(60):
        while session.status not in Session.ENDED:
            await until(session, "waiting_approval", "waiting_input", *Session.ENDED, seconds=60)
            await db(approve_all, ann, session)
    await db(check_against_log, session)


def approve_all(user: User, session: Session) -> None:
    for approval in Approval.objects.filter(session=session, state="pending"):
        inbox.approve(user, approval.uuid, approval.digest)
    session.refresh_from_db()


def check_against_log(session: Session) -> None:
    uses, turns = ToolUse.objects.filter(session=session), TurnUse.objects.filter(session=session)
    assert turns.count() == session.events.filter(kind="thinking").count()
    assert uses.count() == session.events.filter(kind="tool_call").count()
    assert not uses.filter(settled_at=None).exists()
    asked = Approval.objects.filter(session=session)
    assert uses.filter(waited_ms__isnull=False).count() == asked.count() > 0
    assert sum(turn.cost or 0 for turn in turns) == session.cost
    before = told(session)
    filling.fill(session.pk)
    assert told(session) == before


def told(session: Session) -> list[tuple[object, ...]]:
    """Every row of the session's, without its number."""
    rows = []
    for table in (ToolUse, TurnUse, Incident):
        names = [one.attname for one in table._meta.concrete_fields if one.attname != "id"]
        rows += list(
            table._default_manager.filter(session=session).order_by("seq").values_list(*names)
        )
    return rows


def test_a_call_is_settled_by_the_result_of_its_own_step() -> None:
    story: list[Told] = [
        (0, 0, stories.started()),
        (1, 1, stories.turn("One.")),
        (1, 1, stories.call("read_file", path="a")),
        (2, 1, stories.result("read_file", "first", ms=10)),
        (3, 2, stories.turn("Two.")),
        (3, 2, stories.call("read_file", path="b")),
        (4, 2, stories.result("read_file", "second one", ok=False, ms=20, error_class="timeout")),
    ]
    session = stories.tell(story)
    first, second = ToolUse.objects.filter(session=session).order_by("seq")
    assert (first.ok, first.duration_ms, first.size, first.error_class) == (True, 10, 5, "")
    assert (second.ok, second.duration_ms, second.size) == (False, 20, 10)
    assert second.error_class == "timeout"


def test_who_decided_and_how_often_it_was_tried_stand_in_the_row(ann: User) -> None:
    use = ToolUse.objects.get(session=stories.finished(ann), tool="send_email")
    assert (use.decision, use.waited_ms, use.attempts, use.ok) == ("approved", 22_000, 2, True)
    assert use.decided_by == ann


def test_what_is_told_whatever_is_usual_is_an_incident() -> None:
    story: list[Told] = [
        (0, 0, stories.started()),
        (1, 1, events.LoopDetected("same_call_error", "reflect", {})),
        (2, 1, events.TurnDiscarded("refusal", "I will not.", {}, 1)),
        (3, 1, events.TurnDiscarded("truncated", "cut", {}, 1)),
        (4, 1, events.BudgetReached("usd", 5, 5)),
        (5, 1, events.TurnDiscarded("bound", "Thinking is bound.", {}, 1)),
        (5, 1, events.Error("secret_in_turn", "A secret.")),
        (6, 1, events.Complete("", "empty")),
    ]
    session = stories.tell(story)
    kinds = Incident.objects.filter(session=session).order_by("seq").values_list("kind", "detail")
    assert list(kinds) == [
        ("loop", "same_call_error"),
        ("refusal", "I will not."),
        ("budget", "usd"),
        ("thinking_dropped", ""),
        ("secret", "known"),
        ("empty_end", ""),
    ]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"body": "key: AKIA" + "ABCDEFGHIJKLMNOP"}, "aws_key"),
        ({"files": [{"text": "-----BEGIN RSA PRIVATE " + "KEY-----\nx"}]}, "private_key"),
        ({"sk-ant-" + "a1" * 12: True}, "anthropic_key"),
        ({"body": "The key AKIA is short, and task-ant-colony no key."}, ""),
    ],
)
def test_what_looks_like_a_secret_in_arguments_is_an_incident_without_the_secret(
    arguments: dict[str, Any], found: str
) -> None:
    session = stories.tell(
        [(0, 0, stories.started()), (1, 1, stories.call("send_email", **arguments))]
    )
    incidents = Incident.objects.filter(session=session).values_list("kind", "detail")
    assert list(incidents) == ([("secret", found)] if found else [])
    anomaly = Anomaly(kind="secret", agent="assistant", parts={"detail": "aws_key"})
    assert str(sentence(anomaly)) == (
        "assistant wrote what looks like an AWS access key into a turn."
    )


def test_older_sessions_are_filled_in_pieces_and_no_session_twice() -> None:
    sessions = [stories.finished() for _ in range(3)]
    before = [told(session) for session in sessions]
    ToolUse.objects.all().delete()
    TurnUse.objects.all().delete()
    RollupState.objects.update_or_create(pk=1, defaults={"unfilled": sessions[-1].pk})
    assert filling.fill_older(2) == 1
    assert not ToolUse.objects.filter(session=sessions[0]).exists()
    assert filling.fill_older(2) == 0
    assert [told(session) for session in sessions] == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"url": "https://Example.org:8443/a?b"}, "example.org"),
        ({"n": 1, "to": "a@b.example", "page": "http://x.example"}, "x.example"),
        ({"text": "see https://x.example"}, ""),
        ({"url": "https://[broken"}, ""),
        ({"url": "https://\x00bad.example/"}, "bad.example"),
        ({}, ""),
    ],
)
def test_where_a_call_leads(arguments: dict[str, object], expected: str) -> None:
    assert host(arguments) == expected


def test_the_size_of_a_result_counts_what_its_blocks_hold() -> None:
    assert size("four") == 4
    image = {"type": "image", "source": {"type": "base64", "data": "abcdef"}}
    assert size([{"type": "text", "text": "ab"}, image]) == 8


def test_what_a_fork_reads_through_is_counted_for_its_parent_alone() -> None:
    parent = stories.finished()
    fork = stories.tell([], parent=parent, parent_seq=5, last_seq=5)
    stories.add(fork, [(1, 2, stories.turn("Another way."))])
    before = told(fork)
    filling.fill(fork.pk)
    assert told(fork) == before
    assert [turn.seq for turn in fork.turn_uses.all()] == [6]
