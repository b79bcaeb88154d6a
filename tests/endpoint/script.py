"""Which reply comes next: a script, and a place in it that follows from what the client replays."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

from tests.endpoint.blocks import (
    Json,
    as_blocks,
    compact,
    digest,
    first_user_text,
    text_of,
    unmarked,
)
from tests.endpoint.functions import FUNCTIONS
from tests.endpoint.refuse import RefusedError

OURS = re.compile(r"toolu_[tp]([0-9a-f]{12})x(\d+)x")
FINISHED = {None, "end_turn", "tool_use", "stop_sequence"}
FAULTS = {
    "status",
    "prompt_too_long",
    "cut",
    "quiet_end",
    "error_event",
    "broken_event",
    "bad_json",
    "truncate",
    "hang",
    "refusal",
    "pause_turn",
    "model_context_window_exceeded",
    "empty",
}
KEYS = set(
    "text thinking tools content stop_reason stop_sequence usage delay_ms chunk fault status type"
    " message retry_after headers after seconds pings tokens category explanation"
    " function until count cases else forged".split()
)
TRACK = {"replies", "shared", "repeat", "in_order"}
NEEDED = {
    "until_done": {"tools"},
    "steps": {"count", "tools"},
    "onward": {"count", "tools"},
    "choose": {"cases"},
}
DONE: Json = {"text": "Done."}


@dataclass(frozen=True)
class Track:
    """The replies for the conversations that match."""

    match: str
    replies: list[Json]
    shared: bool = False
    repeat: bool = False
    in_order: bool = False  # one reply a request, whatever the request holds

    def reply(self, index: int) -> Json:
        if self.repeat and self.replies:
            return self.replies[index % len(self.replies)]
        return self.replies[index] if index < len(self.replies) else DONE


@dataclass
class Conversation:
    id: str
    key: str
    # What comes next when the client's history does not say.
    cursor: int = 0
    # What comes next after a given history.
    places: dict[str, int] = field(default_factory=dict)
    opened: bool = False


@dataclass(frozen=True)
class Choice:
    conversation: Conversation
    match: str
    index: int
    place: str
    first: bool
    reply: Json
    good: bool
    more: bool

    def note(self) -> Json:
        """What the log needs so that a restarted endpoint goes on at the same place."""
        return {
            "conversation": self.conversation.id,
            "key": self.conversation.key,
            "match": self.match,
            "reply": self.index,
            "place": self.place,
            "first": self.first,
            "good": self.good,
            "more": self.more,
        }


def read_script(value: Any) -> list[Track]:
    if isinstance(value, list):
        return [Track("*", _replies(value))]
    if not isinstance(value, dict):
        raise RefusedError("script: should be a list of replies or an object of lists")
    tracks = [_track(match, entry) for match, entry in value.items()]
    return sorted(tracks, key=lambda track: track.match == "*")


def _track(match: str, entry: Any) -> Track:
    if isinstance(entry, list):
        return Track(match, _replies(entry))
    if not isinstance(entry, dict) or not entry.keys() <= TRACK:
        raise RefusedError(f"script.{match}: should be a list, or an object of {sorted(TRACK)}")
    return Track(
        match,
        _replies(entry.get("replies", [])),
        bool(entry.get("shared")),
        bool(entry.get("repeat")),
        bool(entry.get("in_order")),
    )


def _replies(values: list[Any]) -> list[Json]:
    return [_reply(value) for value in values]


def _reply(value: Any) -> Json:
    reply = {"text": value} if isinstance(value, str) else value
    if not isinstance(reply, dict):
        raise RefusedError(f"script: a reply is an object or a string, not {reply!r}")
    if "fault" in reply and reply["fault"] not in FAULTS:
        raise RefusedError(f"script: unknown fault {reply['fault']!r}; known: {sorted(FAULTS)}")
    if unknown := reply.keys() - KEYS:
        raise RefusedError(f"script: unknown keys {sorted(unknown)} in a reply")
    return _function(reply) if "function" in reply else reply


def _function(reply: Json) -> Json:
    name = reply["function"]
    if name not in FUNCTIONS:
        raise RefusedError(f"script: unknown function {name!r}; known: {sorted(FUNCTIONS)}")
    if missing := NEEDED.get(name, set()) - reply.keys():
        raise RefusedError(f"script: {name} needs {sorted(missing)}")
    if name != "choose":
        return reply
    cases = [{**case, "reply": _reply(case.get("reply", DONE))} for case in reply["cases"]]
    return {**reply, "cases": cases, "else": _reply(reply.get("else", DONE))}


class Director:
    """Follows every conversation through the script.

    A client that lost a complete reply and asks again with the same history gets that reply again;
    a reply that is a fault is used up. A new first request is a new conversation.
    """

    def __init__(self, script: Any) -> None:
        self.tracks = read_script(script)
        self._by_id: dict[str, Conversation] = {}
        self._by_key: dict[str, Conversation] = {}
        self._compacted = 0

    def choose(self, body: Json) -> Choice:
        track = self._track(body)
        place = _place(body)
        conversation = self._conversation(body, track)
        index = conversation.cursor
        if not track.in_order:
            index = self._next(conversation, body["messages"], place)
        reply, more = _perform(track.reply(index), body)
        first = not _last_turn(body["messages"])
        choice = Choice(conversation, track.match, index, place, first, reply, _good(reply), more)
        _advance(conversation, choice)
        return choice

    def compaction(self) -> Json:
        """What the API's own compaction comes to, in turn: the track of that name."""
        tracks = [track for track in self.tracks if track.match == "compaction"]
        self._compacted += 1
        return tracks[0].reply(self._compacted - 1) if tracks else {}

    def restore(self, note: Json) -> None:
        """Take over what an earlier process logged."""
        conversation = self._by_id.get(note["conversation"])
        if conversation is None:
            conversation = self._open(note["key"], note["conversation"])
        choice = Choice(
            conversation,
            note["match"],
            note["reply"],
            note["place"],
            note["first"],
            {},
            note["good"],
            note["more"],
        )
        _advance(conversation, choice)

    def _track(self, body: Json) -> Track:
        task, system = first_user_text(body), text_of(body.get("system") or [])
        for text in (task, system):
            for track in self.tracks:
                if track.match != "*" and track.match in text:
                    return track
        default = [track for track in self.tracks if track.match == "*"]
        return default[0] if default else Track("*", [])

    def _conversation(self, body: Json, track: Track) -> Conversation:
        for call in _our_calls(body["messages"]):
            if call[0] in self._by_id:
                return self._by_id[call[0]]
        key = f"shared {track.match}" if track.shared else _key(body)
        known = self._by_key.get(key)
        if known is None or (
            known.opened and not track.shared and not _last_turn(body["messages"])
        ):
            return self._open(key, os.urandom(6).hex())
        return known

    def _open(self, key: str, name: str) -> Conversation:
        conversation = Conversation(name, key)
        self._by_id[name] = self._by_key[key] = conversation
        return conversation

    def _next(self, conversation: Conversation, messages: list[Json], place: str) -> int:
        if place in conversation.places:
            return conversation.places[place]
        calls = _our_calls(_last_turn(messages))
        if calls and calls[-1][0] == conversation.id:
            return conversation.places.get(f"after {calls[-1][1]}", calls[-1][1] + 1)
        return conversation.cursor


