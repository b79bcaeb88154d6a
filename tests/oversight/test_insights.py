"""The page of insights: who sees what, what it says, and its tables as CSV."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.core import events
from agents.insights import rounds
from agents.models import Anomaly, RoleAssignment, Session, ToolUse, Vote
from oversight.insights import charts
from tests.cast import person
from tests.oversight import stories
from tests.oversight.stories import Told

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = '=HYPERLINK("x")<script>alert(1)</script>'


def page(user: User, query: str = "", path: str = "/insights/") -> str:
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    response = client.get(f"{path}?{query}")
    assert response.status_code == 200, response
    return response.content.decode()


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def table(user: User, name: str, query: str = "") -> list[list[str]]:
    return list(csv.reader(StringIO(page(user, query, f"/insights/{name}.csv"))))


def calling(tool: str, ok: bool = True, **fields: Any) -> Session:
    story: list[Told] = [
        (0, 0, stories.started()),
        (1, 1, stories.turn("One.")),
        (1, 1, stories.call(tool)),
        (2, 1, stories.result(tool, "done", ok=ok)),
        (3, 2, events.Complete("Done.")),
    ]
    return stories.tell(story, **fields)


def odd(session: Session, kind: str = "slow_call", **fields: Any) -> Anomaly:
    known: dict[str, Any] = {"subject": "read_file", "parts": {"value": 90_000, "usual": 40}}
    known |= {"level": "alert", "agent": session.agent, "group": session.group, **fields}
    count = Anomaly.objects.count()
    at = datetime.now(UTC) - timedelta(minutes=2)
    return Anomaly.objects.create(
        digest=str(count), kind=kind, session=session, step=1, seq=3, at=at, **known
    )


def test_an_empty_house_says_so(bob: User) -> None:
    words = text_of(page(bob))
    for sentence in ("No tool was called.", "Nothing stands out.", "Nobody was asked."):
        assert sentence in words


def test_the_page_says_what_the_days_came_to(bob: User) -> None:
    stories.finished()
    for ok in (True, True, False):
        calling("read_file", ok=ok)
    rounds.round_()
    words = text_of(page(bob))
    assert "Sessions 4" in words
    assert "33.3%" in words
    assert "95% within" in words
    assert table(bob, "tools")[1][:6] == ["read_file", "SAFE", "3", "1", "33.3%", "0"]


@pytest.mark.parametrize("key", ["24h", "7d", "30d", "nonsense"])
def test_every_range_has_the_same_calls(bob: User, key: str) -> None:
    stories.finished()
    rounds.round_()
    rows = table(bob, "tools", f"range={key}")
    assert [row[0] for row in rows[1:]] == ["find_records", "send_email"]
    assert "Median" in page(bob, f"range={key}")


def test_who_is_narrowed_to_a_group_sees_its_figures_alone(bob: User) -> None:
    ours, theirs = Group.objects.create(name="ours"), Group.objects.create(name="theirs")
    odd(calling("our_tool", group=ours, agent="ours"))
    odd(calling("their_tool", group=theirs, agent="theirs"), subject="their_tool")
    rounds.round_()
    cas = person("cas")
    RoleAssignment.objects.create(user=cas, role="approver", group=ours)
    for key in ("24h", "14d"):
        html = page(cas, f"range={key}")
        assert "our_tool" in html
        assert "their" not in html
        assert "theirs" in page(bob, f"range={key}")
    assert [row[2] for row in table(cas, "anomalies")[1:]] == ["ours"]


def test_strangers_see_nothing(eve: User) -> None:
    client = Client()
    assert client.get("/insights/").status_code == 302
    client.force_login(eve, "django.contrib.auth.backends.ModelBackend")
    for path in ("/insights/", "/insights/anomalies/", "/insights/tools.csv"):
        assert client.get(path).status_code == 403


def test_one_agent_can_be_chosen(bob: User) -> None:
    calling("read_file", agent="clerk")
    calling("write_file", agent="scribe")
    rounds.round_()
    assert [row[0] for row in table(bob, "tools", "agent=clerk")[1:]] == ["read_file"]
    assert "write_file" not in page(bob, "agent=clerk")


def test_names_from_outside_are_shown_and_never_run(bob: User) -> None:
    session = calling(HOSTILE)
    odd(session, subject=HOSTILE)
    rounds.round_()
    assert "<script>alert" not in page(bob)
    assert table(bob, "tools")[1][0] == f"'{HOSTILE}"
    assert table(bob, "anomalies")[1][3].startswith("'=HYPERLINK")


def test_an_anomaly_leads_to_its_evidence_and_can_be_set_aside(olu: User, bob: User) -> None:
    session = calling("read_file")
    anomaly = odd(session)
    html = page(olu)
    assert "read_file took 1 min 30 s, usually about 40 ms." in text_of(html)
    assert f"/sessions/{session.uuid}/?before=2#e-3" in html
    assert "took 1 min 30 s" in text_of(page(bob, path=f"/sessions/{session.uuid}/"))
    assert "Set aside" not in page(bob)
    client = Client()
    client.force_login(bob, "django.contrib.auth.backends.ModelBackend")
    address = f"/insights/anomalies/{anomaly.pk}/set-aside/"
    assert client.post(address).status_code == 403
    client.force_login(olu, "django.contrib.auth.backends.ModelBackend")
    assert client.post(address).status_code == 303
    assert "took 1 min 30 s" not in text_of(page(olu))
    assert "set aside by olu" in text_of(page(olu, path="/insights/anomalies/"))


def test_rules_that_never_deny_are_named(bob: User) -> None:
    for _ in range(20):
        stories.finished()
    rounds.round_()
    words = text_of(page(bob))
    assert "send_email is MEDIUM; only LOW runs unasked" in words
    assert "has changed nothing so far" in words


def hasty(ann: User, group: Group | None = None) -> None:
    for n in range(10):
        approval = stories.waiting()
        Vote.objects.create(approval=approval, user=ann, decision="approve", digest="d")
        at = approval.requested_at + timedelta(seconds=1 + n / 100)
        Vote.objects.filter(approval=approval).update(at=at)
    Session.objects.update(group=group)
    rounds.round_()


def test_who_decides_fast_is_named_to_overseers_and_to_themselves_only(
    ann: User, bob: User, ada: User
) -> None:
    hasty(ann)
    said = "ann decided 10 of 10 calls in less time than it takes to read them once"
    assert said in text_of(page(ada))
    assert said in text_of(page(ann))
    assert "ann" not in text_of(page(bob)).split()
    assert table(bob, "readers")[1:] == []


@pytest.mark.parametrize(
    ("audits", "views", "named"),
    [
        ("ours", "", True),
        ("ours", "ours", True),
        ("ours", "theirs", False),
        ("ours", "everything", False),
        ("everything", "theirs", True),
    ],
)
def test_an_auditor_of_one_group_is_told_no_names_of_figures_that_reach_further(
    ann: User, audits: str, views: str, named: bool
) -> None:
    groups = {name: Group.objects.create(name=name) for name in ("ours", "theirs")}
    hasty(ann, groups["ours"])
    cas = person("cas")
    for role, reach in (("auditor", audits), ("viewer", views)):
        if reach:
            RoleAssignment.objects.create(user=cas, role=role, group=groups.get(reach))
    assert [row[0] for row in table(cas, "readers")[1:]] == (["ann"] if named else [])


def test_the_page_costs_the_same_however_much_there_is(bob: User) -> None:
    def queries(sessions: range) -> int:
        for n in sessions:
            odd(calling(f"tool_{n}", agent=f"agent_{n}"), level="alert" if n % 2 else "notice")
        rounds.round_()
        with CaptureQueriesContext(connection) as asked:
            page(bob)
        return len(asked)

    assert queries(range(3)) == queries(range(3, 15)) < 50


def test_figures_are_read_without_the_log(bob: User) -> None:
    stories.finished()
    rounds.round_()
    ToolUse.objects.all().delete()
    assert "send_email" in page(bob, "range=7d")


def test_a_tool_has_the_risk_of_the_risk_map_whatever_a_call_was_judged(bob: User) -> None:
    blocked = stories.call("read_file", "high", "invalid")
    stories.tell([(0, 0, stories.started()), (1, 1, stories.turn("One.")), (1, 1, blocked)])
    calling("read_file")
    rounds.round_()
    risks = {row[0]: row[1] for row in table(bob, "tools")[1:]}
    assert risks["read_file"] == "SAFE"


def test_no_line_of_a_histogram_crosses_the_words_of_another() -> None:
    bins = [charts.Bin("", n, "") for n in (1, 5, 3, 2)]
    lines = [charts.Line(1.4, "Median 54 s", "median"), charts.Line(1.9, "95%", "late")]
    drawn = charts.histogram(bins, lines, "Waits")
    assert drawn.rindex('<line class="mark') < drawn.index('class="strong"')
    assert 'text-anchor="end">Median 54 s' in drawn
    assert 'text-anchor="start">95%' in drawn


def test_the_numbers_of_an_axis_have_room_of_their_own() -> None:
    columns = [charts.Column("1", [2.0], [""], "$2.00"), charts.Column("2", [3.0], [""], "$3.00")]
    drawn = charts.stacked(columns, [(0.0, "$0"), (3.0, "$3")], "Costs")
    assert 'class="chart scaled"' in drawn
    assert drawn.count('class=" axis"') == 2
