"""MCP servers in the admin: how they are reached, what they offer, what is left to review."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from agents.admin.fields import Lines, Pairs
from agents.admin.kinds import CheckedAdmin, CheckedForm
from agents.models import McpServer, Tool
from agents.toolbox.config import SHORTEST_SECRET, may_be_secret

MAP = "admin:agents_tool_changelist"
HIDDEN = "••••••••"


def hidden(table: Mapping[str, str]) -> dict[str, str]:
    """The environment of a server, without what may be a secret: that is never shown again."""
    return {
        name: HIDDEN if len(value) >= SHORTEST_SECRET or may_be_secret(name) else value
        for name, value in table.items()
    }


class ServerForm(CheckedForm):
    command = Lines(
        required=False,
        help_text="The program, then one argument a line. It is run by the worker as it stands.",
    )
    env = Pairs(
        required=False,
        label="Environment",
        help_text="One a line, e.g. MODE = test: what the process is given beside the essentials. "
        f"Values that may be secret show as {HIDDEN} and stay as they are unless you change them.",
    )

    class Meta:
        labels: ClassVar = {
            "url": "Address",
            "per_session": "A process of its own for each session",
            "timeout": "Time-out",
        }
        help_texts: ClassVar = {
            "name": "Its tools appear as name__tool.",
            "url": "Instead of a command: where a server is reached by HTTP, e.g."
            " http://127.0.0.1:9000/mcp.",
            "per_session": "Otherwise the sessions of a worker share one.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept: dict[str, str] = dict(self.instance.env or {})
        self.initial["env"] = hidden(self.kept)

    def clean_env(self) -> dict[str, str]:
        given: dict[str, str] = self.cleaned_data["env"]
        shown = [name for name, value in given.items() if value == HIDDEN]
        if unknown := [name for name in shown if name not in self.kept]:
            raise ValidationError(f"Say the value of {', '.join(unknown)}.")
        return {**given, **{name: self.kept[name] for name in shown}}


@admin.register(McpServer)
class McpServerAdmin(CheckedAdmin):
    form = ServerForm
    list_display = ("name", "reached_at", "offers", "enabled")
    list_filter = ("enabled",)
    search_fields = ("name",)
    readonly_fields = ("offers",)
    nothing = "No tool comes from outside yet. Add an MCP server, then review its tools."

    def get_fields(self, request: HttpRequest, obj: McpServer | None = None) -> Any:
        own = ["name", "command", "url", "env", "per_session", "timeout", "enabled"]
        return ["offers", *own] if obj else own

    @admin.display(description="Reached by")
    def reached_at(self, server: McpServer) -> str:
        return server.url or " ".join(server.command)

    @admin.display(description="Tools")
    def offers(self, server: McpServer) -> SafeString | str:
        if not server.enabled:
            return "Switched off."
        if not server.listed_as or server.listing_problem == McpServer.ASKED:
            return _asks_again("A worker is asking it for its tools …")
        if server.listing_problem:
            return f"It could not be asked: {server.listing_problem} Save to ask it again."
        return _offered(server)

    def save_model(self, request: HttpRequest, obj: McpServer, form: Any, change: bool) -> None:
        obj.listed_as = ""  # whoever saves wants to know what it offers now
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: McpServer, post_url_continue: str | None = None
    ) -> HttpResponse:
        return _to_its_page(obj, super().response_add(request, obj, post_url_continue))

    def response_change(self, request: HttpRequest, obj: McpServer) -> HttpResponse:
        return _to_its_page(obj, super().response_change(request, obj))


def _to_its_page(server: McpServer, answer: HttpResponse) -> HttpResponse:
    """Where it says what the server offers."""
    if answer.status_code != 302:
        return answer
    return HttpResponseRedirect(reverse("admin:agents_mcpserver_change", args=[server.pk]))


def _asks_again(words: str) -> SafeString:
    return format_html(
        '<span id="offers" hx-get="" hx-trigger="every 2s" hx-select="#offers"'
        ' hx-swap="outerHTML">{}</span>',
        words,
    )


def _offered(server: McpServer) -> SafeString:
    unsettled = Q(reviewed=False) | Q(offered__isnull=False)
    waiting = Tool.objects.filter(unsettled, server=server.name).count()
    count = server.listing.get("tools", 0)
    left_out = "; ".join(server.listing.get("left_out", []))
    words = f"{count} tool{'' if count == 1 else 's'}."
    if left_out:
        words += f" Not offered to agents: {left_out}."
    page = reverse("admin:agents_tool_review") if waiting else reverse(MAP)
    act = f"Review {waiting} of them" if waiting else "All reviewed: see them in the risk map"
    query = urlencode({"server": server.name})
    return format_html(
        '<span id="offers">{} <a href="{}?{}">{}</a></span>', words, page, query, act
    )
