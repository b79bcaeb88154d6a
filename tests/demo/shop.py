"""The seeded demo: a fortnight of sessions, some live, some asking, some failed.

Written straight into the tables, as no command of the product could: its log holds no past that
was not lived. So it stands among the tests.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import F, Sum
from django.utils import timezone

from agents import inbox, roles
from agents.core import events
from agents.core.events import Fact
from agents.models import Anomaly, Approval, Cap, DaySpend, Session, TurnUse, Vote
from tests.demo import PASSWORD, catalogue, habits, migration, postmortem
from tests.demo.asks import ASKS, Ask, usual
from tests.oversight import stories
from tests.oversight.stories import Told

PEOPLE = {
    "mira": ("Mira", "Okafor", "admin"),
    "jonas": ("Jonas", "Lind", "approver"),
    "olu": ("Olu", "Bello", "operator"),
}
DAYS = 14
AGENTS = {
    "assistant": ("claude-sonnet-5-5", 0.04),
    "support-desk": ("claude-haiku-4-5", 0.01),
    "ledger-fixer": ("claude-sonnet-5-5", 0.06),
}
PINNED = (migration.TITLE, "Fix the flaky checkout test", "Sync the product catalogue")
TASKS = (
    "Reply to the vendor security questionnaire",
    "Reconcile the October payouts",
    "Triage the overnight support queue",
    "Summarise the incident reports of the quarter",
    "Check the price list against the shop",
    "Collect what customers said about delivery",
)


def seed() -> None:
    """Everything, in a database that has been migrated."""
    chance = random.Random(4)
    people = _people()
    mira = people["mira"]
    for day in range(DAYS, -1, -1):
        for n in range(chance.randint(4, 8)):
            _past(chance, day, n, mira)
    for again in (True, False):
        title = f"{postmortem.TITLE}{', again' * again}"
        known = _known(title, "ledger-fixer", start=_ago(hours=30))
        stories.tell(postmortem.told(again=again), mira, **known)
    _ballots()
    catalogue.furnish(mira)
    call_command("rollup", "--rebuild", verbosity=0)
    _live(mira)
    _asking(people["olu"])
    migration.tell(people["olu"], people["jonas"])
    _spent()
    _odd()
    for pinned in Session.objects.filter(title__in=PINNED).order_by("-pk"):
        inbox.pin(mira, pinned)


def _people() -> dict[str, User]:
    return {name: _person(name, *known) for name, known in PEOPLE.items()}


def _person(name: str, first: str, last: str, role: str) -> User:
    user = User.objects.create_user(name, password=PASSWORD, first_name=first, last_name=last)
    roles.grant(user, role)
    return user


def _ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def _known(title: str, agent: str, **more: Any) -> dict[str, Any]:
    model, _ = AGENTS[agent]
    return {"title": title, "task": f"{title}.", "agent": agent, "model": model, **more}


def _steps(chance: random.Random, count: int, cost: float) -> Iterator[Told]:
    """So many finished steps, each with a look-up of its own."""
    at = 1.0
    for step in range(1, count + 1):
        took = chance.lognormvariate(1.3, 0.7)
        at += took
        look, call = habits.look(chance), f"c{step}"
        yield at, step, stories.turn(look.said, cost=cost, duration_ms=int(took * 1e3))
        lasts = chance.lognormvariate(0, 1)
        yield at + 0.1, step, _call(look.tool, call, **look.arguments)
        yield at + 0.1, step, events.ToolStarted(call, look.tool, look.arguments, "d", "k", 1)
        fault = chance.random() < 0.06
        content = "503 from the shop's database" if fault else look.found
        yield at + 0.1 + lasts, step, _result(look.tool, call, content, not fault, int(lasts * 1e3))
        at += 0.1 + lasts


def _call(tool: str, call: str, risk: str = "safe", verdict: str = "allow", **said: Any) -> Fact:
    rule = f"{tool} is {risk.upper()}"
    return events.ToolCall(call, tool, said, risk, verdict, rule, effect="read")


def _result(tool: str, call: str, content: str, ok: bool = True, ms: int = 700) -> Fact:
    fault = None if ok else "unavailable"
    return events.ToolResult(call, tool, ok, content, error_class=fault, duration_ms=ms)


def _past(chance: random.Random, day: int, n: int, by: User) -> None:
    agent = chance.choice(list(AGENTS))
    steps = list(_steps(chance, chance.randint(3, 12), AGENTS[agent][1]))
    end, last = steps[-1][0], steps[-1][1] + 1
    told = [(0.0, 0, stories.started(agent=agent)), *steps]
    if n % 3:
        told += _decided(chance, end, last)
        end += 400
    answer = "Done; what I found is in the workspace."
    closing: Fact = events.Complete(answer)
    if n == 3:
        closing = events.Error("unavailable", "503 from the search index, tried three times")
    said = stories.turn(answer, cost=AGENTS[agent][1])
    told += [(end + 4, last + 1, said), (end + 4.1, last + 1, closing)]
    start = _ago(days=day, minutes=chance.randint(20, 700) if day else 20 + 35 * n)
    stories.tell(told, by, start=start, **_known(chance.choice(TASKS), agent))


_ANSWERS = ("approved",) * 8 + ("denied",) * 2 + ("expired",)


def _decided(chance: random.Random, at: float, step: int) -> list[Told]:
    risk = chance.choice(("low", "low", "medium", "medium", "high"))
    tool = {"low": "write_file", "medium": "send_email", "high": "process_payment"}[risk]
    request = stories.asked(tool, risk, **usual(chance, tool))
    outcome = "approved" if risk == "low" else chance.choice(_ANSWERS)
    wait = chance.expovariate(1 / 60) + 3
    told: list[Told] = [
        (at, step, stories.turn("This one needs a person.", cost=0.01)),
        (at, step, stories.call(tool, risk, "ask")),
        (at, step, request),
        (at + wait, step, stories.decided(request, outcome, "Jonas Lind")),
    ]
    if outcome == "approved":
        told.append((at + wait + 1, step, stories.result(tool, "done", ms=640)))
    return told


def _ballots() -> None:
    """Who decided what: projections write no votes, people do."""
    people = User.objects.filter(username__in=("jonas", "mira")).order_by("username")
    decided = Approval.objects.filter(state__in=("approved", "consumed", "denied"))
    for row in decided:
        answer = "denied" if row.state == "denied" else "approved"
        for user in people[: row.required]:
            vote = Vote.objects.create(approval=row, user=user, decision=answer, digest=row.digest)
            Vote.objects.filter(pk=vote.pk).update(at=row.decided_at)
    decided.exclude(state="denied").update(votes=F("required"))


def _live(by: User) -> None:
    chance = random.Random(9)
    for title, agent, status, minutes, dollars in (
        ("Fix the flaky checkout test", "assistant", "running", 21, 3),
        ("Triage the overnight support queue", "support-desk", "running", 38, 2),
        ("Rename tax_code across billing", "ledger-fixer", "paused", 52, 6),
        ("Summarise the incident reports", "assistant", "running", 12, 1.5),
        ("Check accessibility of the pricing page", "assistant", "running", 6, 2),
    ):
        limits = {"steps": 200, "usd": dollars}
        steps = list(_steps(chance, chance.randint(14, 26), 0.05))
        told = [(0.0, 0, stories.started(agent=agent, limits=limits)), *steps]
        if status == "paused":
            told.append((*steps[-1][:2], events.Paused("Jonas Lind")))
        more = {"status": status, "limits": limits, "start": _ago(minutes=minutes)}
        stories.tell(told, by, **_known(title, agent, **more))
    told = [(0.0, 0, stories.started(limits={"usd": 2})), *_steps(chance, 17, 0.05)]
    told.append((190, 18, events.Error("unavailable", "HTTP 503 from search-index, tried 3 times")))
    more = {"start": _ago(minutes=11), "by": by, "limits": {"usd": 2}}
    stories.tell(told, **_known("Sync the product catalogue", "support-desk", **more))
    stories.finished(by, **_known("Tell A. Lindqvist about her refund", "support-desk"))


def _asking(by: User) -> None:
    """Approvals of each risk, a grant, and a call whose outcome nobody knows."""
    for ask in ASKS:
        _ask(by, ask)
    lost = stories.tell(
        [
            (0, 0, stories.started()),
            (3, 1, stories.turn("I take the payment.")),
            (4, 1, stories.unknown()),
        ],
        by,
        status="outcome_review",
        **_known("Take the payment of order 4471", "ledger-fixer"),
    )
    granted = events.GrantGiven(
        "9d0f7f0e-5c39-4a7e-9d53-0d1f0a5d8a11", "Mira Okafor", "send_email", "medium"
    )
    stories.add(lost, [(5, 1, granted)])
    Session.objects.filter(pk=lost.pk).update(status="outcome_review")


def _ask(by: User, ask: Ask) -> None:
    known: dict[str, Any] = {"required": ask.people, "why": ask.why, "minutes": ask.minutes}
    request = stories.asked(ask.tool, ask.risk, **known, **ask.arguments)
    steps = list(_steps(random.Random(ask.tool), 14, 0.04))
    at, last = steps[-1][0] + 4, steps[-1][1] + 1
    limits = {"usd": 2}
    told: list[Told] = [
        (0, 0, stories.started(agent=ask.agent, task=f"{ask.title}.", limits=limits)),
        *steps,
        (at, last, stories.turn(ask.why)),
        (at + 0.1, last, stories.call(ask.tool, ask.risk, "ask", **ask.arguments)),
        (at + 0.2, last, request),
    ]
    start = _ago(seconds=at + ask.seconds_ago)
    more = {"status": "waiting_approval", "limits": limits, "start": start}
    stories.tell(told, by, **_known(ask.title, ask.agent, **more))


def _spent() -> None:
    """Today's spending beside its cap, as a worker would have booked it."""
    day = timezone.localdate()
    turns = TurnUse.objects.filter(at__date=day).aggregate(usd=Sum("cost"), out=Sum("output"))
    DaySpend.objects.create(day=day, usd=turns["usd"] or 0, tokens=turns["out"] or 0)
    Cap.objects.update_or_create(name=Cap.DAY, defaults={"usd": 60})


