"""What a session is at one moment. ``fold`` builds it from the log, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from agents.core import events
from agents.core.evidence import Settled
from agents.core.ledger import Entry
from agents.core.risk import Effect

Param = Mapping[str, Any]  # one message, as the Messages API takes it
SUMMARY_TRIES = 2  # before a person is asked, and again after their answer


if TYPE_CHECKING:
    from dataclasses import replace as replace  # noqa: PLC0414 - imported from here
else:

    def replace(old, /, **changes):
        """``dataclasses.replace`` for classes without slots, in a tenth of its time: a fold makes
        several copies for every event."""
        new = object.__new__(type(old))
        new.__dict__.update(old.__dict__, **changes)
        return new


class CallStatus(StrEnum):
    WAITING = "waiting"  # for people
    READY = "ready"  # may run
    STARTED = "started"  # the intent is on record: it may have happened
    UNKNOWN = "unknown"  # it may have happened, and a person must say
    REFUSED = "refused"  # will not run; the model has not been told yet
    AGAIN = "again"  # it did not happen: people are asked again, under a new key
    SETTLED = "settled"  # the model's result is on record


@dataclass(frozen=True)
class Call:
    """One tool call of the turn that is open."""

    call_id: str
    tool: str
    proposed: Mapping[str, Any]  # as the model asked
    arguments: Mapping[str, Any]  # what runs: the same, or as a person edited them
    status: CallStatus
    risk: str
    rule: str
    effect: Effect
    required: int
    timeout: float
    definition: str
    base: str = ""  # the tool's own risk
    title: str = ""  # the template of its title
    approval_id: str | None = None
    digest: str = ""
    generation: int = 0  # rises when a person settled that it did not happen
    attempt: int = 0
    failures: int = 0  # attempts that failed and may be repeated
    began_at: datetime | None = None  # the first attempt since the call last waited in a park
    retry_at: datetime | None = None
    retry_parked: bool = False
    started_term: int = 0
    started_at: datetime | None = None
    idempotency_key: str = ""
    key_since: datetime | None = None  # an attempt under it began that may have had its effect
    edited_by: str = ""
    grant: str = ""  # the id of the grant that let it run unasked
    held_until: datetime | None = None  # a decision that can be undone takes effect then
    decision: Entry | None = None  # the ledger's line for it
    refusal: str = ""  # what the model is told where nothing runs
    refusal_class: str = ""
    result: events.ToolResult | None = None

    @property
    def in_doubt_since(self) -> datetime | None:
        """When the first attempt under this key began of which nobody knows that it did nothing."""
        return self.key_since or (self.started_at if self.status is CallStatus.STARTED else None)

    @property
    def first_attempt(self) -> datetime | None:
        """When the attempts began that the next one belongs to. A lost worker, a person and a park
        make a new beginning."""
        return self.began_at if self.status is CallStatus.READY else None


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell the model with its next request."""

    seq: int
    text: str
    human: bool = False
    own: bool = False  # of this session's limits: no fork is told


@dataclass(frozen=True)
class Usage:
    """What has been spent: tokens, dollars, milliseconds, counts."""

    input: int = 0  # neither read from the cache nor written to it
    cache_write: int = 0
    cache_read: int = 0
    output: int = 0
    usd: float = 0.0
    usd_known: bool = True
    model_ms: int = 0
    tool_ms: int = 0
    tool_calls: int = 0
    approvals: int = 0
    high_executions: int = 0

    @property
    def tokens(self) -> int:
        return self.input + self.cache_write + self.cache_read + self.output

    def with_turn(self, usage: Mapping[str, Any], cost: float | None, ms: int = 0) -> Usage:
        return replace(
            self,
            input=self.input + _count(usage, "input_tokens"),
            cache_write=self.cache_write + _count(usage, "cache_creation_input_tokens"),
            cache_read=self.cache_read + _count(usage, "cache_read_input_tokens"),
            output=self.output + _count(usage, "output_tokens"),
            usd=self.usd + (cost or 0.0),
            usd_known=self.usd_known and (cost is not None or not usage),
            model_ms=self.model_ms + ms,
        )


