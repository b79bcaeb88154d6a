"""The card of a session that asks, for whoever looks at it; and its answers as plain forms."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agents.core import events
from agents.core.events import Fact
from agents.models import Cap, DaySpend, Event, Session
from tests.oversight import stories
from tests.oversight.test_deciding import text

pytestmark = pytest.mark.django_db(transaction=True)

LOOP = events.LoopDetected(
    "cycle",
    "ask",
    {
        "count": 6,
        "calls": [
            {"tool": "read_file", "arguments": '{"path":"a"}', "count": 3, "failed": 0},
            {"tool": "find_records", "arguments": '{"table":"<b>"}', "count": 3, "failed": 2},
        ],
    },
    "NOTE FROM THE RUNTIME: your last 6 calls go round in a circle.",
)


def come(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def asks(user: User, question: str, *facts: Fact, **fields: object) -> str:
    told = [(0, 0, stories.started()), *((1, 0, fact) for fact in facts)]
    session = stories.tell(told, user, status="waiting_input", question=question, **fields)
    Session.objects.filter(pk=session.pk).update(status="waiting_input", question=question)
    return f"/sessions/{session.uuid}/"


def page(user: User, address: str) -> str:
    return come(user).get(address).content.decode()


def test_who_may_answer_sees_the_ways_to_and_others_who_may(
    olu: User, ann: User, bob: User
) -> None:
    address = asks(olu, "budget", events.BudgetReached("usd", 3.98, 4, 0.05))
    for user in (olu, ann):
        shown = page(user, address)
        assert "The dollar budget has no room for another call" in shown
        assert 'value="usd=6.12"' in shown  # what the next call needs counts as used
        assert "Let it wrap up" in shown
    assert "Only operators and approvers can answer." in page(bob, address)
    answer = come(ann).post(f"{address}limits/", {"to": "usd=6.12", "reason": "Go."})
    assert answer.status_code == 303
    log = Event.objects.order_by("-seq").values_list("kind", "text").first()
    assert log == (
        "limits_changed",
        '{"by":"ann","limits":{"usd":6.12},"before":{"usd":4},"reason":"Go."}',
    )


@pytest.mark.parametrize(
    "form",
    [
        {"to": "wishes=3"},
        {"to": "usd=nan"},
        {"to": "usd"},
        {},
        {"active_minutes": "x"},
        {"to": "steps=1e300"},
        {"to": "usd=inf"},
        {"steps": "1e300"},
    ],
)
def test_an_answer_that_makes_no_sense_changes_nothing(olu: User, form: dict[str, str]) -> None:
    address = asks(olu, "budget", events.BudgetReached("steps", 50, 50))
    assert come(olu).post(f"{address}limits/", form).status_code == 400
    assert not Event.objects.filter(kind="limits_changed").exists()


def test_a_figure_that_is_too_large_is_called_so_however_it_came(olu: User) -> None:
    address = asks(olu, "budget", events.BudgetReached("steps", 50, 50))
    for form in ({"to": "steps=1e300"}, {"steps": "1e300"}):
        said = come(olu).post(f"{address}limits/", form).content.decode()
        assert "The limit of steps must be less than 1,000,000,000,000." in said


@pytest.mark.parametrize(
    ("written", "limit"),
    [("1,500", 1500), ("$1,234,567.5", 1234567.5), ("1 500", 1500), ("1.5", 1.5)],
)
def test_thousands_may_be_marked(olu: User, written: str, limit: float) -> None:
    address = asks(olu, "budget", events.BudgetReached("usd", 4, 4))
    come(olu).post(f"{address}limits/", {"usd": written})
    assert Session.objects.get().limits["usd"] == limit


@pytest.mark.parametrize(
    "written", ["1,5", "12,50", "1.500,5", ",500", "1,0000", "0,500", "1234,567"]
)
def test_a_comma_before_a_fraction_makes_no_limit_ten_times_as_high(
    olu: User, written: str
) -> None:
    address = asks(olu, "budget", events.BudgetReached("usd", 4, 4))
    answer = come(olu).post(f"{address}limits/", {"usd": written})
    assert "The limit of cost must be a number, as in 1,500 or 1.5." in answer.content.decode()
    assert not Event.objects.filter(kind="limits_changed").exists()


def test_limits_that_are_refused_stay_in_their_fields(olu: User) -> None:
    address = asks(olu, "budget", events.BudgetReached("usd", 4, 4))
    form = {"usd": "much", "active_minutes": "90", "reason": "It is nearly done."}
    answer = come(olu).post(f"{address}limits/", form)
    assert answer.status_code == 400
    said = answer.content.decode()
    assert "The limit of cost must be a number" in said
    for value in form.values():
        assert f'value="{value}"' in said


def test_minutes_are_minutes(olu: User) -> None:
    address = asks(olu, "budget", events.BudgetReached("active_seconds", 600, 600))
    assert "Extend by 50 %, to 15 min" in page(olu, address)
    come(olu).post(f"{address}limits/", {"active_minutes": "12.5"})
    assert Session.objects.get().limits["active_seconds"] == 750


def test_a_loop_shows_each_call_with_its_count(olu: User, bob: User) -> None:
    address = asks(olu, "loop", LOOP)
    shown = page(olu, address)
    assert "Going round in circles: 6 calls" in shown
    assert shown.count('<span class="count">3×</span>') == 4  # in the timeline and in the card
    assert "2 failed" in shown
    assert "<b>" not in shown.split('id="question"')[1].split("</section>")[0]
    assert "Lift the block" not in shown  # nothing is blocked
    assert "Only operators can answer." in page(bob, address)


def test_the_days_cap_names_who_can_raise_it(olu: User, ada: User) -> None:
    fact = events.BudgetReached("usd", 5, 5, 0, "2026-11-23")
    address = asks(olu, "day 2026-11-23 usd 5", fact, asking="The cap of 2026-11-23 is reached.")
    assert "Only administrators can raise it." in page(olu, address)
    assert "/admin/agents/cap/" in page(ada, address)


def test_a_new_session_is_told_of_a_cap_that_is_reached(olu: User) -> None:
    assert "cap for all sessions is reached" not in page(olu, "/sessions/new/")
    Cap.objects.update_or_create(name="day", defaults={"usd": 1})
    DaySpend.objects.create(day=timezone.localdate(), usd=1)
    assert "cap for all sessions is reached" in page(olu, "/sessions/new/")


def test_meters_show_what_has_a_limit_and_say_what_is_not_known(olu: User) -> None:
    limits = {"steps": 50, "approvals": 10}
    fields = {"unpriced": True, "cost": None, "tokens": 9000, "cached_tokens": 8000}
    session = stories.tell([(0, 0, stories.started(limits=limits))], olu, status="paused")
    Session.objects.filter(pk=session.pk).update(steps=40, approvals_asked=10, **fields)
    shown = page(olu, f"/sessions/{session.uuid}/").split('id="figures"')[1].split("</section>")[0]
    assert '<div class="figure near"><dt>Steps</dt><dd>40 of 50</dd>' in shown
    assert '<div class="figure over"><dt>Approvals asked</dt><dd>10 of 10</dd>' in shown
    assert "<dt>Cost</dt><dd>not known</dd>" in shown
    assert "and 8 k read from the cache" in shown
    assert "HIGH calls" not in shown
    assert shown.count('role="meter"') == 2


def test_a_limit_is_raised_before_it_is_reached_from_the_warning(olu: User, bob: User) -> None:
    warned = events.BudgetWarned("steps", 40, 50)
    session = stories.tell([(0, 0, stories.started()), (1, 1, warned)], olu, limits={"steps": 50})
    address = f"/sessions/{session.uuid}/"
    sheet = f"{address}confirm/?do=limits"
    assert f'href="{sheet}" data-sheet' in text(come(olu).get(address))
    assert 'name="steps"' in text(come(olu).get(sheet))
    come(olu).post(f"{address}limits/", {"steps": "80", "next": address})
    session.refresh_from_db()
    assert session.limits["steps"] == 80
    refused = text(come(bob).get(sheet))
    assert "Only operators and approvers can. Ask olu." in refused
    assert 'name="steps"' not in refused
