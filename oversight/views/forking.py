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
from agents.core.events import Record
from agents.core.fold import replay
from agents.core.state import Call, CallStatus, Note
from agents.forking import Fork
from agents.models import Session
from agents.starting import MAX_TASK
from oversight import edits, wording
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


@require_http_methods(["GET", "HEAD", "POST"])
@for_people
def fork(request: PageRequest, uuid: UUID) -> HttpResponse:
    session = the_session(request, uuid)
    log = forking.whole(session)
    step = _step(request, max((record.step for record in log), default=0) + 1)
    if request.method == "POST":
        return _fork(request, session, log, step)
    return _form(request, session, log, step)


def _step(request: PageRequest, most: int) -> int:
    text = request.POST.get("step") or request.GET.get("step") or ""
    return max(1, min(int(text), most)) if text.isdecimal() and len(text) < 9 else most


def _fork(request: PageRequest, session: Session, log: Sequence[Record], step: int) -> HttpResponse:
    try:
        made = forking.fork(request.user, session, _wanted(request, log, step))
    except (inbox.Refused, edits.Unreadable) as refused:
        status, problem = refusal(refused)
        return _form(request, session, log, step, problem, status)
    return see_other(f"/sessions/{made.uuid}/")


def _wanted(request: PageRequest, log: Sequence[Record], step: int) -> Fork:
    form = request.POST
    replaced = form.get("replaces", "")
    return Fork(
        step=step,
        tools=form.get("tools", forking.RECORD),
        task=typed(request, "task"),
        message=form.get("message", ""),
        replaces=int(replaced) if replaced.isdecimal() and len(replaced) < 9 else None,
        arguments=_edited(request, log, step),
        title=form.get("title", ""),
    )


def _edited(request: PageRequest, log: Sequence[Record], step: int) -> dict[str, Mapping[str, Any]]:
    """The calls whose arguments are not what they were."""
    found: dict[str, Mapping[str, Any]] = {}
    if request.POST.get("change") != "arguments":
        return found
    for call in _calls(request, log, step):
        arguments = edits.from_form(call.sent, call.arguments)
        if arguments != call.arguments:
            found[call.call_id] = arguments
    return found


def _calls(request: PageRequest, log: Sequence[Record], step: int) -> list[EditableCall]:
    try:
        state = replay(log[: cutting.after_proposal(log, step)])
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
    title = wording.tool_title(call.tool, call.proposed)
    return EditableCall(call.call_id, title, call.proposed, prefix, sent)


def _unread(log: Sequence[Record], step: int) -> list[Note]:
    """What operators had told the agent and it had not read before the step."""
    state = replay(log[: cutting.before_step(log, step)])
    return [note for note in state.notes if note.human]


def _form(
    request: PageRequest,
    session: Session,
    log: Sequence[Record],
    step: int,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    if not log:
        raise PermissionDenied("The session has not begun yet.")
    context = {
        "session": session,
        "may_start": roles.can(request.user, "start"),
        "form": request.POST,
        "problem": problem,
        "calls": _calls(request, log, step),
        "longest": MAX_TASK,
    }
    return render(request, "fork.html", context | _branching(log, step), status=status)


def _branching(log: Sequence[Record], step: int) -> dict[str, Any]:
    """What stood at the step: what a fork may change, and the effects on either side of it."""
    seq = cutting.before_step(log, step)
    return {
        "step": step,
        "last": max(record.step for record in log) + 1,
        "unread": _unread(log, step),
        "done": forking.effects(log, seq, before=True),
        "again": forking.effects(log, seq, before=False),
    }
