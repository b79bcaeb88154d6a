"""An agent's page: its budgets and the thresholds of its loop guard as fields, not as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.utils.text import capfirst

from agents.admin.fields import Lines, Table, Text, Thinking
from agents.admin.kinds import CheckedAdmin, CheckedForm
from agents.core.budget import DIMENSIONS
from agents.core.detectors import THRESHOLDS
from agents.core.raising import CUMULATIVE
from agents.models import AgentDefinition

UNITS = {
    "usd": "dollars",
    "active_seconds": "seconds at work",
    "approvals": "approvals asked",
    "high_executions": "HIGH calls",
}
RULES = {
    "same_call_error": "The same call fails",
    "error_streak": "Calls fail in a row",
    "same_call_same_result": "The same call gives the same result",
    "pollable": "The same, for tools that may be polled",
    "repeat_in_window": "The same call and result come back",
    "cycle": "Laps of a cycle of calls",
    "monologue": "The same words without a call",
    "blocked_attempts": "Blocked calls are tried",
    "rounds": "People are asked before it wraps up",
    "no_progress": "Turns without a new result before a notice",
    "answer_seconds": "Seconds that people have to answer",
}


def _limits(prefix: str) -> dict[str, forms.Field]:
    return {
        f"{prefix}_{name}": forms.FloatField(
            label=capfirst(UNITS.get(name, name.replace("_", " "))),
            required=False,
            min_value=0,
            widget=forms.NumberInput(attrs={"placeholder": "no limit", "step": "any"}),
        )
        for name in DIMENSIONS
    }


def _thresholds() -> dict[str, forms.Field]:
    return {
        f"loop_{name}": forms.IntegerField(
            label=RULES[name],
            required=False,
            min_value=0,
            widget=forms.NumberInput(attrs={"placeholder": str(usual)}),
        )
        for name, usual in THRESHOLDS.items()
    }


def _tallies() -> dict[str, forms.Field]:
    return {
        f"tally_{risk}": forms.IntegerField(
            label=f"{risk.upper()} calls until one asks",
            required=False,
            min_value=0,
            widget=forms.NumberInput(attrs={"placeholder": f"never; usual: {usual}"}),
        )
        for risk, usual in CUMULATIVE.items()
    }


class GuardedForm(CheckedForm):
    """Reads and writes ``limits``, ``ceilings`` and ``settings`` of the row."""

    system = Text(
        required=False,
        label="Instructions",
        help_text="What the model is told before everything else.",
    )
    tools = Lines(
        required=False,
        help_text="One name or pattern a line, e.g. bank__* for all tools of the server bank.",
    )
    thinking = Thinking()
    unattended = forms.BooleanField(
        required=False,
        help_text="Nobody is there to be asked about budgets and loops: it wraps up instead.",
    )
    fallback_model = forms.CharField(
        required=False, help_text="The model that takes over when its own is overloaded."
    )
    untainted = forms.BooleanField(
        required=False,
        label="Nothing taints",
        help_text="What comes from outside makes no later call riskier.",
    )
    untrusted = Lines(
        required=False,
        help_text="Tools that return what nobody vouches for, beside those that say so themselves.",
    )
    sends = Lines(
        required=False,
        help_text="Tools that send data out, beside those that say so themselves.",
    )
    settings = Table(
        required=False,
        help_text="What has no field above, as JSON: "
        '{"retry": {"attempts": 6, "longest_park": 86400}, "keep_turns": 8}.',
    )

    class Meta:
        labels: ClassVar = {
            "max_tokens": "Longest answer",
            "approval_seconds": "People have",
            "slots": "Sessions at once",
        }
        help_texts: ClassVar = {
            "name": "What it is called in files and in the API: letters, digits, - and _.",
            "title": "What people see. Empty: its name.",
            "max_tokens": "Tokens of one turn.",
            "approval_seconds": "Seconds to decide a call; one that nobody decided is denied.",
            "slots": "Empty: only the slots for all agents count.",
            "group": "Roles can be given for one group of agents.",
            "enabled": "Otherwise no session of it can be started.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row: AgentDefinition = self.instance
        known = row.settings if isinstance(row.settings, dict) else {}
        for prefix, values in (
            ("limit", row.limits),
            ("ceiling", row.ceilings),
            ("loop", known.get("loops", {})),
        ):
            for name, value in values.items() if isinstance(values, dict) else ():
                self.initial[f"{prefix}_{name}"] = value
        self.initial["settings"] = {key: known[key] for key in known if key not in _OWN_FIELDS}
        self.initial["unattended"] = known.get("unattended", False)
        self.initial["fallback_model"] = known.get("fallback_model", "")
        self._show_gate(known.get("gate", {}))

    def _show_gate(self, gate: Any) -> None:
        known = gate if isinstance(gate, dict) else {}
        self.initial["untainted"] = known.get("taint") is False
        for name in ("untrusted", "sends"):
            self.initial[name] = known.get(name, [])
        chosen = known.get("cumulative")
        tallies = CUMULATIVE if chosen is True else chosen
        for name, calls in tallies.items() if isinstance(tallies, Mapping) else ():
            self.initial[f"tally_{name}"] = calls

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        row: AgentDefinition = self.instance
        row.limits, row.ceilings = self._table("limit"), self._table("ceiling")
        settings = given.get("settings")
        if not isinstance(settings, dict):
            return given
        if twice := [key for key in settings if key in _OWN_FIELDS]:
            # Which of the two is meant, nobody knows; neither may be lost without a word.
            self.add_error("settings", [f"{key} has fields above: fill in those." for key in twice])
        else:
            given["settings"] = settings | self._own()
        return given

    def _own(self) -> dict[str, Any]:
        """The settings that have fields of their own; what was left empty is none."""
        given = self.cleaned_data
        filled = {
            "loops": self._table("loop"),
            "unattended": bool(given.get("unattended")),
            "fallback_model": given.get("fallback_model", "").strip(),
            "gate": self._gate(),
        }
        return {key: value for key, value in filled.items() if value}

    def _gate(self) -> dict[str, Any]:
        """What raises a call's risk."""
        filled = {
            "untrusted": self.cleaned_data.get("untrusted"),
            "sends": self.cleaned_data.get("sends"),
            "cumulative": self._table("tally"),
        }
        gate: dict[str, Any] = {"taint": False} if self.cleaned_data.get("untainted") else {}
        return gate | {key: value for key, value in filled.items() if value}

    def _table(self, prefix: str) -> dict[str, float]:
        """What was filled in under this prefix; whole numbers as such."""
        names = [name for name in self.fields if name.startswith(f"{prefix}_")]
        values = {name.removeprefix(f"{prefix}_"): self.cleaned_data.get(name) for name in names}
        return {
            name: int(value) if float(value).is_integer() else value
            for name, value in values.items()
            if value is not None
        }


