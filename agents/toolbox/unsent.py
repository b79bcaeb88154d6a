"""Answers that our own transport gives in a server's place.

They travel as JSON-RPC errors and carry a secret of this process, so that no server can claim
"that was never sent" and have a payment repeated.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from mcp_types import ErrorData, JSONRPCError, RequestId

_SECRET = secrets.token_hex(16)
_CODE = -32099


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request got no answer from the server. ``sent`` is False only if that is proven."""

    reason: str
    sent: bool = True
    status: int = 0  # HTTP status, if there was one
    retry_after: float | None = None  # seconds


def answer(request_id: RequestId, failure: Failure) -> JSONRPCError:
    """The failure as an answer to the request."""
    data = {
        "secret": _SECRET,
        "sent": failure.sent,
        "status": failure.status,
        "retry_after": failure.retry_after,
    }
    error = ErrorData(code=_CODE, message=failure.reason, data=data)
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=error)


def read(message: str, data: Any) -> Failure | None:
    """The failure that an error carries, if our transport wrote it."""
    if not isinstance(data, dict) or data.get("secret") != _SECRET:
        return None
    return Failure(message, data["sent"], data["status"], data["retry_after"])
