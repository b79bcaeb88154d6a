"""Deciding: who may, what counts, and what the person is told when somebody was first."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone

from agents import inbox, roles
from agents.core import events
from agents.inbox import policy
from agents.journal import journal
from agents.models import Approval, RoleAssignment, Session
from tests.agents.desk import Desk, together

pytestmark = pytest.mark.django_db(transaction=True)


def decision(desk: Desk) -> events.JsonObject:
    """The last decision's facts."""
    return events.parse_text(desk.row.events.filter(kind="approval_decided").latest("seq").text)


def test_an_approval_is_one_vote_one_event_and_one_wake_up(ann: User) -> None:
    desk = Desk()
    held = desk.ask()
    decided = inbox.approve(ann, held.uuid, held.digest, "fine")
    assert (decided.state, decided.votes, decided.decided_by) == ("approved", 1, ann)
    assert desk.kinds()[-1] == "approval_decided"
    assert decision(desk)["by"] == "ann"
    assert (desk.refresh().status, desk.row.open_approvals) == ("queued", 0)


def test_a_denial_is_final(ann: User) -> None:
    desk = Desk()
    held = desk.ask(required=2)
    assert inbox.deny(ann, held.uuid, held.digest, "too dear").state == "denied"
    assert decision(desk)["reason"] == "too dear"


def test_an_answer_needs_a_text_and_runs_nothing(ann: User) -> None:
    held = Desk().ask()
    with pytest.raises(inbox.Invalid):
        inbox.answer(ann, held.uuid, held.digest, "  ")
    assert inbox.answer(ann, held.uuid, held.digest, "It is 42.").state == "answered"


def test_sixteen_threads_that_approve_at_once_are_one_vote(ann: User) -> None:
    desk = Desk()
    held = desk.ask()

    def approve(n: int) -> str:
        try:
            return inbox.approve(ann, held.uuid, held.digest).state
        except inbox.Conflict as late:
            return late.message
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as threads:
        answers = Counter(threads.map(approve, range(16)))
    assert answers == {"approved": 1, "Already approved by ann.": 15}
    assert desk.kinds().count("approval_decided") == 1
    assert held.ballots.count() == 1


def test_approve_and_deny_at_once_have_one_winner(ann: User, ada: User) -> None:
    for _ in range(5):
        desk = Desk()
        held = desk.ask()
        acts = [(inbox.approve, ann), (inbox.deny, ada)] * 3

        def act(n: int, held: Approval = held, acts: list[Any] = acts) -> str:
            work, user = acts[n]
            try:
                return str(work(user, held.uuid, held.digest).state)
            except inbox.Conflict:
                return "conflict"
            finally:
                connections.close_all()

        with ThreadPoolExecutor(6) as threads:
            answers = Counter(threads.map(act, range(6)))
        assert answers["conflict"] == 5
        held.refresh_from_db()
        assert answers[held.state] == 1


def test_decisions_that_are_written_in_one_batch_have_one_winner(ann: User, ada: User) -> None:
    desk = Desk()
    held = desk.ask()
    outcomes = together(
        desk,
        lambda: inbox.approve(ann, held.uuid, held.digest).state,
        lambda: inbox.deny(ada, held.uuid, held.digest).state,
    )
    assert outcomes == ["approved", "Conflict"]
    assert desk.kinds().count("approval_decided") == 1


def test_the_clock_and_a_person_in_one_batch_have_one_winner(ann: User) -> None:
    desk = Desk()
    held = desk.ask()
    outcomes = together(
        desk,
        lambda: inbox.approve(ann, held.uuid, held.digest).state,
        lambda: journal.append(policy._if_pending(held, policy._closed("expired", "expiry"))),
    )
    assert outcomes == ["approved", []]
    assert desk.kinds().count("approval_decided") == 1


def test_two_votes_in_one_batch_are_two_votes(ann: User, ada: User) -> None:
    desk = Desk()
    held = desk.ask(required=2)
    together(
        desk,
        lambda: inbox.approve(ann, held.uuid, held.digest),
        lambda: inbox.approve(ada, held.uuid, held.digest),
    )
    assert desk.kinds()[-2:] == ["vote_cast", "approval_decided"]


