"""Two people, and votes that are taken back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connections

from agents import inbox
from agents.core import events
from agents.models import GateRule, Tool
from tests.agents.desk import TOOL, Desk
from tests.cast import person

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_people_are_two_people(ann: User, ada: User) -> None:
    desk = Desk()
    held = desk.ask(required=2)
    first = inbox.approve(ann, held.uuid, held.digest)
    assert (first.state, first.votes) == ("pending", 1)
    assert desk.kinds()[-1] == "vote_cast"
    with pytest.raises(inbox.NotAllowed, match="already voted"):
        inbox.approve(ann, held.uuid, held.digest)
    assert inbox.approve(ada, held.uuid, held.digest).state == "approved"
    assert desk.kinds()[-1] == "approval_decided"


def test_two_people_at_once_are_both_counted(ann: User, ada: User) -> None:
    desk = Desk()
    held = desk.ask(required=2)

    def vote(user: User) -> str:
        try:
            return inbox.approve(user, held.uuid, held.digest).state
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(vote, [ann, ada]))
    held.refresh_from_db()
    assert (held.state, held.votes) == ("approved", 2)


def test_whoever_started_it_may_be_one_of_one_but_not_one_of_two() -> None:
    both = person("una", "operator", "approver")
    one = Desk(by=both).ask()
    assert inbox.approve(both, one.uuid, one.digest).state == "approved"
    two = Desk(by=both).ask(required=2)
    with pytest.raises(inbox.NotAllowed, match="two other people"):
        inbox.approve(both, two.uuid, two.digest)


def test_a_tool_may_forbid_that_whoever_started_it_decides() -> None:
    Tool.objects.filter(name=TOOL).update(starter_may_decide=False)
    both = person("una", "operator", "approver")
    held = Desk(by=both).ask()
    with pytest.raises(inbox.NotAllowed, match="somebody else"):
        inbox.approve(both, held.uuid, held.digest)


# Withdrawing


def test_a_vote_can_be_taken_back_while_the_call_waits(ann: User, ada: User) -> None:
    desk = Desk()
    held = desk.ask(required=2)
    inbox.approve(ann, held.uuid, held.digest)
    assert inbox.withdraw(ann, held.uuid).votes == 0
    assert desk.kinds()[-1] == "vote_withdrawn"
    assert inbox.approve(ada, held.uuid, held.digest).state == "pending"
    assert inbox.approve(ann, held.uuid, held.digest).state == "approved"


def test_an_approval_that_has_not_run_can_be_revoked(ann: User, ada: User) -> None:
    desk = Desk()
    held, other = desk.ask(), desk.ask()
    inbox.approve(ann, held.uuid, held.digest)
    with pytest.raises(inbox.Conflict, match="You have not approved"):
        inbox.withdraw(ada, held.uuid)
    assert inbox.withdraw(ann, held.uuid).state == "revoked"
    assert events.parse_text(desk.row.events.latest("seq").text)["decision"] == "revoked"
    assert desk.refresh().open_approvals == 1, "the other one still waits"
    assert other.pk


def test_a_call_that_ran_cannot_be_revoked(ann: User) -> None:
    desk = Desk()
    held = desk.ask()
    inbox.approve(ann, held.uuid, held.digest)
    desk.lease()
    desk.claim(held)
    with pytest.raises(inbox.Conflict, match="the call has run"):
        inbox.withdraw(ann, held.uuid)


def test_a_vote_for_edited_arguments_never_counts_for_the_original_ones(
    ann: User, ada: User
) -> None:
    desk = Desk()
    held = desk.ask("as asked", required=2, risk="medium")
    edited = inbox.approve(ann, held.uuid, held.digest, arguments={"text": "harmless"})
    inbox.approve(ada, held.uuid, edited.digest, hold=60)
    undone = inbox.undo(ada, held.uuid)
    assert (undone.digest, undone.votes) == (held.digest, 0)
    again = inbox.approve(ada, held.uuid, undone.digest)
    assert (again.state, again.votes) == ("pending", 1)
    assert inbox.approve(ann, held.uuid, undone.digest).state == "approved"


def test_one_of_two_who_undoes_leaves_the_other_s_vote(ann: User, ada: User) -> None:
    desk = Desk()
    held = desk.ask(required=2, risk="medium")
    inbox.approve(ann, held.uuid, held.digest)
    inbox.approve(ada, held.uuid, held.digest, hold=60)
    undone = inbox.undo(ada, held.uuid)
    assert (undone.state, undone.votes) == ("pending", 1)


def test_nothing_is_undone_once_the_session_is_being_stopped(ann: User, olu: User) -> None:
    desk = Desk()
    held = desk.ask(risk="medium")
    inbox.deny(ann, held.uuid, held.digest, hold=60)
    inbox.stop(olu, desk.row.uuid)
    with pytest.raises(inbox.Conflict, match="too late"):
        inbox.undo(ann, held.uuid)


def test_nothing_is_undone_once_the_model_was_told(ann: User) -> None:
    """The worker's clock runs ahead, so it acts while here there is still time to undo."""
    desk = Desk()
    held = desk.ask(risk="medium")
    inbox.deny(ann, held.uuid, held.digest, hold=60)
    desk.write(events.ToolResult(held.call_id, TOOL, False, "NOT EXECUTED", executed=False))
    with pytest.raises(inbox.Conflict, match="too late"):
        inbox.undo(ann, held.uuid)


def test_whoever_started_it_is_none_of_two_by_an_edit_either(ada: User) -> None:
    both = person("una", "operator", "approver")
    held = Desk(by=both).ask()
    press = [{"field": "text", "op": "glob", "value": "*press*"}]
    GateRule.objects.create(name="two", tool=TOOL, verdict="ask", approvals=2, conditions=press)
    with pytest.raises(inbox.NotAllowed, match="two other people"):
        inbox.approve(both, held.uuid, held.digest, arguments={"text": "to the press"})
    held.refresh_from_db()
    assert (held.state, held.votes, held.required) == ("pending", 0, 1)
    edited = inbox.approve(ada, held.uuid, held.digest, arguments={"text": "to the press"})
    assert (edited.state, edited.votes, edited.required) == ("pending", 1, 2)


def test_a_vote_that_its_voter_may_no_longer_cast_runs_nothing() -> None:
    both = person("una", "operator", "approver")
    desk = Desk(by=both)
    held = desk.ask()
    inbox.approve(both, held.uuid, held.digest)
    Tool.objects.filter(name=TOOL).update(starter_may_decide=False)
    desk.lease()
    with pytest.raises(inbox.RightsLost):
        desk.claim(held)
    assert "tool_started" not in desk.kinds()
