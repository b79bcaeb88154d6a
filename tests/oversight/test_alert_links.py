"""What an alert links to is a page."""

from __future__ import annotations

import uuid

import pytest
from django.urls import resolve
from django.utils import timezone

from agents.alerts import breaker_opened, happenings, wording, worker_lost
from agents.core import events
from agents.core.events import Record
from agents.models import AlertRule

ID = str(uuid.uuid4())
FACTS: list[events.Fact] = [
    events.Error("x", "y"),
    events.ApprovalRequested(ID, "c", "t", {}, "d", "2026-01-01T00:00:00Z", 1, "high", "r"),
    events.OutcomeUnknown(ID, "c", "t", {}, "k", "2026-01-01T00:00:00Z", "lost"),
]
NAMES = ["session", "approval", "outcome"]


@pytest.mark.parametrize(("fact", "name"), [*zip(FACTS, NAMES, strict=True)])
def test_the_page_of_one_happening(fact: events.Fact, name: str) -> None:
    record = Record(ID, 1, 0, fact, timezone.now(), "runtime", 1, "")
    happening = happenings.of(record, 1, "a")
    assert happening
    assert resolve(happening.path.partition("#")[0]).url_name == name


def test_the_pages_of_many_and_of_what_the_log_does_not_know() -> None:
    paths = [path for _, path in wording._MANY.values()]
    paths += [worker_lost("w", 1).path, breaker_opened("b", "1").path]
    names = {resolve(path.partition("?")[0]).url_name for path in paths}
    assert names == {"sessions", "approvals", "anomalies"}
    assert {*wording._MANY} == {*AlertRule.Trigger}
