"""Every page of the product, from its addresses, so that a new one cannot be forgotten."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest
from django.urls import URLPattern, get_resolver, reverse

from agents.models import Anomaly, Outcome
from tests.demo import shop

# What is no page: forms' targets, files, and parts of pages that a page shows anyway.
POSTED = """
signout theme wishes new_token revoke_token end_sign_in end_others stop_all pause resume stop kill
tour tour_put_away
message limits wrap_up lift_block approve deny answer grant withdraw bulk undo revoke_grant settle
set_aside speak withhold hand_over pin preview_edit
""".split()
PARTS = """
session_step session_steps session_pending moment new_session_tools looking artifact export
insights_table
""".split()
REDIRECTS = ["home"]
BARE = ["confirm_session", "confirm_approval"]  # no page without what they confirm
FORMS = {
    "confirm_session": [("do", "pause"), ("do", "stop"), ("do", "kill")],
    "confirm_approval": [("do", "approve"), ("do", "deny"), ("do", "edit"), ("do", "answer")],
    "sessions": [("filter", "needs-you"), ("filter", "failed"), ("q", "nothing like this")],
    "approvals": [("tab", "decided"), ("tab", "expired")],
    "insights": [("range", "30d")],
    "event": [("as", "json")],
    "replay": [("step", "9")],
}


def pages() -> dict[str, str]:
    """Each page's name and address."""
    names = shop.names()
    filled = {"uuid": names["session"], "other": names["other"], "seq": "5", "token": "spent"}
    found = {}
    for pattern in _own():
        name = str(pattern.name)
        address = reverse(
            name, kwargs={key: _value(name, key, filled, names) for key in _keys(pattern)}
        )
        if name not in BARE:
            found[name] = address
        for field, value in FORMS.get(name, ()):
            found[f"{name}-{value.split()[0]}"] = f"{address}?{field}={value}"
    found |= {f"session-{kind}": f"/sessions/{names[kind]}/" for kind in ("live", "waiting")}
    found |= {
        name.replace("_", "-"): f"/approvals/{uuid}/"
        for name, uuid in names.items()
        if name.startswith("approval_")
    }
    return found | {"not-found": "/nowhere/"} | _admin()


def _own() -> list[URLPattern]:
    patterns = [p for p in get_resolver().url_patterns if isinstance(p, URLPattern) and p.name]
    rest = {*POSTED, *PARTS, *REDIRECTS}
    return [pattern for pattern in patterns if pattern.name not in rest]


def _keys(pattern: URLPattern) -> list[str]:
    return list(pattern.pattern.converters)


def _value(name: str, key: str, filled: dict[str, str], names: dict[str, str]) -> str:
    if name == "confirm_session":
        return names["live"]
    if key == "anomaly":
        return str(Anomaly.objects.latest("pk").pk)
    if key == "uuid" and "outcome" in name:
        return str(Outcome.objects.latest("pk").uuid)
    if key == "uuid" and "approval" in name:
        return names["approval_high"]
    return filled[key]


def _admin() -> dict[str, str]:
    """The lists of Django's admin, an entry of each, and its other pages."""
    review = reverse("admin:agents_tool_review")
    found = {"admin": "/admin/", "admin-review": f"{review}?server=crm", "admin-reviewed": review}
    request = HttpRequest()
    request.user = User.objects.get(username="mira")
    for model, its in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found[f"admin-{name}"] = reverse(f"admin:{name}_changelist")
        found |= {f"admin-{name}-{kind}": address for kind, address in _entry(model, name)}
        if its.has_add_permission(request):
            found[f"admin-{name}-add"] = reverse(f"admin:{name}_add")
    return found


def _entry(model: type[Model], name: str) -> list[tuple[str, str]]:
    first = model._default_manager.order_by("pk").first()
    return [] if first is None else [("entry", reverse(f"admin:{name}_change", args=[first.pk]))]
