"""People in the admin: who signs in, in which roles, with which keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.html import format_html

from agents import roles
from agents.admin.kinds import Everyday, Form, Groups, Inline, Labelled, Passwords, People, Unlinked
from agents.models import ApiToken, RoleAssignment

TWICE = "They have this role already, for the same agents."


class RoleForm(Form):
    """Says in words what the table’s constraints would refuse."""

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        owner = getattr(given.get("user"), "pk", None) or self.instance.user_id
        same = RoleAssignment.objects.filter(role=given.get("role"), group=given.get("group"))
        if owner and same.filter(user_id=owner).exclude(pk=self.instance.pk).exists():
            self.add_error("role", TWICE)  # what the constraints would say is left out then
        return given


class RoleRows(Labelled):
    """No role twice among the rows of one form either."""

    def clean(self) -> None:
        super().clean()
        seen: set[tuple[Any, Any]] = set()
        for form in self.forms:
            given = getattr(form, "cleaned_data", None) or {}
            pair = (given.get("role"), given.get("group"))
            if pair in seen and not given.get("DELETE"):
                form.add_error("role", TWICE)
            seen |= {pair} if pair[0] else set()


class PasswordForm(Passwords):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: forms.Field = self.fields["usable_password"]
        choice.label = "Signs in with a password"
        choice.help_text = "Otherwise by a link only; the password that is there is lost."


class ForAgents(Unlinked):
    """A role that names no group is for every agent; it says so."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "group":
            kwargs |= {"empty_label": "Every agent", "help_text": ""}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(RoleAssignment)
class RoleAssignmentAdmin(ForAgents, Everyday):
    form = RoleForm
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
    form = RoleForm
    formset = RoleRows

    def get_extra(self, request: HttpRequest, obj: User | None = None, **kwargs: Any) -> int:
        return 0 if obj else 1  # whoever is new needs a role


PERSON_HELP = {
    "username": "What they sign in with: letters, digits, @ . + - and _",
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
    change_password_form = PasswordForm
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

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes with a person, in our words."""
        deleted, counts, lacking, kept = super().get_deleted_objects(objs, request)
        signed_in = counts.pop("sessions", 0)  # browsers; what they started stays
        counts.pop("log entries", None)
        lacking.discard(ApiToken._meta.verbose_name)  # by itself it is only revoked
        return deleted, counts | ({"sign-ins": signed_in} if signed_in else {}), lacking, kept

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
