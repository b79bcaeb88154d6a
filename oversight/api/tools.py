"""The tool risk map, for administrators."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Path, Router

from agents.riskmap import program
from oversight.api import shapes
from oversight.api.auth import caller
from oversight.api.shapes import REFUSALS, ToolOut

router = Router(tags=["tools"])


@router.get("tools", response={200: list[ToolOut], **REFUSALS})
def list_tools(request: HttpRequest) -> list[ToolOut]:
    return [shapes.tool(row) for row in program.tools(caller(request))]


@router.patch("tools/{name}", response={200: ToolOut, **REFUSALS})
def change_tool(request: HttpRequest, name: Path[str], body: shapes.ToolChange) -> ToolOut:
    """Change what is named; every other setting stays."""
    changes = body.model_dump(exclude_unset=True, exclude_none=True)
    reason = changes.pop("reason", "")
    return shapes.tool(program.change_tool(caller(request), name, changes, reason))
