"""Anomalies from the log to the table: three hundred seeded sessions, recorded as events."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from agents import inbox
from agents.alerts import grouping
from agents.core import events, watch
from agents.core.events import Fact
from agents.insights import rounds, watching
from agents.insights.sentences import sentence
from agents.models import (
    Alert,
    AlertRule,
    AlertTarget,
    Anomaly,
    Event,
    Habit,
    Occurrence,
    RollupState,
    Session,
)
from tests.agents.desk import Desk
from tests.cast import person
from tests.core.seeded import Plant, Played, World, play
from tests.oversight import stories

pytestmark = pytest.mark.django_db(transaction=True)

SEED = 5


def facts(session: Played) -> list[tuple[float, int, str, Fact]]:
    """Time, step, actor and fact of everything that was seen of a session."""
    told: list[tuple[float, int, str, Fact]] = []
    for n, seen in enumerate(session.seen):
        told += [(seen.at, seen.step, actor, fact) for actor, fact in _facts(n, seen)]
    return told


def _facts(n: int, seen: watch.Seen) -> list[tuple[str, Fact]]:
    call_id = f"call-{n}"
    match seen:
        case watch.Turn():
            usage = {
                "input_tokens": seen.prompt - seen.cached,
                "cache_read_input_tokens": seen.cached,
                "output_tokens": seen.output,
            }
            told = (usage, "tool_use", seen.model, seen.duration_ms, 1)
            return [("model", events.Thinking([], "", *told, cost=seen.cost))]
        case watch.Call():
            return _call(call_id, seen)
        case watch.Happening(kind="loop"):
            return [("runtime", events.LoopDetected(seen.detail, "ask", {}))]
        case watch.Happening():
            return [("runtime", events.TurnDiscarded("refusal", seen.detail, {}, 1))]
        case watch.Decision():
            return []  # with its call
        case watch.End():
            return [("runtime", events.Complete("Done."))]


def _call(call_id: str, seen: watch.Call) -> list[tuple[str, Fact]]:
    arguments = {"url": f"https://{seen.host}/"} if seen.host else {}
    asked = seen.tool in ("send_email", "process_payment")
    judged = (seen.risk.word, "ask" if asked else "allow", "")
    told: list[tuple[str, Fact]] = [
        ("model", events.ToolCall(call_id, seen.tool, arguments, *judged))
    ]
    failed = None if seen.ok else "unavailable"
    result: dict[str, Any] = {"duration_ms": seen.duration_ms, "executed": seen.executed}
    if asked:
        decision = "denied" if seen.denied else "approved"
        decided = events.ApprovalDecided("a", call_id, decision, "Ann", "", "d", waited_ms=9)
        told.append(("human:0", decided))
    content = "x" * seen.size
    return [
        *told,
        ("runtime", events.ToolResult(call_id, seen.tool, seen.ok, content, failed, **result)),
    ]


def record(world: World) -> dict[str, Session]:
    """The sessions with their logs and nothing else, as an older release left them."""
    found: dict[str, Session] = {}
    logs: list[Event] = []
    # Whole hours, so that what came in one hour still does.
    later = (time.time() - world.sessions[-1].begins - 3600) // 3600 * 3600
    for played in world.sessions:
        told = facts(played)
        begins, ended = (_moment(at + later) for at in (played.begins, told[-1][0]))
        session = Session.objects.create(
            agent=played.agent,
            title=played.name,
            task="",
            model="m",
            status="completed",
            ended_at=ended,
            last_seq=len(told),
            steps=told[-1][1],
        )
        Session.objects.filter(pk=session.pk).update(created_at=begins)
        found[played.name] = session
        logs += [
            Event(
                session=session,
                seq=seq,
                step=step,
                kind=fact.kind,
                text=events.encode(fact),
                at=_moment(at + later),
                actor=actor,
                term=1,
                digest=f"{played.name}-{seq}",
            )
            for seq, (at, step, actor, fact) in enumerate(told, 1)
        ]
    Event.objects.bulk_create(logs, batch_size=900)
    return found


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def matches(anomaly: Anomaly, plant: Plant) -> bool:
    named = plant.subject in ("", anomaly.subject)
    return anomaly.kind == plant.kind and anomaly.session.title in plant.sessions and named


def test_what_is_planted_in_three_hundred_sessions_is_found() -> None:
    world = play(SEED)
    record(world)
    rounds.rebuild()
    alarms = list(Anomaly.objects.filter(level="alert").select_related("session"))
    missed = [plant for plant in world.plants if not any(matches(a, plant) for a in alarms)]
    assert missed == []
    causes: dict[str, set[str]] = defaultdict(set)
    for plant in world.plants:
        for name in plant.sessions:
            causes[name] |= {plant.kind, *plant.also}
    false = [str(sentence(a)) for a in alarms if a.kind not in causes[a.session.title]]
    assert len(false) <= 2, false
    for anomaly in Anomaly.objects.all():
        assert "?" not in str(sentence(anomaly)), sentence(anomaly)
    again_and_in_pieces(alarms)


def again_and_in_pieces(alarms: list[Anomaly]) -> None:
    """Looked for again, or hour by hour, the same is found, and what people said of it stays."""
    before = set(Anomaly.objects.values_list("digest", flat=True))
    Anomaly.objects.filter(pk=alarms[0].pk).update(state="acknowledged")
    watching.forget()
    first, last = Session.objects.order_by("created_at").first(), Session.objects.latest("ended_at")
    assert first is not None
    assert last.ended_at is not None
    moment = first.created_at - timedelta(seconds=1)
    RollupState.objects.update(watched_at=moment)
    while moment < last.ended_at:
        moment += timedelta(hours=7)
        watching.look(moment)
    assert set(Anomaly.objects.values_list("digest", flat=True)) == before
    assert Anomaly.objects.get(pk=alarms[0].pk).state == "acknowledged"


def test_a_pass_that_dies_learns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = play(SEED)
    world.sessions = world.sessions[:30]
    record(world)
    rounds.rebuild()
    watching.forget()
    found = set(Anomaly.objects.values_list("digest", flat=True))
    Anomaly.objects.all().delete()

    def die(owner: object, finding: object) -> Anomaly:
        raise RuntimeError("power cut")

    with monkeypatch.context() as cut:
        cut.setattr(watching, "_anomaly", die)
        with pytest.raises(RuntimeError):
            watching.look(datetime.now(UTC))
    state = RollupState.objects.get(pk=1)
    assert Habit.objects.count() == 0 or state.watched_at is not None
    watching.look(datetime.now(UTC))
    assert set(Anomaly.objects.values_list("digest", flat=True)) == found


def test_what_is_found_lately_is_told_to_whoever_listens_once() -> None:
    target = AlertTarget.objects.create(name="desk", kind="webhook", address="https://x.example/")
    session = stories.tell([(0, 0, stories.started()), (1, 1, refusal()), (2, 1, done())])
    old = stories.tell(
        [(0, 0, stories.started()), (1, 1, refusal()), (2, 1, done())],
        start=datetime.now(UTC) - timedelta(days=3),
    )
    RollupState.objects.update_or_create(pk=1)
    for _ in range(2):
        watching.look(datetime.now(UTC))
        watching.forget()
    assert set(Anomaly.objects.values_list("session", flat=True)) == {session.pk, old.pk}
    occurrence = Occurrence.objects.get(rule__trigger="anomaly")
    assert occurrence.path == f"/sessions/{session.uuid}/?before=2#e-2"
    assert occurrence.details["said"] == "assistant got an answer refused by its model."
    grouping.gather()
    alert = Alert.objects.get(rule__trigger="anomaly")
    assert alert.text.startswith("Unusual, in “Refund the duplicate charge")
    assert target.enabled


@pytest.mark.parametrize("told", [False, True])
def test_a_host_is_an_argument_of_which_only_a_rule_that_says_so_tells(*, told: bool) -> None:
    AlertTarget.objects.create(name="desk", kind="webhook", address="https://x.example/")
    AlertRule.objects.filter(trigger="anomaly").update(include_arguments=told)
    session = stories.tell([(0, 0, stories.started())])
    at, pk, parts = datetime.now(UTC).timestamp(), str(session.pk), {"tool": "fetch"}
    reached = watch.Finding("new_host", "alert", "evil.example", at, pk, 1, 1, "key", parts)
    watching._keep([watching._anomaly(("assistant", None), reached)])
    grouping.gather()
    alert = Alert.objects.get(rule__trigger="anomaly")
    assert "assistant reached a host with fetch for the first time." in alert.text
    assert ("evil.example" in f"{alert.text} {alert.data}") is told


def refusal() -> Fact:
    return events.TurnDiscarded("refusal", "I will not.", {}, 1)


def done() -> Fact:
    return events.Complete("Done.")


def anomaly() -> Anomaly:
    where: dict[str, Any] = {"session": Desk().row, "step": 1, "seq": 1, "at": datetime.now(UTC)}
    return Anomaly.objects.create(digest="d", kind="k", level="alert", agent="assistant", **where)


@pytest.mark.parametrize("role", ["operator", "auditor"])
def test_an_anomaly_is_set_aside_once_and_by_whom(role: str) -> None:
    one, other = person("una", role), person("uno", role)
    found = inbox.acknowledge(one, anomaly().pk)
    assert (found.state, found.acknowledged_by) == ("acknowledged", one)
    with pytest.raises(inbox.Conflict):
        inbox.acknowledge(other, found.pk)


def test_who_only_looks_sets_no_anomaly_aside(ann: User, bob: User, eve: User) -> None:
    found = anomaly()
    for user, refusal in ((ann, inbox.NotAllowed), (bob, inbox.NotAllowed), (eve, inbox.Missing)):
        with pytest.raises(refusal):
            inbox.acknowledge(user, found.pk)
    found.refresh_from_db()
    assert found.state == "open"
