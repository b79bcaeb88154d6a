"""Every address by every person: who sees it, who is sent away, and that GET decides nothing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from agents import roles
from agents.core import events
from agents.models import Approval, Outcome, RoleAssignment
from oversight.views.access import PageRequest, for_people
from tests.oversight import stories

pytestmark = pytest.mark.django_db

PAGES = [
    "/bell/",
    "/sessions/",
    "/sessions/?filter=live",
    "/sessions/?filter=needs-you&q=refund",
    "/sessions/?filter=failed",
    "/sessions/?filter=finished",
    "/sessions/new/",
    "/sessions/new/tools/?agent=assistant",
    "/sessions/stop-all/confirm/",
    "/sessions/{session}/",
    "/sessions/{session}/?before=2",
    "/sessions/{session}/?at=4",
    "/sessions/{session}/steps/?before=2",
    "/sessions/{session}/steps/1/",
    "/sessions/{session}/steps/1/?before=4",
    "/sessions/{session}/pending/",
    "/sessions/{session}/events/4/",
    "/sessions/{session}/events/4/?as=json",
    "/sessions/{session}/events/4/?as=file",
    "/sessions/{session}/replay/",
    "/sessions/{session}/replay/?step=1&t=4",
    "/sessions/{session}/moment/?seq=4",
    "/sessions/{session}/export/",
    "/sessions/{session}/compare/",
    "/sessions/{session}/compare/{session}/",
    "/sessions/{session}/fork/?step=1",
    "/sessions/{session}/confirm/?do=pause",
    "/sessions/{session}/confirm/?do=kill",
    "/approvals/",
    "/approvals/?tab=decided",
    "/approvals/?tab=expired",
    "/approvals/?selected={approval}",
    "/approvals/{approval}/",
    "/approvals/{approval}/confirm/?do=approve",
    "/approvals/{approval}/confirm/?do=deny",
    "/approvals/{approval}/confirm/?do=edit",
    "/approvals/{approval}/confirm/?do=answer",
    "/approvals/{approval}/confirm/?do=grant",
    "/approvals/{approval}/looking/",
    "/approvals/grants/",
    "/approvals/outcomes/{outcome}/",
    "/history/",
    "/history/?q=refund&page=2",
]
POSTS = [
    "/signout/",
    "/sessions/tour/",
    "/sessions/tour/put-away/",
    "/sessions/stop-all/",
    "/sessions/{session}/pause/",
    "/sessions/{session}/resume/",
    "/sessions/{session}/stop/",
    "/sessions/{session}/kill/",
    "/sessions/{session}/pin/",
    "/sessions/{session}/message/",
    "/sessions/{session}/limits/",
    "/sessions/{session}/wrap-up/",
    "/sessions/{session}/lift-block/",
    "/approvals/{approval}/preview/",
    "/approvals/{approval}/approve/",
    "/approvals/{approval}/deny/",
    "/approvals/{approval}/answer/",
    "/approvals/{approval}/withdraw/",
    "/approvals/{approval}/grant/",
    "/approvals/bulk/",
    "/approvals/undo/",
    "/approvals/grants/{grant}/revoke/",
    "/approvals/outcomes/{outcome}/settle/",
]

# These have tests of who sees them of their own: test_signin, test_artifacts, test_insights,
# test_me (one's own things, whatever one's role).
OWN = {
    "keys",
    "me",
    "password",
    "theme",
    "wishes",
    "new_token",
    "revoke_token",
    "end_sign_in",
    "end_others",
}
ELSEWHERE = {
    *OWN,
    "signin_link",
    "artifact",
    "insights",
    "anomalies",
    "set_aside",
    "insights_table",
}


@pytest.fixture
def approval(olu: User) -> Approval:
    return stories.waiting(olu, "high")


@pytest.fixture
def names(approval: Approval) -> dict[str, str]:
    fact = stories.unknown()
    given = events.GrantGiven(str(uuid4()), "Ann Lee", "send_email", "medium")
    stories.add(approval.session, [(11, 2, fact), (12, 2, given)])
    outcome = Outcome.objects.get()
    return {
        "session": str(approval.session.uuid),
        "approval": str(approval.uuid),
        "outcome": str(outcome.uuid),
        "grant": given.grant_id,
    }


def come(client: Client, user: User) -> Client:
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("who", ["ann", "olu", "bob", "ada"])
def test_whoever_has_a_role_sees_it(
    page: str, who: str, names: dict[str, str], client: Client, request: pytest.FixtureRequest
) -> None:
    answer = come(client, request.getfixturevalue(who)).get(page.format(**names))
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_does_not(page: str, names: dict[str, str], client: Client, eve: User) -> None:
    answer = come(client, eve).get(page.format(**names))
    assert answer.status_code == (200 if page == "/me/" else 403)


@pytest.mark.parametrize("page", ["/", *PAGES])
def test_who_is_not_signed_in_is_sent_to_the_door(
    page: str, names: dict[str, str], client: Client
) -> None:
    answer = client.get(page.format(**names))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/signin/?next=")


@pytest.mark.parametrize("address", POSTS)
def test_nothing_is_decided_by_looking(
    address: str, names: dict[str, str], client: Client, ada: User
) -> None:
    answer = come(client, ada).get(address.format(**names))
    assert answer.status_code == 405
    assert b"Nothing to see at this address" in answer.content


@pytest.mark.parametrize("address", [post for post in POSTS if post != "/signout/"])
def test_who_was_signed_out_is_told_that_what_they_sent_was_not_done(
    address: str, names: dict[str, str], client: Client
) -> None:
    answer = client.post(address.format(**names), {"digest": "x"})
    assert answer.status_code == 401
    assert b"You are signed out" in answer.content


@pytest.mark.parametrize("address", POSTS)
def test_a_form_of_another_site_is_refused(address: str, names: dict[str, str], ada: User) -> None:
    strict = come(Client(enforce_csrf_checks=True), ada)
    answer = strict.post(address.format(**names), {"digest": "x"})
    assert answer.status_code == 403
    assert b"out of date" in answer.content


@pytest.mark.parametrize(
    "address",
    [post for post in POSTS if ("{" in post or "stop-all" in post) and "/pin/" not in post],
)
def test_a_viewer_may_not_act(
    address: str, names: dict[str, str], client: Client, bob: User
) -> None:
    form = {"digest": "x", "text": "x", "confirmed": "yes", "decision": "happened", "steps": "9"}
    answer = come(client, bob).post(address.format(**names), form)
    assert answer.status_code == 403
    assert Approval.objects.get().state == "pending"


@pytest.mark.parametrize("address", [p for p in [*PAGES, *POSTS] if "{" in p])
def test_what_is_not_there_is_not_found(address: str, client: Client, ada: User) -> None:
    nowhere = "00000000-0000-4000-8000-000000000000"
    gone = address.format(session=nowhere, approval=nowhere, outcome=nowhere, grant=nowhere)
    come(client, ada)
    answer = client.get(gone) if address in PAGES else client.post(gone, {})
    expected = 200 if "selected" in address else 404
    assert answer.status_code == expected


def test_the_first_page_is_where_ones_work_is(client: Client, ann: User, olu: User) -> None:
    assert come(client, ann).get("/").headers["Location"] == "/approvals/"
    assert come(client, olu).get("/").headers["Location"] == "/sessions/"


def test_the_risk_map_is_for_those_who_may_change_it(client: Client, ada: User, bob: User) -> None:
    assert b"/admin/agents/tool/" in come(client, ada).get("/sessions/").content
    assert b"/admin/agents/tool/" not in come(client, bob).get("/sessions/").content


def test_no_address_is_forgotten_here() -> None:
    known = {item.split("?")[0] for item in [*PAGES, *POSTS, "/"]}
    mine: list[Any] = [p for p in get_resolver().url_patterns if getattr(p, "callback", None)]
    modules = "oversight.views."
    named = {p.name for p in mine if p.callback.__module__.startswith(modules)}
    assert len(named - ELSEWHERE) == len(known)


def test_the_door(client: Client, ann: User) -> None:
    assert client.get("/signin/").status_code == 200
    wrong = client.post("/signin/", {"username": "ann", "password": "no"})
    assert b'role="alert"' in wrong.content
    from tests.cast import PASSWORD

    right = client.post("/signin/", {"username": "ann", "password": PASSWORD})
    assert right.status_code == 302
    answer = client.post("/signout/")
    assert answer.headers["Location"] == "/signin/"
    assert answer.headers["Clear-Site-Data"] == '"storage"'
    assert client.get("/sessions/").status_code == 302


def test_going_back_never_leads_elsewhere(client: Client, ann: User) -> None:
    come(client, ann)
    for bad in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"):
        answer = client.post("/me/theme/", {"theme": "dark", "next": bad})
        assert answer.headers["Location"] == "/me/"


def test_the_theme_is_the_servers(client: Client, ann: User) -> None:
    come(client, ann).post("/me/theme/", {"theme": "dark"})
    assert b'data-theme="dark"' in client.get("/me/").content
    client.post("/me/theme/", {"theme": "system"})
    assert b"data-theme" not in client.get("/me/").content


def test_a_page_reads_its_viewers_rights_once(olu: User) -> None:
    session = stories.tell([(0, 0, stories.started())], olu, status="running")
    client = Client()
    client.force_login(olu, backend="django.contrib.auth.backends.ModelBackend")
    with CaptureQueriesContext(connection) as asked:
        assert client.get(f"/sessions/{session.uuid}/").status_code == 200
    mine = f'"auth_user"."id" = {olu.pk}'
    reads = [q["sql"] for q in asked.captured_queries if "agents_roleassignment" in q["sql"]]
    assert len([sql for sql in reads if mine in sql]) == 1, reads


@pytest.mark.parametrize(("method", "still"), [("GET", True), ("HEAD", True), ("POST", False)])
def test_a_role_taken_away_within_a_request_is_missed_by_what_it_writes_only(
    method: str, still: bool, olu: User
) -> None:
    asked = []

    @for_people
    def view(request: PageRequest) -> HttpResponse:
        RoleAssignment.objects.filter(user=olu).delete()
        asked.append(roles.can(request.user, "steer"))
        return HttpResponse()

    request = RequestFactory().generic(method, "/")
    request.user = olu
    assert view(request).status_code == 200
    assert asked == [still]
    assert not roles.can(olu, "steer"), "nothing is kept for the next request"
