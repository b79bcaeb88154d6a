"""What an append notes, and that it never costs an event."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from agents import alerts, leases
from agents.alerts import outbox, watch
from agents.alerts.happenings import WATCHED
from agents.core import events
from agents.models import Alert, AlertRule, AlertTarget, Occurrence, Session, Worker
from tests.agents.alerts.post import fail, failed, rule, webhook
from tests.agents.desk import Desk, said

pytestmark = pytest.mark.django_db(transaction=True)


def subjects(name: str) -> list[str]:
    return list(Occurrence.objects.filter(rule__name=name).values_list("subject", flat=True))


def test_without_a_target_nothing_is_written() -> None:
    failed()
    webhook(enabled=False)
    failed()
    assert not Occurrence.objects.exists()


def test_a_failure_is_noted_in_the_transaction_of_its_event() -> None:
    webhook()
    desk = Desk()
    fail(desk)
    assert subjects("session-failed") == [f"{desk.row.uuid}:{desk.refresh().last_seq}"]


def test_an_event_that_is_not_written_raises_no_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    webhook()
    desk = Desk()

    def refuse(*_: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("agents.journal.rows.save", refuse)
        with pytest.raises(RuntimeError):
            fail(desk)
    assert not Occurrence.objects.exists()


def facts() -> dict[str, events.Fact]:
    """What each rule of the defaults listens for, as the log has it."""
    at = events.timestamp(timezone.now())
    return {
        "session-refused": events.TurnDiscarded("refusal", "I will not.", {}, 1),
        "loop-asked": events.LoopDetected("cycle", "ask", {}),
        "budget-reached": events.BudgetReached("steps", 5, 5),
        "outcome-unknown": events.OutcomeUnknown(
            "0" * 32, "c", "post_tweet", {"text": "hi"}, "k", at, "lost"
        ),
        "session-failed": events.Error("internal", "It broke."),
    }


def test_every_watched_fact_is_noted_by_the_rule_for_it() -> None:
    webhook()
    desk = Desk()
    for name, fact in facts().items():
        desk.write(fact)
        assert len(subjects(name)) == 1, name
    rule("approval-requested")
    Desk().ask()
    assert len(subjects("approval-requested")) == 1
    assert {*map(type, facts().values()), events.ApprovalRequested} == {*WATCHED}


@pytest.mark.parametrize(
    "fact",
    [
        events.LoopDetected("cycle", "reflect", {}),
        events.TurnDiscarded("truncated", "", {}, 1),
        events.Complete("done"),
    ],
)
def test_lesser_facts_are_not(fact: events.Fact) -> None:
    webhook()
    Desk().write(fact)
    assert not Occurrence.objects.exists()


def test_conditions_on_agent_and_risk() -> None:
    webhook()
    rule(agent="bank-*")
    failed("assistant")
    failed("bank-clerk")
    assert len(subjects("session-failed")) == 1
    rule("approval-requested", minimum_risk="high")
    Desk().ask(risk="medium")
    Desk().ask(risk="high")
    assert len(subjects("approval-requested")) == 1


@pytest.mark.parametrize(
    ("by", "key"),
    [("rule", ""), ("agent", "assistant"), ("error_class", "internal"), ("session", None)],
)
def test_the_group_of_an_occurrence(by: str, key: str | None) -> None:
    webhook()
    rule(group_by=by)
    desk = failed()
    assert Occurrence.objects.get().key == (str(desk.row.uuid) if key is None else key)


def test_arguments_are_kept_only_where_the_rule_says_so() -> None:
    webhook()
    rule("approval-requested")
    rule("talkative", trigger="approval_requested", include_arguments=True)
    Desk().ask("hunter2")
    told = dict(Occurrence.objects.values_list("rule__name", "details"))
    assert "hunter2" in told["talkative"]["arguments"]
    assert "hunter2" not in str(told["approval-requested"])


def test_a_rule_that_is_broken_costs_neither_the_event_nor_its_neighbours() -> None:
    webhook()
    rule("approval-requested")
    broken = rule("broken", trigger="approval_requested")
    AlertRule.objects.filter(pk=broken.pk).update(minimum_risk="purple")
    desk = Desk()
    desk.ask()
    assert "approval_requested" in desk.kinds()
    assert subjects("broken") == []
    assert len(subjects("approval-requested")) == 1


@pytest.mark.parametrize("what", ["listening", "write"])
def test_an_outbox_that_fails_costs_no_event(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook()

    def fails(*_: Any) -> list[AlertRule]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")
        return []

    monkeypatch.setattr(outbox, what, fails)
    desk = failed()
    assert desk.kinds()[-1] == "error"
    assert not Occurrence.objects.exists()


def test_a_rule_that_is_removed_meanwhile_costs_no_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    webhook()
    listening = outbox.listening

    def late(triggers: Any) -> list[AlertRule]:
        found = listening(triggers)
        thread = threading.Thread(target=_remove)
        if connection.vendor == "postgresql":  # SQLite has one writer at a time
            thread.start()
            thread.join()
        return found

    monkeypatch.setattr(outbox, "listening", late)
    assert failed().kinds()[-1] == "error"


def _remove() -> None:
    AlertRule.objects.all().delete()
    connection.close()


def test_other_events_ask_the_database_nothing_more() -> None:
    webhook()
    desk = Desk()
    watched: list[int] = []

    def count(*_: object) -> None:
        watched.append(1)

    desk.write(said())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(alerts, "note", count)
        desk.write(said(), events.Paused("olu"), events.Resumed("olu"))
        assert not watched
        fail(desk)
    assert watched


def test_what_the_log_does_not_know_can_be_raised_too() -> None:
    webhook()
    for _ in range(2):
        alerts.raise_alert(alerts.breaker_opened("bank__pay", "12:00", "503"))
    alerts.raise_alert(alerts.breaker_opened("bank__pay", "13:00"))
    assert len(subjects("breaker-open")) == 2


def test_a_call_that_waits_too_long_is_noted_once() -> None:
    webhook()
    rule("approval-waiting", minutes=10)
    desk = Desk()
    approval = desk.ask()
    watch.watch()
    assert subjects("approval-waiting") == []
    approval.requested_at = timezone.now() - timedelta(minutes=11)
    approval.save()
    watch.watch()
    watch.watch()
    assert subjects("approval-waiting") == [f"approval:{approval.uuid}"]


def test_a_worker_that_fell_silent_with_sessions_is_noted_once() -> None:
    webhook()
    old = timezone.now() - timedelta(minutes=5)
    Worker.objects.create(name="idle", seen_at=old)
    Worker.objects.create(name="lost", seen_at=old, sessions=3)
    Worker.objects.create(name="alive", seen_at=timezone.now(), sessions=3)
    watch.watch()
    watch.watch()
    assert subjects("worker-gone") == ["worker:lost"]


def test_a_worker_that_died_with_sessions_is_noted() -> None:
    webhook()
    folder = Path(settings.OVERSIGHT_DATA) / "workers"
    folder.mkdir(exist_ok=True)
    for name in ("dead-idle", "dead-busy"):
        (folder / name).touch()
    row = Desk().row
    Session.objects.filter(pk=row.pk).update(lease_owner="dead-busy")
    leases.bury()
    assert subjects("worker-gone") == ["worker:dead-busy"]


def test_asking_costs_one_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        outbox.listening({AlertRule.Trigger.SESSION_FAILED})


def test_targets_of_its_own_come_before_the_default_ones() -> None:
    spare, own = webhook(name="spare"), webhook(name="own", default=False, enabled=False)
    asked = rule()
    assert list(asked.receivers()) == [spare]
    asked.targets = ["own"]
    asked.save()
    assert not outbox.listening({AlertRule.Trigger.SESSION_FAILED})
    AlertTarget.objects.filter(pk=own.pk).update(enabled=True)
    assert outbox.listening({AlertRule.Trigger.SESSION_FAILED}) == [asked]
    assert list(asked.receivers()) == [own]


def test_nothing_is_sent_by_an_append() -> None:
    webhook()
    failed()
    assert not Alert.objects.exists()
    assert Session.objects.get().status == "failed"
