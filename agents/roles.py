"""Who may do what: one question, ``can(user, verb, obj)``, asked everywhere.

Rights are read afresh by every call (one query) and never kept beyond ``read_once``, so that a role
that is taken away counts from the next click. A page with many rows asks ``rights(user)`` once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.db.models import Q, QuerySet

from agents.core.risk import Risk
from agents.models import AgentDefinition, Anomaly, Approval, Outcome, RoleAssignment, Session, Tool

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

Verb: TypeAlias = Literal[
    "view", "start", "steer", "extend", "decide", "settle", "audit", "administer"
]
Thing: TypeAlias = Session | Approval | Outcome | AgentDefinition | None
Person: TypeAlias = "User | AnonymousUser"

_ROLE = RoleAssignment.Role
_FIELDS = ("is_superuser", "roles__role", "roles__group_id", "roles__highest_risk")
_VERBS: dict[str, frozenset[Verb]] = {
    _ROLE.VIEWER: frozenset({"view"}),
    _ROLE.OPERATOR: frozenset({"view", "start", "steer", "extend"}),
    _ROLE.APPROVER: frozenset({"view", "decide", "extend"}),
    _ROLE.ADJUDICATOR: frozenset({"view", "settle"}),
    _ROLE.AUDITOR: frozenset({"view", "audit"}),
    _ROLE.ADMIN: frozenset(get_args(Verb)),
}


@dataclass(frozen=True, slots=True)
class Role:
    """One assignment: a role for all agents (``group`` is None) or for those of one group."""

    name: str
    group: int | None = None
    highest_risk: Risk = Risk.HIGH

    def allows(self, verb: Verb, obj: Thing) -> bool:
        if verb not in _VERBS.get(self.name, ()):
            return False
        if obj is None:
            # What is administered without an object concerns every agent.
            return verb != "administer" or self.group is None
        return self.covers(obj) and (verb != "decide" or self._reaches(obj))

    def covers(self, obj: Session | Approval | Outcome | AgentDefinition) -> bool:
        return self.group is None or self.group == _group(obj)

    def _reaches(self, obj: Thing) -> bool:
        return not isinstance(obj, Approval) or Risk.of(obj.risk) <= self.highest_risk


@dataclass(frozen=True, slots=True)
class Rights:
    """What one person may do at this moment. Not to be kept for the next."""

    user_id: int | None
    roles: tuple[Role, ...] = ()

    def can(self, verb: Verb, obj: Thing = None) -> bool:
        """Without an object: whether there can be anything at all to do it to."""
        return any(role.allows(verb, obj) for role in self.roles)

    def why_not_decide(self, approval: Approval) -> str | None:
        """The sentence that says why this person cannot vote now, or None."""
        return self._why_no_voice(approval) or _why_again(approval, self.user_id)

    def has_voice(self, approval: Approval) -> bool:
        """Whether a vote of this person counts, cast or not."""
        return self._why_no_voice(approval) is None

    def _why_no_voice(self, approval: Approval) -> str | None:
        if not self.can("decide", approval.session):
            return "You are not an approver of this agent's calls."
        if not self.can("decide", approval):
            return f"{Risk.of(approval.risk).name} is above the risk that you may decide."
        starter = self.user_id == approval.session.started_by_id
        return _why_starter_may_not(approval) if starter else None

    def scope(self, field: str, verb: Verb = "view") -> Q:
        """The condition for rows whose ``field`` (a group) is in this person's reach."""
        reach = self._reach(verb)
        return Q() if None in reach else Q(**{f"{field}__in": reach})

    def everywhere(self, verb: Verb = "view") -> bool:
        """Whether no group limits it."""
        return None in self._reach(verb)

    def wherever_seen(self, verb: Verb) -> bool:
        """Whether it reaches as far as this person sees."""
        reach = self._reach(verb)
        return None in reach or self._reach("view") <= reach

    def _reach(self, verb: Verb) -> set[int | None]:
        """The groups; None is every one of them."""
        return {role.group for role in self.roles if role.allows(verb, None)}


