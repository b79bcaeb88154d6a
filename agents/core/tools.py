"""What a tool is to the engine: its definition, its typed failures, its output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

from agents.core import canonical
from agents.core import retry_after as waits
from agents.core.artifacts import Artifacts, MemoryArtifacts
from agents.core.risk import Effect, Risk


@dataclass(frozen=True)
class ToolDefinition:
    """What the model is shown of a tool, and what its maker suggests about it.

    ``risk`` and ``effect`` only seed the operator's catalogue, which alone decides; an MCP
    server's tools always suggest HIGH and irreversible. ``timeout`` is in seconds.
    """

    name: str
    description: str
    input_schema: Mapping[str, Any]
    risk: Risk = Risk.HIGH
    effect: Effect = Effect.IRREVERSIBLE
    timeout: float = 60.0
    server: str = ""  # the MCP server's name; empty for a Python tool
    annotations: Mapping[str, Any] = field(default_factory=dict)  # untrusted hints
    open_world: bool = False  # its results come from strangers, or its arguments go to them
    origin: str = ""  # of the MCP server: a digest of where it is and as whom it is called

    @property
    def outside(self) -> bool:
        """Whether it deals with the world outside. A server's hint counts, for it can only make
        the gate stricter."""
        return self.open_world or self.annotations.get("openWorldHint") is True

    @cached_property
    def digest(self) -> str:
        """Pins the definition: a changed description or schema is another tool."""
        return canonical.digest(
            {
                "name": self.name,
                "description": self.description,
                "input_schema": self.input_schema,
                "annotations": self.annotations,
                "server": self.server,
            }
        )

    @property
    def bound(self) -> str:
        """What a call is held to: the definition, and the server that would be called."""
        if not self.origin:  # a tool of our own, or a log that is older than origins
            return self.digest
        return canonical.digest({"definition": self.digest, "origin": self.origin})

    def param(self) -> dict[str, Any]:
        """The definition as the Messages API takes it."""
        return {
            "name": self.name,
            "description": self.description,
            "input_schema": self.input_schema,
        }


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know about the call it serves."""

    session_id: str
    call_id: str
    idempotency_key: str
    attempt: int
    workspace: Path  # this session's own folder; nothing a tool writes may leave it
    data: Path  # where the project keeps what outlives a session
    artifacts: Artifacts = field(default_factory=MemoryArtifacts)  # this session's


@dataclass(frozen=True, slots=True)
class File:
    """Bytes that a call returned: a picture, a document, an archive.

    ``mime`` and ``name`` are what its maker says and may be wrong; ``artifact`` is the id under
    which it is kept already, if it is.
    """

    data: bytes
    mime: str = "application/octet-stream"
    name: str = ""
    artifact: str = ""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a call returned: text, or in order files and the blocks of the Messages API.

    ``artifact`` is the id under which all of it is kept already, if it is. ``played`` is set where
    the content comes from a record, as it was shown then: the artifacts that it names.
    """

    content: str | Sequence[Mapping[str, Any] | File]
    artifact: str = ""
    played: Sequence[Mapping[str, Any]] | None = None


class ToolError(Exception):
    """A failure that the model is told about. The message must be fit for the model's eyes.

    ``effects`` is False only where the failure *proves* that nothing happened: then a call that
    changes the world may be tried again, and never otherwise.
    """

    error_class: ClassVar[str] = "unknown"
    transient: ClassVar[bool] = False

    def __init__(
        self, message: str, *, effects: bool = True, retry_after: float | str | None = None
    ) -> None:
        super().__init__(message)
        self.effects = effects
        self.retry_after = waits.seconds(retry_after)


class ToolTimeout(ToolError):
    error_class = "timeout"
    transient = True


class RateLimited(ToolError):
    error_class = "rate_limited"
    transient = True


class Unavailable(ToolError):
    error_class = "unavailable"
    transient = True


class PermissionDenied(ToolError):
    error_class = "permission"


class InvalidArguments(ToolError):
    error_class = "invalid_arguments"


class NotFound(ToolError):
    error_class = "not_found"


class UnknownTool(ToolError):
    error_class = "unknown_tool"


class Toolbox(Protocol):
    """The tools that one session may hold."""

    def definitions(self) -> Sequence[ToolDefinition]:
        """Every tool, sorted by name."""
        ...

    async def current(self, name: str, session_id: str = "") -> ToolDefinition | None:
        """How the tool is defined at this moment; None if it is gone. Raises ``ToolError``."""
        ...

    def problems(self, name: str, arguments: Mapping[str, Any]) -> list[str]:
        """What is wrong with the arguments by the tool's JSON Schema: path first, at most five,
        200 characters each. Empty when they are valid. Raises ``UnknownTool``."""
        ...

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutput:
        """Run the tool once, without retries. Raises ``ToolError``; any other exception is a bug
        in the tool and counts as a failure with possible effects."""
        ...

    async def probe(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutput | None:
        """For a ``probed`` tool: the output if the call under this idempotency key happened, None
        if it provably did not. Raises ``ToolError`` when that cannot be known."""
        ...
