"""Cooldowns and groups: the first at once, the rest together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents.alerts import grouping, wording
from agents.alerts.grouping import due
from agents.core import events
from agents.journal import Append, journal
from agents.models import Alert, AlertRule, Delivery, McpServer, Occurrence, Session
from tests.agents.alerts.post import couriers, failed, rule, webhook
from tests.agents.desk import Desk, entries
from tests.servers import wait_for

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
db = pytest.mark.django_db(transaction=True)


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_a_group_is_told_of_again_when_its_cooldown_is_over(passed: int, cooldown: int) -> None:
    assert due(None, NOON, cooldown)
    assert due(NOON, NOON + timedelta(seconds=passed), cooldown) == (passed >= cooldown)


def elapse(seconds: int) -> None:
    """Let time pass for the alerts that were made."""
    for alert in Alert.objects.all():
        alert.created_at -= timedelta(seconds=seconds)
        alert.save()


def texts() -> list[str]:
    return list(Alert.objects.order_by("pk").values_list("text", flat=True))


@db
def test_the_first_at_once_the_rest_when_the_cooldown_is_over() -> None:
    webhook()
    failed()
    assert grouping.gather() == 1
    failed()
    failed()
    assert grouping.gather() == 0
    elapse(599)
    assert grouping.gather() == 0
    elapse(1)
    assert grouping.gather() == 1
    assert list(Alert.objects.order_by("pk").values_list("count", flat=True)) == [1, 2]
    elapse(600)
    assert grouping.gather() == 0


@db
def test_groups_cool_down_apart() -> None:
    webhook()
    rule(group_by="agent")
    for agent in ("a", "b", "a", "b"):
        failed(agent)
        grouping.gather()
    assert sorted(Alert.objects.values_list("key", "count")) == [("a", 1), ("b", 1)]
    elapse(600)
    grouping.gather()
    assert Alert.objects.count() == 4


@db
def test_without_a_cooldown_each_has_its_alert() -> None:
    webhook()
    rule(cooldown=0)
    for _ in range(3):
        failed()
    assert grouping.gather() == 3
    assert grouping.gather() == 0


@db
def test_an_alert_goes_to_each_target_of_its_rule() -> None:
    for name in ("one", "two"):
        webhook(name=name)
    failed()
    grouping.gather()
    assert sorted(Delivery.objects.values_list("target_name", flat=True)) == ["one", "two"]


@db
@pytest.mark.parametrize("how", ["disabled", "removed"])
def test_what_nobody_wants_to_hear_of_any_more_is_dropped(how: str) -> None:
    webhook()
    failed()
    wanted = AlertRule.objects.filter(name="session-failed")
    if how == "disabled":
        wanted.update(enabled=False)
    else:
        Occurrence.objects.update(rule_id=wanted.get().pk + 1000)
    assert grouping.gather() == 0
    assert not Occurrence.objects.exists()


@db
def test_a_thousand_failures_are_few_alerts_with_two_couriers_at_work() -> None:
    webhook(enabled=True)
    rule(cooldown=3600)
    desks = [Desk() for _ in range(4)]
    spare = Session.objects.bulk_create(
        Session(agent="assistant", title=f"Task {n}", task="t", model="m") for n in range(996)
    )
    pks = [*(desk.row.pk for desk in desks), *(row.pk for row in spare)]
    with couriers(2):
        futures = [journal.submit(Append(pk, entries(events.Error("x", "y")))) for pk in pks]
        for future in futures:
            future.result(60)
        wait_for(Alert.objects.exists, "the first alert")
    grouping.gather()
    assert Alert.objects.count() == 1
    elapse(3600)
    grouping.gather()
    alerts = list(Alert.objects.order_by("pk"))
    assert len(alerts) <= 2
    assert sum(alert.count for alert in alerts) == 1000
    assert not Occurrence.objects.filter(alert=None).exists()


@db
def test_many_are_told_in_one_sentence_with_the_first_and_the_last() -> None:
    webhook()
    for agent in ("first", "second", "third"):
        failed(agent)
    grouping.gather()
    alert = Alert.objects.get()
    clock = timezone.localtime(alert.first_at).strftime("%H:%M UTC")
    assert alert.text.startswith(f"3 sessions failed between {clock} and ")
    assert "first “t” of first, last “t” of third." in alert.text
    assert [item["agent"] for item in alert.data["items"]] == ["first", "second", "third"]
    assert alert.path == "/sessions/?filter=failed"


@db
def test_what_an_alert_says_of_each_trigger() -> None:
    webhook()
    AlertRule.objects.update(enabled=True, cooldown=0)
    desk = Desk()
    approval = desk.ask()
    at = events.timestamp(NOON)
    for fact in (
        events.TurnDiscarded("refusal", "no", {}, 1),
        events.LoopDetected("cycle", "ask", {}),
        events.BudgetReached("steps", 5, 5),
        events.OutcomeUnknown("0" * 32, "c", "pay", {}, "k", at, "lost"),
        events.Error("internal", "It broke."),
    ):
        desk.write(fact)
    grouping.gather()
    told = {alert.trigger: alert for alert in Alert.objects.all()}
    assert {trigger: alert.text for trigger, alert in told.items()} == {
        "approval_requested": "assistant asks to run post_tweet (HIGH) in “t”.",
        "session_refused": "The model refused to go on with “t” of assistant.",
        "loop_asked": "assistant repeats itself in “t” (cycle); a person is asked.",
        "budget_reached": "“t” of assistant has used up its step budget.",
        "outcome_unknown": "pay of assistant may have happened, in “t”; a person must say.",
        "session_failed": "“t” of assistant failed: internal.",
    }
    assert told["approval_requested"].path == f"/approvals/{approval.uuid}/"
    assert told["session_failed"].path.startswith(f"/sessions/{desk.row.uuid}/#e-")
    assert wording.link("/x").startswith("http")


@db
def test_a_days_cap_is_not_told_as_the_sessions_own_budget() -> None:
    webhook()
    rule("budget-reached", cooldown=0)
    Desk().write(events.BudgetReached("usd", 5.0, 5.0, 0.1, "2026-11-23"))
    grouping.gather()
    said = "The dollar cap of 2026-11-23 for all sessions is reached; “t” waits."
    assert [alert.text for alert in Alert.objects.all()] == [said]


@db
def test_arguments_and_the_errors_words_only_where_the_rule_says_so() -> None:
    webhook()
    rule("plain", trigger="approval_requested", cooldown=0)
    rule("full", trigger="approval_requested", cooldown=0, include_arguments=True)
    Desk().ask("the secret plan")
    grouping.gather()
    told = {alert.rule_name: f"{alert.text}{alert.data}" for alert in Alert.objects.all()}
    assert "the secret plan" in told["full"]
    assert "the secret plan" not in told["plain"]


@db
def test_known_secrets_are_redacted_whatever_the_rule_says(settings: Any) -> None:
    settings.ANTHROPIC_API_KEY = "sk-ant-1234567890"
    McpServer.objects.create(name="bank", command=["x"], env={"TOKEN": "bank-token-1"})
    webhook()
    rule(include_arguments=True)
    Session.objects.all().delete()
    failed(message="401 for sk-ant-1234567890 and bank-token-1")
    grouping.gather()
    alert = Alert.objects.get()
    assert "401 for [redacted] and [redacted]" in alert.text
    assert "1234567890" not in f"{alert.text}{alert.data}"
    assert "bank-token" not in f"{alert.text}{alert.data}"


@pytest.mark.parametrize(
    ("hostile", "safe"),
    [
        ("a\r\nBcc: eve@example.com", "a Bcc: eve@example.com"),
        ("pay\u202eecilA\u200b", "payecilA"),
        ("x" * 200, "x" * 99 + "…"),
        ("a\x00b", None),
    ],
)
def test_what_others_named_is_one_plain_line(hostile: str, safe: str | None) -> None:
    line = wording.plain(hostile)
    assert safe is None or line == safe
    assert line.isprintable()
