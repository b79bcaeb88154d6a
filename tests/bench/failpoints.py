"""Named points at which this process ends, or stands still, as if struck from outside.

OVERSIGHT_FAILPOINT is ``NAME``, ``NAME:N`` (the N-th time) or ``NAME:N:stop`` (SIGSTOP in place
of SIGKILL). The product knows nothing of them: ``install`` wraps its functions in this process.
"""

from __future__ import annotations

import os
import signal
from typing import Any

NAMES = (
    "before_turn",  # the model has answered, nothing is stored
    "after_turn",  # the turn and its judged calls are durable
    "in_commit",  # events are inserted, the transaction is open
    "after_claim",  # the intent is durable, the tool has not been called
    "in_call",
    "after_effect",  # the tool has acted and not returned
    "before_result",  # the tool has returned, its result is not stored
    "after_result",
)

_passed: dict[str, int] = {}


def hit(name: str) -> None:
    wanted, _, rest = os.environ.get("OVERSIGHT_FAILPOINT", "").partition(":")
    if name != wanted:
        return
    number, _, action = rest.partition(":")
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] == int(number or 1):
        os.kill(os.getpid(), signal.SIGSTOP if action == "stop" else signal.SIGKILL)


def install() -> None:
    if "OVERSIGHT_FAILPOINT" not in os.environ:
        return
    from agents.core import events
    from agents.journal import rows
    from agents.session_log import SessionLog

    record, claim, insert = SessionLog.record, SessionLog.claim, rows.insert

    async def recording(self: SessionLog, *facts: events.Fact, **guards: Any) -> None:
        point = _point(facts[0])
        hit(f"before_{point}")
        await record(self, *facts, **guards)
        hit(f"after_{point}")

    async def claiming(
        self: SessionLog, fact: events.ToolStarted, seen: int, catalogue: int | None = None
    ) -> bool:
        claimed = await claim(self, fact, seen, catalogue)
        hit("after_claim")
        return claimed

    def inserting(records: Any) -> None:
        insert(records)
        hit("in_commit")

    def _point(fact: events.Fact) -> str:
        return {"thinking": "turn", "tool_result": "result"}.get(fact.kind, fact.kind)

    SessionLog.record = recording  # type: ignore[method-assign]  # every worker of the process
    SessionLog.claim = claiming  # type: ignore[method-assign]  # every worker of the process
    rows.insert = inserting