_UNUSUAL: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("slow_call", "read_file", {"value": 90_000, "usual": 400}),
    ("error_drift", "find_records", {"value": 0.183, "usual": 0.02}),
    ("loop", "same_call_error", {"detail": "same_call_error"}),
    ("burn_rate", str(int(_ago(hours=30).timestamp()) // 3600), {"value": 24.1, "usual": 7.9}),
)


def _odd() -> None:
    ended = Session.objects.filter(ended_at__isnull=False).order_by("-ended_at")
    for n, (session, (kind, subject, parts)) in enumerate(zip(ended[:4], _UNUSUAL, strict=True)):
        known = {"agent": session.agent, "session": session, "step": 2, "seq": 3}
        about = {"kind": kind, "level": "alert", "subject": subject, "parts": parts}
        Anomaly.objects.create(digest=kind, at=_ago(hours=2 + 9 * n), **about, **known)


def names() -> dict[str, str]:
    """What the addresses of pages are filled with."""
    finished = Session.objects.get(title=postmortem.TITLE)
    other = Session.objects.get(title=f"{postmortem.TITLE}, again")
    asks = {row.risk: str(row.uuid) for row in Approval.objects.filter(state="pending")}
    return {
        "session": str(finished.uuid),
        "live": str(Session.objects.filter(status="running").latest("pk").uuid),
        "waiting": str(Session.objects.filter(status="waiting_approval").latest("pk").uuid),
        "other": str(other.uuid),
        **{f"approval_{risk}": uuid for risk, uuid in asks.items()},
    }
