"""The one key map, for the help and for one's own page; ``static/js/keys.js`` obeys it."""

from __future__ import annotations

KEYS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Everywhere",
        (
            ("/", "Search"),
            ("n", "New session"),
            ("?", "This help"),
            ("Esc", "Back, or close what is open"),
        ),
    ),
    (
        "Approvals",
        (
            ("j k", "Next, previous"),
            ("Enter", "Open"),
            ("a", "Approve"),
            ("d", "Deny"),
            ("e", "Edit"),
            ("g", "Grant"),
            ("x", "Select"),
            ("z", "Undo"),
            ("u", "Hold updates"),
        ),
    ),
    (
        "A session",
        (
            ("j k", "Next, previous step"),
            ("o", "Open or close a step"),
            ("m", "Write a message"),
            ("p", "Pause"),
            ("G", "The latest"),
        ),
    ),
    (
        "Replay",
        (
            ("Space", "Play or pause"),
            ("← →", "Step back, forward"),
            (". ,", "Next error, next approval"),
            ("y", "Copy the link"),
            ("f", "Fork"),
        ),
    ),
)
