"""Sessions as the endpoint would see them: answers signed, every request checked."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

from agents.core import compaction, context, events, summaries
from agents.core.model import Request, Turn
from tests.core.sessions import Session, summary, text
from tests.endpoint import compaction as sealing
from tests.endpoint.answer import sealed
from tests.endpoint.billing import Cache
from tests.endpoint.history import check_messages
from tests.endpoint.rules import check_request
from tests.endpoint.signing import signed

THOUGHT = {"type": "thinking", "thinking": "t", "signature": "s"}
SIGNED_TOOL_ID = "toolu_t{:03}"  # how the endpoint marks calls that thinking stood before


def check(request: Request) -> dict[str, Any]:
    """The body, once the endpoint has found nothing wrong with it."""
    body: dict[str, Any] = json.loads(json.dumps(request.body()))
    betas = sealing.BETA if request.sealed else ""
    check_request(body, beta=request.sealed or request.drop_block, counting=False)
    sealing.check_param(body, betas)
    check_messages(body, betas)
    return body


class Play(Session):
    """A session whose answers are signed and whose requests are checked."""

    made = 0

    def turn(self, calls: int, think: bool, results: list[str]) -> None:
        body = check(context.request(self.state))
        content: list[Any] = [{"type": "thinking", "thinking": "hm", "signature": ""}] * think
        content = [*content, text("working"), *self._uses(calls, think)]
        content = signed(body, copy.deepcopy(content), shown=True)
        ids = [block["id"] for block in content if block["type"] == "tool_use"]
        self.think(*content, stop_reason="tool_use" if calls else "end_turn")
        for call_id in ids:
            self.say(proposal(call_id, {"n": self.made}))
        for call_id, result in zip(ids, results, strict=False):
            self.answer(call_id, result, ok=len(result) % 3 > 0)

    def _uses(self, calls: int, think: bool) -> list[dict[str, Any]]:
        ids = range(self.made, self.made + calls)
        self.made += calls
        form = SIGNED_TOOL_ID if think else "toolu_x{:03}"
        return [
            {"type": "tool_use", "id": form.format(n), "name": "look", "input": {"n": n}}
            for n in ids
        ]

    def compact(self, turn: Turn | None = None) -> events.ContextCompacted:
        """Compact as an overflow would, and put it on record."""
        self.say(events.TurnDiscarded("overflow", "", {}, self.state.seq))
        plan = compaction.due(self.state)
        assert plan
        check(summaries.request(self.state, plan))
        fact = summaries.compacted(self.state, plan, turn or summary(), 0.01)
        self.say(fact)
        return fact

    def seal(self) -> events.ContextCompacted:
        """Compact as the API itself would, at the same place."""
        self.say(events.TurnDiscarded("overflow", "", {}, self.state.seq))
        due = compaction.due(self.state)
        assert due
        plan = replace(due, server=True)
        body = check(summaries.request(self.state, plan))
        answer = sealed({"text": "S" * 40}, body, Cache().bill(body))
        turn = Turn(answer["content"], "compaction", answer["usage"], "claude-sonnet-5-5")
        assert not summaries.failed(plan, turn)
        fact = summaries.compacted(self.state, plan, turn, 0.01)
        self.say(fact)
        return fact


def proposal(call_id: str, arguments: dict[str, Any], **fields: Any) -> events.ToolCall:
    fields = {"risk": "safe", "verdict": "allow", "rule": "test", "effect": "read", **fields}
    return events.ToolCall(call_id=call_id, tool="look", arguments=arguments, **fields)


def grown(turns: int, size: int, **started: Any) -> Session:
    session = Session(**started)
    for number in range(turns):
        used = round(context.tokens(session.state))
        session.usage = {"input_tokens": used, "output_tokens": 50}
        session.call("look", {"at": number}, "r" * size)
    return session
