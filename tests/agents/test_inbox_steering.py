"""Steering a session: what its row says, whom it wakes, what comes too late."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import Group, User

from agents import inbox
from agents.core import events
from agents.inbox import pinning
from agents.journal import ClaimRefused
from agents.models import Pin, RoleAssignment, Session
from tests.agents.desk import Desk, intent, said

pytestmark = pytest.mark.django_db(transaction=True)

Status = Session.Status


def test_only_operators_steer(olu: User, ann: User, bob: User, eve: User) -> None:
    desk = Desk()
    acts = (inbox.pause, inbox.resume, inbox.stop)
    for act in acts:
        for user in (ann, bob):
            with pytest.raises(inbox.NotAllowed):
                act(user, desk.row.uuid)
        with pytest.raises(inbox.Missing):
            act(eve, desk.row.uuid)
        with pytest.raises(inbox.Missing):
            act(olu, uuid.uuid4())
    with pytest.raises(inbox.NotAllowed):
        inbox.stop_all(bob)
    assert desk.kinds() == ["session_started"]


def test_a_parked_session_that_is_paused_takes_decisions_and_wakes_at_the_resume(
    olu: User, ann: User
) -> None:
    desk = Desk()
    held = desk.ask()
    assert inbox.pause(olu, desk.row.uuid).status == Status.PAUSED
    inbox.approve(ann, held.uuid, held.digest)
    assert desk.refresh().status == Status.PAUSED
    assert inbox.resume(olu, desk.row.uuid).status == Status.QUEUED


def test_pausing_twice_and_resuming_twice_are_said_once(olu: User) -> None:
    desk = Desk()
    desk.park("paused")
    for act in (inbox.pause, inbox.pause, inbox.resume, inbox.resume):
        act(olu, desk.row.uuid)
    assert desk.kinds()[1:] == ["paused", "resumed"]


def test_a_paused_session_under_review_says_so_until_it_is_settled(olu: User, ada: User) -> None:
    desk = Desk()
    outcome = desk.unknown()
    inbox.pause(olu, desk.row.uuid)
    assert desk.refresh().status == Status.OUTCOME_REVIEW
    inbox.settle(ada, outcome, "happened", "It was sent.")
    assert desk.refresh().status == Status.PAUSED
    assert inbox.resume(olu, desk.row.uuid).status == Status.QUEUED


def test_a_message_wakes_a_parked_session_and_not_a_paused_one(olu: User) -> None:
    desk = Desk()
    desk.park("waiting_input")
    assert inbox.steer(olu, desk.row.uuid, "try the other door").status == Status.QUEUED
    desk.park("waiting_input")
    inbox.pause(olu, desk.row.uuid)
    assert inbox.steer(olu, desk.row.uuid, "and the window").status == Status.PAUSED


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 20_001])
def test_a_message_needs_a_text_of_a_decent_length(olu: User, text: str) -> None:
    desk = Desk()
    with pytest.raises(inbox.Invalid):
        inbox.steer(olu, desk.row.uuid, text)
    assert desk.kinds() == ["session_started"]


def test_a_message_with_hostile_characters_is_kept_in_both_databases(olu: User) -> None:
    desk = Desk()
    inbox.steer(olu, desk.row.uuid, "a\x00b \ud800 c")
    assert desk.kinds()[-1] == "message"


def test_a_stop_cancels_what_waits_and_what_was_approved(olu: User, ann: User) -> None:
    desk = Desk()
    waiting, approved = desk.ask(), desk.ask()
    inbox.approve(ann, approved.uuid, approved.digest)
    desk.park("waiting_approval")
    row = inbox.stop(olu, desk.row.uuid)
    assert (row.status, row.stopping, row.open_approvals) == (Status.QUEUED, True, 0)
    for held in (waiting, approved):
        held.refresh_from_db()
        assert held.state == "cancelled"
    with pytest.raises(inbox.Conflict):
        inbox.approve(ann, waiting.uuid, waiting.digest)
    desk.lease()
    with pytest.raises(ClaimRefused):
        desk.claim(approved)


def test_a_stop_keeps_the_term_of_a_running_session_and_a_kill_takes_it(olu: User) -> None:
    desk = Desk()
    row = inbox.stop(olu, desk.row.uuid)
    assert (row.status, row.term, row.lease_owner) == (Status.RUNNING, 1, "desk")
    assert inbox.stop(olu, desk.row.uuid).last_seq == row.last_seq, "pressed twice, said once"
    row = inbox.stop(olu, desk.row.uuid, kill=True)
    assert (row.status, row.term, row.lease_owner) == (Status.QUEUED, 2, "")
    assert desk.kinds()[1:] == ["stop_requested"] * 2


def test_a_stop_reaches_a_paused_session_and_one_that_waits_for_a_retry(olu: User) -> None:
    for status in ("paused", "queued", "waiting_input", "outcome_review"):
        desk = Desk()
        desk.park(status)
        inbox.pause(olu, desk.row.uuid)
        row = inbox.stop(olu, desk.row.uuid)
        assert (row.status, row.resume_at) == (Status.QUEUED, None)


def test_an_ended_session_can_be_neither_steered_nor_stopped(olu: User) -> None:
    desk = Desk()
    desk.write(events.Complete("done"), term=1)
    acts = (inbox.pause, inbox.resume, inbox.stop)
    for act in acts:
        with pytest.raises(inbox.Conflict, match="already ended: Completed"):
            act(olu, desk.row.uuid)
    assert desk.kinds()[-1] == "complete"


def test_stop_everything_reaches_every_session_that_lives(olu: User) -> None:
    desks = [Desk() for _ in range(20)]
    desks[0].write(events.Complete("done"), term=1)
    inbox.stop(olu, desks[1].row.uuid)
    assert inbox.stop_all(olu) == 18
    assert inbox.stop_all(olu) == 0
    assert all(desk.refresh().stopping for desk in desks[1:])


def test_stop_everything_stops_nothing_that_this_person_only_sees(bob: User) -> None:
    north = Group.objects.create(name="north")
    RoleAssignment.objects.create(user=bob, role="operator", group=north)
    mine, other = Desk(), Desk()
    Session.objects.filter(pk=mine.row.pk).update(group=north)
    assert inbox.stop_all(bob) == 1
    assert (mine.refresh().stopping, other.refresh().stopping) == (True, False)


def test_a_session_that_is_being_stopped_takes_no_more_words(olu: User) -> None:
    desk = Desk()
    inbox.stop(olu, desk.row.uuid)
    with pytest.raises(inbox.Conflict):
        inbox.steer(olu, desk.row.uuid, "And one more thing.")


def test_of_too_many_pins_the_oldest_goes(olu: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinning, "MOST", 2)
    rows = [Desk().row for _ in range(3)]
    for row in rows:
        inbox.pin(olu, row)
    kept = Pin.objects.filter(user=olu).values_list("session", flat=True)
    assert set(kept) == {row.pk for row in rows[1:]}


def test_limits_are_checked_and_raised(olu: User) -> None:
    desk = Desk()
    with pytest.raises(inbox.Invalid, match="no such limit"):
        inbox.change_limits(olu, desk.row.uuid, {"wishes": 3})
    desk.park("waiting_input")
    row = inbox.change_limits(olu, desk.row.uuid, {"steps": 9})
    assert (row.limits, row.status) == ({"steps": 9}, Status.QUEUED)


# Outcomes


@pytest.mark.parametrize("decision", ["happened", "not_happened", "abandoned"])
def test_an_outcome_is_settled_once(ada: User, ann: User, decision: str) -> None:
    desk = Desk()
    outcome = desk.unknown()
    with pytest.raises(inbox.NotAllowed):
        inbox.settle(ann, outcome, decision)
    settled = inbox.settle(ada, outcome, decision, "result", "I looked")
    assert (settled.state, settled.settled_by) == (decision, ada)
    row = desk.refresh()
    assert (row.status, row.open_outcomes) == (Status.QUEUED, 0)
    with pytest.raises(inbox.Conflict):
        inbox.settle(ada, outcome, "abandoned")
    assert desk.kinds().count("outcome_settled") == 1


def test_an_outcome_has_three_ways_to_be_settled(ada: User) -> None:
    with pytest.raises(inbox.Invalid):
        inbox.settle(ada, Desk().unknown(), "perhaps")


# The row


def test_the_row_follows_the_log() -> None:
    desk = Desk()
    desk.write(said("hello"))
    desk.unknown("u1")
    row = desk.refresh()
    assert (row.last_seq, row.tool_calls, row.tokens) == (6, 1, 1)
    desk.lease()
    desk.write(events.ToolResult("u1", "t", True, "ok", duration_ms=7), term=2)
    assert desk.refresh().tool_ms == 7
    desk.write(events.Error("overloaded", "busy"), term=2)
    row = desk.refresh()
    assert (row.status, row.error_class, row.error) == (Status.FAILED, "overloaded", "busy")
    assert (row.lease_owner, row.ended_at is None) == ("", False)


def test_the_first_end_is_the_end() -> None:
    desk = Desk()
    desk.write(events.Complete("done"), events.Error("internal", "late"))
    row = desk.refresh()
    assert (row.status, row.result) == (Status.COMPLETED, "done")
    assert row.error == ""


def test_hostile_words_are_shown_as_they_are_and_break_nothing() -> None:
    desk = Desk()
    words = "a\x00b\u202e" + "x" * 5000
    desk.write(events.Complete(words), term=1)
    assert desk.refresh().status == Status.COMPLETED


def test_what_people_write_is_kept_in_both_databases(olu: User, ann: User, ada: User) -> None:
    desk = Desk()
    held, other = desk.ask(), desk.ask()
    words = "a\x00b \ud800"
    inbox.approve(ann, held.uuid, held.digest, words)
    inbox.deny(ann, other.uuid, other.digest, words)
    inbox.settle(ada, desk.unknown(), "happened", words, words)
    inbox.pause(olu, desk.row.uuid, words)
    inbox.stop(olu, desk.row.uuid, reason=words)
    inbox.stop_all(olu, words)
    assert "stop_requested" in desk.kinds()


def test_a_claim_needs_no_approval_where_none_was_asked() -> None:
    desk = Desk()
    assert desk.write(intent("c1", "d"), term=1, claim=1)
