"""How the rehearsal model talks about its calls and about what people decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.llm.rehearsal.conversation import Call, Conversation, Kind

_NAMES = {
    "search_web": "the search for “{query}”",
    "read_file": "reading {path}",
    "write_file": "writing {path}",
    "send_email": "the e-mail to {to}",
    "post_tweet": "the post",
    "delete_record": "deleting record {id} from {table}",
    "find_records": "looking up {table}",
    "check_stock": "asking how much {product} there is",
    "book_courier": "the courier to {address}",
    "process_payment": "the payment for order {order_id}",
}

_SAID = {
    Kind.EDITED: "A reviewer changed {name} before it ran ({changes}). The changed version is "
    "what happened; I go on from there and will not send my own again.",
    Kind.DENIED: "{Name} was denied{because}. It did not happen, and I will neither try it again "
    "nor look for a way around it.",
    Kind.ANSWERED: "A person answered in place of {name}: “{told}” I take that as the result.",
    Kind.EXPIRED: "Nobody decided about {name} in time, so it did not happen. I leave it.",
    Kind.UNKNOWN: "Nobody can say whether {name} happened. I will not repeat it, and I will report "
    "it as open.",
    Kind.BLOCKED: "{Name} was not allowed to run: {told} I go on without it.",
    Kind.FAILED: "{Name} failed: {told} I go on without it.",
}

_REPORTED = {
    Kind.DONE: "done",
    Kind.EDITED: "done, as a reviewer changed it ({changes})",
    Kind.DENIED: "not done: denied{because}",
    Kind.ANSWERED: "not run: a person answered instead",
    Kind.EXPIRED: "not done: nobody decided in time",
    Kind.UNKNOWN: "unknown: it may have happened; someone should check",
    Kind.BLOCKED: "not done: not allowed",
    Kind.FAILED: "failed",
}


def name(call: Call) -> str:
    """The call in words, with what it is about."""
    pattern = _NAMES.get(call.tool, f"the call of {call.tool}")
    details = {key: _short(value) for key, value in call.proposed.items()}
    return pattern.format_map(_Blank(details))


def reactions(calls: Sequence[Call]) -> list[str]:
    """One sentence for each result that is not simply a success."""
    return [_say(_SAID[call.kind], call) for call in calls if call.kind in _SAID]


def report(calls: Sequence[Call]) -> str:
    """A line for each call that was meant to change something."""
    lines = [f"- {_say('{Name}', call)}: {_say(_REPORTED[call.kind], call)}." for call in calls]
    return "\n".join(lines)


def answers(talk: Conversation, dropped: Sequence[str]) -> list[str]:
    """What is said to people who wrote since the last turn."""
    return [_answer(text, dropped) for text in talk.heard]


def about_notes(notes: Sequence[str]) -> list[str]:
    """What is said to the runtime's notes."""
    return [said for note in notes if (said := _about(note))]


def _about(note: str) -> str:
    if "used up" in note:
        return "The budget is used up, so this is my final answer."
    if "Prioritise finishing" in note:
        return "Noted: the budget is nearly used. I keep the rest short."
    if "discarded" in note:
        return "My last reply was discarded. I say it again, shorter."
    if _objects(note):
        return "You are right that I am repeating myself without getting anywhere. I change course."
    return ""


def objected(notes: Sequence[str]) -> bool:
    """Whether the runtime told the model that it goes round in circles."""
    return any(_objects(note) for note in notes)


def _objects(note: str) -> bool:
    lowered = note.lower()
    quiet = ("% )", "prioritise", "used up", "discarded", "changed the arguments", "turn was empty")
    return not any(word in lowered for word in quiet)


def _answer(text: str, dropped: Sequence[str]) -> str:
    quoted = f"You wrote: “{_short(text, 160)}”"
    if dropped:
        return f"{quoted} Understood: I leave out {' and '.join(dropped)}."
    if text.rstrip().endswith("?"):
        return f"{quoted} I am at work on the task; where it stands follows below."
    return f"{quoted} Understood, I keep to that from here on."


def _say(pattern: str, call: Call) -> str:
    words = name(call)
    return pattern.format(
        name=words,
        Name=words[:1].upper() + words[1:],
        because=f" (“{call.reason}”)" if call.reason else "",
        told=_told(call.text),
        changes=_changes(call),
    )


def _told(text: str) -> str:
    text = text.removeprefix("Answered by a human reviewer; the tool was not executed: ")
    text = _short(text.removeprefix("NOT EXECUTED: ").removeprefix("NOT EXECUTED. "), 200)
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _changes(call: Call) -> str:
    before, after = call.proposed, call.arguments
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    changed = [f"{key} is now “{_short(after.get(key, 'left out'))}”" for key in keys]
    return ", ".join(changed) or "nothing that I can see"


def _short(value: object, limit: int = 60) -> str:
    plain = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = " ".join(plain.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


def listed(tools: Iterable[str]) -> str:
    """Names in alphabetical order, for a sentence."""
    return ", ".join(sorted(tools)) or "none"
