"""The risk map in the admin: its tools, its rules, its change log, on pages of their own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from agents.admin import history, review, risk_map, rules, tool
from agents.admin.kinds import Admin, ReadOnlyAdmin
from agents.models import GateRule, PolicyChange, Tool


@admin.register(Tool)
class ToolAdmin(Admin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a tool appears when an agent that holds it first runs

    def has_delete_permission(self, request: HttpRequest, obj: Tool | None = None) -> bool:
        return False  # without its row it would be HIGH, and listed again by the next session

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.review_view)
        return [path("review/", view, name="agents_tool_review"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return risk_map.changelist(request, self.admin_site.each_context(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return tool.edit(request, _id(object_id), self.admin_site.each_context(request))

    def review_view(self, request: HttpRequest) -> HttpResponse:
        return review.review(request, self.admin_site.each_context(request))


@admin.register(GateRule)
class GateRuleAdmin(Admin):
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return rules.changelist(request, self.admin_site.each_context(request))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return rules.edit(request, None, self.admin_site.each_context(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return rules.edit(request, _id(object_id), self.admin_site.each_context(request))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        context = self.admin_site.each_context(request)
        return rules.edit(request, _id(object_id), context, remove=True)


@admin.register(PolicyChange)
class PolicyChangeAdmin(ReadOnlyAdmin):
    """The change log; a change's own page offers the way back."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return history.changelist(request, self.admin_site.each_context(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return history.put_back(request, _id(object_id), self.admin_site.each_context(request))


def _id(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0
