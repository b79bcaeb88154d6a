"""What an agent usually does, learnt from what it did: plain data that can be stored.

Everything is bounded: the last 200 values of a thing, the last 200 runs, fourteen days of hours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from agents.core import anomaly

WINDOW = 200
LAGGED = 4  # the newest observations, which what is usual is not yet learnt from
HOURS = 14 * 24


@dataclass(slots=True)
class Drift:
    """An average that may move away from what it was. ``high`` while it is beyond its limit."""

    values: list[float] = field(default_factory=list)
    block: list[int] = field(default_factory=list)  # outcomes of the block that is not yet full
    high: bool = False

    def push(self, value: float) -> None:
        self.values.append(value)
        del self.values[:-WINDOW]

    @property
    def usual(self) -> Sequence[float]:
        return self.values[:-LAGGED]

    @property
    def newest(self) -> Sequence[float]:
        return self.values[-LAGGED:]


@dataclass(slots=True)
class Run:
    """A session that has not ended: what it did so far."""

    tokens: list[str] = field(default_factory=list)
    denials: int = 0
    outside: str = ""  # the tool that brought in content from outside
    cost: float = 0.0
    turns: int = 0
    cached: int = 0
    prompt: int = 0


@dataclass(slots=True)
class Habits:
    """Of one agent, in one group."""

    runs: int = 0  # that ended
    points: dict[str, list[float]] = field(default_factory=dict)  # "measure tool" -> last values
    drifts: dict[str, Drift] = field(default_factory=dict)  # "measure tool" -> its average
    sequences: list[list[str]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    risky: list[str] = field(default_factory=list)  # tools at MEDIUM or above that it has used
    hosts: list[str] = field(default_factory=list)
    novelties: list[int] = field(default_factory=list)  # the runs that met a new host
    pairs: list[str] = field(default_factory=list)  # "outside tool > HIGH tool"
    hours: list[list[float]] = field(
        default_factory=list
    )  # [hour, dollars, dearest turn], the newest last
    open: dict[str, Run] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)  # keys of findings and when

    def run(self, session: str) -> Run:
        return self.open.setdefault(session, Run())

    def drift(self, key: str) -> Drift:
        return self.drifts.setdefault(key, Drift())

    def usual(self, key: str, value: float) -> Sequence[float]:
        """What came before a value, which it then belongs to."""
        before = self.points.setdefault(key, [])
        usual = list(before)
        before.append(value)
        del before[:-WINDOW]
        return usual

    def learn(self, tokens: list[str], score: float) -> None:
        self.sequences.append(tokens)
        self.scores.append(score)
        del self.sequences[:-WINDOW], self.scores[:-WINDOW]

    def counts(self) -> dict[str, Counter[str]]:
        """How often what followed what, in the runs that are remembered."""
        found: dict[str, Counter[str]] = {}
        for run in self.sequences:
            for before, after in anomaly.transitions(run):
                found.setdefault(before, Counter())[after] += 1
        return found

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Habits:
        """What ``dump`` gave, also by an older release."""
        known = {name: data[name] for name in cls.__slots__ if name in data}
        known["drifts"] = {key: Drift(**drift) for key, drift in data.get("drifts", {}).items()}
        known["open"] = {key: Run(**run) for key, run in data.get("open", {}).items()}
        return cls(**known)
