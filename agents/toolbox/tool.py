"""``@tool``: a typed Python function becomes a tool an agent may hold."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from agents.core import canonical
from agents.core.risk import Effect, Risk
from agents.core.tools import (
    File,
    InvalidArguments,
    ToolContext,
    ToolDefinition,
    ToolError,
    ToolOutput,
)

NO_OUTPUT = "(no output)"

# A pool of our own: a tool that hangs in a thread must not starve the database's threads.
_threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="tool")


class Conflict(ToolError):
    """The world is not in the state that the call needs."""

    error_class = "conflict"


@dataclass(frozen=True, slots=True)
class PythonTool:
    """A Python function with what the engine needs to know of it."""

    definition: ToolDefinition
    function: Callable[..., Any]
    probing: Callable[..., Any] | None
    parameters: type[BaseModel]

    @property
    def name(self) -> str:
        return self.definition.name

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Run once. Raises ``ToolError``; anything else it raises is a bug in the tool."""
        return _output(await _run(self.function, self._given(arguments), context))

    async def probe(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput | None:
        """The output if the call happened, None if it provably did not."""
        if self.probing is None:
            raise ToolError(f"{self.name} cannot be asked whether a call happened.")
        value = await _run(self.probing, self._given(arguments), context)
        return None if value is None else _output(value)

    def _given(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            model = self.parameters.model_validate(dict(arguments))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            path = ".".join(str(part) for part in first["loc"]) or "arguments"
            raise InvalidArguments(f"{path}: {first['msg']}"[:200], effects=False) from None
        return {name: getattr(model, name) for name in type(model).model_fields}


def tool(
    *,
    risk: Risk,
    effect: Effect,
    timeout: float = 60.0,
    probe: Callable[..., Any] | None = None,
    open_world: bool = False,
) -> Callable[[Callable[..., Any]], PythonTool]:
    """Make a tool of a function, sync (run in a thread) or async.

    Name and description come from the function, the JSON Schema from its signature; describe a
    parameter with ``Annotated[str, "..."]``. A parameter annotated ``ToolContext`` is injected.
    ``timeout`` is in seconds. A ``probed`` tool needs ``probe``, which takes the same arguments.
    ``open_world``: strangers write what it returns, or read what it is given.
    """
    if (effect is Effect.PROBED) != (probe is not None):
        raise TypeError("a probe belongs to a tool whose effect is probed, and only there")

    def decorate(function: Callable[..., Any]) -> PythonTool:
        parameters = _parameters(function)
        definition = ToolDefinition(
            name=function.__name__,
            description=inspect.getdoc(function) or "",
            input_schema=_schema(parameters),
            risk=risk,
            effect=effect,
            timeout=timeout,
            open_world=open_world,
        )
        return PythonTool(definition, function, probe, parameters)

    return decorate


@cache
def python_tools() -> dict[str, PythonTool]:
    """Every tool in this package, by name. A file that is deleted simply is gone."""
    found: dict[str, PythonTool] = {}
    package = importlib.import_module("agents.toolbox")
    for module in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        for value in vars(importlib.import_module(f"agents.toolbox.{module}")).values():
            if isinstance(value, PythonTool):
                found[value.name] = value
    return found


def _parameters(function: Callable[..., Any]) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in hints:
            raise TypeError(f"{function.__name__}: parameter {name!r} has no type")
        if hints[name] is not ToolContext:
            given = parameter.default is not inspect.Parameter.empty
            fields[name] = (_described(hints[name]), parameter.default if given else ...)
    return create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def _described(hint: Any) -> Any:
    if get_origin(hint) is not Annotated:
        return hint
    base, *notes = get_args(hint)
    notes = [Field(description=note) if isinstance(note, str) else note for note in notes]
    return Annotated[(base, *notes)]


def _schema(parameters: type[BaseModel]) -> dict[str, Any]:
    schema = parameters.model_json_schema()
    # Titles repeat the names and cost tokens on every request.
    schema.pop("title", None)
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
    return {"type": "object", "properties": {}, **schema, "additionalProperties": False}


async def _run(function: Callable[..., Any], given: dict[str, Any], context: ToolContext) -> Any:
    given |= dict.fromkeys(_injected(function), context)
    if inspect.iscoroutinefunction(function):
        return await function(**given)
    call = partial(copy_context().run, function, **given)
    return await asyncio.get_running_loop().run_in_executor(_threads, call)


@cache
def _injected(function: Callable[..., Any]) -> tuple[str, ...]:
    hints = get_type_hints(function)
    return tuple(name for name, hint in hints.items() if hint is ToolContext and name != "return")


def _output(value: object) -> ToolOutput:
    if isinstance(value, ToolOutput):
        return value
    if isinstance(value, File | bytes):
        return ToolOutput([value if isinstance(value, File) else File(value)])
    text = value if isinstance(value, str) else canonical.event_text(value)
    return ToolOutput(canonical.clean_text(text) or NO_OUTPUT)