_once: ContextVar[dict[int, Rights] | None] = ContextVar("rights_read_once", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Everybody's rights are read once while inside: for a page that only shows."""
    token = _once.set({})
    try:
        yield
    finally:
        _once.reset(token)


def rights(user: Person | None) -> Rights:
    """One query, whatever the number of roles; an inactive or unknown user has none."""
    if user is None or user.pk is None:
        return Rights(None)
    known = _once.get()
    if known is None:
        return _read(user.pk)
    if user.pk not in known:
        known[user.pk] = _read(user.pk)
    return known[user.pk]


def _read(user: int) -> Rights:
    rows = get_user_model().objects.filter(pk=user, is_active=True)
    return Rights(user, tuple(role for row in rows.values_list(*_FIELDS) for role in _roles(row)))


def grant(user: User, role: str) -> bool:
    """Give ``user`` the role for every agent; whether it is new."""
    _, added = RoleAssignment.objects.get_or_create(user=user, role=role, group=None)
    if role == _ROLE.ADMIN and not user.is_staff:
        # Django's admin opens to staff only; what they may do there ``RoleBackend`` says.
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    return added


def can(user: Person | None, verb: Verb, obj: Thing = None) -> bool:
    return rights(user).can(verb, obj)


def may_decide(user: Person | None, approval: Approval) -> str | None:
    """Why ``user`` may not decide ``approval``, as a sentence; None if they may."""
    return rights(user).why_not_decide(approval)


def who_may_decide(approval: Approval) -> User | None:
    """Somebody who may vote on it now, an approver before an admin."""
    voted = set(approval.ballots.values_list("user", flat=True))
    able = (one for one in _able("decide", approval) if one.user_id not in voted)
    return _first(one for one in able if one.has_voice(approval))


def who_can(verb: Verb, obj: Thing = None) -> User | None:
    """Somebody who can, one whose own work it is before an admin."""
    return _first(_able(verb, obj))


def _first(found: Iterator[Rights]) -> User | None:
    one = next(found, None)
    return get_user_model().objects.get(pk=one.user_id) if one and one.user_id else None


def _able(verb: Verb, obj: Thing) -> Iterator[Rights]:
    """The rights of everybody who can, admins last; in one query."""
    names = [name for name, verbs in _VERBS.items() if verb in verbs]
    holders = RoleAssignment.objects.filter(role__in=names).values("user")
    people = get_user_model().objects.filter(Q(is_superuser=True) | Q(pk__in=holders))
    held: dict[int, list[Role]] = {}
    rows = people.filter(is_active=True).order_by("pk")
    for pk, *row in rows.values_list("pk", *_FIELDS):
        held.setdefault(pk, []).extend(_roles(tuple(row)))
    found = sorted(held.items(), key=lambda one: any(r.name == _ROLE.ADMIN for r in one[1]))
    return (who for who in (Rights(pk, tuple(has)) for pk, has in found) if who.can(verb, obj))


def visible_sessions(user: Person | None) -> QuerySet[Session]:
    return Session.objects.filter(rights(user).scope("group"))


def visible_approvals(user: Person | None) -> QuerySet[Approval]:
    scope = rights(user).scope("session__group")
    return Approval.objects.filter(scope).select_related("session")


def visible_outcomes(user: Person | None) -> QuerySet[Outcome]:
    scope = rights(user).scope("session__group")
    return Outcome.objects.filter(scope).select_related("session")


def visible_anomalies(user: Person | None) -> QuerySet[Anomaly]:
    """The newest first."""
    rows = Anomaly.objects.filter(rights(user).scope("session__group")).select_related("session")
    return rows.order_by("-at", "-id")


def startable_agents(user: Person | None) -> QuerySet[AgentDefinition]:
    """The agents that ``user`` may start."""
    return AgentDefinition.objects.filter(rights(user).scope("group", "start"), enabled=True)


class RoleBackend(BaseBackend):
    """Django's permissions, for its admin: all of them with the admin role, none without."""

    def has_perm(self, user_obj: Person, perm: str, obj: object = None) -> bool:
        return can(user_obj, "administer")

    def has_module_perms(self, user_obj: Person, app_label: str) -> bool:
        return can(user_obj, "administer")


def _roles(row: tuple[bool, str | None, int | None, str | None]) -> list[Role]:
    superuser, name, group, highest_risk = row
    roles = [Role(_ROLE.ADMIN)] if superuser else []
    if name is not None and highest_risk is not None:
        roles.append(Role(name, group, Risk.of(highest_risk)))
    return roles


def _group(obj: Session | Approval | Outcome | AgentDefinition) -> int | None:
    return obj.session.group_id if isinstance(obj, Approval | Outcome) else obj.group_id


def _why_starter_may_not(approval: Approval) -> str | None:
    if approval.required >= 2:
        return "You started this session, and this call needs two other people."
    if Tool.objects.filter(name=approval.tool, starter_may_decide=False).exists():
        return f"You started this session, and {approval.tool} must be decided by somebody else."
    return None


def _why_again(approval: Approval, user_id: int | None) -> str | None:
    # A first vote is the common case and costs no query.
    if approval.votes and user_id and approval.ballots.filter(user_id=user_id).exists():
        return "You have already voted on this call."
    return None
