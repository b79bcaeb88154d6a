"""The one presenter: every kind has a row, hostile text stays text, a frame is for everybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from django.conf import settings

from agents.core import events
from agents.core.events import Record
from oversight import rows, spans, timeline, wording
from oversight.prose import markdown
from tests.oversight import stories
from tests.oversight.facts import SESSION, fact, record

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ x }}{% now %}\u202egpj.exe\u200b"
)
KINDS = sorted(events.KINDS)


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_row_with_its_marks(kind: str) -> None:
    tags = Tags(timeline.render_row(record(fact(kind, "words"), seq=7, step=3))).tags
    name, marks = tags[0]
    assert name == "li"
    assert marks["id"] == "e-7"
    assert (marks["data-seq"], marks["data-step"], marks["data-kind"]) == ("7", "3", kind)
    assert marks["data-at"] == "2026-11-23T09:00:07+00:00"


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_text_stays_text(kind: str) -> None:
    html = timeline.render_row(record(fact(kind, HOSTILE), seq=8))
    tags = Tags(html).tags
    assert not {tag for tag, _ in tags} & {"script", "img", "iframe", "style", "form", "input"}
    assert not [name for _, marks in tags for name in marks if name.startswith("on")]
    assert "\u202e" not in html
    assert "\u200b" not in html
    assert "csrf" not in html


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_needs_nothing_but_its_event(kind: str) -> None:
    one = record(fact(kind, "words"), seq=9)
    first = timeline.render_row(one)
    timeline.forget()
    assert timeline.render_row(one) == first


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_can_be_read_whole(kind: str) -> None:
    assert rows.whole(record(fact(kind, "words")))


def test_a_new_step_is_appended_to_the_feed_and_an_old_one_gets_rows() -> None:
    news = [record(fact("thinking", "a"), 5, 2), record(fact("tool_call", "b"), 6, 3)]
    html = timeline.frame(news, {2})
    tags = Tags(html).tags
    swaps = [marks["hx-swap-oob"] for _, marks in tags if "hx-swap-oob" in marks]
    assert "beforeend:#step-2-rows" in swaps
    assert "beforeend:#feed" in swaps
    assert [marks["id"] for tag, marks in tags if tag == "article"] == ["step-3"]
    assert [marks["id"] for tag, marks in tags if tag == "li" and "data-seq" in marks] == [
        "e-5",
        "e-6",
    ]


def test_a_step_opened_in_a_frame_is_not_opened_again_in_it() -> None:
    news = [
        record(fact("thinking", "a"), 5, 2),
        record(fact("paused", "b"), 6, 1),
        record(fact("tool_call", "c"), 7, 2),
    ]
    articles = [
        marks["id"] for tag, marks in Tags(timeline.frame(news, {1})).tags if tag == "article"
    ]
    assert articles == ["step-2"]


def test_live_rows_are_the_rows_of_the_first_load() -> None:
    news = [record(fact(kind, "words"), seq, 4) for seq, kind in enumerate(KINDS, 1)]
    loaded, live = timeline.render_step(4, news), timeline.frame(news, {4})
    for one in news:
        assert timeline.render_row(one) in loaded
        assert timeline.render_row(one) in live


@pytest.mark.parametrize("kind", sorted(timeline.BELL_KINDS))
def test_the_bell_rings_for_whatever_waits_for_people(kind: str) -> None:
    html = timeline.frame([record(fact(kind, "words"), 3, 1)], {1})
    bell = next(marks for _, marks in Tags(html).tags if marks.get("id") == "pending-bell")
    assert bell["hx-trigger"] == "load"
    assert str(bell["hx-get"]).endswith("/pending/")


@pytest.mark.parametrize("held", [True, False])
def test_a_wait_for_everybody_is_not_told_as_an_attempt(held: bool) -> None:
    waits = events.ModelRetried(
        1, "rate_limited", "Busy.", 60_000, resume_at="2026-11-23T10:00:00Z", held=held
    )
    html = timeline.render_row(record(waits))
    assert ("was not asked" in html) is held
    assert ("attempt 1" in html) is not held
    assert "waiting until 2026-11-23T10:00:00Z" in html


@pytest.mark.parametrize(
    ("tool", "icon"),
    [
        ("orders__execute_sql", "database"),
        ("shell.run", "terminal"),
        ("readFile", "file-text"),
        ("github__digest", "git-fork"),
        ("update_user", "pencil"),  # a date is no part of it
        ("payload", "wrench"),
    ],
)
def test_a_call_has_the_icon_of_its_tool(tool: str, icon: str) -> None:
    call = events.ToolCall("1", tool, {}, "safe", "allow", "")
    assert f'#{icon}"' in timeline.render_row(record(call))


def test_every_icon_is_in_the_sprite() -> None:
    sprite = (settings.BASE_DIR / "static/icons.svg").read_text()
    icons = {icon for _, icon in wording._ICONS} | {icon for icon, _ in rows._LOOKS.values()}
    assert not [icon for icon in icons if f'id="{icon}"' not in sprite]


def test_a_thought_of_more_than_two_lines_is_folded_and_says_how_many_it_has() -> None:
    long, short = ("It may be there.\n" * 14, "It may be there.")
    thinks = [stories.turn("", text) for text in (long, short)]
    folded, open_ = (timeline.render_row(record(one, seq)) for seq, one in enumerate(thinks, 700))
    assert '<details class="thoughts"><summary>' in folded
    assert "Show 14 lines" in folded
    assert "<details" not in open_
    assert short in open_


def test_a_summary_leads_back_to_what_it_stands_for() -> None:
    told = events.ContextCompacted(1, 38_200, 1_450, "Short.", [], 1, through_step=4)
    html = timeline.render_row(record(told, 9, 5))
    assert "Steps 1–4 summarised</strong> to free context: 38.2 k tokens became 1.4 k" in html
    assert f'href="/sessions/{SESSION}/?before=5#step-4">Show originals</a>' in html
    assert html.index("Show originals") < html.index("<details")


def test_a_step_with_a_summary_stays_open() -> None:
    assert timeline.may_close([record(fact("tool_result", "words"))])
    assert not timeline.may_close([record(fact("context_compacted", "words"))])


def test_a_recorded_turn_clears_the_ghost() -> None:
    assert 'id="ghost"' in timeline.frame([record(fact("thinking", "words"), 3, 1)], {1})


def test_ghost_text_is_escaped() -> None:
    html = timeline.render_ghost("text", HOSTILE)
    assert "<script" not in html
    assert "\u202e" not in html


def test_a_long_payload_says_how_much_is_left() -> None:
    assert wording.preview("x\n" * 37).more_lines == 29
    assert wording.preview("x" * 5000).more_characters == 5000 - 1024
    assert wording.preview("short").complete


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "![x](http://evil.example/a.png)",
        "<b onclick=x>y</b>",
        '<a href="#" hx-get="/sessions/stop-all/" class="button" id="sheet">x</a>',
        "[x](data:text/html,y)",
        "# h\n\n<div style='position:fixed'>x</div>",
    ],
)
def test_markdown_lets_no_markup_of_the_model_through(text: str) -> None:
    for tag, marks in Tags(markdown(text)).tags:
        assert tag in {"p", "a", "h4"}
        assert set(marks) <= {"href", "rel"}
        assert str(marks.get("href") or "https").startswith(("http", "mailto"))


def test_markdown_keeps_what_reads_well() -> None:
    html = markdown("**bold** `code`\n\n- one\n- two\n\n[link](https://a.example)")
    assert "<strong>bold</strong>" in html
    assert "<li>one</li>" in html
    assert 'href="https://a.example"' in html


def test_steps_stand_on_one_axis_and_a_long_pause_between_them_is_pressed_together() -> None:
    at = datetime(2026, 10, 1, 12, tzinfo=UTC)

    def step(number: int, start: float, seconds: float) -> spans.Lane:
        turn = fact("thinking", "x")
        assert isinstance(turn, events.Thinking)
        turn = replace(turn, duration_ms=int(seconds * 1000))
        end = at + timedelta(seconds=start + seconds)
        return spans.lane([replace(record(turn), step=number, at=end)])

    first, second, third = spans.laid_out([step(1, 0, 20), step(2, 20, 26), step(3, 3600, 20)])
    assert (first.x, first.width) == (0, 20)
    assert (second.x, second.width) == (20, 26)
    assert (third.x, third.width) == (80, 20), "an hour is drawn as 34 seconds"


def test_a_wait_that_goes_on_is_drawn_up_to_now() -> None:
    asked = record(fact("approval_requested", "x"))
    lane = spans.lane([asked], asked.at + timedelta(seconds=30))
    assert [bar.kind for bar in lane.bars] == ["human"]
    assert lane.facts.milliseconds == 30_000
    assert spans.lane([asked]).facts.milliseconds == 0


def test_long_waits_are_pressed_together() -> None:
    at = record(fact("paused", "x")).at
    long = [at, at.replace(minute=at.minute + 10)]
    assert spans.Axis(long).length == spans.LONGEST_WAIT
    assert len(spans.Axis(long).breaks) == 1


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (0, "0 s"),
        (620, "620 ms"),
        (4100, "4.1 s"),
        (44_600, "44.6 s"),
        (458_000, "7:38"),
        (3_847_000, "1:04:07"),
    ],
)
def test_durations(milliseconds: int, said: str) -> None:
    assert wording.duration(milliseconds) == said


def test_the_answer_is_said_once_and_the_end_only_points_to_the_replay() -> None:
    answer = "The refund is on its way."
    said = timeline.render_row(record(stories.turn(answer), seq=1))
    end = timeline.render_row(record(events.Complete(answer), seq=2))
    assert answer in said
    assert answer not in end
    assert f"/sessions/{SESSION}/replay/" in end


def test_a_bar_that_is_drawn_shorter_than_it_took_bears_a_break_mark() -> None:
    request = stories.asked("send_email")
    at = datetime(2026, 11, 14, 9, tzinfo=UTC)

    def bars(waited: float) -> list[str]:
        told = [(0.0, request), (waited, stories.decided(request))]
        log = [
            Record("s", seq, 1, one, at + timedelta(seconds=after), "runtime", 1, f"{waited}")
            for seq, (after, one) in enumerate(told, 1)
        ]
        return [bar.kind for bar in spans.lane(log).bars]

    assert bars(30) == ["human"]
    assert bars(90) == ["human", "break"]


def test_an_error_shows_its_first_line_and_keeps_the_rest_folded() -> None:
    html = timeline.render_row(
        record(events.Error("bug", "KeyError: x\n  File one\n  File two"), 800)
    )
    first, rest = html.split("<details", 1)
    assert "<pre>KeyError: x</pre>" in first
    assert "File two" in rest
    assert "<details" not in timeline.render_row(record(events.Error("bug", "KeyError: x"), 801))


def test_a_step_that_warns_of_its_budget_is_not_folded() -> None:
    assert not timeline.may_close([record(events.BudgetWarned("steps", 40, 50), 802)])


def test_a_failed_attempt_is_told_with_how_many_there_are() -> None:
    failed = events.ToolRetried("c", "read_file", 1, "unavailable", "503", 2000, attempts=3)
    assert "attempt 1 of 3</span>" in timeline.render_row(record(failed, seq=3))
    older = events.ToolRetried("c", "read_file", 1, "unavailable", "503", 2000)
    assert "attempt 1</span>" in timeline.render_row(record(older, seq=4))
