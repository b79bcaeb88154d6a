"""Three hundred sessions of four agents over two weeks, by a seed, and what is planted in them.

Lengths are lognormal with a heavy tail, tools fail now and then and are tried again, people deny
now and then, work is denser in office hours. Nothing here knows how anomalies are found.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agents.core.risk import Risk
from agents.core.watch import Call, Decision, End, Happening, Seen, Turn

START = 1_772_496_000.0  # Tuesday, 3 March 2026, 00:00 UTC
DAY, HOUR = 86_400.0, 3_600.0
SESSIONS = 300


@dataclass(frozen=True)
class Tool:
    ms: float  # the median
    size: float
    fails: float
    risk: Risk = Risk.SAFE
    denied: float = 0.0
    hosts: tuple[str, ...] = ()


TOOLS = {
    "find_records": Tool(180, 1800, 0.01),
    "read_file": Tool(40, 4200, 0.02),
    "search_web": Tool(900, 6000, 0.03),
    "fetch_page": Tool(1400, 9000, 0.05, hosts=tuple(f"site{n}.example" for n in range(400))),
    "write_file": Tool(60, 90, 0.01, Risk.LOW),
    "run_tests": Tool(14_000, 3000, 0.06, Risk.MEDIUM),
    "send_email": Tool(700, 60, 0.02, Risk.MEDIUM, 0.05),
    "process_payment": Tool(1600, 160, 0.02, Risk.HIGH, 0.08),
    "crm__lookup": Tool(420, 900, 0.02),
}


@dataclass(frozen=True)
class Agent:
    name: str
    share: float
    model: str
    steps: tuple[tuple[str, float, int], ...]  # tool, how likely, at most how often


AGENTS = (
    Agent(
        "support",
        0.4,
        "claude-haiku-5-5",
        (("find_records", 1, 3), ("crm__lookup", 0.8, 2), ("send_email", 0.8, 1)),
    ),
    Agent(
        "researcher",
        0.2,
        "claude-sonnet-5-5",
        (("search_web", 1, 4), ("fetch_page", 0.9, 6), ("write_file", 0.9, 2)),
    ),
    Agent(
        "refactorer",
        0.2,
        "claude-opus-5-5",
        (("read_file", 1, 8), ("write_file", 0.95, 5), ("run_tests", 0.9, 3)),
    ),
    Agent(
        "payments",
        0.2,
        "claude-sonnet-5-5",
        (("find_records", 1, 2), ("read_file", 0.7, 2), ("process_payment", 0.85, 2)),
    ),
)
PRICES = {
    "claude-haiku-5-5": (0.1e-6, 0.01e-6, 0.5e-6),
    "claude-sonnet-5-5": (2e-6, 0.2e-6, 10e-6),
    "claude-opus-5-5": (4e-6, 0.2e-6, 20e-6),
}


@dataclass
class Played:
    """One session: what was seen of it, in order."""

    name: str
    agent: str
    begins: float
    seen: list[Seen] = field(default_factory=list)
    calls: list[str] | None = None  # planted: these tools in this order


@dataclass(frozen=True)
class Plant:
    """An anomaly that was put there: its kind, the sessions it is in, and what else it causes."""

    kind: str
    agent: str
    sessions: frozenset[str]
    subject: str = ""
    also: frozenset[str] = frozenset()


@dataclass
class World:
    sessions: list[Played]
    plants: list[Plant]


def play(seed: int, *, planted: bool = True) -> World:
    """The same world for the same seed."""
    rng = random.Random(seed)
    sessions = [Played(f"{seed}-{n:03}", "", begins) for n, begins in enumerate(_times(rng))]
    for session in sessions:
        (agent,) = rng.choices(AGENTS, [agent.share for agent in AGENTS])
        session.agent = agent.name
    plants = [plant(rng, sessions) for plant in BEFORE] if planted else []
    for session in sessions:
        _fill(rng, session, plants)
    for after in AFTER if planted else ():
        plants.append(after(rng, sessions, plants))
    return World(sessions, plants)


def _times(rng: random.Random) -> list[float]:
    found = []
    for _ in range(SESSIONS):
        day = rng.choices(range(14), [0.3 if n % 7 in (4, 5) else 1 for n in range(14)])[0]
        hour = min(23.9, max(0.0, rng.gauss(13, 3.2)))
        found.append(START + day * DAY + hour * HOUR)
    return sorted(found)


def _fill(rng: random.Random, session: Played, plants: list[Plant]) -> None:
    agent = next(one for one in AGENTS if one.name == session.agent)
    telling = _Telling(rng, session, agent, plants)
    for tool in session.calls or _plan(rng, agent):
        telling.turn()
        for _ in range(3):
            if telling.call(tool):
                break
            telling.turn()
    telling.turn()
    telling.end()


def _plan(rng: random.Random, agent: Agent) -> list[str]:
    plan = []
    for tool, likely, most in agent.steps:
        if rng.random() < likely:
            plan += [tool] * rng.randint(1, most)
    if len(plan) > 2 and rng.random() < 0.25:  # looks something up once more
        plan.insert(rng.randrange(1, len(plan)), plan[0])
    return plan


class _Telling:
    """Writes one session down."""

    def __init__(self, rng: random.Random, played: Played, agent: Agent, plants: list[Plant]):
        self.rng, self.played, self.agent = rng, played, agent
        self.at, self.seq, self.step = played.begins, 1, 0
        self.prompt = rng.lognormvariate(8.3, 0.3)
        self.kinds = {plant.kind: plant for plant in plants if played.name in plant.sessions}

    def _length(self, middle: float, sigma: float = 0.45) -> int:
        slow = 3.0 if self.rng.random() < 0.015 else 1.0
        return max(1, round(middle * slow * self.rng.lognormvariate(0, sigma)))

    def _next(self) -> tuple[str, int, int, float]:
        self.seq += 1
        return self.played.name, self.seq, self.step, self.at

    def turn(self) -> None:
        self.step += 1
        ms, output = self._length(4200), self._length(330, 0.5)
        cached = 0.0 if self.step == 1 else self.prompt * self.rng.uniform(0.86, 0.97)
        self.prompt += self._length(700, 0.6)
        self.at += ms / 1000
        fresh, read, written = PRICES[self.agent.model]
        cost = (self.prompt - cached) * fresh + cached * read + output * written
        found = (round(self.prompt), round(cached), round(cost, 6))
        self.played.seen.append(Turn(*self._next(), self.agent.model, ms, output, *found))

    def call(self, tool: str) -> bool:
        """Whether the agent goes on to the next thing."""
        about = TOOLS.get(tool, Tool(300, 100, 0.0, Risk.HIGH))
        if about.denied and self._decided(about):
            self._told(tool, about, ok=False, executed=False, denied=True)
            return True
        failing = self.kinds.get("error_drift")
        fails = 0.4 if failing and failing.subject == tool else about.fails
        failed = self.rng.random() < fails
        ms = self._length(about.ms * (0.4 if failed else 1))
        self.at += ms / 1000
        size = 80 if failed else self._length(about.size, 0.6)
        self._told(tool, about, ok=not failed, ms=ms, size=size)
        return not failed

    def _decided(self, about: Tool) -> bool:
        rate = 0.7 if {"denial_drift", "denials"} & set(self.kinds) else about.denied
        denied = self.rng.random() < rate or "denials" in self.kinds
        self.at += self._length(45_000, 1.0) / 1000
        self.played.seen.append(Decision(*self._next(), denied))
        return denied

    def _told(
        self,
        tool: str,
        about: Tool,
        *,
        ok: bool,
        ms: int = 0,
        size: int = 0,
        executed: bool = True,
        denied: bool = False,
    ) -> None:
        place = self._next()
        host = self.rng.choice(about.hosts) if about.hosts else ""
        call = Call(*place, tool, about.risk, ok, executed, ms, size, denied, host)
        self.played.seen.append(replace(call, outside=bool(host) or "__" in tool))

    def end(self) -> None:
        self.at += 0.1
        self.played.seen.append(End(*self._next()))


Before = Callable[[random.Random, list[Played]], Plant]
After = Callable[[random.Random, list[Played], list[Plant]], Plant]


def _late(sessions: list[Played], agent: str) -> list[Played]:
    """The agent's sessions of the second half."""
    return [one for one in sessions[SESSIONS // 2 :] if one.agent == agent and one.calls is None]


def _one(rng: random.Random, sessions: list[Played], agent: str) -> Played:
    return rng.choice(_late(sessions, agent))


def _plant(kind: str, session: Played, subject: str = "", also: str = "") -> Plant:
    names = frozenset({session.name})
    return Plant(kind, session.agent, names, subject, frozenset(also.split()))


def errors(rng: random.Random, sessions: list[Played]) -> Plant:
    late = _late(sessions, "support")[-30:]
    names = frozenset(one.name for one in late)
    return Plant("error_drift", "support", names, "crm__lookup", frozenset({"odd_sequence"}))


def denial_drift(rng: random.Random, sessions: list[Played]) -> Plant:
    names = frozenset(one.name for one in _late(sessions, "payments")[-24:])
    return Plant("denial_drift", "payments", names, "", frozenset({"odd_sequence", "denials"}))


def odd(rng: random.Random, sessions: list[Played]) -> Plant:
    session = rng.choice(_late(sessions, "researcher")[8:])
    session.calls = ["write_file", "search_web"] * 3 + ["write_file", "fetch_page"] * 3
    return _plant("odd_sequence", session)


def risky(rng: random.Random, sessions: list[Played]) -> Plant:
    session = _one(rng, sessions, "refactorer")
    session.calls = ["read_file", "read_file", "delete_record", "write_file", "run_tests"]
    return _plant("first_risky_use", session, "delete_record", also="odd_sequence")


def denials(rng: random.Random, sessions: list[Played]) -> Plant:
    session = rng.choice(_late(sessions, "payments")[:4])
    session.calls = ["find_records", *["process_payment"] * 4]
    return _plant("denials", session, also="odd_sequence")


def after_outside(rng: random.Random, sessions: list[Played]) -> Plant:
    session = rng.choice(_late(sessions, "payments")[:4])
    session.calls = ["find_records", "crm__lookup", "process_payment"]
    return _plant("high_after_outside", session, "process_payment", also="odd_sequence")


def burn(rng: random.Random, sessions: list[Played]) -> Plant:
    late = _late(sessions, "refactorer")
    begins = rng.choice(late[3:-12]).begins if len(late) > 15 else late[0].begins
    begins = begins // HOUR * HOUR
    chosen = [one for one in late if one.begins >= begins][:12]
    for n, session in enumerate(chosen):
        session.begins = begins + 60 + n * 120
        session.calls = ["read_file"] * 12 + ["write_file"] * 6 + ["run_tests"] * 3
    names = frozenset(one.name for one in chosen)
    also = frozenset({"odd_sequence", "cost_drift", "cache_drift"})
    return Plant("burn_rate", "refactorer", names, "", also)


BEFORE: tuple[Before, ...] = (burn, errors, denial_drift, odd, risky, denials, after_outside)


def _change(session: Played, kind: type[Seen], rng: random.Random, **numbers: float) -> Seen:
    """One of the session's calls or turns, with some of its numbers replaced."""
    able = [n for n, one in enumerate(session.seen) if isinstance(one, kind)]
    able = [n for n in able if getattr(session.seen[n], "ok", True)]
    at = rng.choice(able)
    session.seen[at] = replace(session.seen[at], **numbers)  # type: ignore[arg-type]  # the same names
    return session.seen[at]


def _first_good(session: Played) -> tuple[int, Call]:
    calls = ((n, one) for n, one in enumerate(session.seen) if isinstance(one, Call))
    return next((n, call) for n, call in calls if call.ok)


def _free(rng: random.Random, sessions: list[Played], plants: list[Plant], agent: str) -> Played:
    taken = {name for plant in plants for name in plant.sessions}
    return rng.choice([one for one in _late(sessions, agent) if one.name not in taken])


def slow_call(rng: random.Random, sessions: list[Played], plants: list[Plant]) -> Plant:
    session = _free(rng, sessions, plants, "researcher")
    call = _change(session, Call, rng, duration_ms=58_000)
    return _plant("slow_call", session, getattr(call, "tool", ""))


def large(rng: random.Random, sessions: list[Played], plants: list[Plant]) -> Plant:
    session = _free(rng, sessions, plants, "support")
    at, call = _first_good(session)
    session.seen[at] = replace(call, size=600_000)
    return _plant("large_result", session, call.tool)


def burst(rng: random.Random, sessions: list[Played], plants: list[Plant]) -> Plant:
    session = _free(rng, sessions, plants, "support")
    turn = _change(session, Turn, rng, output=15_000, cost=0.009)
    return _plant("token_burst", session, getattr(turn, "model", ""))


def spike(rng: random.Random, sessions: list[Played], plants: list[Plant]) -> Plant:
    session = _free(rng, sessions, plants, "researcher")
    turn = _change(session, Turn, rng, cost=1.1)
    also = "cost_drift"
    return _plant("cost_spike", session, getattr(turn, "model", ""), also)


def slow_turn(rng: random.Random, sessions: list[Played], plants: list[Plant]) -> Plant:
    session = _free(rng, sessions, plants, "researcher")
    turn = _change(session, Turn, rng, duration_ms=140_000)
    return _plant("slow_turn", session, getattr(turn, "model", ""))


def new_host(rng: random.Random, sessions: list[Played], plants: list[Plant]) -> Plant:
    session = _free(rng, sessions, plants, "support")
    at, call = _first_good(session)
    session.seen[at] = replace(call, host="paste.example")
    return _plant("new_host", session, "paste.example")


def _happens(kind: str, detail: str, agent: str) -> After:
    def plant(rng: random.Random, sessions: list[Played], plants: list[Plant]) -> Plant:
        session = _free(rng, sessions, plants, agent)
        last = session.seen[-2]
        at = Happening(session.name, last.seq, last.step, last.at, kind, detail)
        session.seen.insert(-1, at)
        return _plant(kind, session, detail)

    return plant


AFTER: tuple[After, ...] = (
    slow_call,
    large,
    burst,
    spike,
    slow_turn,
    new_host,
    _happens("loop", "same_call_error", "refactorer"),
    _happens("refusal", "I will not help with this.", "researcher"),
)
