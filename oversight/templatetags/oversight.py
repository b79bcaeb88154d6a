"""What templates of this project may call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django import template
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeData, SafeString, mark_safe

from agents import preferences, roles
from agents.core import events, titles
from agents.core.wording import budget_name
from agents.models import Approval, Outcome, Preference, Session
from agents.riskmap import wording as setting
from oversight import cases, prose, queries, signs, tiles, wording
from oversight.spans import Bar

register = template.Library()

register.filter("visible", wording.visible)
register.filter("one_line", wording.one_line)
register.filter("duration", wording.duration)
register.filter("clock", wording.clock)
register.filter("spoken", wording.spoken)
register.filter("money", wording.money)
register.filter("short", wording.short)
register.filter("who", wording.who)
register.filter("initials", wording.initials)
register.filter("value_text", wording.value_text)
register.filter("pretty", wording.pretty)
register.filter("tool_icon", wording.tool_icon)
register.filter("prose", prose.markdown)
register.filter("budget_name", budget_name)


@register.filter
def notice(message: Message) -> str:
    """A message of a page; the admin's own hold a link."""
    said = wording.visible(message.message)
    return mark_safe(said) if isinstance(message.message, SafeData) else said  # noqa: S308  # nosec B308 B703 - it was


@cache
def _sprite() -> str:
    return static("icons.svg")


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', _sprite(), name
    )


_RISK_ICONS = {
    "safe": "circle-check",
    "low": "shield",
    "medium": "triangle-alert",
    "high": "octagon-alert",
}


@register.simple_tag
def risk(word: str) -> SafeString:
    """A risk by word, shape and weight; a word we do not know is shown as HIGH."""
    known = word if word in _RISK_ICONS else "high"
    return format_html('<span class="risk {}">{}{}</span>', known, icon(_RISK_ICONS[known]), known)


@register.simple_tag
def risk_icon(word: str) -> SafeString:
    return icon(_RISK_ICONS.get(word, _RISK_ICONS["high"]))


@register.filter
def setting_name(field: str) -> str:
    """A setting of the risk map, as pages call it."""
    return setting.NAMES.get(field, field).capitalize()


register.filter("setting_value", setting.shown)
register.filter("forecast_words", setting.forecast_words)


@register.simple_tag
def bars(drawn: Sequence[Bar]) -> SafeString:
    """The bars of a waterfall; a template's loop would cost a long page a third of its time."""
    return format_html_join(
        "",
        '<rect class="{}" fill="{}" x="{}%" width="{}%" height="100%"/>',
        ((*_fill(bar.kind), f"{bar.x:g}", f"{bar.width:g}") for bar in drawn),
    )


def _fill(kind: str) -> tuple[str, str]:
    """Class and fill of a bar: a pattern is found from within the page, not from its sheet."""
    return ("", "url(#hatch)") if kind == "human" else (f"f-{kind}", "none")


@register.filter
def ago(at: datetime | None) -> str:
    return wording.ago(at, timezone.now()) if at else ""


@register.simple_tag
def when(at: datetime | None, form: str = "ago") -> SafeString | str:
    """A time element: relative, or its ``clock``, ``minute`` or ``moment``, which is relative for a
    day; the whole date in its title."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    clocks = {"clock": f"{local:%H:%M:%S}", "minute": f"{local:%H:%M}"}
    now = timezone.localtime()
    if form == "moment" and (now - at).days:
        year = f" {local.year}" if local.year != now.year else ""
        clocks[form] = f"{local.day} {local:%b}{year}, {local:%H:%M}"
    shown = clocks.get(form) or wording.ago(at, now)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        f"{local.day} {local:%b %Y, %H:%M:%S %Z}",
        shown,
    )


@register.simple_tag
def rehearsal() -> bool:
    return bool(getattr(settings, "REHEARSAL", False))


@register.simple_tag
def whom(verb: roles.Verb, obj: roles.Thing = None) -> str:
    """Whom to ask for what this person may not do."""
    return cases.ask(roles.who_can(verb, obj))


@register.filter
def state(session: Session) -> tuple[str, str, str]:
    return tiles.state(session)


@register.filter
def elapsed(session: Session) -> float:
    return tiles.elapsed(session)


@register.filter
def waiting_title(waiting: Approval | Outcome) -> str:
    return tiles.title(waiting)


register.filter("sign", tiles.sign)
register.filter("stamp", signs.stamp)


@register.filter
def call_title(fact: events.ToolStarted) -> str:
    return titles.of(fact)


register.filter("person", cases.person)


@register.simple_tag(takes_context=True)
def appearance(context: template.Context) -> Preference:
    """How whoever is there wants the page; before signing in, what this browser remembers."""
    request: HttpRequest | None = context.get("request")
    user = getattr(request, "user", None)
    if isinstance(user, User):
        return preferences.of(user)
    theme = request.COOKIES.get("theme", "") if request else ""
    known = theme in Preference.Theme.values
    return Preference(theme=theme if known else Preference.Theme.SYSTEM)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation."""

    name: str
    address: str
    icon: str
    current: bool
    count: int = 0
    person: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Navigation:
    entries: list[Entry]
    tabs: list[Entry]
    pinned: list[Session]
    waiting: int
    name: str


_PAST = ("/replay/", "/moment/", "/fork/")  # pages of a session that belong to its history
_RISK_MAP = "/admin/agents/tool/", "/admin/agents/gaterule/", "/admin/agents/policychange/"


@register.simple_tag(takes_context=True)
def navigation(context: template.Context) -> Navigation:
    """Where one can go from here, with what waits there."""
    request: HttpRequest = context["request"]
    user = request.user
    pinned = queries.pinned(user) if user.is_authenticated else []

    past = request.path.endswith(_PAST) or "/compare/" in request.path

    def entry(name: str, address: str, icon: str, **more: Any) -> Entry:
        here = address == "/history/" if past else request.path.startswith(address)
        return Entry(name, address, icon, here, **more)

    live = queries.counts(user)["live"]
    waiting = queries.waiting_count(user)
    sessions = entry("Sessions", "/sessions/", "layout-grid", count=live, id="nav-live")
    approvals = entry(
        "Approvals", "/approvals/", "inbox", count=waiting, person=True, id="nav-waiting"
    )
    history = entry("History", "/history/", "history")
    insights = entry("Insights", "/insights/", "chart-column")
    entries = [sessions, approvals, history, insights]
    if roles.can(user, "administer"):
        mapped = request.path.startswith(_RISK_MAP)
        others = request.path.startswith("/admin/") and not mapped
        entries.append(Entry("Risk map", _RISK_MAP[0], "sliders-horizontal", mapped))
        entries.append(Entry("Settings", "/admin/", "settings", others))
    tabs = [sessions, approvals, insights, entry("You", "/me/", "user")]
    return Navigation(entries, tabs, pinned, waiting, cases.person(user))
