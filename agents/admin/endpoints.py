"""The endpoints as all workers see them: breakers, holds, blocks; and what lifts a hold."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest

from agents import inbox
from agents.admin.kinds import ReadOnlyAdmin
from agents.models import Breaker, BreakerChange, Provider


@admin.register(Provider)
class ProviderAdmin(ReadOnlyAdmin):
    nothing = "No endpoint is held or blocked."
    list_display = ("host", "model", "blocked_at", "not_before", "error_class", "reason")
    actions = ("clear",)

    @admin.action(description="Clear: let every session ask it again")
    def clear(self, request: HttpRequest, queryset: Any) -> None:
        assert isinstance(request.user, User)  # the admin lets nobody else in
        for key in queryset.order_by("key").values_list("pk", flat=True):
            try:
                going = inbox.clear_provider(request.user, key)
            except inbox.Refused as refused:
                self.message_user(request, str(refused), messages.ERROR)
                return
            self.message_user(request, f"Cleared. Sessions that go on: {going}.")


@admin.register(Breaker)
class BreakerAdmin(ReadOnlyAdmin):
    nothing = "Nothing has kept failing."
    list_display = ("name", "state", "reason")
    list_filter = ("state",)
    search_fields = ("name",)


@admin.register(BreakerChange)
class BreakerChangeAdmin(ReadOnlyAdmin):
    nothing = "No breaker has opened."
    list_display = ("breaker", "state", "at", "reason")
    list_filter = ("state",)
    list_select_related = ("breaker",)