@dataclass(frozen=True)
class State:
    """A session at one moment. Built by ``fold.replay`` only."""

    session: str = ""  # whose log has begun; a fork's state is its parent's before that
    seq: int = 0
    step: int = 0
    parent_steps: int = 0  # of these, a fork's log took over so many
    started: events.SessionStarted | None = None
    started_at: datetime | None = None
    ending: events.Fact | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    # The conversation: finished messages of this epoch, the open turn, what is to be said next.
    epoch: int = 0
    history: tuple[Param, ...] = ()
    weights: tuple[float, ...] = ()  # of each message of the history, in tokens, about
    tail_stop: str = ""  # the stop reason of an assistant message at the tail
    tail_text: str = ""
    calls: tuple[Call, ...] = ()
    notes: tuple[Note, ...] = ()
    context_tokens: int = 0  # the size of the conversation at the last answer
    compacted_step: int = 0
    compact_failures: int = 0  # since the last compaction
    compact_stuck: int = 0  # of these, where the session could not go on without it
    server_failed: bool = False  # the API's own compaction, since the last one
    server_refused: bool = False  # it is not to be had from this endpoint
    overflowed: bool = False  # the endpoint said the conversation is too long
    clipped: bool = False  # the last results were clipped since the last answer
    model: str = ""  # what takes the place of the agent's model
    fallback: str = ""  # the model that is to take over
    drop_block: bool = False  # the endpoint may drop thinking that no longer matches

    # Trouble with the model.
    failures: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    retry_parked: bool = False
    urgent: bool = False  # a person wants the model asked now
    truncations: int = 0
    continues: int = 0
    pauses: int = 0
    empties: int = 0
    unexpected: str = ""  # a stop reason that nobody knows, in words
    bad_json: int = 0

    # People.
    paused: bool = False
    stopping: events.StopRequested | None = None
    # The question that a person must answer: refusal, overflow, context, provider, budget or loop.
    asking: str = ""
    asked: str = ""  # the same in words
    asked_by: events.Fact | None = None
    asked_at: datetime | None = None
    wrap_up: bool = False  # the next turn is the last
    wrapped_up: bool = False  # that turn was given
    grants: tuple[events.GrantGiven, ...] = ()  # that nobody has revoked

    # Guards.
    settled: tuple[Settled, ...] = ()
    loops: tuple[events.LoopDetected, ...] = ()
    loop_seq: int = 0  # evidence before this seq is spent
    blocked: frozenset[str] = frozenset()  # loop signatures that may not run in this epoch
    warned: frozenset[str] = frozenset()
    reached: frozenset[str] = frozenset()
    monologue: tuple[str, ...] = ()
    loop_rounds: int = 0  # how often people were asked about a loop
    results: tuple[str, ...] = ()  # digests of the last results, to know a new one by
    news_step: int = 0  # the step of the last new result, or of the last notice that none came
    longest_answer: int = 0  # tokens

    # What makes later calls riskier: see ``raising``.
    tainted_by: str = ""  # the tool that first returned what nobody vouches for
    tally: Mapping[str, int] = field(default_factory=dict)  # calls since a person looked, by risk

    # What no compaction may lose.
    retold: str = ""  # the task, if a person put it anew
    summary: str = ""  # what stands for the epochs before this one
    steers: tuple[str, ...] = ()  # what people told the agent, as it was told
    ledger: tuple[Entry, ...] = ()

    @property
    def asked_model(self) -> str:
        """The model that the next request names."""
        return self.model or (self.started.model if self.started else "")

    @property
    def task(self) -> str:
        """What the agent was told to do, as a person may have put it anew."""
        return self.retold or (self.started.task if self.started else "")

    def setting(self, name: str) -> Any:
        """One of the agent's settings, None where it has none of that name."""
        return self.started.settings.get(name) if self.started else None

    def call(self, call_id: str) -> Call:
        """An open call that must be there."""
        found = self.find(call_id)
        assert found, f"no call {call_id!r} is open"
        return found

    def find(self, call_id: str) -> Call | None:
        return next((call for call in self.calls if call.call_id == call_id), None)

    @property
    def begun(self) -> events.SessionStarted:
        """How it started, which must be on record."""
        assert self.started is not None
        return self.started

    @property
    def own_steps(self) -> int:
        """The steps that this session took itself, and not the one that it was forked from."""
        return self.step - self.parent_steps

    @property
    def ended(self) -> bool:
        return self.ending is not None

    @property
    def wakes_at(self) -> datetime | None:
        """When the next thing that was put off is due."""
        due = [call.retry_at for call in self.calls if call.status is CallStatus.READY]
        return min((at for at in (*due, self.retry_at) if at), default=None)


def conversation(state: State, upto: int) -> tuple[Param, ...]:
    """The messages of a request built when the log's head was ``upto``."""
    return _with_notes(state.history, [n for n in deliverable(state) if n.seq <= upto])


def deliverable(state: State) -> tuple[Note, ...]:
    # After pause_turn the assistant's message must stay last.
    return () if state.tail_stop == "pause_turn" else state.notes


def _with_notes(history: tuple[Param, ...], notes: Sequence[Note]) -> tuple[Param, ...]:
    if not notes:
        return history
    blocks = [{"type": "text", "text": note.text} for note in notes]
    if history[-1]["role"] == "user":
        return (*history[:-1], {"role": "user", "content": [*history[-1]["content"], *blocks]})
    return (*history, {"role": "user", "content": blocks})


def context_size(usage: Mapping[str, Any]) -> int:
    """Tokens of the whole conversation, the answer included, by the usage of that answer."""
    keys = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(_count(usage, key) for key in (*keys, "output_tokens"))


def _count(usage: Mapping[str, Any], key: str) -> int:
    return int(usage.get(key) or 0)
