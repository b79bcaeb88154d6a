"""The engine dies at any moment, at every named point, or stands still: nothing is lost, nothing
happens twice, and who lost the lease writes nothing more."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.crash import checker
from tests.crash.conftest import Stage, until_stopped, until_written
from tests.servers import ROOT
from tests.surroundings import product_env

KILLS = 25


@pytest.mark.slow
def test_killed_at_random_moments_it_loses_nothing_and_repeats_nothing(stage: Stage) -> None:
    seed = int(os.environ.get("CRASH_SEED") or time.time())
    print(f"CRASH_SEED={seed}")
    dice = random.Random(seed)
    stage.runs, stage.steps = 20, 60
    kills = 0
    before: checker.Logs = {}
    while kills < KILLS:
        pid = stage.start(dice.choice(["crash", "recover", "recover"]))
        if dice.random() < 0.7:
            until_written(pid, stage.folder / "acknowledged.txt")
        time.sleep(dice.uniform(0, 0.4))
        os.kill(pid, signal.SIGKILL)
        kills += stage.wait(pid) == -signal.SIGKILL
        before = _nothing_lost(stage.folder, before)
    assert stage.run("recover") == 0, stage.log()
    _nothing_lost(stage.folder, before)
    checker.everything(stage.folder, stage.runs, stage.steps)
    assert not checker.outcomes(stage.folder)["open"]


def _nothing_lost(folder: Path, before: checker.Logs) -> checker.Logs:
    after = checker.logs(folder)
    checker.has_grown(before, after)
    checker.holds_what_was_acknowledged(folder, after)
    checker.none_twice(folder)
    return after


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ("before_turn:3", ""),
        ("after_turn:3", ""),
        ("after_claim:3", "not_happened"),
        ("in_call:3", "not_happened"),
        ("after_effect:3", "happened"),
        ("before_result:3", "happened"),
        ("after_result:3", ""),
        # The commits of a run: its start, then turn, claim and result of each step.
        ("in_commit:1", ""),
        ("in_commit:2", ""),
        ("in_commit:3", ""),
        ("in_commit:4", "happened"),
    ],
)
def test_killed_at_a_named_point_a_person_is_asked_exactly_where_nobody_can_know(
    stage: Stage, point: str, said: str
) -> None:
    assert stage.run("crash", point) == -signal.SIGKILL, stage.log()
    before = _nothing_lost(stage.folder, {})
    assert stage.run("recover") == 0, stage.log()
    _nothing_lost(stage.folder, before)
    checker.everything(stage.folder, stage.runs, stage.steps)
    assert checker.outcomes(stage.folder) == ({said: 1} if said else {})


def test_killed_again_and_again_while_it_recovers(stage: Stage) -> None:
    assert stage.run("crash", "after_claim:2") == -signal.SIGKILL, stage.log()
    before = _nothing_lost(stage.folder, {})
    for commit in (1, 1, 2, 3, 2, 1):
        assert stage.run("recover", f"in_commit:{commit}") == -signal.SIGKILL, stage.log()
        before = _nothing_lost(stage.folder, before)
    assert stage.run("recover") == 0, stage.log()
    checker.everything(stage.folder, stage.runs, stage.steps)


def _wakes_too_late(stage: Stage, point: str, meanwhile: str) -> None:
    """A process stands still there until another has taken over; then it wakes, writes nothing."""
    stage.lease = 2
    sleeper = stage.start("crash", point)
    until_stopped(sleeper)
    assert stage.run(meanwhile) == 0, stage.log()
    before = checker.logs(stage.folder)
    os.kill(sleeper, signal.SIGCONT)
    assert stage.wait(sleeper) == 0, stage.log()
    assert checker.logs(stage.folder) == before


def test_who_stood_still_past_the_lease_writes_nothing_when_it_wakes(stage: Stage) -> None:
    _wakes_too_late(stage, "after_effect:2:stop", "recover")
    assert checker.late_evidence(stage.folder) == 1
    checker.everything(stage.folder, stage.runs, stage.steps)
    assert checker.outcomes(stage.folder) == {"happened": 1}


def test_who_stood_still_between_claim_and_call_does_not_act_when_it_wakes(stage: Stage) -> None:
    _wakes_too_late(stage, "after_claim:2:stop", "recover")
    checker.everything(stage.folder, stage.runs, stage.steps)
    assert checker.outcomes(stage.folder) == {"not_happened": 1}


def test_a_call_that_was_on_its_way_is_evidence_for_who_settles_it(stage: Stage) -> None:
    """The lease cannot call back what is already under way; it keeps it from being done twice."""
    _wakes_too_late(stage, "in_call:2:stop", "crash")
    assert checker.late_evidence(stage.folder) == 1
    assert stage.run("recover") == 0, stage.log()
    checker.everything(stage.folder, stage.runs, stage.steps)
    assert checker.outcomes(stage.folder) == {"happened": 1}


def test_the_commands_as_they_are_typed(tmp_path: Path) -> None:
    folder = tmp_path / "crash"
    with _typed("crash", folder) as process:
        until = time.monotonic() + 60
        while not (folder / "effects.txt").exists() and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    with _typed("recover", folder) as process:
        output, _ = process.communicate(timeout=120)
    figures = json.loads(output)
    checker.everything(folder, 10, 20)
    assert figures["unknown"] == checker.outcomes(folder).total()
    assert (figures["effects"], figures["duplicates"], figures["lost_events"]) == (200, 0, 0)


def _typed(command: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench", command, "10", "20"],
        cwd=ROOT,
        env=product_env(CRASH_DIR=folder),
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_benchmark_prints_one_line_of_figures(tmp_path: Path) -> None:
    env = product_env(TMPDIR=tmp_path)
    command = [sys.executable, "-m", "tests.bench", "steps", "3", "4"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    figures = json.loads(done.stdout)
    assert set(figures) == {"steps_per_s", "cpu_ms_per_step", "bytes_per_step", "rss_mb"}
    assert all(value > 0 for value in figures.values())
    assert not done.stderr
    assert not list(tmp_path.iterdir())
