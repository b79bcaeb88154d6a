"""A session in which every word is hostile, on every page: words stay words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from agents.core import events
from agents.models import AgentDefinition, Approval, Outcome, RoleAssignment, Session, Tool
from tests.oversight import stories
from tests.oversight.test_access import PAGES, POSTS, come
from tests.oversight.test_timeline import Tags

pytestmark = pytest.mark.django_db

EVIL = (
    "</p></li></textarea></title></script><script>alert(1)</script><img src=x onerror=alert(1)>"
    "\"' onfocus=alert(1) autofocus hx-get=/evil/ hx-trigger=load '\"><form action=/evil/>"
    "{{ x }}{% now %}[l](javascript:alert(1))\u202egpj.exe\u200b"
)


@pytest.fixture
def names(olu: User) -> dict[str, str]:
    """The parts of its addresses. The operator's own name is hostile too."""
    User.objects.filter(pk=olu.pk).update(first_name=EVIL[:140], last_name=EVIL[:140])
    arguments: dict[str, Any] = {EVIL: EVIL, "amount": 3}
    request = stories.asked(EVIL, **arguments)
    grant = events.GrantGiven("7d1f0a5d-8a11-4a7e-9d53-5f0f6b0e6f39", EVIL, EVIL, "medium")
    now = datetime.now(UTC).isoformat()
    told: list[stories.Told] = [
        (0, 0, stories.started(agent=EVIL, task=EVIL, by=EVIL)),
        (1, 1, stories.turn(EVIL, EVIL)),
        (2, 1, stories.call(EVIL, "safe", "allow", **{EVIL: EVIL})),
        (3, 1, stories.result(EVIL, EVIL)),
        (4, 1, stories.result(EVIL, EVIL, ok=False, error_class="unknown")),
        (5, 2, stories.turn(EVIL)),
        (6, 2, stories.call(EVIL, "medium", "ask", **{EVIL: EVIL})),
        (7, 2, request),
        (8, 2, events.Message(EVIL, EVIL)),
        (9, 2, grant),
        (9, 2, events.OutcomeUnknown(OUTCOME, EVIL, EVIL, {EVIL: EVIL}, "key", now, EVIL)),
        (9, 2, events.ToolRetried(EVIL, EVIL, 1, "unavailable", EVIL, 2000)),
        (9, 2, events.TurnDiscarded("refusal", EVIL, {}, 1)),
    ]
    session = stories.tell(told, olu, title=EVIL[:200], task=EVIL, agent=EVIL[:64])
    Session.objects.filter(pk=session.pk).update(
        status="waiting_approval", asking=EVIL[:300], error=EVIL, result=EVIL
    )
    Tool.objects.create(name=EVIL[:128], server=EVIL[:40], description=EVIL)
    AgentDefinition.objects.create(name=EVIL[:64], tools=["*"], system=EVIL)
    approval = Approval.objects.get()
    Approval.objects.filter(pk=approval.pk).update(reason=EVIL, rule=EVIL[:300])
    return {
        "session": str(session.uuid),
        "approval": str(approval.uuid),
        "outcome": OUTCOME,
        "grant": grant.grant_id,
    }


OUTCOME = "0d1f0a5d-8a11-4a7e-9d53-5f0f6b0e6f39"


@pytest.mark.parametrize("page", [*PAGES, "/me/", "/insights/", "/admin/agents/tool/"])
def test_hostile_words_stay_words_on_every_page(
    page: str, names: dict[str, str], client: Client, ada: User
) -> None:
    answer = come(client, ada).get(page.format(**names))
    assert answer.status_code == 200
    if not answer.headers["Content-Type"].startswith("text/html"):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        return
    html = answer.content.decode()
    for tag, marks in Tags(html).tags:
        assert tag != "img"
        runs = tag == "script" and marks.get("type") != "application/json"
        assert not runs or str(marks.get("src")).startswith("/static/")
        assert not [name for name in marks if name.startswith("on")]
        assert "/evil/" not in (marks.get("hx-get"), marks.get("action"))
        for address in (marks.get("href"), marks.get("src"), marks.get("action")):
            assert not str(address or "").lower().startswith(("javascript:", "data:"))
    # In a field a person edits the words themselves.
    shown = re.sub(r"<textarea.*?</textarea>", "", html, flags=re.DOTALL)
    assert "\u202e" not in shown
    assert "\u200b" not in shown


@pytest.mark.parametrize("address", [one for one in [*PAGES, *POSTS] if "{" in one])
def test_who_is_narrowed_to_another_group_finds_nothing(
    address: str, names: dict[str, str], client: Client
) -> None:
    ours, theirs = (Group.objects.create(name=name) for name in ("ours", "theirs"))
    Session.objects.update(group=theirs)
    eve = User.objects.create_user("eve2")
    for role in RoleAssignment.Role.values:
        RoleAssignment.objects.create(user=eve, role=role, group=ours)
    come(client, eve)
    place = address.format(**names)
    form = {"digest": Approval.objects.get().digest, "confirmed": "yes", "decision": "happened"}
    answer = client.get(place) if address in PAGES else client.post(place, form)
    assert answer.status_code in ((200,) if "selected" in address else (302, 303, 404))
    assert b"/evil/" not in answer.content
    assert Approval.objects.get().state == "pending"
    assert Outcome.objects.get().state == "open"
    assert not Session.objects.get().stopping
