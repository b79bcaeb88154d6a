"""Rendering a partial without a request: what is shared by every viewer."""

from __future__ import annotations

from django.template import Context, Template
from django.template.loader import get_template


def render(name: str, **context: object) -> str:
    template: Template = get_template(name).template  # type: ignore[attr-defined]  # Django's own engine has it
    return template.render(Context(context)).strip()
