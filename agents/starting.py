"""Queueing a session: the row is the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import (
    IntegrityError,
    transaction,
)

from agents import inbox, roles
from agents.core import budget, canonical
from agents.doorbell import News, bell
from agents.models import AgentDefinition, Session

MAX_TASK = 50_000  # characters


def start(
    user: User | None,
    agent_name: str,
    task: str,
    limits: Mapping[str, Any] | None = None,
    key: str = "",
) -> Session:
    """Queue a session: the row is the request, and any worker picks it up.

    The same ``key`` of the same user gives the same session; with another body it is a
    ``Conflict``. Raises ``NotAllowed``, ``Invalid`` and ``Missing``.
    """
    agent = _agent(user, agent_name)
    task = canonical.clean_text(task).strip()
    if not task:
        raise inbox.Invalid("The task is empty. Say what the agent is to do.")
    if len(task) > MAX_TASK:
        raise inbox.Invalid(f"The task is longer than {MAX_TASK} characters.")
    if problems := budget.validate(limits or {}):
        raise inbox.Invalid(" ".join(problems))
    allowed = {**agent.limits, **(limits or {})}
    request_key = _request_key(user, key) if key else None
    body = canonical.digest({"agent": agent_name, "task": task, "limits": limits or {}})
    if request_key and (earlier := Session.objects.filter(request_key=request_key).first()):
        return _same(earlier, body)
    for model in filter(None, (agent.model, agent.settings.get("fallback_model"))):
        inbox.must_be_priced(model, allowed)
    inbox.must_be_below_ceilings(user, agent.name, limits or {})
    session = Session(
        agent=agent.name,
        title=" ".join(task.split())[:120],
        task=task,
        model=agent.model,
        started_by=user,
        group=agent.group,
        limits=allowed,
        request_key=request_key,
        request_digest=body,
    )
    try:
        with transaction.atomic():
            session.save()
    except IntegrityError:
        return _same(Session.objects.get(request_key=request_key), body)
    bell.ring(News({session.pk: 0}, runnable=True))
    return session


def _request_key(user: User | None, key: str) -> str:
    """A digest, because the column holds less than a user and the longest key."""
    return f"{user.pk if user else 0}:{canonical.sha256(key)}"


def _agent(user: User | None, name: str) -> AgentDefinition:
    agent = AgentDefinition.objects.filter(name=name, enabled=True).first()
    if agent is None:
        raise inbox.Missing(f"There is no agent named {name[:64]!r}.")
    if user is not None and not roles.can(user, "start", agent):
        raise inbox.NotAllowed("Only operators can start sessions.")
    return agent


def _same(earlier: Session, body: str) -> Session:
    if earlier.request_digest != body:
        raise inbox.Conflict("This Idempotency-Key was used with another request.")
    return earlier
