"""Build static/icons.svg from an unpacked lucide-static package.

npm install --ignore-scripts lucide-static@1.62.0
python static/vendor/make_icons.py node_modules/lucide-static
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

OURS = """
arrow-down arrow-left arrow-right arrow-up badge-check ban bell book-open bot braces brain
chart-column check chevron-down chevron-left chevron-right chevron-up chevrons-up-down circle
circle-check circle-dot circle-help circle-stop circle-x clock copy corner-down-right credit-card
database download ellipsis external-link eye fast-forward file-text flag fold-vertical folder
git-compare git-fork globe history hourglass inbox info key-round keyboard layout-grid link list
loader-circle lock lock-open log-out mail megaphone menu message-circle message-square-text minus
monitor moon octagon-alert pause pencil play plug plus power repeat rotate-cw scale search send
server settings shield shield-alert shield-check shield-x skip-back skip-forward sliders-horizontal
square step-back step-forward sun terminal timer trash-2 triangle-alert undo-2 user users wallet
wifi-off wrench x zap
""".split()
# Our name stays when Lucide renames an icon.
RENAMED = {"circle-help": "circle-question-mark"}
SVG = re.compile(r"<svg.*?>(.*)</svg>", re.DOTALL)
STROKE = (
    'fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round" stroke-linejoin="round"'
)


def symbol(package: Path, name: str) -> str:
    """One icon as a symbol with our name."""
    text = (package / "icons" / f"{RENAMED.get(name, name)}.svg").read_text()
    found = SVG.search(text)
    assert found, name
    shapes = "".join(line.strip() for line in found[1].splitlines())
    return f'<symbol id="{name}" viewBox="0 0 24 24" {STROKE}>{shapes}</symbol>'


def main(package: Path) -> None:
    """Write the sprite."""
    symbols = "\n".join(symbol(package, name) for name in OURS)
    sprite = f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n'
    (Path(__file__).parent.parent / "icons.svg").write_text(sprite)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
