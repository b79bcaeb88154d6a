"""Forking: a new session that begins with another one's log, up to a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from agents import inbox, roles
from agents.catalogue import load_map
from agents.core import budget, canonical, events, forking
from agents.core.events import Record
from agents.core.fold import replay
from agents.core.risk import Risk, Verdict
from agents.core.state import Call, CallStatus, State
from agents.core.trouble import is_trouble
from agents.doorbell import News, bell
from agents.journal import read
from agents.lineage import log_of
from agents.models import AgentDefinition, Session
from agents.starting import MAX_TASK
from agents.toolbox import schema
from agents.toolbox.results import Results

LIVE, RECORD = "live", "record"
HEAD_START = timedelta(seconds=5)  # for the message that goes with a fork


@dataclass(frozen=True, slots=True)
class Fork:
    """What a person wants different from ``step`` on."""

    step: int
    tools: str = RECORD
    task: str = ""  # for a fork of the first step: the task, if it is another one
    message: str = ""  # told to the agent before the step
    replaces: int | None = None  # the seq of an operator's message that is taken back
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by call id
    limits: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""


def fork(user: User, parent: Session, wanted: Fork) -> Session:
    """Queue the fork. Raises ``NotAllowed``, ``Invalid`` and ``Missing``."""
    agent = _may(user, parent)
    message = inbox.words(wanted.message).strip()
    log = whole(parent)
    seq, state = at(log, wanted)
    row = Session(
        agent=parent.agent,
        title=_title(parent, wanted),
        task=_task(parent, wanted),
        model=parent.model,
        started_by=user,
        group=parent.group,
        limits=_limits(user, parent, agent, wanted),
        parent=parent,
        parent_seq=seq,
        last_seq=seq,
        head=log[seq - 1].digest,
        steps=state.step,
        troubles=sum(is_trouble(record.fact) for record in log[:seq]),
        fork={
            "session": str(parent.uuid),
            "seq": seq,
            "digest": log[seq - 1].digest,
            "step": wanted.step,
            "tools": _tools(wanted),
            "replaces": _taken_back(state, wanted.replaces),
            "arguments": {
                call_id: _edited(parent, state, call_id, arguments)
                for call_id, arguments in wanted.arguments.items()
            },
        },
        # A message that belongs to the fork must be there before a worker is.
        resume_at=timezone.now() + HEAD_START if message else None,
    )
    row.save()
    if message:
        inbox.steer(user, row.uuid, message)
    bell.ring(News({row.pk: row.last_seq}, runnable=True))
    return row


def whole(session: Session) -> list[Record]:
    """The session's log, from its first event."""
    log: list[Record] = []
    while records := read(session.pk, log[-1].seq if log else 0):
        log += records
    return log


def at(log: Sequence[Record], wanted: Fork) -> tuple[int, State]:
    """Where the parent's log is cut, and the parent's state there. Raises ``Invalid``."""
    last = max((record.step for record in log), default=0)
    if not log or not 1 <= wanted.step <= last + 1:
        raise inbox.Invalid(f"There is no step {wanted.step} to fork from.")
    try:
        cut = forking.after_proposal if wanted.arguments else forking.before_step
        seq = cut(log, wanted.step)
    except ValueError as error:
        raise inbox.Invalid(f"It cannot be forked there: {error}.") from None
    return seq, replay(log[:seq])


def effects(log: Sequence[Record], seq: int, *, before: bool) -> list[events.ToolStarted]:
    """The calls that changed the world up to ``seq``, or after it; none of them is undone."""
    kinds = {
        (record.step, record.fact.call_id): record.fact.effect
        for record in log
        if isinstance(record.fact, events.ToolCall)
    }
    return [
        record.fact
        for record in log
        if isinstance(record.fact, events.ToolStarted)
        and record.fact.attempt == 1
        and (record.seq <= seq) == before
        and kinds.get((record.step, record.fact.call_id)) != "read"
    ]


