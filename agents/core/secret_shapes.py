"""Texts that have the shape of a secret, whoever's it is. Pure."""

from __future__ import annotations

import re

from agents.core import redaction

_SHAPES = {
    "private_key": r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----",
    "anthropic_key": r"\bsk-ant-[\w-]{20}",
    "aws_key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "github": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22})",
    "google_key": r"\bAIza[\w-]{35}",
    "slack": r"\bxox[abprs]-[A-Za-z0-9-]{10}",
    "stripe_key": r"\b[rs]k_live_[A-Za-z0-9]{20}",
}
_ANY = re.compile("|".join(f"(?P<{name}>{shape})" for name, shape in _SHAPES.items()))


def shape(value: object) -> str:
    """The name of the first shape that any text within ``value`` has; empty without one."""
    found = filter(None, map(_ANY.search, redaction.texts(value)))
    return next((match.lastgroup or "" for match in found), "")
