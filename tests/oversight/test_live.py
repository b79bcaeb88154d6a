"""Live sockets of a real process: order, cursors, rights, slow viewers."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.contrib.auth.models import User
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from agents.models import Approval, RoleAssignment, Session, SignIn
from oversight import wire
from tests.oversight import stories
from tests.oversight.served import Seen, Served, append, items, read, serve
from tests.servers import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def served(transactional_db: None, tmp_path: Path) -> Iterator[Served]:
    quick = {"OVERSIGHT_RECHECK_SECONDS": 1, "OVERSIGHT_STALL_SECONDS": 3}
    with serve(tmp_path, "web", **quick) as one:
        yield one


def test_a_watcher_gets_every_event_in_order_and_once(served: Served, bob: User) -> None:
    session = stories.tell([(0, 0, stories.started())])
    with served.follow(session, bob, after=1) as viewer:
        append(session, 1000)
        seen = read(viewer, 1001)
    assert seen.rows == list(range(2, 1002))
    assert seen.frames < 200


def test_a_cursor_resumes_where_it_stood(served: Served, bob: User) -> None:
    session = stories.tell([(0, 0, stories.started())])
    append(session, 400)
    with served.follow(session, bob) as viewer:
        first = read(viewer, 150)
    with served.follow(session, bob, after=first.rows[-1]) as viewer:
        rest = read(viewer, 401)
    assert first.rows + rest.rows == list(range(1, 402))


def test_heartbeats_say_where_the_log_is(served: Served, bob: User) -> None:
    session = stories.tell([(0, 0, stories.started())])
    with served.follow(session, bob, after=1) as viewer:
        append(session, 3)
        seen = read(viewer, 4)
        while not any(said.get("head", 0) >= 4 for said in seen.told):
            seen.take(str(viewer.recv(timeout=30)))
    assert seen.rows == [2, 3, 4]


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "file://127.0.0.1", "http://127.0.0.1:1"]
)
def test_other_origins_are_refused(served: Served, bob: User, origin: str | None) -> None:
    assert _refused(served, "/live/wall/", bob, origin=origin) == 403


@pytest.mark.parametrize("path", ["/live/wall/", "/live/inbox/", "/live/elsewhere/"])
def test_strangers_are_refused(served: Served, eve: User, path: str) -> None:
    assert _refused(served, path, None) == _refused(served, path, eve) == 403


def test_a_session_out_of_reach_is_refused(served: Served, eve: User) -> None:
    session = stories.tell([(0, 0, stories.started())])
    assert _refused(served, f"/live/sessions/{session.uuid}/", eve) == 403


def _refused(served: Served, path: str, user: User | None, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as refusal, served.watch(path, user, **options):
        pass
    return refusal.value.response.status_code


def _is_let_in(served: Served, user: User) -> bool:
    try:
        with served.watch("/live/wall/", user):
            return True
    except InvalidStatus:
        return False


def _closes(viewer: ClientConnection, seconds: float) -> int | None:
    """The close code; None where the connection was cut."""
    until = time.monotonic() + seconds
    while True:
        try:
            viewer.recv(timeout=max(0.01, until - time.monotonic()))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


def test_signing_out_ends_the_socket_before_the_next_event(served: Served, bob: User) -> None:
    session = stories.tell([(0, 0, stories.started())])
    with served.follow(session, bob, after=1) as viewer:
        append(session, 1)
        read(viewer, 2)
        SignIn.objects.all().delete()
        time.sleep(1.1)
        append(session, 1)
        assert _closes(viewer, 30) == 4403


@pytest.mark.parametrize("how", ["role", "active", "password"])
def test_lost_rights_end_the_socket(served: Served, bob: User, how: str) -> None:
    with served.watch("/live/wall/", bob) as viewer:
        if how == "role":
            RoleAssignment.objects.all().delete()
        elif how == "active":
            User.objects.filter(pk=bob.pk).update(is_active=False)
        else:
            bob.set_password("another good password")
            bob.save()
        assert _closes(viewer, 30) == 4403


def test_no_more_than_twenty_sockets_of_one_person(served: Served, bob: User) -> None:
    with ExitStack() as sockets:
        many = [sockets.enter_context(served.watch("/live/wall/", bob)) for _ in range(20)]
        assert _refused(served, "/live/wall/", bob) == 403
        many[0].close()
        wait_for(lambda: _is_let_in(served, bob), "the room that one left")


def test_what_a_browser_sends_is_forgotten_and_too_much_ends_it(served: Served, bob: User) -> None:
    with served.watch("/live/wall/", bob) as viewer:
        for _ in range(50):
            viewer.send("hello")
        viewer.recv(timeout=30)
        for _ in range(100):
            viewer.send("hello")
        assert _closes(viewer, 30) == 4429
    with served.watch("/live/wall/", bob) as viewer:
        viewer.send("x" * 17_000)
        assert _closes(viewer, 30) in (1009, None)


def test_the_inbox_hears_of_an_approval_and_of_its_decision(served: Served, bob: User) -> None:
    with served.watch("/live/inbox/", bob) as viewer:
        session = stories.tell([(0, 0, stories.started()), (1, 1, stories.asked("read_file"))])
        approval = Approval.objects.get(session=session)
        assert 'data-state="pending"' in items(viewer, f"approval-{approval.uuid}")
        Approval.objects.update(state="denied", decided_at=approval.requested_at)
        assert 'data-state="denied"' in items(viewer, f"approval-{approval.uuid}")


def test_the_wall_hears_of_a_session_and_of_its_steps(served: Served, bob: User) -> None:
    with served.watch("/live/wall/", bob) as viewer:
        session = stories.tell([(0, 0, stories.started())])
        assert 'data-seq="1"' in items(viewer, f"session-{session.uuid}")
        append(session, 2)
        assert 'data-seq="3"' in items(viewer, f"session-{session.uuid}")


@pytest.mark.slow
def test_stalled_viewers_are_dropped_cost_no_memory_and_resume(served: Served, bob: User) -> None:
    session = stories.tell([(0, 0, stories.started())])
    for _ in range(20):
        append(session, 200, text="a long line of text " * 100)
    whole = 4001 * len("a long line of text ") * 100  # bytes, at least, of the stream of one viewer
    server = psutil.Process(served.process.pid)
    with served.follow(session, bob) as healthy:
        assert read(healthy, 4001, 60).rows == list(range(1, 4002))
    before = server.memory_info().rss
    with ExitStack() as watching:
        stalled = [watching.enter_context(_stalled(served, session, bob)) for _ in range(10)]
        with served.follow(session, bob) as healthy:
            assert read(healthy, 4001, 60).rows == list(range(1, 4002))
        wait_for(lambda: len(_unsent(served)) == len(stalled), "the drops", 60)
        # The process keeps up to 20 MB of its own for a while; these would hold 80.
        assert server.memory_info().rss - before < len(stalled) * whole / 2
        assert max(_unsent(served)) < 2 * wire.MAX_UNSENT
        got = [_drained(one) for one in stalled]
    assert all(one == list(range(1, len(one) + 1)) for one in got)
    with served.follow(session, bob, after=len(got[0])) as again:
        assert read(again, 4001, 60).rows == list(range(len(got[0]) + 1, 4002))


def test_a_browser_that_leaves_while_it_is_written_to_is_no_failure() -> None:
    gone = wire.Socket()
    gone.state, gone.maxMessagePayloadSize = wire.Socket.STATE_CLOSED, 0
    with pytest.raises(OSError, match="has left"):
        gone.sendMessage(b"news", False)


def _stalled(served: Served, session: Session, who: User) -> ClientConnection:
    """A viewer that reads nothing."""
    path = f"/live/sessions/{session.uuid}/?after=0"
    return served.watch(path, who, sock=_narrow(served.port), max_queue=1)


def _unsent(served: Served) -> list[int]:
    """Bytes that waited for each viewer that was dropped."""
    lines = served.log.read_text().splitlines()
    return [int(line.rpartition("unsent=")[2]) for line in lines if "viewer_stalled" in line]


def _narrow(port: int) -> socket.socket:
    """A connection whose client takes little before it is read."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    raw.connect(("127.0.0.1", port))
    return raw


def _drained(viewer: ClientConnection) -> list[int]:
    """The rows that had arrived whole when the connection was cut."""
    seen = Seen()
    try:
        while True:
            seen.take(str(viewer.recv(timeout=30)))
    except ConnectionClosed:
        return seen.rows
