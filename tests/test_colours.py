"""The colours of the pages, computed: readable in both themes, and apart for every eye."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.servers import ROOT

CSS = ROOT / "static/css"
Colour = tuple[float, float, float]  # linear RGB, 0 to 1

# Machado, Oliveira and Fernandes 2009, severity 1, over linear RGB.
SIMULATED = {
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
TEXT = "ink ink-2 ink-3 accent low med high ok think tool safe".split()
GROUNDS = "canvas surface sunken".split()
SOLID = [("on-solid", "accent-solid"), ("on-solid", "high-solid"), ("on-button", "button")]
RULE = re.compile(r"\{([^{}]*)\}")
RISKS = ("safe", "low", "med-solid", "high-solid")
APART = 7.5  # OKLab times 100; 2 is just seen, and words and shapes stand beside every colour
KINDS = ("fill-model", "fill-tool", "fill-human", "fill-error", "fill-idle")


def _tokens(theme: int) -> dict[str, str]:
    text = (CSS / "tokens.css").read_text()
    both = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", text)
    same = re.findall(r"--([\w-]+): (#\w{6});", text)
    return {name: pair[theme] for name, *pair in both} | dict(same)


def _linear(colour: str) -> Colour:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return red, green, blue


def _contrast(one: str, other: str) -> float:
    weights = (0.2126, 0.7152, 0.0722)
    light = sorted(
        sum(w * c for w, c in zip(weights, _linear(x), strict=True)) for x in (one, other)
    )
    return (light[1] + 0.05) / (light[0] + 0.05)


def _seen(colour: str, eye: str) -> Colour:
    linear = _linear(colour)
    if eye not in SIMULATED:
        return linear
    red, green, blue = (
        min(1.0, max(0.0, sum(m * c for m, c in zip(row, linear, strict=True))))
        for row in SIMULATED[eye]
    )
    return red, green, blue


def _oklab(colour: Colour) -> Colour:
    red, green, blue = colour
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _distance(one: str, other: str, eye: str) -> float:
    """OKLab distance, times 100."""
    a, b = _oklab(_seen(one, eye)), _oklab(_seen(other, eye))
    return 100 * float(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5)


def _written_pairs() -> set[tuple[str, str]]:
    """Every text on a ground that one rule of a style sheet sets together."""
    found = set()
    for sheet in CSS.glob("*.css"):
        for rule in RULE.findall(sheet.read_text()):
            text = re.search(r"(?<![-\w])color: var\(--([\w-]+)\)", rule)
            ground = re.search(r"background(?:-color)?: var\(--([\w-]+)\)", rule)
            if text and ground:
                found.add((text[1], ground[1]))
    return found


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_reads_on_its_ground(theme: int) -> None:
    tokens = _tokens(theme)
    written = _written_pairs()
    assert len(written) > 15
    tinted = [(name, f"{name}-tint") for name in TEXT if f"{name}-tint" in tokens]
    pairs = {*itertools.product(TEXT, GROUNDS), *SOLID, *tinted, *written}
    weak = {pair: round(_contrast(*(tokens[name] for name in pair)), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_edge_of_every_control_is_seen(theme: int) -> None:
    tokens = _tokens(theme)
    for ground in GROUNDS:
        assert _contrast(tokens["control"], tokens[ground]) >= 3, ground
        assert _contrast(tokens["accent"], tokens[ground]) >= 3, ground


@pytest.mark.parametrize("eye", ["any", *SIMULATED])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_risks_and_kinds_stay_apart_for_every_eye(theme: int, eye: str) -> None:
    tokens = _tokens(theme)
    for names in (RISKS, KINDS):
        for one, other in itertools.combinations(names, 2):
            apart = _distance(tokens[one], tokens[other], eye)
            assert apart >= APART, (one, other, round(apart, 1))
