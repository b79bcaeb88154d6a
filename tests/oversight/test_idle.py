"""A session that waits for its time or a slot says so, and a person may have it try at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.core import events
from agents.models import AgentDefinition, Breaker, Provider, Session
from tests.oversight import stories

pytestmark = pytest.mark.django_db(transaction=True)

BACKEND = "django.contrib.auth.backends.ModelBackend"


def pending(user: User, session: Session) -> str:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client.get(f"/sessions/{session.uuid}/pending/").content.decode()


def parked(olu: User, waits_for: str = "model") -> Session:
    told = events.ModelRetried(2, "rate_limited", "Slow down.", 7_200_000)
    return stories.tell(
        [(0, 0, stories.started()), (1, 1, told)],
        olu,
        status="queued",
        waits_for=waits_for,
        resume_at=timezone.now() + timedelta(hours=2),
    )


@pytest.mark.parametrize("waits_for", ["model", "tool"])
def test_a_parked_session_says_until_when_and_why(olu: User, waits_for: str) -> None:
    session = parked(olu, waits_for)
    html = pending(olu, session)
    assert session.resume_at
    assert f"{timezone.localtime(session.resume_at):%H:%M:%S}" in html
    assert f'data-due="{session.resume_at.isoformat()}"' in html
    assert "Slow down." in html
    assert "Retry now" in html


def test_pressing_retry_now_makes_it_runnable_and_a_viewer_cannot(olu: User, bob: User) -> None:
    session = parked(olu)
    assert "Retry now" not in pending(bob, session)
    client = Client()
    client.force_login(olu, backend=BACKEND)
    client.post(f"/sessions/{session.uuid}/resume/")
    session.refresh_from_db()
    assert (session.status, session.resume_at) == ("queued", None)
    assert session.events.order_by("-seq").values_list("kind", flat=True)[0] == "resumed"


def test_a_queued_session_says_how_many_are_at_work_and_how_many_come_first(olu: User) -> None:
    AgentDefinition.objects.update_or_create(name="clerk", defaults={"slots": 3})
    for _ in range(3):
        stories.tell([], olu, agent="clerk", status="running")
    rows = [stories.tell([], olu, agent="clerk", status="queued") for _ in range(2)]
    html = pending(olu, rows[1])
    assert "3 sessions of this agent are at work" in html
    assert "1 session of this agent is before this one" in html
    assert "Retry now" not in html


def test_a_session_at_work_says_nothing_of_the_kind(olu: User) -> None:
    assert 'id="idle"' not in pending(olu, stories.tell([], olu, status="running"))


def test_health_tells_of_blocked_endpoints_and_open_breakers(client: Client) -> None:
    Breaker.objects.create(name="tool:look", state="opened")
    Provider.objects.create(key="k", host="h", blocked_at=timezone.now(), reason="secret words")
    answer = client.get("/api/v1/health")
    said = answer.json()["endpoint"]
    assert said == {"ok": False, "blocked": 1, "held": 0, "open_breakers": 1}
    assert "secret words" not in answer.content.decode()


def test_an_admin_sees_a_blocked_endpoint_and_clears_it(ada: User) -> None:
    row = Provider.objects.create(key="k", host="api.example", blocked_at=timezone.now())
    client = Client()
    client.force_login(ada, backend=BACKEND)
    address = reverse("admin:agents_provider_changelist")
    assert "api.example" in client.get(address).content.decode()
    client.post(address, {"action": "clear", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.blocked_at is None
