"""Alerts in the admin: rules and targets to edit, deliveries to read and to send again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from agents import alerts
from agents.admin.kinds import CheckedAdmin, CheckedForm, Form, ReadOnlyAdmin
from agents.alerts import deliveries, signing, wording
from agents.models import AlertRule, AlertTarget, Delivery

LOG = "admin:agents_delivery_changelist"
ONE = "admin:agents_delivery_change"


_REACHED = {
    Delivery.State.PENDING: ("waiting", "On its way"),
    Delivery.State.DELIVERED: ("running", "Delivered"),
    Delivery.State.FAILED: ("failed", "Given up"),
}


class TargetForm(CheckedForm):
    secret = forms.CharField(
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="The Apprise URL, or a webhook's whsec_ key. Never shown again; leave it empty "
        "to keep what is there, or to have a new webhook's key made.",
    )
    rotate = forms.BooleanField(
        required=False,
        label="Make a new webhook key",
        help_text="For a day alerts are signed with both, the old one and the new one.",
    )
    made = ""  # a key that its receiver must still be told

    class Meta:
        model = AlertTarget
        fields = ("name", "kind", "address", "default", "enabled")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        webhook = given.get("kind") == AlertTarget.Kind.WEBHOOK
        if given.get("kind") == AlertTarget.Kind.EMAIL:
            self.instance.sealed = ""
        if given.get("secret"):
            self.instance.secret = given["secret"]
        elif webhook and (given.get("rotate") or not self.instance.sealed):
            self.made = self.instance.secret = signing.new_secret()
        return given


class OneButtonAdmin(CheckedAdmin):
    """A page with one button beside its form, which posts to ``press``."""

    change_form_template = "admin/alerts/change_form.html"
    button = "Send a test"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self._pressed)
        name = f"agents_{self.opts.model_name}_press"
        return [path("<int:pk>/press/", view, name=name), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), "button": self.button}
        return super().change_view(request, object_id, form_url, context)

    def _pressed(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return self.press(request, get_object_or_404(self.model, pk=pk))

    def press(self, request: HttpRequest, row: Any) -> HttpResponse:
        raise NotImplementedError


@admin.register(AlertTarget)
class AlertTargetAdmin(OneButtonAdmin):
    form = TargetForm
    list_display = ("name", "kind", "address", "default", "enabled")
    list_filter = ("kind", "enabled", "default")
    nothing = "Nobody is told of anything yet. Add a target, then press Send a test on its page."
    search_fields = ("name", "address")
    fields = ("name", "kind", "address", "secret", "rotate", "default", "enabled")

    def get_fields(self, request: HttpRequest, obj: AlertTarget | None = None) -> Any:
        """A key to replace has only a webhook that is there."""
        rotates = obj is not None and obj.kind == AlertTarget.Kind.WEBHOOK
        return [field for field in self.fields if rotates or field != "rotate"]

    def save_model(self, request: HttpRequest, obj: AlertTarget, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.made:
            said = f"The key of {obj.name}, shown this once: {form.made}"
            messages.warning(request, said)

    def press(self, request: HttpRequest, row: AlertTarget) -> HttpResponse:
        (delivery,) = alerts.send_test([row])
        if not row.enabled:
            messages.warning(request, "The target is disabled: the test waits until it is enabled.")
        return redirect(ONE, delivery.pk)


@admin.register(AlertRule)
class AlertRuleAdmin(OneButtonAdmin):
    list_display = ("name", "trigger", "agent", "to", "group_by", "gathers", "enabled")
    list_editable = ("enabled",)
    list_filter = ("trigger", "enabled", "group_by", "sends_to")
    search_fields = ("name", "agent")
    fields = (
        ("name", "enabled"),
        "trigger",
        "agent",
        "minimum_risk",
        "minutes",
        "group_by",
        "cooldown",
        "include_arguments",
        "sends_to",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        rows: QuerySet[AlertRule] = super().get_queryset(request)
        return rows.prefetch_related("sends_to")

    @admin.display(description="To")
    def to(self, row: AlertRule) -> str:
        return ", ".join(row.targets) or "default targets"

    @admin.display(description="Cooldown", ordering="cooldown")
    def gathers(self, row: AlertRule) -> str:
        if not row.cooldown:
            return "each by itself"
        minutes, seconds = divmod(row.cooldown, 60)
        return f"{row.cooldown} s" if seconds else f"{minutes} min"

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[Form]:
        """The list's boxes say what they are: the table's head alone tells no screen reader."""
        labelled = {"enabled": forms.CheckboxInput({"aria-label": "Enabled"})}
        form: type[Form] = super().get_changelist_form(request, widgets=labelled, **kwargs)
        return form

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(
            db_field, request, **{**kwargs, "widget": forms.CheckboxSelectMultiple}
        )

    def press(self, request: HttpRequest, row: AlertRule) -> HttpResponse:
        sent = alerts.send_test(list(row.receivers()), row)
        if not sent:
            messages.error(request, "Nobody would hear of it: there is no enabled target.")
            return redirect("admin:agents_alertrule_change", row.pk)
        if len(sent) == 1:
            return redirect(ONE, sent[0].pk)
        return redirect(f"{reverse(LOG)}?alert={sent[0].alert_id}")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin, OneButtonAdmin):
    """The delivery log."""

    button = "Send again"
    nothing = "No alert has been sent."
    list_display = ("text", "to", "reached", "attempts", "last_error", "at")
    list_filter = ("state", "target_name", "alert__trigger")
    search_fields = ("alert__text", "target_name", "last_error")
    list_select_related = ("alert",)
    actions = ("send_again",)
    fields = (
        "reached",
        "text",
        "link",
        "rule",
        "count",
        "to",
        "attempts",
        "answer",
        "last_error",
        "since",
        "next_try",
        "delivered_at",
        "message_id",
    )
    readonly_fields = fields

    @admin.display(description="Alert")
    def text(self, row: Delivery) -> str:
        return row.alert.text

    @admin.display(description="To", ordering="target_name")
    def to(self, row: Delivery) -> str:
        return row.target_name

    @admin.display(description="State", ordering="state")
    def reached(self, row: Delivery) -> str:
        tone, said = _REACHED[Delivery.State(row.state)]
        return format_html('<span class="chip {}">{}</span>', tone, said)

    @admin.display(description="Since", ordering="since")
    def at(self, row: Delivery) -> str:
        return f"{timezone.localtime(row.since):%d %b %H:%M}"

    @admin.display(description="Page")
    def link(self, row: Delivery) -> str:
        address = wording.link(row.alert.path)
        return format_html('<a href="{}">{}</a>', row.alert.path, address)

    @admin.display(description="Rule")
    def rule(self, row: Delivery) -> str:
        if not row.alert.rule_id:
            return row.alert.rule_name or "a test"
        address = reverse("admin:agents_alertrule_change", args=[row.alert.rule_id])
        return format_html('<a href="{}">{}</a>', address, row.alert.rule_name)

    @admin.display(description="HTTP status")
    def answer(self, row: Delivery) -> str:
        return str(row.status or "none")

    @admin.display(description="Next try")
    def next_try(self, row: Delivery) -> str:
        if row.state != Delivery.State.PENDING:
            return "none"
        return f"{timezone.localtime(row.next_at):%d %b %H:%M:%S %Z}"

    @admin.display(description="Occurrences")
    def count(self, row: Delivery) -> int:
        return row.alert.count

    @admin.display(description="Message id")
    def message_id(self, row: Delivery) -> str:
        return row.alert.message_id

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        answer = super().change_view(request, object_id, form_url, extra_context)
        pending = Delivery.objects.filter(state=Delivery.State.PENDING)
        if object_id.isdecimal() and pending.filter(pk=int(object_id)).exists():
            answer.headers["Refresh"] = "2"  # until it says what came of it
        return answer

    def press(self, request: HttpRequest, row: Delivery) -> HttpResponse:
        self._again(request, [row.pk])
        return redirect(ONE, row.pk)

    def has_send_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(self.admin_site.has_permission(request))

    @admin.action(description="Send again", permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        self._again(request, list(queryset.values_list("pk", flat=True)))

    def _again(self, request: HttpRequest, pks: list[int]) -> None:
        sent = deliveries.again(pks)
        lost = len(pks) - sent
        messages.success(request, f"{sent} on the way again, under the same message id.")
        if lost:
            messages.error(request, f"{lost} cannot be sent again: the target was removed.")
