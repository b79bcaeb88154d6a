"""Every event kind has its fold case, its partial and its line in the glossary."""

from __future__ import annotations

import inspect
import re

import pytest

from agents.core import events, fold
from tests.servers import ROOT


@pytest.mark.parametrize("kind", sorted(events.KINDS))
def test_every_event_kind_has_a_fold_case_a_partial_and_a_glossary_line(kind: str) -> None:
    assert events.KINDS[kind].__name__ in inspect.getsource(fold._fold)
    assert (ROOT / "templates" / "timeline" / f"_{kind}.html").is_file()
    assert f"`{kind}`" in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("room", ["agents/core", "agents", "oversight"])
def test_every_module_has_its_place_in_the_architecture(room: str) -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rows = text.split(f"| in `{room}/` |")[1].split("\n\n")[0]
    kept = (path for path in (ROOT / room).iterdir() if not path.name.startswith("__"))
    modules = {f"{path.name}/" if path.is_dir() else path.name for path in kept}
    named = set(re.findall(r"`([a-z_]+(?:\.py|/))`", rows))
    assert named ^ modules == ({"core/"} if room == "agents" else set())
