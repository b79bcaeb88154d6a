"""A new session from a step of an old one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from agents import forking, inbox, roles
from agents.core import forking as cutting
from agents.core import titles
from agents.core.events import Record
from agents.core.fold import replay
from agents.core.state import Call, CallStatus
from agents.forking import Fork
from agents.models import Session
from agents.starting import MAX_TASK
from oversight import edits
from oversight.edits import Field
from oversight.views.access import PageRequest, for_people, refusal, see_other, the_session, typed


@dataclass(frozen=True, slots=True)
class EditableCall:
    """A call of the step, as fields whose names begin with its prefix."""

    call_id: str
    title: str
    arguments: Mapping[str, Any]
    prefix: str
    sent: Mapping[str, str]  # what the form that came has in them

    @property
    def fields(self) -> list[Field]:
        return edits.fields(self.arguments, self.sent)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fork is cut: before a step of a session's log."""

    session: Session
    log: Sequence[Record]
    step: int
    last: int  # the step behind the last


@require_http_methods(["GET", "HEAD", "POST"])
@for_people
def fork(request: PageRequest, uuid: UUID) -> HttpResponse:
    session = the_session(request, uuid)
    log = forking.whole(session)
    last = max((record.step for record in log), default=0) + 1
    origin = Origin(session, log, _step(request, last), last)
    return _fork(request, origin) if request.method == "POST" else _form(request, origin)


def _step(request: PageRequest, most: int) -> int:
    text = request.POST.get("step") or request.GET.get("step") or ""
    return max(1, min(int(text), most)) if text.isdecimal() and len(text) < 9 else most


def _fork(request: PageRequest, origin: Origin) -> HttpResponse:
    try:
        made = forking.fork(request.user, origin.session, _wanted(request, origin))
    except (inbox.Refused, edits.Unreadable) as refused:
        status, problem = refusal(refused)
        return _form(request, origin, problem, status)
    return see_other(f"/sessions/{made.uuid}/")


def _wanted(request: PageRequest, origin: Origin) -> Fork:
    form = request.POST
    replaced = form.get("replaces", "")
    return Fork(
        step=origin.step,
        tools=form.get("tools", forking.RECORD),
        task=typed(request, "task"),
        message=form.get("message", ""),
        replaces=int(replaced) if replaced.isdecimal() and len(replaced) < 9 else None,
        arguments=_edited(request, origin),
        title=form.get("title", ""),
    )


def _edited(request: PageRequest, origin: Origin) -> dict[str, Mapping[str, Any]]:
    """The calls whose arguments are not what they were."""
    found: dict[str, Mapping[str, Any]] = {}
    if request.POST.get("change") != "arguments":
        return found
    for call in _calls(request, origin):
        arguments = edits.from_form(call.sent, call.arguments)
        if arguments != call.arguments:
            found[call.call_id] = arguments
    return found


def _calls(request: PageRequest, origin: Origin) -> list[EditableCall]:
    try:
        state = replay(origin.log[: cutting.after_proposal(origin.log, origin.step)])
    except ValueError:
        return []
    return [
        _editable(request, call, f"call:{index}:")
        for index, call in enumerate(state.calls)
        if call.status is not CallStatus.SETTLED
    ]


def _editable(request: PageRequest, call: Call, prefix: str) -> EditableCall:
    form = request.POST
    sent = {name.removeprefix(prefix): form[name] for name in form if name.startswith(prefix)}
    title = titles.title(call.tool, call.proposed, call.title)
    return EditableCall(call.call_id, title, call.proposed, prefix, sent)


def _form(
    request: PageRequest, origin: Origin, problem: str = "", status: int = 200
) -> HttpResponse:
    if not origin.log:
        raise PermissionDenied("The session has not begun yet.")
    context = {
        "session": origin.session,
        "step": origin.step,
        "last": origin.last,
        "may_start": roles.can(request.user, "start"),
        "form": request.POST,
        "problem": problem,
        "longest": MAX_TASK,
        "calls": _calls(request, origin),
    }
    return render(request, "fork.html", context | _history(origin), status=status)


def _history(origin: Origin) -> dict[str, Any]:
    """What operators had told the agent and it had not read, and the effects on either side."""
    seq = cutting.before_step(origin.log, origin.step)
    notes = {note.seq for note in replay(origin.log[:seq]).notes if note.human}
    return {
        "unread": [record for record in origin.log[:seq] if record.seq in notes],
        "done": forking.effects(origin.log, seq, before=True),
        "again": forking.effects(origin.log, seq, before=False),
    }
