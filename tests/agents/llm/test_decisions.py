"""The rehearsal model's next words accord with what people decided and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.core import wording
from tests.agents.llm.stage import TASKS, Stage, deny, spoken


def _denied_post(block: Any) -> Any:
    return deny("Not before May")(block) if block["name"] == "post_tweet" else block["input"]


async def test_approved_calls_run_and_are_reported(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    end = await stage.play(TASKS["press"])
    assert [tool for tool, _ in stage.ran][-2:] == ["send_email", "post_tweet"]
    assert "the post is out" in end
    assert "The e-mail to desk@paperweekly.example" in end
    assert (tmp_path / "workspace/press/release.md").exists()


async def test_a_denial_is_heeded(tmp_path: Path) -> None:
    stage = Stage(tmp_path, decide=_denied_post)
    end = await stage.play(TASKS["press"])
    assert "post_tweet" not in [tool for tool, _ in stage.ran]
    assert "The post was denied (“Not before May”)" in end
    assert "not everything happened" in end
    assert "- The post: not done: denied (“Not before May”)." in end
    proposed = [b["name"] for t in stage.turns for b in t.content if b["type"] == "tool_use"]
    assert proposed.count("post_tweet") == 1


async def test_a_denial_without_a_reason(tmp_path: Path) -> None:
    stage = Stage(tmp_path, decide=deny(""))
    end = await stage.play(TASKS["press"])
    assert "The post was denied. It did not happen" in end


async def test_an_edit_is_heeded(tmp_path: Path) -> None:
    def edit(block: Any) -> Any:
        changed = {"to": ["mara@fernhill.example"]} if block["name"] == "send_email" else {}
        return {**block["input"], **changed}

    stage = Stage(tmp_path, decide=edit)
    end = await stage.play(TASKS["press"])
    after_edit = spoken(stage)[-2]
    assert "A reviewer changed the e-mail" in after_edit
    assert "to is now “mara@fernhill.example”" in after_edit
    assert "as a reviewer changed it" in end


@pytest.mark.parametrize(
    ("decision", "reason", "words"),
    [
        ("expired", "", "Nobody decided"),
        ("expired", "it was approved, but not run in time", "not allowed"),
        ("answered", "Ask again in May.", "A person answered"),
        ("revoked", "", "not allowed"),
    ],
)
async def test_other_decisions_are_heeded(
    tmp_path: Path, decision: str, reason: str, words: str
) -> None:
    def decide(block: Any) -> str:
        return wording.refusal(block["name"], decision, reason)[0]

    stage = Stage(tmp_path, decide=decide)
    await stage.play(TASKS["press"])
    assert words in spoken(stage)[-1]


async def test_an_unknown_outcome_is_not_repeated(tmp_path: Path) -> None:
    def decide(block: Any) -> str:
        return wording.outcome(block["name"], "abandoned", "", "")[0]

    stage = Stage(tmp_path, decide=decide)
    end = await stage.play(TASKS["press"])
    assert "Nobody can say whether the post happened" in end
    assert "unknown: it may have happened" in end


async def test_three_calls_wait_together(tmp_path: Path) -> None:
    def decide(block: Any) -> Any:
        third = block["name"] == "delete_record"
        return deny("Keep it")(block) if third else block["input"]

    stage = Stage(tmp_path, decide=decide)
    end = await stage.play(TASKS["refunds"])
    gated = [b for b in stage.turns[1].content if b["type"] == "tool_use"]
    assert [b["name"] for b in gated] == ["process_payment", "process_payment", "delete_record"]
    assert "- The payment for order 1002: done." in end
    assert "- Deleting record 5 from customers: not done: denied (“Keep it”)." in end


async def test_people_are_answered_and_may_drop_a_step(tmp_path: Path) -> None:
    message = wording.steer("Ines", "Please do not post anything on the timeline.")
    stage = Stage(tmp_path, say={2: [message]})
    await stage.play(TASKS["press"])
    assert "Please do not post anything" in spoken(stage)[2]
    assert "I leave out the post" in spoken(stage)[2]
    assert "post_tweet" not in [tool for tool, _ in stage.ran]


async def test_a_question_and_a_wish_are_answered(tmp_path: Path) -> None:
    notes = [wording.steer("Ines", "How far are you?"), wording.steer("", "Be brief.")]
    stage = Stage(tmp_path, say={1: notes})
    await stage.play(TASKS["press"])
    assert "How far are you?" in spoken(stage)[1]
    assert "Be brief." in spoken(stage)[1]
