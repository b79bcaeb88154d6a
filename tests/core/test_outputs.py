"""How much room a result has in its turn, whatever the order in which results arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.core import events, fence, outputs
from agents.core.outputs import MAX_RESULT, MAX_TURN, Room, room
from agents.core.state import State
from tests.core.sessions import Session

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x"}}


def turn(calls: int) -> tuple[Session, list[str]]:
    session = Session()
    return session, session.propose(*[("look", {"n": n}) for n in range(calls)])


def space(state: State, call_id: str) -> Room:
    return room(state, state.call(call_id))


def answer(session: Session, call_id: str, chars: int) -> None:
    session.answer(call_id, "x" * chars, source="look")


def test_up_to_four_results_have_the_room_of_one() -> None:
    session, ids = turn(4)
    around = fence.around("look")
    for call_id in ids:
        assert space(session.state, call_id).chars == MAX_RESULT - around
        answer(session, call_id, MAX_RESULT - around)


@given(
    wanted=st.lists(st.integers(0, 60_000), min_size=1, max_size=40),
    order=st.randoms(use_true_random=False),
    late=st.integers(0, 5),
)
def test_a_turn_never_says_more_than_it_may_however_late_a_result_comes(
    wanted: list[int], order: Any, late: int
) -> None:
    """``late``: how many results were recorded since a call last looked at the log."""
    session, ids = turn(len(wanted))
    pairs = list(zip(ids, wanted, strict=True))
    order.shuffle(pairs)
    seen, said = [session.state], 0
    for call_id, chars in pairs:
        old = seen[max(0, len(seen) - 1 - late)]
        given_room = space(old, call_id).chars
        assert given_room + fence.around("look") <= MAX_RESULT
        assert given_room <= space(session.state, call_id).chars
        shown = min(chars, given_room)
        said += shown + fence.around("look")
        answer(session, call_id, shown)
        if session.state.calls:
            seen.append(session.state)
    assert said <= MAX_TURN


def test_a_call_that_waits_for_hours_has_its_share_reserved() -> None:
    session, ids = turn(8)
    for call_id in ids[:7]:
        answer(session, call_id, space(session.state, call_id).chars)
    left = space(session.state, ids[7]).chars
    assert left >= MAX_TURN // 8 - fence.around("look")


def test_what_short_results_leave_goes_to_those_who_come_after() -> None:
    session, ids = turn(8)
    first = space(session.state, ids[0]).chars
    for call_id in ids[:6]:
        answer(session, call_id, 10)
    assert space(session.state, ids[7]).chars > 1.9 * first


def test_the_rule_is_a_rule_over_the_log_and_nothing_else() -> None:
    session, ids = turn(6)
    answer(session, ids[2], 100)
    again = replace(session.state)
    assert [space(again, c) for c in ids] == [space(session.state, c) for c in ids]


def test_a_note_before_the_output_takes_of_its_room() -> None:
    session, ids = turn(1)
    call = session.state.call(ids[0])
    assert room(session.state, call).chars - room(session.state, call, "x" * 50).chars == 50


def test_images_of_the_turn_are_counted() -> None:
    session, ids = turn(3)
    assert space(session.state, ids[0]).images == 4
    session.answer(ids[0], [IMAGE, IMAGE, IMAGE], source="look")
    assert space(session.state, ids[1]).images == 1
    session.answer(ids[1], [IMAGE, IMAGE], source="look")
    assert space(session.state, ids[2]).images == 0


def test_every_result_has_room_for_its_marker() -> None:
    session, ids = turn(300)
    assert space(session.state, ids[0]).chars == outputs.LEAST


def test_a_change_beyond_what_is_shown_counts_as_a_change() -> None:
    """Polling whose long answers differ only where they are cut must not look like a loop."""
    session = Session()
    for n in range(2):
        session.call("look", {"job": 1}, "same head ... same tail", whole=f"digest {n}")
    first, second = session.state.settled
    assert first.result != second.result


def test_older_results_are_read_as_before() -> None:
    fact = events.decode("tool_result", {"call_id": "c", "tool": "t", "ok": True, "content": "x"})
    assert isinstance(fact, events.ToolResult)
    assert (fact.source, fact.own, fact.artifacts, fact.whole) == (None, None, None, None)
    assert "source" not in events.data(fact)
