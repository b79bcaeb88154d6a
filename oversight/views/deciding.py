"""Decisions about approvals: each is a POST, and its answer is what the server found to be true."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST

from agents import inbox as door
from agents import roles
from agents.models import Approval
from oversight import cases, edits, queries, tiles
from oversight.views.access import PageRequest, back, for_people, refusal, see_other, the_approval
from oversight.views.approvals import item_page
from oversight.views.sessions import pending_context
from oversight.views.sheets import sheet_page

Act = Callable[[PageRequest, Approval], str]
# One of many: the digest that was seen comes along. The answer is what it was not enough for.
One = Callable[[PageRequest, Approval, str], str]
HOUR = 3600.0


def deciding(act: Act) -> Callable[[HttpRequest, UUID], HttpResponseBase]:
    """A POST that decides one approval."""

    def view(request: PageRequest, uuid: UUID) -> HttpResponse:
        approval = the_approval(request, uuid)
        try:
            said = act(request, approval)
        except _Unconfirmed:
            do = "edit" if "mode" in request.POST else "approve"
            return sheet_page(request, approval, do, status=400)
        except (door.Refused, edits.Unreadable) as refused:
            return _refused(request, uuid, refused)
        return _answer(request, approval, said, 200)

    return require_POST(for_people(view))


class _Unconfirmed(Exception):
    """A HIGH approval without its confirmation."""


def _refused(request: PageRequest, uuid: UUID, refused: Exception) -> HttpResponse:
    """Why not, beside the approval as it is by now; what was written into an edit stays."""
    status, problem = refusal(refused)
    now = the_approval(request, uuid)
    if status == 400 and "mode" in request.POST:
        return sheet_page(request, now, "edit", problem, status)
    return _answer(request, now, problem, status)


def _answer(request: PageRequest, approval: Approval, said: str, status: int) -> HttpResponse:
    level = messages.SUCCESS if status == 200 else messages.ERROR
    if request.htmx:
        messages.add_message(request, level, said)
        context = {**pending_context(request, approval.session), "htmx_answer": True}
        return render(request, "sessions/_pending.html", context, status=status)
    if status != 200:
        return item_page(request, approval, said, status)
    # A page that offers the undo of it says it there, and need not say it twice.
    held = "held" if approval in queries.undoable(request.user) else ""
    messages.add_message(request, level, said, extra_tags=held)
    return see_other(back(request, "/approvals/"))


def _digest(request: PageRequest) -> str:
    return request.POST.get("digest", "")


def _reason(request: PageRequest) -> str:
    return request.POST.get("reason", "").strip()


def _hold(approval: Approval) -> float:
    return 0.0 if cases.is_high(approval) else float(settings.OVERSIGHT_UNDO_SECONDS)


@deciding
def approve(request: PageRequest, approval: Approval) -> str:
    """As asked, or edited when the form carries arguments."""
    if cases.is_high(approval) and request.POST.get("confirmed") != "yes":
        raise _Unconfirmed
    arguments = None
    if "mode" in request.POST:
        form = {name: request.POST[name] for name in request.POST}
        arguments = edits.from_form(form, tiles.arguments(approval.arguments))
    given = (request.user, approval.uuid, _digest(request), _reason(request))
    held = door.approve(*given, arguments=arguments, hold=_hold(approval))
    return _not_enough(held) or ("Approved with your changes." if arguments else "Approved.")


def _not_enough(approval: Approval) -> str:
    """What a vote came to that leaves the call waiting for more people."""
    if approval.state != Approval.State.PENDING:
        return ""
    return f"Your approval counts: {approval.votes} of {approval.required}. Nothing runs yet."


@deciding
def deny(request: PageRequest, approval: Approval) -> str:
    stops = request.POST.get("stop") == "yes"
    if stops and not roles.can(request.user, "steer", approval.session):
        raise door.NotAllowed("Only operators can stop a session.", approval)
    hold = 0.0 if stops else _hold(approval)
    door.deny(request.user, approval.uuid, _digest(request), _reason(request), hold=hold)
    if not stops:
        return "Denied. The agent is told, and nothing ran."
    door.stop(request.user, approval.session.uuid, reason=_reason(request))
    return "Denied, and the session is stopped."


@deciding
def answer(request: PageRequest, approval: Approval) -> str:
    text = request.POST.get("text", "")
    door.answer(request.user, approval.uuid, _digest(request), text, hold=_hold(approval))
    return "Answered. Nothing ran; the agent gets your words."


@deciding
def grant(request: PageRequest, approval: Approval) -> str:
    scope = scope_of(request.POST.get("calls", ""), request.POST.get("until", ""))
    door.grant(request.user, approval.uuid, _digest(request), scope, _reason(request))
    return "Approved and granted. You can revoke the grant under Grants."


def scope_of(calls: str, until: str) -> door.Scope:
    """What a form says of a grant: the narrower choice where it says nothing we know."""
    return door.Scope(calls != "any", None if until == "session" else HOUR)


@deciding
def withdraw(request: PageRequest, approval: Approval) -> str:
    door.withdraw(request.user, approval.uuid)
    return "You took your approval back."


@require_POST
@for_people
def undo(request: PageRequest) -> HttpResponse:
    """Take back what was decided a moment ago, one or many."""
    _each(request, _chosen(request.POST.getlist("undo")), _undo, "taken back")
    return see_other(back(request, "/approvals/"))


def _undo(request: PageRequest, approval: Approval, digest: str) -> str:
    door.undo(request.user, approval.uuid)
    return ""


@require_POST
@for_people
def bulk(request: PageRequest) -> HttpResponse:
    """Decide the chosen LOW and MEDIUM calls together; what cannot be is said and left as it is."""
    verb = request.POST.get("do", "")
    if verb not in ("approve", "deny"):
        raise Http404
    done = "approved" if verb == "approve" else "denied"
    _each(request, _chosen(request.POST.getlist("chosen")), _together(verb), done)
    return see_other("/approvals/?next=")


def _together(verb: str) -> One:
    decide = door.approve if verb == "approve" else door.deny

    def act(request: PageRequest, approval: Approval, digest: str) -> str:
        if not tiles.bulk(approval) and approval.state == Approval.State.PENDING:
            raise door.Invalid("HIGH calls and those for two people are decided one by one.")
        hold = _hold(approval)
        # More people may be needed by now than when it was chosen.
        return _not_enough(decide(request.user, approval.uuid, digest, _reason(request), hold=hold))

    return act


def _chosen(values: Iterable[str]) -> list[tuple[UUID, str]]:
    """``uuid:digest`` of each item as the person saw it."""
    found = []
    for value in list(values)[:200]:
        name, _, digest = value.partition(":")
        try:
            found.append((UUID(name), digest))
        except ValueError:
            raise Http404 from None
    return found


def _each(request: PageRequest, chosen: Iterable[tuple[UUID, str]], act: One, done: str) -> None:
    tried = [_tried(request, uuid, digest, act) for uuid, digest in chosen]
    problems = [problem for problem in tried if problem]
    if count := len(tried) - len(problems):
        messages.success(request, f"{count} {done}.")
    for problem in problems[:5]:
        messages.error(request, problem)
    if not tried:
        messages.error(request, "Nothing was chosen.")


def _tried(request: PageRequest, uuid: UUID, digest: str, act: One) -> str:
    """What kept it from being done, if anything did."""
    approval = roles.visible_approvals(request.user).filter(uuid=uuid).first()
    if approval is None:
        return "One of them: There is no such approval."
    try:
        problem = act(request, approval, digest)
    except door.Refused as refused:
        problem = str(getattr(refused, "message", "") or refused)
    return f"{tiles.title(approval)}: {problem}" if problem else ""


@require_POST
@for_people
def revoke(request: PageRequest, uuid: UUID) -> HttpResponse:
    """End a grant: its calls ask again."""
    try:
        door.revoke(request.user, uuid, _reason(request))
    except door.Refused as refused:
        _, problem = refusal(refused)
        messages.error(request, problem)
    else:
        messages.success(request, "Revoked. Its calls ask again.")
    return see_other(back(request, "/approvals/grants/"))