def _advance(conversation: Conversation, choice: Choice) -> None:
    after = choice.index if choice.more else choice.index + 1
    conversation.cursor = max(conversation.cursor, after)
    conversation.places[choice.place] = choice.index if choice.good else choice.index + 1
    conversation.places[f"after {choice.index}"] = after
    conversation.opened = conversation.opened or (choice.good and choice.first)


def _perform(reply: Json, body: Json) -> tuple[Json, bool]:
    more = False
    while "function" in reply:
        reply, more = FUNCTIONS[reply["function"]](reply, body)
    return reply, more


def _good(reply: Json) -> bool:
    said = any(reply.get(key) for key in ("text", "thinking", "tools", "content"))
    whole = reply.get("fault") in {None, "hang"} and reply.get("stop_reason") in FINISHED
    return whole and said


def _key(body: Json) -> str:
    return digest(text_of(body.get("system") or []), first_user_text(body))


def _place(body: Json) -> str:
    """The task, and the history up to what the model said last."""
    messages = body["messages"]
    last = max((at for at, m in enumerate(messages) if m["role"] == "assistant"), default=-1)
    return digest(_key(body), compact(unmarked(messages[: last + 1])))


def _last_turn(messages: list[Json]) -> list[Json]:
    said = [message for message in messages if message["role"] == "assistant"]
    return said[-1:]


def _our_calls(messages: list[Json]) -> list[tuple[str, int]]:
    """(conversation, reply) of the tool calls made here, oldest first."""
    ids = [
        str(block.get("id", ""))
        for message in messages
        if message["role"] == "assistant"
        for block in as_blocks(message["content"])
    ]
    found = [match for match in map(OURS.match, ids) if match]
    return [(match[1], int(match[2])) for match in found]
