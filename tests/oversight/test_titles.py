"""Whatever names a call names it alike: as it was titled when it was proposed."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from agents import inbox, riskmap
from agents.core import events
from agents.core.events import Fact
from agents.forking import whole
from agents.models import Approval, PolicyChange, Tool
from oversight import boards, cases, moments, playing, tiles, timeline
from tests.oversight import stories
from tests.oversight.test_deciding import come, text

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "orders__execute_sql"
SQL: dict[str, Any] = {"database": "staging", "sql": "DROP TABLE x"}


def titled(fact: Fact, title: str = "Run SQL on {database}") -> Fact:
    fields: Any = {"title": title}
    return dataclasses.replace(fact, **fields)


def waits(olu: User, title: str = "Run SQL on {database}") -> Approval:
    """A call that waits for a person, whose tool has another title by now."""
    told: list[tuple[float, int, Fact]] = [
        (0, 0, stories.started()),
        (3, 1, stories.turn("I change it.")),
        (3, 1, titled(stories.call(NAME, "medium", "ask", **SQL), title)),
        (3, 1, titled(stories.asked(NAME, "medium", **SQL), title)),
    ]
    session = stories.tell(told, olu, status="waiting_approval")
    Tool.objects.create(name=NAME, risk="medium", reviewed=True, server="orders")
    retitle("Ruin {database}")
    return session.approvals.get()


def retitle(title: str) -> None:
    change = riskmap.propose(PolicyChange.Subject.TOOL, NAME, {"title": title})
    riskmap.save(None, [change])


def places(approval: Approval, user: User) -> dict[str, Any]:
    """What the call is called, wherever it is named."""
    session, log = approval.session, whole(approval.session)
    shown = moments.shown(log, log[-1].seq, user)
    assert shown.card
    return {
        "step": timeline.step_title(1, [record for record in log if record.step == 1]),
        "row": timeline.render_row(log[-1]),
        "outline": timeline.outline_entry(1, log[1:]).title,
        "replay": playing.picture(log, session.created_at).falls[-1].title,
        "queue": shown.queue[0].title,
        "card of the moment": shown.card.title,
        "case": cases.case(approval, user).title,
        "item": boards._approval(approval).html,
        "card": tiles.render_card(session, approval),
        "inbox": text(come(user).get("/approvals/")),
        "page": text(come(user).get(f"/sessions/{session.uuid}/")),
    }


def test_a_call_is_named_as_it_was_titled_whatever_its_tool_is_titled_by_now(
    olu: User, ann: User
) -> None:
    for place, said in places(waits(olu), ann).items():
        assert "Run SQL on staging" in said, place
        assert "Ruin" not in said, place
        assert "Execute" not in said, place


def test_a_call_of_an_old_log_is_named_by_its_tools_name(olu: User, ann: User) -> None:
    for place, said in places(waits(olu, ""), ann).items():
        assert "Execute SQL on orders" in said, place
        assert "Ruin" not in said, place


def test_a_call_that_was_edited_is_named_by_its_own_template_with_what_runs(
    olu: User, ann: User
) -> None:
    approval = waits(olu)
    edited = {**SQL, "database": "scratch"}
    approval.arguments = json.dumps(edited)
    assert tiles.title(approval) == "Run SQL on scratch"
    log = whole(approval.session)
    decided = events.ApprovalDecided(
        str(approval.uuid), approval.call_id, "approved", "Ann", "", approval.digest, edited
    )
    begun = titled(events.ToolStarted(approval.call_id, NAME, edited, "d", "k", 1))
    stories.add(approval.session, [(9, 1, decided), (9, 1, begun)])
    log = whole(approval.session)
    before = moments.shown(log, len(log) - 2, ann)
    assert before.card
    assert before.card.title == "Run SQL on staging"
    assert approval.session.activity == "Run SQL on scratch"


def test_a_card_shows_the_icon_of_the_tool_whose_call_it_tells(olu: User) -> None:
    session = waits(olu).session
    session.status, session.open_approvals = "running", 0
    html = tiles.render_card(session)
    assert "Run SQL on staging" in html
    assert '#database"' in html
    assert '#brain"' not in html
    stories.add(session, [(9, 2, stories.turn("I think."))])
    assert '#brain"' in tiles.render_card(session)


def test_a_hostile_argument_is_only_words_of_a_title(olu: User, ann: User) -> None:
    approval = waits(olu)
    evil = {**SQL, "database": "<b>{sql}</b>\u202e"}
    approval.arguments = json.dumps(evil)
    assert tiles.title(approval) == "Run SQL on <b>{sql}</b>⟦U+202E⟧"
    html = boards._approval(approval).html
    assert "&lt;b&gt;{sql}&lt;/b&gt;" in html
    assert "\u202e" not in html


def test_what_a_fork_leaves_done_is_named_as_it_was(olu: User) -> None:
    approval = waits(olu)
    begun = titled(events.ToolStarted(approval.call_id, NAME, SQL, "d", "k", 1, "a"))
    stories.add(approval.session, [(9, 1, begun)])
    page = text(come(olu).get(f"/sessions/{approval.session.uuid}/fork/?step=2"))
    assert "Run SQL on staging" in page


def test_a_call_that_a_fork_may_change_is_named_as_it_was(olu: User) -> None:
    page = text(come(olu).get(f"/sessions/{waits(olu).session.uuid}/fork/?step=1"))
    assert "Run SQL on staging" in page
    assert "Execute" not in page


def test_a_call_that_was_decided_keeps_its_title(olu: User, ann: User) -> None:
    approval = waits(olu)
    inbox.deny(ann, approval.uuid, approval.digest, "Not now.")
    page = text(come(ann).get(f"/approvals/{approval.uuid}/"))
    assert "Run SQL on staging" in page
    assert "Ruin" not in page
