"""How an MCP server is reached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.core import canonical
from agents.core.redaction import redacted

SHORTEST_SECRET = 8  # characters; what is shorter stands in other words too
_SECRETS_NAME = re.compile(r"key|token|secret|pass|cred|auth", re.IGNORECASE)


def may_be_secret(name: str) -> bool:
    """Whether a variable of this name holds what nobody is to be shown."""
    return bool(_SECRETS_NAME.search(name))


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How an MCP server is reached: ``command`` (stdio) or ``url`` (streamable HTTP).

    ``timeout`` bounds one call and ``start_timeout`` the start, in seconds. With ``per_session``
    every session has a server of its own, which ends when the session parks. Raises ``ValueError``.
    """

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    per_session: bool = False
    timeout: float = 60.0
    start_timeout: float = 30.0
    cwd: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "command", tuple(self.command))
        _check(self)

    @property
    def origin(self) -> str:
        """A digest of where the server is and as whom it is called. Of a secret its name counts:
        a key that is renewed is the same reference."""
        env = {name: "" if may_be_secret(name) else self.env[name] for name in self.env}
        where = [self.command, self.url, self.cwd, env, sorted(self.headers)]
        return canonical.digest(where)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that their names call secrets: they never come back from the server."""
        named = [(name, self.env[name]) for name in self.env if may_be_secret(name)]
        values = [value for _, value in (*named, *self.headers.items())]
        return tuple(value for value in values if len(value) >= SHORTEST_SECRET)

    def redact(self, text: str) -> str:
        """Without the values that were configured for this server: they may be secrets."""
        values = (*self.env.values(), *self.headers.values())
        return redacted(text, (value for value in values if len(value) >= SHORTEST_SECRET))


def _check(config: ServerConfig) -> None:
    name, url = config.name, config.url
    plain = name.replace("-", "").replace("_", "")
    if not (plain.isascii() and plain.isalnum()) or "__" in name or len(name) > 64:
        raise ValueError(f"server name {name!r}: letters, digits, '-' and single '_'")
    if name.endswith("_"):
        raise ValueError(f"server name {name!r} must not end with '_'")
    if bool(config.command) == bool(url):
        raise ValueError(f"server {name}: give either a command or a url")
    if url and not url.startswith(("http://", "https://")):
        raise ValueError(f"server {name}: the url must begin with http:// or https://")
    if "@" in url.partition("//")[2].partition("/")[0]:
        raise ValueError(f"server {name}: put credentials into headers, not into the url")
    if config.timeout <= 0 or config.start_timeout <= 0:
        raise ValueError(f"server {name}: timeouts must be positive")
