"""From the outbox to a receiver in a process of its own: at least once, under one id."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from agents.alerts import deliveries, grouping, send_test
from agents.alerts.deliveries import backoff, record, take
from agents.alerts.sending import Sent, send
from agents.models import Alert, AlertTarget, Delivery
from tests.agents.alerts.post import (
    Receiver,
    deliver,
    failed,
    receiver,
    rule,
    verify,
    webhook,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def open_receiver(tmp_path: Path) -> Any:
    one = receiver(tmp_path)
    with one.open():
        yield one


def due_now() -> None:
    """Let the pause before the next try be over, and the claims of dead couriers."""
    past = timezone.now() - timedelta(seconds=1)
    Delivery.objects.update(next_at=past)
    Delivery.objects.exclude(claimed_until=None).update(claimed_until=past)


def test_an_alert_arrives_signed(open_receiver: Receiver) -> None:
    target = webhook(open_receiver.url)
    desk = failed()
    (delivery,) = deliver()
    assert (delivery.state, delivery.status, delivery.attempts) == ("delivered", 200, 1)
    (request,) = open_receiver.taken()
    assert verify(request, target.secret) == [True]
    assert request["headers"]["webhook-id"] == delivery.alert.message_id
    told = json.loads(request["body"])
    assert told["type"] == "session.failed"
    assert told["timestamp"].endswith("Z")
    assert told["data"]["text"] == "“t” of assistant failed: internal."
    assert told["data"]["url"].startswith("http://127.0.0.1:8000/sessions/")
    assert told["data"]["items"][0]["session"] == str(desk.row.uuid)


def test_a_receiver_that_is_down_gets_it_later_under_the_same_id(tmp_path: Path) -> None:
    late = receiver(tmp_path)
    target = webhook(late.url)
    failed()
    (delivery,) = deliver()
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    assert delivery.last_error == "Nobody listens at the receiver's address."
    assert delivery.next_at > timezone.now()
    assert deliver() == []
    with late.open():
        due_now()
        (delivery,) = deliver()
    assert (delivery.state, delivery.last_error) == ("delivered", "")
    (request,) = late.taken()
    assert request["headers"]["webhook-id"] == delivery.alert.message_id
    assert verify(request, target.secret) == [True]


def test_a_courier_that_dies_before_it_records_repeats_under_the_same_id(
    open_receiver: Receiver,
) -> None:
    webhook(open_receiver.url)
    failed()
    grouping.gather()
    (lost,) = take(10)
    assert send(lost.parcel).problem == ""  # and here the process ends
    assert take(10) == []
    due_now()
    (again,) = deliver()
    assert again.state == "delivered"
    first, second = open_receiver.taken()
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    assert first["body"] == second["body"]


def test_a_record_of_an_attempt_that_was_overtaken_counts_no_more() -> None:
    webhook()
    failed()
    grouping.gather()
    (slow,) = take(10)
    due_now()
    (fast,) = take(10)
    record(fast, Sent(status=200))
    record(slow, Sent("The receiver did not answer in time."))
    assert Delivery.objects.get().state == "delivered"


def test_two_couriers_never_take_the_same_delivery() -> None:
    for n in range(20):
        webhook(name=f"t{n}")
    failed()
    grouping.gather()

    def look() -> list[int]:
        try:
            found = []
            while deliveries.due().exists():
                found += [one.pk for one in take(2)]
            return found
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        taken = [pk for found in threads.map(lambda _: look(), range(2)) for pk in found]
    assert len(taken) == len(set(taken)) == 20


def test_a_slow_target_keeps_nobody_else_waiting() -> None:
    slow, quick = webhook(name="slow"), webhook(name="quick")
    for _ in range(5):
        send_test([slow])
    send_test([quick])
    taken = take(8)
    assert [one.target for one in taken].count(slow.pk) == deliveries.PER_TARGET
    assert quick.pk in [one.target for one in taken]
    assert take(8, [slow.pk, slow.pk]) == []


@pytest.mark.parametrize("status", [301, 400, 503])
def test_every_answer_but_2xx_is_a_failure(status: int, tmp_path: Path) -> None:
    one = receiver(tmp_path, status)
    webhook(one.url)
    failed()
    with one.open():
        (delivery,) = deliver()
    assert (delivery.state, delivery.status) == ("pending", status)
    assert len(one.taken()) == 1  # a redirect is not followed


def test_gone_ends_it_at_once_and_disables_the_target(tmp_path: Path) -> None:
    one = receiver(tmp_path, 410)
    target = webhook(one.url)
    failed()
    with one.open():
        (delivery,) = deliver()
    assert delivery.state == "failed"
    target.refresh_from_db()
    assert not target.enabled


def test_after_three_days_it_is_given_up_and_can_be_sent_again(tmp_path: Path) -> None:
    one = receiver(tmp_path)
    webhook(one.url)
    failed()
    grouping.gather()
    Delivery.objects.update(since=timezone.now() - timedelta(days=3, seconds=1))
    (delivery,) = deliver()
    assert delivery.state == "failed"
    assert deliveries.again([delivery.pk]) == 1
    with one.open():
        (delivery,) = deliver()
    assert (delivery.state, delivery.attempts) == ("delivered", 1)
    assert one.taken()[0]["headers"]["webhook-id"] == delivery.alert.message_id


def test_pauses_grow_and_are_spread() -> None:
    assert [backoff(n, 1) for n in (1, 2, 3, 4)] == [2, 6, 18, 54]
    assert backoff(1, 0) == 1
    assert backoff(500, 1) == deliveries.CAP


def test_the_receiver_may_ask_for_a_longer_pause() -> None:
    webhook()
    failed()
    grouping.gather()
    (one,) = take(1)
    record(one, Sent("The receiver answered 429.", 429, wait=3600))
    assert Delivery.objects.get().next_at > timezone.now() + timedelta(minutes=59)


def test_a_secret_that_cannot_be_read_is_said_and_waits(settings: Any) -> None:
    target = webhook()
    failed()
    grouping.gather()
    settings.SECRET_KEY = "another" * 10
    assert take(1) == []
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    assert "enter it again" in delivery.last_error
    assert target.sealed not in delivery.last_error


def test_a_disabled_target_waits_and_a_removed_one_is_given_up() -> None:
    target = webhook()
    failed()
    grouping.gather()
    AlertTarget.objects.update(enabled=False)
    assert take(1) == []
    target.delete()
    Delivery.objects.update(since=timezone.now() - timedelta(days=4))
    deliveries.expire()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.target_name) == ("failed", "hook")
    assert deliveries.again([delivery.pk]) == 0


def test_old_alerts_are_forgotten_unless_they_are_on_their_way() -> None:
    webhook()
    rule(cooldown=0)
    failed()
    failed()
    grouping.gather()
    Alert.objects.update(created_at=timezone.now() - timedelta(days=31))
    Delivery.objects.filter(pk=Delivery.objects.first().pk).update(state="delivered")  # type: ignore[union-attr]  # there are two
    deliveries.forget()
    assert [one.state for one in Delivery.objects.all()] == ["pending"]
