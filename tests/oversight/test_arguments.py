"""Arguments as a person reads them: typed, whole, and beside those of the last approved call."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from agents.models import Approval, RoleAssignment, Session
from oversight import arguments, cases
from oversight.arguments import Part, parts
from tests.oversight import stories
from tests.oversight.test_deciding import come, text

TRUE: Any = True


def whole(found: list[Part], kind: str) -> str:
    """One of the two texts, put together again."""
    return "".join(part.text for part in found if part.kind in ("same", kind))


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (TRUE, "yes or no", "yes or no"),
        (7, "number", "number"),
        ("a word", "text", ""),
        ("Yes", "text", "text"),
        ("12.50", "text", "text"),
        ("", "text", "text"),
        (None, "nothing", "nothing"),
        ("2026-11-14", "date", "date"),
        ("2026-13-14", "text", ""),
        ([1], "list", "list"),
        ({"a": 1}, "object", "object"),
    ],
)
def test_a_value_is_told_from_the_text_that_looks_like_it(
    value: object, kind: str, told: str
) -> None:
    (shown,) = arguments.shown({"it": value})
    assert (shown.type, shown.told_type) == (kind, told)


def test_a_date_is_said_in_words_beside_what_is_sent() -> None:
    (shown,) = arguments.shown({"day": "2026-11-14T09:30:00Z"})
    assert (shown.text, shown.day) == ("2026-11-14T09:30:00Z", "Sat 14 Nov 2026, 09:30 UTC")


def test_what_is_new_changed_and_left_out_is_marked() -> None:
    before = {"same": 1, "changed": "a", "gone": "g"}
    found = arguments.shown({"same": 1, "changed": "b", "new": 2}, before)
    assert [(one.name, one.change) for one in found] == [
        ("same", ""),
        ("changed", "changed"),
        ("new", "new"),
        ("gone", "left out"),
    ]


@pytest.mark.parametrize(("now", "before"), [(TRUE, "Yes"), (1, "1"), (1, TRUE), (None, "null")])
def test_another_type_is_a_change_though_it_reads_the_same(now: object, before: object) -> None:
    (shown,) = arguments.shown({"it": now}, {"it": before})
    assert shown.change == "changed"
    assert "was" in shown.told_type


LINES = "".join(f"line {n}\n" for n in range(900))


@pytest.mark.parametrize(
    ("before", "now", "most"),
    [
        ("orders-staging", "orders-prod", 2),
        (LINES, LINES.replace("line 450", "line four"), 4),
        ("a\n" * 9000, "b\n" * 9000, 2),
        ("ab\n" * 300, "ba\n" * 301, 700),
        ("word " * 60, "word " * 40 + "other " + "word " * 20, 9),
        ("one line", "one line\nand another", 3),
        ("", "something", 2),
    ],
)
def test_a_comparison_holds_both_texts_whole(before: str, now: str, most: int) -> None:
    found = parts(before, now)
    assert whole(found, "gone") == before
    assert whole(found, "come") == now
    assert len(found) <= most


def test_what_came_is_set_apart_where_what_went_ended_no_line() -> None:
    gone, come = parts("Dear A.", "Dear reader,\n\nthe parcel is on its way.")
    assert (gone.kind, gone.ended, come.kind) == ("gone", False, "come")
    assert [part.ended for part in parts("a\nb\n", "a\nc\n")] == [True, True, True]


@pytest.mark.django_db(transaction=True)
def test_nobody_reads_arguments_of_a_session_that_they_may_not_see(olu: User, ann: User) -> None:
    secret = stories.waiting(olu, "low", note="the other team's secret")
    Session.objects.filter(pk=secret.session_id).update(group=Group.objects.create(name="theirs"))
    Approval.objects.filter(pk=secret.pk).update(state="approved", decision_reason="theirs")
    mine = stories.waiting(olu, "low")
    narrow = User.objects.create_user("nina")
    own = Group.objects.create(name="own")
    RoleAssignment.objects.create(user=narrow, role="approver", group=own)
    Session.objects.filter(pk=mine.session_id).update(group=own)
    assert "secret" not in text(come(narrow).get(f"/approvals/{mine.uuid}/"))
    assert cases.case(mine, narrow).compared is None
    assert "secret" in text(come(ann).get(f"/approvals/{mine.uuid}/"))
