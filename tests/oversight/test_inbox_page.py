"""The inbox as approvers use it: many at once, grants, undo, who else looks."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from agents import inbox
from agents.models import Approval, Grant, Look, RoleAssignment, Session
from oversight import tiles
from tests.oversight import stories
from tests.oversight.test_deciding import come, fresh, text

pytestmark = pytest.mark.django_db(transaction=True)


def chosen(*approvals: Approval) -> list[str]:
    return [f"{approval.uuid}:{approval.digest}" for approval in approvals]


def states(*approvals: Approval) -> list[str]:
    return [fresh(approval).state for approval in approvals]


def post(user: User, address: str, **form: Any) -> str:
    answer = come(user).post(address, form, follow=True)
    assert answer.status_code == 200
    return text(answer)


def test_low_and_medium_calls_are_decided_together_and_undone_together(
    olu: User, ann: User
) -> None:
    one, other = stories.waiting(olu, "low"), stories.waiting(olu, "medium")
    page = text(come(ann).get("/approvals/"))
    assert page.count('name="chosen"') == 2
    told = post(ann, "/approvals/bulk/", do="approve", chosen=chosen(one, other))
    assert "2 approved." in told
    assert "2 decided" in told  # with an Undo beside it
    assert states(one, other) == ["approved", "approved"]
    undo = [f"{approval.uuid}:" for approval in (one, other)]
    assert "2 taken back." in post(ann, "/approvals/undo/", undo=undo)
    assert states(one, other) == ["pending", "pending"]


def test_a_high_call_has_no_box_and_is_never_decided_with_others(olu: User, ann: User) -> None:
    high, low = stories.waiting(olu, "high"), stories.waiting(olu, "low")
    page = text(come(ann).get("/approvals/"))
    assert f"{low.uuid}:{low.digest}" in page
    assert f"{high.uuid}:{high.digest}" not in page
    told = post(ann, "/approvals/bulk/", do="approve", chosen=chosen(high, low))
    assert "1 approved." in told
    assert "decided one by one" in told
    assert states(high, low) == ["pending", "approved"]


def test_what_changed_meanwhile_is_said_and_the_rest_is_done(olu: User, ann: User) -> None:
    gone, low = stories.waiting(olu, "low"), stories.waiting(olu, "low")
    Approval.objects.filter(pk=gone.pk).update(state="denied")
    told = post(ann, "/approvals/bulk/", do="deny", reason="Later.", chosen=chosen(gone, low))
    assert "1 denied." in told
    assert "Already denied" in told
    assert fresh(low).decision_reason == "Later."


def test_who_only_looks_decides_nothing_together(olu: User, bob: User) -> None:
    low = stories.waiting(olu, "low")
    told = post(bob, "/approvals/bulk/", do="approve", chosen=chosen(low))
    assert "Only approvers can decide" in told
    assert states(low) == ["pending"]


@pytest.mark.parametrize("value", ["", "x", "x:y", "1:2:3"])
def test_a_form_that_names_nothing_is_not_found(ann: User, value: str) -> None:
    address = "/approvals/bulk/"
    assert come(ann).post(address, {"do": "approve", "chosen": [value]}).status_code == 404
    assert come(ann).post(address, {"do": "drop"}).status_code == 404


def test_a_decision_on_the_page_offers_its_undo_while_it_can_be_undone(
    olu: User, ann: User
) -> None:
    low = stories.waiting(olu, "low")
    told = post(ann, f"/approvals/{low.uuid}/deny/", digest=low.digest, reason="No.")
    assert 'action="/approvals/undo/"' in told
    assert re.findall(r'<li class="([^"]*)">Denied\.', told) == ["held success told"]
    Approval.objects.filter(pk=low.pk).update(held_until=timezone.now() - timedelta(seconds=1))
    assert 'action="/approvals/undo/"' not in text(come(ann).get("/approvals/"))
    assert "too late" in post(ann, "/approvals/undo/", undo=[f"{low.uuid}:"])
    assert states(low) == ["denied"]


def test_a_high_decision_promises_no_undo(olu: User, ann: User) -> None:
    high = stories.waiting(olu, "high")
    form = {"digest": high.digest, "confirmed": "yes"}
    told = post(ann, f"/approvals/{high.uuid}/approve/", **form)
    assert 'action="/approvals/undo/"' not in told
    assert re.findall(r'<li class="([^"]*)">Approved\.', told) == ["success"]
    assert fresh(high).held_until is None


def test_denying_can_stop_the_session_too(olu: User, ada: User) -> None:
    low = stories.waiting(olu, "low")
    sheet = text(come(ada).get(f"/approvals/{low.uuid}/confirm/?do=deny"))
    assert "Deny and stop the session" in sheet
    post(ada, f"/approvals/{low.uuid}/deny/", digest=low.digest, reason="No.", stop="yes")
    assert states(low) == ["denied"]
    assert Session.objects.get(pk=low.session_id).stopping


def test_who_may_not_stop_sessions_is_not_offered_it(olu: User, ann: User) -> None:
    low = stories.waiting(olu, "low")
    sheet = text(come(ann).get(f"/approvals/{low.uuid}/confirm/?do=deny"))
    assert "Deny and stop" not in sheet
    client = come(ann)
    form = {"digest": low.digest, "stop": "yes"}
    assert client.post(f"/approvals/{low.uuid}/deny/", form).status_code == 403
    assert states(low) == ["pending"]


def test_a_grant_is_previewed_given_listed_and_revoked(olu: User, ann: User) -> None:
    medium = stories.waiting(olu, "medium")
    sheet = text(come(ann).get(f"/approvals/{medium.uuid}/confirm/?do=grant"))
    assert "with exactly these arguments" in sheet
    assert "None that waits now is like it" in sheet
    form = {"digest": medium.digest, "calls": "any", "until": "session"}
    post(ann, f"/approvals/{medium.uuid}/grant/", **form)
    given = Grant.objects.get()
    assert (given.arguments, given.until, given.given_by) == ("", None, ann)
    assert "used 0 times" in text(come(ann).get("/approvals/grants/"))
    assert "Its calls ask again" in post(ann, f"/approvals/grants/{given.uuid}/revoke/")
    assert "No grant is in force" in text(come(ann).get("/approvals/grants/"))


def test_the_tabs_of_the_inbox_stay_where_grants_are_listed(olu: User, ann: User) -> None:
    stories.waiting(olu, "low")
    page = text(come(ann).get("/approvals/grants/"))
    assert page.count('href="/approvals/?tab=waiting">Waiting<span class="count person"') == 2
    assert page.count('href="/approvals/grants/" aria-current="true">Grants</a>') == 2
    assert "Grants" not in text(come(ann).get("/approvals/?tab=decided"))  # while there is none


def test_the_first_and_the_last_item_keep_the_place_of_both_arrows(olu: User, ann: User) -> None:
    only = stories.waiting(olu, "low")
    page = text(come(ann).get(f"/approvals/{only.uuid}/"))
    assert "1 of 1" in page
    assert page.count('<span class="button bare small" aria-disabled="true">') == 2


def test_a_form_without_words_gives_the_narrow_grant(olu: User, ann: User) -> None:
    medium = stories.waiting(olu, "medium")
    post(ann, f"/approvals/{medium.uuid}/grant/", digest=medium.digest)
    given = Grant.objects.get()
    assert given.arguments == medium.arguments
    assert given.until is not None


def test_a_high_call_offers_no_grant(olu: User, ann: User) -> None:
    high = stories.waiting(olu, "high")
    assert "do=grant" not in text(come(ann).get(f"/approvals/{high.uuid}/"))
    answer = come(ann).post(f"/approvals/{high.uuid}/grant/", {"digest": high.digest})
    assert answer.status_code == 400
    assert states(high) == ["pending"]


def test_approvers_see_who_else_looks(olu: User, ann: User, ada: User) -> None:
    low = stories.waiting(olu, "low")
    assert "looks at it too" not in text(come(ann).get(f"/approvals/{low.uuid}/"))
    assert "looks at it too" in text(come(ada).get(f"/approvals/{low.uuid}/looking/"))
    Look.objects.update(seen_at=timezone.now() - timedelta(minutes=1))
    assert "looks at it too" not in text(come(ada).get(f"/approvals/{low.uuid}/looking/"))


def test_an_item_tells_its_place_among_those_that_wait(olu: User, ann: User) -> None:
    stories.waiting(olu, "low")
    second = stories.waiting(olu, "low")
    page = text(come(ann).get(f"/approvals/{second.uuid}/"))
    assert re.search(r"\d of 2", page)


def test_what_another_group_approved_is_no_precedent(olu: User, ann: User) -> None:
    ours, theirs = (Group.objects.create(name=name) for name in ("ours", "theirs"))
    RoleAssignment.objects.filter(user=ann).update(group=ours)
    secret = stories.waiting(olu, "high", note="their secret")
    Session.objects.filter(pk=secret.session_id).update(group=theirs)
    Approval.objects.filter(pk=secret.pk).update(
        state="denied", decided_at=timezone.now(), decision_reason="their reason"
    )
    other = stories.waiting(olu, "high", note="their words")
    Session.objects.filter(pk=other.session_id).update(group=theirs)
    Approval.objects.filter(pk=other.pk).update(state="consumed", decided_at=timezone.now())
    own = stories.waiting(olu, "high")
    Session.objects.filter(pk=own.session_id).update(group=ours)
    page = text(come(ann).get(f"/approvals/{own.uuid}/"))
    assert "their" not in page
    RoleAssignment.objects.filter(user=ann).update(group=None)
    page = text(come(ann).get(f"/approvals/{own.uuid}/"))
    assert "their words" in page
    assert "their reason" in page


def test_an_item_fetched_beside_the_list_does_not_render_the_list(
    olu: User, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    low = stories.waiting(olu, "low")
    listed: list[Approval] = []

    def render_inbox_item(approval: Approval, *, selected: bool = False) -> str:
        listed.append(approval)
        return ""

    monkeypatch.setattr(tiles, "render_inbox_item", render_inbox_item)
    part = come(ann).get(f"/approvals/{low.uuid}/", headers={"HX-Request": "true"})
    assert f'data-case="{low.uuid}"' in text(part)
    assert listed == []
    come(ann).get(f"/approvals/{low.uuid}/")
    assert listed == [low]


def test_after_the_last_decision_the_word_that_nothing_waits_is_read_out(
    olu: User, ann: User
) -> None:
    approval = stories.waiting(olu)
    answer = come(ann).post("/approvals/bulk/", {"do": "deny", "chosen": chosen(approval)})
    empty = re.compile(r'<p tabindex="-1" autofocus>Nothing waits for you')
    assert empty.search(text(come(ann).get(answer["Location"])))
    assert not empty.search(text(come(ann).get("/approvals/")))


def test_an_edit_is_shown_beside_what_was_asked_once_it_is_decided(olu: User, ann: User) -> None:
    approval = stories.waiting(olu)
    arguments = json.loads(approval.arguments) | {"amount": 620}
    inbox.approve(ann, approval.uuid, approval.digest, arguments=arguments)
    told = text(come(ann).get(f"/approvals/{approval.uuid}/")).split("Edited by an approver")[1]
    assert "<dt>amount" in told.split("</dl>")[0]
    assert "1240" in told.split("</dl>")[0]
    assert "currency" not in told.split("</dl>")[0]
    page = text(come(ann).get(f"/sessions/{approval.session.uuid}/"))
    assert f'<a href="/approvals/{approval.uuid}/">beside what was asked</a>' in page
