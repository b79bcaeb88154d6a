"""Who may do what."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.utils import timezone

from agents import roles
from agents.models import AgentDefinition, Approval, Outcome, RoleAssignment, Session, Tool, Vote
from tests.cast import person

pytestmark = pytest.mark.django_db

VERBS: tuple[roles.Verb, ...] = (
    "view",
    "start",
    "steer",
    "decide",
    "settle",
    "audit",
    "administer",
)
MATRIX = {
    "viewer": {"view"},
    "operator": {"view", "start", "steer"},
    "approver": {"view", "decide"},
    "adjudicator": {"view", "settle"},
    "auditor": {"view", "audit"},
    "admin": set(VERBS),
}


def session(group: Group | None = None, by: User | None = None) -> Session:
    return Session.objects.create(agent="a", title="t", task="t", group=group, started_by=by)


def approval(of: Session, risk: str = "high", required: int = 1) -> Approval:
    now = timezone.now()
    return Approval.objects.create(
        uuid=uuid.uuid4(),
        session=of,
        step=1,
        seq=1,
        call_id=uuid.uuid4().hex,
        tool="process_payment",
        risk=risk,
        rule="r",
        arguments="{}",
        original="{}",
        digest="d",
        required=required,
        requested_at=now,
        decide_by=now + timedelta(hours=1),
    )


@pytest.mark.parametrize("role", MATRIX)
def test_each_role_may_do_its_verbs_and_no_others(role: str) -> None:
    user, row = person("someone", role), session()
    things = [None, row, approval(row), AgentDefinition.objects.get(), Outcome(session=row)]
    for thing in things:
        assert {verb for verb in VERBS if roles.can(user, verb, thing)} == MATRIX[role]


@pytest.mark.parametrize("verb", VERBS)
def test_a_stranger_may_do_nothing(verb: roles.Verb, eve: User) -> None:
    row = session()
    for nobody in (eve, AnonymousUser(), None):
        assert not roles.can(nobody, verb)
        assert not roles.can(nobody, verb, row)
        assert not roles.visible_sessions(nobody).exists()


def test_rights_end_at_once(ann: User) -> None:
    row = approval(session())
    assert roles.can(ann, "decide", row)
    RoleAssignment.objects.filter(user=ann).delete()
    assert not roles.can(ann, "decide", row)


def test_an_inactive_person_may_do_nothing_even_by_an_old_object(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(is_active=False, is_superuser=True)
    assert ada.is_active  # what a socket still holds
    assert not roles.can(ada, "view")


def test_a_superuser_is_an_admin(eve: User) -> None:
    User.objects.filter(pk=eve.pk).update(is_superuser=True)
    assert roles.can(eve, "administer")


def test_a_group_narrows_what_is_seen_and_done(eve: User) -> None:
    ours, theirs = Group.objects.create(name="ours"), Group.objects.create(name="theirs")
    for role in ("operator", "admin"):
        RoleAssignment.objects.create(user=eve, role=role, group=ours)
    mine, other, common = session(ours), session(theirs), session()
    assert set(roles.visible_sessions(eve)) == {mine}
    assert roles.can(eve, "steer", mine)
    assert not roles.can(eve, "steer", other)
    assert not roles.can(eve, "view", common)
    assert set(roles.visible_approvals(eve).filter(session=other)) == set()
    # The risk map concerns every agent.
    assert not roles.can(eve, "administer")
    assert not roles.startable_agents(eve).exists()


def test_a_role_reaches_up_to_its_risk(eve: User) -> None:
    RoleAssignment.objects.create(user=eve, role="approver", highest_risk="medium")
    row = session()
    assert roles.may_decide(eve, approval(row, "medium")) is None
    assert "HIGH is above" in (roles.may_decide(eve, approval(row, "high")) or "")


def test_whoever_is_no_approver_is_told_so(bob: User) -> None:
    assert "not an approver" in (roles.may_decide(bob, approval(session())) or "")


def test_who_started_may_decide_for_one_unless_the_tool_forbids_it(ada: User) -> None:
    row = session(by=ada)
    assert roles.may_decide(ada, approval(row)) is None
    assert "two other people" in (roles.may_decide(ada, approval(row, required=2)) or "")
    Tool.objects.filter(name="process_payment").update(starter_may_decide=False)
    assert "somebody else" in (roles.may_decide(ada, approval(row)) or "")


def test_what_one_tool_forbids_its_starter_no_other_does(ada: User) -> None:
    Tool.objects.create(name="another", starter_may_decide=False)
    assert roles.may_decide(ada, approval(session(by=ada))) is None


def test_nobody_votes_twice(ann: User) -> None:
    row = approval(session(), required=2)
    Vote.objects.create(approval=row, user=ann, decision="approve", digest="d")
    row.votes = 1
    assert "already voted" in (roles.may_decide(ann, row) or "")


def test_who_may_decide_is_an_approver_who_is_still_here_and_has_not_voted(
    ada: User, ann: User
) -> None:
    held = approval(session(), required=2)
    assert roles.who_may_decide(held) == ann
    Vote.objects.create(approval=held, user=ann, decision="approve", digest="d")
    assert roles.who_may_decide(held) == ada
    ada.is_active = False
    ada.save()
    assert roles.who_may_decide(held) is None


def test_an_agent_that_is_switched_off_cannot_be_started(olu: User) -> None:
    assert roles.startable_agents(olu).exists()
    AgentDefinition.objects.update(enabled=False)
    assert not roles.startable_agents(olu).exists()


def test_whoever_audits_all_that_they_see_audits_wherever_they_look(eve: User) -> None:
    north = Group.objects.create(name="north")
    RoleAssignment.objects.create(user=eve, role="auditor", group=north)
    assert roles.rights(eve).wherever_seen("audit")
    assert not roles.rights(eve).everywhere("audit")
    RoleAssignment.objects.create(user=eve, role="viewer")
    assert not roles.rights(eve).wherever_seen("audit")


def test_one_query_answers(ada: User, django_assert_num_queries: object) -> None:
    row = approval(session())
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's fixture is untyped
        assert roles.can(ada, "decide", row)


def test_djangos_permissions_follow_the_admin_role(ada: User, olu: User) -> None:
    assert ada.has_perm("agents.change_tool")
    assert not olu.has_perm("agents.change_tool")
    RoleAssignment.objects.filter(user=ada).delete()
    assert not ada.has_perm("agents.change_tool")


def test_rights_are_read_once_inside_and_afresh_outside() -> None:
    user = person("someone", "operator")
    with roles.read_once():
        assert roles.can(user, "steer")
        RoleAssignment.objects.filter(user=user).delete()
        assert roles.can(user, "steer"), "a page tells of one moment"
    assert not roles.can(user, "steer")
