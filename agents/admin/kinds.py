"""What the admin's pages have in common: nothing is saved that may not stand."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.text import capfirst

from agents import validation
from agents.models import RoleAssignment

# Django's classes take type parameters for a type checker only.
if TYPE_CHECKING:
    Form: TypeAlias = forms.ModelForm[Any]
    Options: TypeAlias = BaseModelAdmin[Any]
    Admin: TypeAlias = admin.ModelAdmin[Any]
    Inline: TypeAlias = admin.TabularInline[RoleAssignment, User]
    People: TypeAlias = UserAdmin[User]
    Groups: TypeAlias = GroupAdmin
    Passwords: TypeAlias = AdminPasswordChangeForm[User]
    Rows: TypeAlias = forms.BaseInlineFormSet[Any, Any, Any]
else:
    Form, Options = forms.ModelForm, BaseModelAdmin
    Admin, Inline = admin.ModelAdmin, admin.TabularInline
    People, Groups, Passwords = UserAdmin, GroupAdmin, AdminPasswordChangeForm
    Rows = forms.BaseInlineFormSet


class Labelled(Rows):
    """Rows whose fields say what they are: the table's head alone tells no screen reader."""

    def add_fields(self, form: forms.Form, index: int | None) -> None:
        super().add_fields(form, index)
        for field in form.fields.values():
            inner: forms.Widget = getattr(field.widget, "widget", None) or field.widget  # unwrapped
            inner.attrs.setdefault("aria-label", field.label)


MOVED = (
    "This was changed meanwhile. Nothing was saved: open the page again to see it as it is now, or "
    "save once more to have all of it as it stands here."
)


RETYPE = " A secret is not kept: type it again."


class Seen(forms.CharField):
    """What a form was filled with, as a digest; no edit by itself."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class CheckedForm(Form):
    """A form that lets nothing through which ``configure`` would refuse, and nobody overwrite
    unawares what somebody else has saved since the page was opened."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen"] = Seen(required=False)
        self.initial["seen"] = _version(self.instance)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        now = self.initial["seen"]
        if self.instance.pk and given.get("seen", "") not in ("", now):
            data = cast("QueryDict", self.data).copy()
            data[self.add_prefix("seen")] = now  # who saves once more has been told
            self.data = data
            raise ValidationError(MOVED + (RETYPE if self._typed_secret() else ""))
        return given

    def _typed_secret(self) -> bool:
        hidden = (name for name, one in self.fields.items() if _is_secret(one))
        return any(self.cleaned_data.get(name) for name in hidden)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # the forms it is mixed with have one
        if self.errors:
            return
        try:
            validation.clean(self.instance)
        except ValidationError as error:
            for field, said in error.message_dict.items():
                self.add_error(field if field in self.fields else None, [*map(_sentence, said)])


class Unlinked(Options):
    """Choices without Django's four little pictures: what they name has a page of its own.
    What is wrong with a field is said in the words of its page."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.SlugField):
            field.error_messages["invalid"] = "Only letters, digits, - and _."
        if getattr(db_field, "unique", False) and field is not None:
            kind = db_field.model._meta.verbose_name
            field.error_messages["unique"] = f"Another {kind} has this {db_field.verbose_name}."
        for act in ("add", "change", "delete", "view"):
            if field is not None and hasattr(field.widget, f"can_{act}_related"):
                setattr(field.widget, f"can_{act}_related", False)
        return field


def _is_secret(field: forms.Field) -> bool:
    return isinstance(field.widget, forms.PasswordInput)


def _version(row: Model) -> str:
    """A digest of what people edit of the row."""
    known = {**model_to_dict(row), "sealed": getattr(row, "sealed", "")}
    held = json.dumps(known, sort_keys=True, default=str)
    return hashlib.sha256(held.encode()).hexdigest()[:16]


def _sentence(said: str) -> str:
    """With a full stop, and a capital unless it begins with the name of a key."""
    begun = capfirst(said) if said.partition(" ")[0].isalpha() else said
    return begun if begun.endswith(".") else f"{begun}."


class Everyday(Unlinked, Admin):
    nothing = ""  # what an empty list says
    show_facets = admin.ShowFacets.NEVER

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["adminform"].form.label_suffix = ""  # no colons, as on the other pages
        return super().render_change_form(request, context, *args, **kwargs)


class CheckedAdmin(Everyday):
    form = CheckedForm

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[Form]:
        # Edits in the list pass the same checks; Django would take a plain form here.
        form: type[Form] = super().get_changelist_form(request, form=CheckedForm, **kwargs)
        return form


class ReadOnlyAdmin(Everyday):
    """The record: nobody adds, changes or removes it here, superusers included."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