@pytest.mark.parametrize(
    ("first", "sentence"),
    [("approve", "Already approved by ann."), ("deny", "Already denied by ann. Nothing ran.")],
)
def test_who_comes_second_learns_who_was_first(
    ann: User, ada: User, first: str, sentence: str
) -> None:
    held = Desk().ask()
    getattr(inbox, first)(ann, held.uuid, held.digest)
    for act in (inbox.approve, inbox.deny):
        with pytest.raises(inbox.Conflict) as late:
            act(ada, held.uuid, held.digest)
        assert late.value.message == sentence
        assert late.value.approval
        assert late.value.approval.state != "pending"


def test_a_decision_on_what_was_not_shown_does_not_count(ann: User) -> None:
    first, other = Desk().ask("one"), Desk().ask("two")
    for digest in ("", "0" * 64, other.digest):
        with pytest.raises(inbox.Conflict, match="changed since you looked"):
            inbox.approve(ann, first.uuid, digest)
    assert not first.ballots.exists()


def test_a_decision_after_the_deadline_does_not_count_even_before_the_sweep(ann: User) -> None:
    held = Desk().ask(decide_by=events.timestamp(timezone.now() - timedelta(seconds=1)))
    with pytest.raises(inbox.Conflict, match=r"expired \d+ s before you decided"):
        inbox.approve(ann, held.uuid, held.digest)


def test_what_expires_together_is_written_together() -> None:
    past = events.timestamp(timezone.now() - timedelta(seconds=1))
    desks = [Desk() for _ in range(5)]
    late = [desk.ask(decide_by=past) for desk in desks]
    # One after another would take a beat of the worker's for each hundred of them.
    assert together(desks[0], inbox.expire, appends=len(late)) == [len(late)]
    assert [desk.kinds()[-1] for desk in desks] == ["approval_decided"] * 5


def test_what_nobody_decided_in_time_is_denied(ann: User) -> None:
    desk = Desk()
    held = desk.ask(decide_by=events.timestamp(timezone.now() - timedelta(seconds=1)))
    waiting = Desk().ask()
    assert inbox.expire() == 1
    assert inbox.expire() == 0
    held.refresh_from_db()
    waiting.refresh_from_db()
    assert (held.state, waiting.state) == ("expired", "pending")
    assert desk.refresh().status == "queued"


def test_whoever_may_not_decide_is_told_and_nothing_is_written(
    olu: User, bob: User, eve: User
) -> None:
    desk = Desk()
    held = desk.ask()
    for user in (olu, bob):
        with pytest.raises(inbox.NotAllowed):
            inbox.approve(user, held.uuid, held.digest)
    with pytest.raises(inbox.Missing):
        inbox.approve(eve, held.uuid, held.digest)
    with pytest.raises(inbox.Missing):
        inbox.approve(olu, uuid.uuid4(), held.digest)
    assert desk.kinds()[-1] == "approval_requested"


def test_an_approver_of_low_risks_may_not_decide_high_ones(ann: User) -> None:
    RoleAssignment.objects.filter(user=ann).update(highest_risk="medium")
    held = Desk().ask()
    with pytest.raises(inbox.NotAllowed, match="above the risk"):
        inbox.approve(ann, held.uuid, held.digest)


# Rows that pages show


def test_the_session_counts_what_waits(ann: User) -> None:
    desk = Desk()
    first, second = desk.ask(), desk.ask()
    assert desk.refresh().open_approvals == 2
    inbox.approve(ann, first.uuid, first.digest)
    assert desk.refresh().open_approvals == 1
    inbox.deny(ann, second.uuid, second.digest)
    assert desk.refresh().open_approvals == 0


def test_an_ended_session_takes_no_decision(ann: User) -> None:
    desk = Desk()
    held = desk.ask()
    desk.lease()
    desk.write(events.Error("internal", "x"), term=2)
    assert desk.refresh().status == Session.Status.FAILED
    with pytest.raises(inbox.Conflict):
        inbox.approve(ann, held.uuid, held.digest)


def test_a_role_that_is_taken_away_counts_from_the_next_click(ann: User) -> None:
    held = Desk().ask()
    RoleAssignment.objects.filter(user=ann).delete()
    with pytest.raises((inbox.NotAllowed, inbox.Missing)):
        inbox.approve(ann, held.uuid, held.digest)
    roles.grant(ann, "approver")
    assert inbox.approve(ann, held.uuid, held.digest).state == "approved"
