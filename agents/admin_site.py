"""Django's admin behind the product's own front door: one sign-in, one refusal, one table of
contents."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from agents import roles

# What the settings hold, in the order in which one needs it: model, what one does there.
SECTIONS: dict[str, dict[str, str]] = {
    "What agents may do": {
        "Tool": "How risky each tool is, what a repeat would do, and how many people must approve.",
        "GateRule": "Ask, forbid or allow by a call’s arguments, for every agent or for one.",
        "PolicyChange": "Who changed the risk map, from what to what and why; any of it can be put"
        " back.",
    },
    "Agents": {
        "AgentDefinition": "Their model, instructions, tools, budgets and guards.",
        "McpServer": "Where tools from outside come from.",
        "ModelPrice": "What a model’s tokens cost, in dollars per million.",
        "Cap": "What all sessions together may use in a day.",
        "Slots": "How many sessions are at work at once; the rest is queued.",
    },
    "People": {
        "User": "Who may sign in, and in which roles.",
        "RoleAssignment": "Every role of everybody; for all agents, or for a group of them.",
        "Group": "Names for groups of agents, so that a role can be for some agents only.",
        "ApiToken": "Keys for the API, to be revoked. People make their own on their page.",
    },
    "Alerts": {
        "AlertTarget": "Where alerts go: a webhook, e-mail, or a service that Apprise knows.",
        "AlertRule": "What is told, and how often.",
        "Delivery": "What was sent, and what came of it.",
    },
    "Health": {
        "Provider": "Endpoints of models that are held or blocked; Clear lets them be asked again.",
        "Breaker": "Tools, servers and models that are left alone because they keep failing.",
        "BreakerChange": "When breakers opened and closed.",
        "Worker": "The processes that run sessions.",
    },
    "The record, to be read only": {
        "Session": "Every session, with all that its row holds.",
        "Event": "Every fact, in the order in which it was written.",
        "Approval": "Every call that waited for people, and what was decided.",
        "Outcome": "Calls of which nobody knew whether they happened.",
    },
}


class Site(AdminSite):
    site_header = site_title = "Oversight"
    index_title = "Settings"
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.empty_value_display = "–"
        self.disable_action("delete_selected")  # nothing is removed without its page being seen

    def has_permission(self, request: HttpRequest | Any) -> bool:
        return roles.can(request.user, "administer")

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.path != reverse("admin:logout"):
                _refuse(request.user, self.has_permission(request))
            response: HttpResponse = inner(request, *args, **kwargs)
            return response

        return guarded

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one sign-in page; who is signed in and not an administrator is told so."""
        _refuse(request.user, self.has_permission(request))
        wanted = request.GET.get("next", reverse("admin:index"))
        return redirect_to_login(wanted, settings.LOGIN_URL)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """By what one comes for, not by Django app."""
        apps = super().get_app_list(request, app_label)
        found = {one["object_name"]: one for app in apps for one in app["models"]}
        return [
            {"name": title, "models": models}
            for title, held in SECTIONS.items()
            if (models := [found[name] | {"purpose": held[name]} for name in held if name in found])
        ]


def _refuse(user: User | AnonymousUser, allowed: bool) -> None:
    if user.is_authenticated and not allowed:
        raise PermissionDenied("Only administrators may open the settings and the risk map.")
