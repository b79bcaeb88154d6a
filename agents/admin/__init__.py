"""The stock Django admin: what people edit, with its history; the record, to read only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from agents import roles, spending
from agents.admin import agents, alerts, endpoints, record, servers, tools
from agents.admin.kinds import (
    CheckedAdmin,
    Everyday,
    Groups,
    Inline,
    Labelled,
    People,
    Unlinked,
)
from agents.core import wording
from agents.models import (
    ApiToken,
    Cap,
    ModelPrice,
    RoleAssignment,
    Slots,
)

__all__ = ["agents", "alerts", "endpoints", "record", "servers", "tools"]


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


class ForAgents(Unlinked):
    """A role that names no group is for every agent; it says so."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "group":
            kwargs["empty_label"] = "Every agent"
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(RoleAssignment)
class RoleAssignmentAdmin(ForAgents, Everyday):
    list_display = ("user", "role", "agents", "highest_risk")
    list_select_related = ("user", "group")
    list_filter = ("role", "group")
    search_fields = ("user__username",)

    @admin.display(description="Agents", ordering="group")
    def agents(self, row: RoleAssignment) -> str:
        return str(row.group or "every agent")

    def save_model(
        self, request: HttpRequest, obj: RoleAssignment, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        if obj.role == RoleAssignment.Role.ADMIN and obj.group is None:
            roles.grant(obj.user, obj.role)


class RoleInline(ForAgents, Inline):
    model = RoleAssignment
    formset = Labelled

    def get_extra(self, request: HttpRequest, obj: User | None = None, **kwargs: Any) -> int:
        return 0 if obj else 1  # whoever is new needs a role


PERSON_HELP = {
    "username": "What they sign in with: letters, digits and @ . + - _",
    "is_active": "Otherwise they cannot sign in. Better than deleting: the record keeps its names.",
}

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(Group)
class AgentGroupAdmin(Everyday, Groups):
    """A group is a name for agents; Django's own permissions say nothing here."""

    nothing = "There is no group: every role is for every agent."
    fields = ("name",)
    filter_horizontal = ()


@admin.register(User)
class PersonAdmin(Everyday, People):
    """Django's page of a person, with their roles on it: these alone say what they may do."""

    inlines = (RoleInline,)
    list_display = ("username", "first_name", "last_name", "is_active")
    list_filter = ("is_active", "roles__role")
    filter_horizontal = ()
    add_form = UserCreationForm
    add_form_template = "admin/change_form.html"
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2")}),)
    readonly_fields = ("password_is", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password_is")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Sign-in", {"fields": ("is_active", "last_login", "date_joined")}),
    )

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        kwargs = {"help_texts": PERSON_HELP, **kwargs}
        return super().get_form(request, obj, change=change, **kwargs)

    @admin.display(description="Password")
    def password_is(self, person: User) -> str:
        """Whether there is one, and where to set another; nothing of the one that there is."""
        words = "Set." if person.has_usable_password() else "None: comes in by a link."
        return format_html('{} <a href="{}">Set another</a>', words, "../password/")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        person = form.instance
        if person.roles.filter(role=RoleAssignment.Role.ADMIN, group=None).exists():
            roles.grant(person, RoleAssignment.Role.ADMIN)


@admin.register(ApiToken)
class ApiTokenAdmin(Everyday):
    """Tokens are made by their people or ``manage.py token``; here they are revoked."""

    nothing = "There is no token. People make their own on their page, or with manage.py token."

    list_display = ("user", "label", "created_at", "last_used_at", "revoked")
    list_filter = ("revoked",)
    search_fields = ("user__username", "label")
    fields = ("user", "label", "created_at", "last_used_at", "revoked")
    readonly_fields = ("user", "label", "created_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False
