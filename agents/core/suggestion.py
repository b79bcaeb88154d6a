"""A first guess at an unknown tool's risk and effect, with its reasons. Pure, and never applied:
an administrator accepts it or does not.

The name and the schema count first. What a server says of its own tools can only raise the guess,
never lower it: the server is not trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agents.core.risk import Effect, Risk

_WORDS: list[tuple[Risk, Effect, frozenset[str], str]] = [
    (
        Risk.HIGH,
        Effect.IRREVERSIBLE,
        frozenset(
            """pay payment charge refund transfer withdraw purchase buy order delete remove drop
            destroy purge wipe erase truncate kill terminate revoke grant deploy publish tweet post
            execute exec run shell eval sql sudo shutdown reboot merge ban""".split()
        ),
        "spends, destroys, publishes or runs what it is given",
    ),
    (
        Risk.MEDIUM,
        Effect.IRREVERSIBLE,
        frozenset(
            """send email mail message notify invite call create add insert book schedule submit
            reply comment share upload push import register open close cancel approve reject
            assign""".split()
        ),
        "makes or sends something that others see",
    ),
    (
        Risk.MEDIUM,
        Effect.KEYED,
        frozenset("update set edit write save put patch rename move modify replace change".split()),
        "changes what is there",
    ),
    (
        Risk.SAFE,
        Effect.READ,
        frozenset(
            """get list read search find fetch show describe lookup query check count view browse
            status info help now time convert calculate validate compare diff log summarize
            summarise""".split()
        ),
        "reads",
    ),
]
_FIELDS: list[tuple[Risk, frozenset[str], str]] = [
    (
        Risk.HIGH,
        frozenset("amount price total cents currency iban card account".split()),
        "money",
    ),
    (Risk.HIGH, frozenset("command cmd script code sql shell statement".split()), "code to run"),
    (
        Risk.MEDIUM,
        frozenset("to recipient recipients cc bcc email phone channel".split()),
        "people who would be reached",
    ),
    (Risk.LOW, frozenset("url uri endpoint webhook host".split()), "an address to be fetched"),
    (Risk.LOW, frozenset("path file filename directory folder".split()), "a place in the files"),
]

_NAMED_BY_READERS = frozenset({"money", "people who would be reached"})


@dataclass(frozen=True, slots=True)
class Reason:
    text: str
    untrusted: bool = False  # the server says so of itself


@dataclass(frozen=True, slots=True)
class Suggestion:
    risk: Risk
    effect: Effect
    reasons: tuple[Reason, ...]


def suggest(
    name: str,
    description: str = "",
    input_schema: Mapping[str, Any] | None = None,
    annotations: Mapping[str, Any] | None = None,
    server: str = "",
) -> Suggestion:
    """What a careful person might first say of this tool. A name that says nothing is HIGH."""
    own = (name.partition("__")[2] if server else "") or name
    risk, effect, because = _by_name(own)
    reasons = [Reason(because)]
    for found, why in _by_schema(input_schema or {}, effect):
        risk = max(risk, found)
        reasons.append(Reason(why))
    for hinted, why in _by_hints(annotations or {}, description, effect):
        risk = max(risk, hinted)
        if hinted is Risk.HIGH:
            effect = Effect.IRREVERSIBLE
        reasons.append(Reason(why, untrusted=True))
    return Suggestion(risk, effect, tuple(reasons))


def words(name: str) -> list[str]:
    """The words in a name: ``sendEmail2`` and ``send-email`` alike."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word.lower() for word in re.findall(r"[A-Za-z]+", split)]


def _by_name(name: str) -> tuple[Risk, Effect, str]:
    found = words(name)
    # A verb most often comes first: get_order_status reads, whatever an order may cost.
    if found and found[0] in _WORDS[-1][2]:
        risk, effect, _, does = _WORDS[-1]
        return risk, effect, f"its name begins with “{found[0]}”, which {does}"
    for risk, effect, verbs, does in _WORDS:
        if said := next((word for word in found if word in verbs), None):
            return risk, effect, f"its name says “{said}”, which {does}"
    return Risk.HIGH, Effect.IRREVERSIBLE, "its name does not say what it does"


def _by_schema(schema: Mapping[str, Any], effect: Effect) -> Iterator[tuple[Risk, str]]:
    """Whoever reads names accounts and people too; what a reader runs or fetches still counts."""
    properties = schema.get("properties")
    for argument in properties if isinstance(properties, Mapping) else ():
        held = set(words(str(argument)))
        for risk, names, what in _FIELDS:
            if held & names and not (effect is Effect.READ and what in _NAMED_BY_READERS):
                yield risk, f"its argument “{str(argument)[:60]}” looks like {what}"
                break


def _by_hints(
    annotations: Mapping[str, Any], description: str, effect: Effect
) -> Iterator[tuple[Risk, str]]:
    """Hints raise the guess and never lower it."""
    if annotations.get("destructiveHint") is True:
        yield Risk.HIGH, "the server says that it destroys"
    if annotations.get("readOnlyHint") is False and effect is Effect.READ:
        yield Risk.HIGH, "the server says that it changes something"
    if annotations.get("readOnlyHint") is True:
        yield Risk.SAFE, "the server says that it only reads"
    if annotations.get("openWorldHint") is True:
        yield Risk.LOW, "the server says that it reaches the outside world"
    if re.search(
        r"(?i)\b(irreversibl|permanent|cannot be undone|charges? the|delet(e|es)\b)", description
    ):
        yield Risk.HIGH, "its description speaks of what cannot be undone"
