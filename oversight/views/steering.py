"""Starting a session, and what an operator does to one that runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents import catalogue, inbox, roles, spending, starting
from agents.core.risk import Risk, RiskMap, Verdict, matches
from agents.llm import SCENARIOS
from agents.models import AgentDefinition, Session, Tool
from oversight import meters
from oversight.views.access import (
    PageRequest,
    back,
    for_people,
    refusal,
    see_other,
    the_session,
    typed,
)

_WOULD = {Verdict.DENY: "denied", Verdict.ASK: "asks", Verdict.ALLOW: "runs unasked"}

# What a button does: heading, effect, verb, grave.
CONFIRMATIONS: dict[str, tuple[str, str, str, bool]] = {
    "pause": ("Pause this session?", "It finishes its step and then waits.", "Pause", False),
    "resume": ("Resume this session?", "It goes on with its next step.", "Resume", False),
    "stop": (
        "Stop this session?",
        "Nothing new starts. A call that runs may finish and is recorded. It cannot be resumed.",
        "Stop",
        True,
    ),
    "kill": (
        "Kill this session?",
        "It ends at once. A call in flight may have happened: a person will have to settle it.",
        "Kill",
        True,
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
@for_people
def new(request: PageRequest) -> HttpResponse:
    if request.method == "POST":
        return _start(request)
    return _form(request, key=str(uuid4()), task=request.GET.get("task", "")[:20_000])


def _start(request: PageRequest) -> HttpResponse:
    form, task = request.POST, typed(request, "task")
    if not roles.can(request.user, "start"):
        raise PermissionDenied("Only operators can start a session.")
    try:
        limits = meters.written(form.dict(), "limit:") or None
        named = form.get("agent", ""), task, limits, form.get("key", "")
        session = starting.start(request.user, *named)
    except (inbox.Refused, ValueError) as refused:
        status, problem = refusal(refused)
        return _form(request, status=status, problem=problem, key=str(uuid4()), task=task)
    return see_other(f"/sessions/{session.uuid}/")


def _form(request: PageRequest, status: int = 200, **context: Any) -> HttpResponse:
    agents = list(roles.startable_agents(request.user))
    chosen = _chosen(request, agents)
    context |= {
        "may_start": roles.can(request.user, "start"),
        "capped": spending.reached(),
        "agents": agents,
        "chosen": chosen,
        "tools": _preview(chosen),
        "limits": meters.fields(request.POST.dict(), chosen.limits if chosen else {}, "limit:"),
        "longest": starting.MAX_TASK,
        "scenarios": SCENARIOS if settings.REHEARSAL else (),
    }
    return render(request, "sessions/new.html", context, status=status)


def _chosen(request: PageRequest, agents: Sequence[AgentDefinition]) -> AgentDefinition | None:
    """The agent that was asked for, or else the first."""
    wanted = request.POST.get("agent") or request.GET.get("agent")
    named = (agent for agent in agents if agent.name == wanted)
    return next(named, agents[0] if agents else None)


def _preview(agent: AgentDefinition | None) -> list[dict[str, Any]]:
    """The tools that the agent holds, and what the gate would say of their calls."""
    if agent is None:
        return []
    gate, _, _ = catalogue.load_map()
    # What a rule says of some arguments is told beside what it says of all.
    plain = RiskMap(gate.tools, tuple(rule for rule in gate.rules if not rule.conditions))
    held = [t for t in Tool.objects.all() if any(matches(str(p), t.name) for p in agent.tools)]
    foreseen = [_foreseen(agent, tool.name, gate, plain) for tool in held]
    return sorted(foreseen, key=lambda tool: (tool["verdict"] == "allow", tool["name"]))


def _foreseen(agent: AgentDefinition, tool: str, gate: RiskMap, plain: RiskMap) -> dict[str, Any]:
    judged = plain.judge(agent.name, tool, {}, Risk.of(agent.max_auto_risk))
    some = [rule for rule in gate.narrowed(agent.name, tool).rules if rule.conditions]
    return {
        "name": tool,
        "risk": judged.risk.name.lower(),
        "verdict": str(judged.verdict),
        "people": judged.required,
        "because": judged.rule,
        "some": [f"{rule.name}: {_WOULD[rule.verdict]}" for rule in some],
    }


@require_GET
@for_people
def tools(request: PageRequest) -> HttpResponse:
    """The preview of the form, for another agent."""
    name = request.GET.get("agent", "")
    agent = roles.startable_agents(request.user).filter(name=name).first()
    return render(request, "sessions/_tools.html", {"tools": _preview(agent)})


@require_GET
@for_people
def confirm(request: PageRequest, uuid: UUID) -> HttpResponse:
    """The question before a session is paused, resumed, stopped or killed."""
    session, verb = the_session(request, uuid), request.GET.get("do", "")
    if verb == "limits":
        return limits_sheet(request, session)
    if verb not in CONFIRMATIONS:
        raise Http404
    address = f"/sessions/{session.uuid}/"
    return _ask(request, CONFIRMATIONS[verb], f"{address}{verb}/", address, session)


def limits_sheet(request: PageRequest, session: Session, problem: str = "") -> HttpResponse:
    """Other limits for a session that has not asked for them, or those that were not understood."""
    answer = _sheet(
        request,
        "sessions/_limits.html",
        heading="Raise a limit",
        session=session,
        back=back(request, f"/sessions/{session.uuid}/"),
        may_extend=roles.can(request.user, "extend", session),
        fields=meters.fields(request.POST.dict(), session.limits),
        reason=request.POST.get("reason", ""),
        problem=problem,
    )
    answer.status_code = 400 if problem else 200
    return answer


@require_GET
@for_people
def confirm_stop_all(request: PageRequest) -> HttpResponse:
    effect = (
        "Every session that runs or waits is stopped, whatever its agent, if you may steer it. "
        "Calls under way may finish and are recorded. Stopped sessions cannot be resumed."
    )
    words = ("Stop everything?", effect, "Stop everything", True)
    return _ask(request, words, "/sessions/stop-all/", "/sessions/")


def _ask(
    request: PageRequest,
    words: tuple[str, str, str, bool],
    action: str,
    otherwise: str,
    session: Session | None = None,
) -> HttpResponse:
    heading, effect, verb, grave = words
    context = {"heading": heading, "effect": effect, "verb": verb, "grave": grave}
    context |= {"action": action, "back": back(request, otherwise), "session": session}
    return _sheet(request, "sessions/_confirm.html", **context)


def _sheet(request: PageRequest, sheet: str, **context: Any) -> HttpResponse:
    """Over the page that asks for it, or as a page of its own."""
    template = sheet if "HX-Request" in request.headers else "sessions/confirm.html"
    return render(request, template, {**context, "sheet": sheet})


def _done(request: PageRequest, said: str, otherwise: str) -> HttpResponse:
    messages.success(request, said)
    return see_other(back(request, otherwise))


Steer = Callable[[PageRequest, UUID], str]
Again = Callable[[PageRequest, Session, str], HttpResponse]  # a form with what was wrong in it


def steering(
    act: Steer, again: Again | None = None
) -> Callable[[HttpRequest, UUID], HttpResponseBase]:
    """A POST that steers one session and says what it did, or why not."""

    def view(request: PageRequest, uuid: UUID) -> HttpResponse:
        session = the_session(request, uuid)
        try:
            said = act(request, session.uuid)
        except (inbox.Refused, ValueError) as refused:
            return _refused(request, refused, session, again)
        if request.htmx:
            return HttpResponse(said, content_type="text/plain")
        return _done(request, said, f"/sessions/{session.uuid}/")

    return require_POST(for_people(view))


def _refused(
    request: PageRequest, refused: Exception, session: Session, again: Again | None
) -> HttpResponse:
    status, said = refusal(refused)
    if again and status == 400:
        return again(request, session, said)
    if request.htmx:
        return HttpResponse(said, status=status, content_type="text/plain")
    context = {"said": said, "back": back(request, f"/sessions/{session.uuid}/")}
    return render(request, "refused.html", context, status=status)


@steering
def pause(request: PageRequest, uuid: UUID) -> str:
    inbox.pause(request.user, uuid)
    return "Pausing after this step."


@steering
def resume(request: PageRequest, uuid: UUID) -> str:
    inbox.resume(request.user, uuid, request.POST.get("model", ""))
    return "Resumed."


@steering
def stop(request: PageRequest, uuid: UUID) -> str:
    inbox.stop(request.user, uuid)
    return "Stopping: nothing new starts."


@steering
def kill(request: PageRequest, uuid: UUID) -> str:
    inbox.stop(request.user, uuid, kill=True)
    return "Killed."


@steering
def message(request: PageRequest, uuid: UUID) -> str:
    form = request.POST
    inbox.steer(
        request.user,
        uuid,
        form.get("text", ""),
        replaces=bool(form.get("replaces")),
        withholds=bool(form.get("withholds")),
    )
    return "Queued. The agent reads it before its next step."


@require_POST
@for_people
def stop_all(request: PageRequest) -> HttpResponse:
    try:
        count = inbox.stop_all(request.user)
    except inbox.Refused as refused:
        refusal(refused)
        raise
    said = f"{count} session{'s are' if count > 1 else ' is'} stopping: all that you may steer."
    return _done(
        request, said if count else "There was no session to stop that you may steer.", "/sessions/"
    )
