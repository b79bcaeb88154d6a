"""A change of one tool or rule: what it softens, how it is saved, how it is put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from agents import inbox, roles, validation
from agents.core import canonical
from agents.core.softening import Settings, softer_rule, softer_tool
from agents.models import GateRule, PolicyChange, Tool

Subject = PolicyChange.Subject
Via = PolicyChange.Via

_MODELS: dict[str, type[Tool | GateRule]] = {Subject.TOOL: Tool, Subject.RULE: GateRule}
FIELDS: dict[str, tuple[str, ...]] = {
    Subject.TOOL: (
        "risk",
        "effect",
        "approvals",
        "starter_may_decide",
        "timeout",
        "pollable",
        "reviewed",
        "enabled",
        "title",
    ),
    Subject.RULE: ("tool", "agent", "verdict", "conditions", "approvals", "enabled"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """From what to what. None is a row that is not there."""

    subject: str
    name: str
    before: Settings | None
    after: Settings | None
    renamed: str = ""  # what a rule is called from now on
    accepts: str = ""  # the digest of the server's new definition that is taken with it

    @property
    def softens(self) -> list[str]:
        """What is let through that was held before, one sentence each."""
        softer = softer_tool if self.subject == Subject.TOOL else softer_rule
        found = softer(self.before, self.after)
        return [*found, "the server's new definition is taken as it is"] if self.accepts else found

    @property
    def differences(self) -> list[tuple[str, Any, Any]]:
        """What differs, as (field, old, new)."""
        old, new = self.before or {}, self.after or {}
        names = [name for name in ("name", *FIELDS[self.subject]) if old.get(name) != new.get(name)]
        return [(name, old.get(name), new.get(name)) for name in names]

    @property
    def judges(self) -> bool:
        """Whether calls may be judged otherwise by it; a title is only how they read."""
        told = any(name != "title" for name, _, _ in self.differences)
        return told or bool(self.renamed or self.accepts)

    def __bool__(self) -> bool:
        return self.before != self.after or bool(self.renamed or self.accepts)


def require_admin(user: User) -> None:
    if not roles.can(user, "administer"):
        raise inbox.NotAllowed("Only administrators may see or change the tool risk map.")


def current(subject: str, name: str) -> Settings | None:
    """The settings of a tool or rule as they are saved."""
    row = _MODELS[subject]._default_manager.filter(name=name).first()
    return settings_of(row) if row else None


def propose(subject: str, name: str, values: Mapping[str, Any], **more: Any) -> Change:
    """The change that would set ``values`` in what is saved now."""
    before = current(subject, name)
    return Change(subject, name, before, {**(before or {}), **values}, **more)


def version(settings: Settings | None) -> str:
    """What a form carries, so that nobody overwrites what somebody else has saved meanwhile."""
    return canonical.digest(dict(settings or {}))[:16]


def put_back(change: PolicyChange) -> Change:
    """The change that would restore what was there before ``change``."""
    now, before = current(change.subject, change.name), change.before
    called = (before or {}).get("name", "")
    if before is not None:
        # A setting that came with a later release stays as it is.
        known = {key: before[key] for key in FIELDS[change.subject] if key in before}
        before = {**(now or {}), **known}
    if now is None:  # removed meanwhile: it comes back under the name that it had
        return Change(change.subject, called or change.name, now, before)
    return Change(change.subject, change.name, now, before, renamed=called)


def save(
    user: User | None,
    changes: Sequence[Change],
    reason: str = "",
    *,
    via: str = Via.ADMIN,
    forecasts: Mapping[str, Mapping[str, Any]] | None = None,
    puts_back: PolicyChange | None = None,
) -> list[PolicyChange]:
    """All of the changes or none; pending approvals are judged again once they are saved.

    Raises ``Invalid`` for what may not stand, and where a person softens without a reason;
    ``Conflict`` where the row is no longer what the change began with.
    """
    reason = canonical.clean_text(reason).strip()
    if via == Via.ADMIN and not reason and any(change.softens for change in changes):
        raise inbox.Invalid("Say why: this lets through what was held before.")
    known = forecasts or {}
    with transaction.atomic():
        return [
            _save(user, change, reason, via, known.get(change.name), puts_back)
            for change in changes
        ]


def previous(subject: str, name: str) -> PolicyChange | None:
    """The latest change of a tool or rule."""
    rows = PolicyChange.objects.filter(subject=subject, name=name)
    return rows.select_related("by").first()


def _save(
    user: User | None,
    change: Change,
    reason: str,
    via: str,
    forecast: Mapping[str, Any] | None,
    puts_back: PolicyChange | None,
) -> PolicyChange:
    _write(user, change)
    before, after = change.before, change.after
    if change.renamed:  # the only change of what else stands beside the settings
        before = {**(before or {}), "name": change.name}
        after = {**(after or {}), "name": change.renamed}
    row: PolicyChange = PolicyChange.objects.create(
        by=user,
        via=via,
        subject=change.subject,
        name=change.renamed or change.name,
        before=before,
        after=after,
        softer=bool(change.softens),
        reason=reason,
        forecast=forecast,
        puts_back=puts_back,
    )
    return row


def _write(user: User | None, change: Change) -> None:
    model = _MODELS[change.subject]
    row = model._default_manager.select_for_update().filter(name=change.name).first()
    found = settings_of(row) if row else None
    if found != change.before:
        raise inbox.Conflict(meanwhile(change.subject, change.name))
    if change.after is None:
        if row:
            _log(user, row, DELETION)
            row.delete()
        return
    row = row or model(name=change.name)
    row.name = change.renamed or change.name
    for key, value in change.after.items():
        setattr(row, key, value)
    if change.accepts and isinstance(row, Tool):
        _accept(row, change.accepts)
    check(row)
    row.save()
    _log(user, row, CHANGE if found else ADDITION, [one[0] for one in change.differences])


def _accept(tool: Tool, digest: str) -> None:
    offered = tool.offered or {}
    if offered.get("definition") != digest:
        raise inbox.Conflict(f"The server has changed its definition of {tool.name} once more.")
    for key, value in offered.items():
        setattr(tool, key, value)
    tool.offered = None


def check(row: Tool | GateRule) -> None:
    """Raise ``Invalid``, in one sentence per field, unless the row may stand."""
    try:
        validation.clean(row)
    except ValidationError as error:
        raise inbox.Invalid("; ".join(_sentences(error))) from None


def _sentences(error: ValidationError) -> Iterator[str]:
    for key, said in error.message_dict.items():
        yield f"{key}: {', '.join(said)}"


def settings_of(row: Tool | GateRule) -> Settings:
    """What an edit may change of a tool or rule."""
    subject = Subject.TOOL if isinstance(row, Tool) else Subject.RULE
    return {name: getattr(row, name) for name in FIELDS[subject]}


def meanwhile(subject: str, name: str) -> str:
    """What a person is told whose page is older than what is saved."""
    last = previous(subject, name)
    who = f" by {(last.by.get_full_name() or last.by.get_username())}" if last and last.by else ""
    return (
        f"{name} was changed meanwhile{who}. Nothing was saved: "
        "look at it as it is now, then decide again."
    )


def _log(user: User | None, row: Tool | GateRule, flag: int, fields: Sequence[str] = ()) -> None:
    if user is None:
        return
    said: Any = [{"changed": {"fields": sorted(fields)}}] if flag == CHANGE else ""
    LogEntry.objects.log_actions(user.pk, [row], flag, said, single_object=True)
