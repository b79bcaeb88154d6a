"""Edits of the tool risk map by a program, with the admin's rights, checks and history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from agents import inbox, validation
from agents.models import PolicyChange, Tool
from agents.riskmap.changes import propose, require_admin, save


def tools(user: User) -> QuerySet[Tool]:
    require_admin(user)
    return Tool.objects.all()


def change_tool(user: User, name: str, changes: Mapping[str, Any], reason: str = "") -> Tool:
    """Set what ``changes`` names. Raises ``NotAllowed``, ``Missing``, ``Invalid`` or ``Conflict``.

    A program need not give a reason; the history then says that none was given.
    """
    require_admin(user)
    tool = _named(name)
    if problems := validation.new_title(tool, changes.get("title", "")):
        raise inbox.Invalid(f"title: {', '.join(problems)}")
    offered = tool.offered or {}
    accepts = offered.get("definition", "") if changes.get("reviewed") else ""
    change = propose(PolicyChange.Subject.TOOL, name, changes, accepts=accepts)
    if change:
        save(user, [change], reason, via=PolicyChange.Via.API)
        tool.refresh_from_db()
    return tool


def _named(name: str) -> Tool:
    # A name that no tool can have may hold what PostgreSQL refuses to compare.
    known = None if list(validation.tool_name(name)) else name
    tool = Tool.objects.filter(name=known).first()
    if tool is None:
        raise inbox.Missing("There is no such tool.")
    return tool
