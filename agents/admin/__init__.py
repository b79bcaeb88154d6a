"""The stock Django admin: what people edit, with its history; the record, to read only."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from agents import spending
from agents.admin import agents, alerts, endpoints, people, record, servers, tools
from agents.admin.kinds import CheckedAdmin
from agents.core import wording
from agents.models import Cap, ModelPrice, Slots

__all__ = ["agents", "alerts", "endpoints", "people", "record", "servers", "tools"]


@admin.register(Slots)
class SlotsAdmin(CheckedAdmin):
    list_display = ("name", "sessions")
    nothing = "Nothing is limited here: each worker runs up to 500 sessions at once."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Slots.objects.exists()


@admin.register(ModelPrice)
class ModelPriceAdmin(CheckedAdmin):
    list_display = ("model", "input", "output", "cache_read", "cache_write", "cache_write_1h")
    nothing = "No price is known: what sessions cost is shown as unknown."


@admin.register(Cap)
class CapAdmin(CheckedAdmin):
    list_display = ("name", "usd", "tokens", "spent_today")
    fields = ("usd", "tokens", "spent_today")
    readonly_fields = ("spent_today",)

    @admin.display(description="Used today")
    def spent_today(self, cap: Cap) -> str:
        used = spending.spent(timezone.localdate())
        tokens = wording.amount("tokens", used["tokens"])
        return f"{wording.amount('usd', used['usd'])}, {tokens} tokens"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Cap.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Cap | None = None) -> bool:
        return False  # an empty cap is none
