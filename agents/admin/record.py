"""The record in the admin: what happened, to be read only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin.kinds import ReadOnlyAdmin
from agents.core.visible import visible
from agents.models import Approval, Event, Outcome, Session, Worker


class Spoken(admin.ChoicesFieldListFilter):
    """Choices in sentence case."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": str(choice["display"]).capitalize()}


def laid_out(field: str, label: str) -> Callable[..., SafeString]:
    """A column of JSON on lines that can be read; what is not seen is written out."""

    @admin.display(description=label)
    def shown(_: Any, row: Any) -> SafeString:
        text = str(getattr(row, field))
        with suppress(ValueError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        return format_html("<pre>{}</pre>", visible(text))

    return shown


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    nothing = "No session has been started."
    list_display = ("title", "agent", "said", "started_by", "steps", "created_at")
    list_filter = (("status", Spoken), "agent")
    search_fields = ("title", "uuid")
    list_select_related = ("started_by",)

    @admin.display(description="Status", ordering="status")
    def said(self, row: Session) -> str:
        return row.get_status_display().capitalize()

    def view_on_site(self, row: Session) -> str:
        return f"/sessions/{row.uuid}/"


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    nothing = "Nothing has happened yet."
    list_display = ("session", "seq", "step", "kind", "by", "at")
    list_filter = ("kind",)
    search_fields = ("=session__uuid",)
    list_select_related = ("session",)
    ordering = ("-id",)
    facts = laid_out("text", "What it says")
    fields = ("session", "seq", "step", "kind", "by", "at", "facts", "version", "term", "digest")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """With the names of the people that events know by number."""
        key = Concat(Value("human:"), Cast("pk", CharField()))
        named = User.objects.annotate(key=key).filter(key=OuterRef("actor")).values("username")
        rows: QuerySet[Event] = super().get_queryset(request)
        return rows.annotate(name=Subquery(named[:1]))

    @admin.display(description="By", ordering="actor")
    def by(self, row: Any) -> str:
        return str(row.name or {"runtime": "Oversight"}.get(row.actor, row.actor))


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    nothing = "No call has waited for people."
    list_display = ("tool", "session", "risk", "state", "requested_at", "decided_by")
    list_filter = ("state", "risk", "tool")
    search_fields = ("=uuid", "tool")
    list_select_related = ("session", "decided_by")
    ordering = ("-requested_at", "-id")
    wanted = laid_out("arguments", "Arguments")
    proposed = laid_out("original", "As the agent proposed")
    fields = (
        "tool",
        "session",
        "state",
        "risk",
        "rule",
        "reason",
        "wanted",
        "proposed",
        "required",
        "votes",
        "requested_at",
        "decide_by",
        "decided_at",
        "decided_by",
        "decision_reason",
        "held_until",
        "step",
        "seq",
        "call_id",
        "uuid",
        "digest",
        "definition",
        "generation",
    )
    readonly_fields = fields

    def view_on_site(self, row: Approval) -> str:
        return f"/approvals/{row.uuid}/"


@admin.register(Outcome)
class OutcomeAdmin(ReadOnlyAdmin):
    nothing = "No call’s outcome was ever unknown."
    list_display = ("tool", "session", "said", "started_at", "settled_by")
    list_filter = (("state", Spoken), "tool")
    search_fields = ("=uuid", "tool")
    list_select_related = ("session", "settled_by")
    ordering = ("-started_at", "-id")

    @admin.display(description="State", ordering="state")
    def said(self, row: Outcome) -> str:
        return row.get_state_display().capitalize()

    def view_on_site(self, row: Outcome) -> str:
        return f"/approvals/outcomes/{row.uuid}/"


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    nothing = "No process runs sessions: start one with manage.py work, or everything with make up."
    list_display = ("name", "started_at", "seen_at", "sessions")