_WHO = ["name", "title", "model", "system", "tools", "max_auto_risk", "enabled"]
_HOW = [
    "max_tokens",
    "window",
    "thinking",
    "compaction",
    "summary_model",
    "fallback_model",
    "approval_seconds",
    "slots",
    "group",
]
_FIELDS = {**_limits("limit"), **_limits("ceiling"), **_thresholds(), **_tallies()}
_OWN_FIELDS = ("loops", "unattended", "fallback_model", "gate")  # keys of ``settings``
AgentForm: type[GuardedForm] = type("AgentForm", (GuardedForm,), _FIELDS)


@admin.register(AgentDefinition)
class AgentDefinitionAdmin(CheckedAdmin):
    form = AgentForm
    list_display = ("name", "title", "model", "max_auto_risk", "slots", "group", "enabled")
    list_filter = ("enabled", "max_auto_risk", "group")
    search_fields = ("name", "title")
    nothing = "There is no agent yet: say which model it is, what it is for and what it holds."

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        limits = [f"limit_{name}" for name in DIMENSIONS]
        ceilings = [f"ceiling_{name}" for name in DIMENSIONS]
        loops = [f"loop_{name}" for name in THRESHOLDS]
        raises = ["untainted", "untrusted", "sends", *(f"tally_{risk}" for risk in CUMULATIVE)]
        above = "Above these only administrators may extend a session."
        often = "How often before the guard acts. Empty: the usual figure. 0: never."
        return [
            (None, {"fields": _WHO}),
            ("Budgets of a session", {"fields": [*limits, "unattended"]}),
            ("Ceilings", {"fields": ceilings, "description": above, "classes": ["collapse"]}),
            ("Loop guard", {"fields": loops, "description": often, "classes": ["collapse"]}),
            ("How it runs", {"fields": _HOW, "classes": ["collapse"]}),
            ("What raises a call's risk", {"fields": raises, "classes": ["collapse"]}),
            ("Other settings", {"fields": ["settings"], "classes": ["collapse"]}),
        ]