def results_of(session: int, state: State) -> Results | None:
    """What a session that plays its tools from a record has to play; None if its tools run."""
    fork = state.started.fork if state.started else None
    if fork is None or fork["tools"] != RECORD:
        return None
    row = Session.objects.select_related("parent").get(pk=session)
    assert row.parent is not None
    log = whole(row.parent)
    results = Results.of(log)
    results.skip([*log[: row.parent_seq], *whole(row)[row.parent_seq :]])
    return results


def _may(user: User, parent: Session) -> AgentDefinition:
    agent = AgentDefinition.objects.filter(name=parent.agent, enabled=True).first()
    if agent is None:
        raise inbox.Missing(f"There is no agent named {parent.agent[:64]!r} any more.")
    # The fork belongs to the parent's group, whatever became of the agent's.
    if not (roles.can(user, "start", agent) and roles.can(user, "start", parent)):
        raise inbox.NotAllowed("Only operators can fork sessions.")
    if not log_of(parent).exists():
        raise inbox.Invalid("The session has not begun yet.")
    return agent


def _tools(wanted: Fork) -> str:
    if wanted.tools not in (LIVE, RECORD):
        raise inbox.Invalid("Tools are either live or played from the record.")
    return wanted.tools


def _limits(user: User, parent: Session, agent: AgentDefinition, wanted: Fork) -> Mapping[str, Any]:
    """The parent's, but not above the agent's ceilings: what an admin allowed was for that one."""
    if problems := budget.validate(wanted.limits):
        raise inbox.Invalid(" ".join(problems))
    inbox.must_be_below_ceilings(user, parent.agent, wanted.limits)
    ceilings = {} if roles.can(user, "administer") else agent.ceilings
    inherited = {name: min(most, ceilings.get(name, most)) for name, most in parent.limits.items()}
    return {**inherited, **wanted.limits}


def _task(parent: Session, wanted: Fork) -> str:
    task = canonical.clean_text(wanted.task).strip()
    if not task or task == parent.task:
        return parent.task
    if wanted.step != 1:
        raise inbox.Invalid("The task can only be changed from the first step on.")
    if len(task) > MAX_TASK:
        raise inbox.Invalid(f"The task is longer than {MAX_TASK} characters.")
    return task


def _title(parent: Session, wanted: Fork) -> str:
    title = canonical.clean_text(wanted.title).strip()
    title = title or f"{parent.title[:180]} (from step {wanted.step})"
    return " ".join(title.split())[:200]


def _taken_back(state: State, seq: int | None) -> int | None:
    if seq is None:
        return None
    if not any(note.seq == seq and note.human for note in state.notes):
        raise inbox.Invalid("That message was read before this step, so it cannot be replaced.")
    return seq


def _edited(
    parent: Session, state: State, call_id: str, arguments: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The edited call as it will be asked: valid by its schema, and judged anew."""
    call = state.find(call_id)
    if call is None or call.status is CallStatus.SETTLED:
        raise inbox.Invalid("That call does not wait at this step.")
    try:
        canonical.check(dict(arguments))
    except canonical.BadJson as error:
        raise inbox.Invalid(f"The edited arguments are not valid: {error}.") from None
    if found := schema.problems(_schema(state, call), arguments):
        raise inbox.Invalid("The edited arguments are not valid: " + "; ".join(found))
    judged = load_map()[0].judge(parent.agent, call.tool, arguments, Risk.HIGH)
    if judged.verdict is Verdict.DENY:
        raise inbox.Invalid(f"A rule forbids these arguments: {judged.rule}.")
    return {
        "arguments": dict(arguments),
        "risk": judged.risk.word,
        "rule": judged.rule,
        "required": max(call.required, judged.required),
    }


def _schema(state: State, call: Call) -> Mapping[str, Any]:
    tools = state.started.tools if state.started else ()
    return next((tool["input_schema"] for tool in tools if tool["name"] == call.tool), {})
