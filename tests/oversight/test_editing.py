"""Editing a call that waits: what it would change is shown first, and nothing written is lost."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User

from agents.models import Approval, Event, GateRule
from tests.oversight import stories
from tests.oversight.test_deciding import come, form, fresh, text

pytestmark = pytest.mark.django_db(transaction=True)


def written(approval: Approval, user: User, **fields: str) -> dict[str, str]:
    """The edit form with some of its fields written over, by the name of the argument."""
    page = come(user).get(f"/approvals/{approval.uuid}/confirm/?do=edit").content.decode()
    found = form(page, f"/approvals/{approval.uuid}/approve/")
    names = re.findall(r'for="argument-(\d+)"><code>(\w+)<', page)
    numbers = {name: int(number) - 1 for number, name in names}
    over = {f"argument:{numbers[name]}": value for name, value in fields.items()}
    return {**found, **over, "mode": "fields"}


def preview(approval: Approval, user: User, **fields: str) -> str:
    sent = written(approval, user, **fields)
    client = come(user)
    answer = client.post(
        f"/approvals/{approval.uuid}/preview/?mode=fields", sent, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    return text(answer)


def rule(verdict: str, **fields: object) -> None:
    condition = [{"field": "amount", "op": ">", "value": 1000}]
    GateRule.objects.create(
        name="large sums", tool="process_payment", verdict=verdict, conditions=condition, **fields
    )


def test_the_old_and_the_new_value_are_shown_and_the_call_is_judged_again(
    olu: User, ann: User
) -> None:
    approval = stories.waiting(olu, "medium")
    told = preview(approval, ann, amount="900")
    assert "1240</del>" in told
    assert "900</ins>" in told
    assert "Judged again" in told
    assert "EUR" not in told  # only what differs
    assert fresh(approval).state == "pending"
    assert Event.objects.filter(kind="approval_decided").count() == 0


def test_an_untouched_form_says_that_nothing_is_changed(olu: User, ann: User) -> None:
    assert "Nothing is changed" in preview(stories.waiting(olu), ann)


def test_a_rule_that_holds_for_the_edit_is_named_before_it_is_approved(
    olu: User, ann: User
) -> None:
    approval = stories.waiting(olu, amount=10)
    rule("ask", approvals=2)
    told = preview(approval, ann, amount="5000")
    assert "rule large sums" in told
    assert "needs 2 people" in told


def test_forbidden_arguments_are_said_to_be_so(olu: User, ann: User) -> None:
    approval = stories.waiting(olu, amount=10)
    rule("deny")
    assert "forbidden" in preview(approval, ann, amount="5000")


def test_what_is_no_argument_is_said_and_what_was_written_stays(olu: User, ann: User) -> None:
    approval = stories.waiting(olu, "low")
    assert "amount" in preview(approval, ann, amount="12,50")
    sent = written(approval, ann, amount="12,50", note="Kept as written")
    for address in ("approve", "preview"):
        page = text(come(ann).post(f"/approvals/{approval.uuid}/{address}/", sent))
        assert 'value="12,50"' in page
        assert "Kept as written" in page
    assert fresh(approval).state == "pending"


def test_without_scripts_the_change_is_shown_on_a_page_of_its_own(olu: User, ann: User) -> None:
    approval = stories.waiting(olu, "low")
    page = text(come(ann).get(f"/approvals/{approval.uuid}/confirm/?do=edit"))
    assert f'formaction="/approvals/{approval.uuid}/preview/"' in page
    sent = written(approval, ann, amount="900")
    page = text(come(ann).post(f"/approvals/{approval.uuid}/preview/", sent))
    assert "900</ins>" in page
    assert 'name="mode" value="fields"' in page


def test_a_high_edit_that_is_not_confirmed_is_not_forgotten(olu: User, ann: User) -> None:
    approval = stories.waiting(olu, "high")
    sent = written(approval, ann, amount="900")
    answer = come(ann).post(f"/approvals/{approval.uuid}/approve/", sent)
    assert answer.status_code == 400
    assert 'value="900"' in text(answer)
    assert fresh(approval).state == "pending"


def test_an_edit_is_previewed_only_for_who_may_see_it(olu: User, eve: User) -> None:
    approval = stories.waiting(olu, "low")
    assert come(eve).post(f"/approvals/{approval.uuid}/preview/", {}).status_code == 403


def test_letters_in_a_number_are_called_so(olu: User, ann: User) -> None:
    assert "amount must be a number." in preview(stories.waiting(olu), ann, amount="much")
