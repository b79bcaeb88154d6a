"""Secrets are found and taken out however they are written."""

from __future__ import annotations

import json
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from agents.core.redaction import leaks, redacted, redacted_bytes

AWKWARD = 'p"a\\s\ns/w<ö>rd'


def test_of_two_secrets_that_begin_alike_the_longer_leaves_nothing_behind() -> None:
    for secrets in permutations(["token-1", "token-1234", "token-1234-5678"]):
        assert redacted("a token-1234-5678 b token-1 c", secrets) == "a [redacted] b [redacted] c"
        assert redacted_bytes(b"token-1234-5678", secrets) == b"[redacted]"


@given(secret=st.text(min_size=4, max_size=12), nested=st.integers(0, 2), plain=st.booleans())
def test_a_secret_is_found_in_json_and_in_json_within_json(
    secret: str, nested: int, plain: bool
) -> None:
    text = secret
    for _ in range(nested):
        text = json.dumps({"of": text}, ensure_ascii=plain)
    assert leaks({"deep": [(text,)]}, [secret])
    assert redacted(text, [secret]) != text


def test_what_is_left_of_json_is_json() -> None:
    text = json.dumps({"key": AWKWARD, "file": json.dumps([AWKWARD])})
    assert json.loads(redacted(text, [AWKWARD])) == {"key": "[redacted]", "file": '["[redacted]"]'}


def test_other_writers_of_json_escape_slashes_and_what_html_minds() -> None:
    for written in (
        r"p\"a\\s\ns/w\u003cö\u003erd",
        r"p\"a\\s\ns\/w<\u00f6>rd",
    ):
        assert redacted(f"[{written}]", [AWKWARD]) == "[[redacted]]"


def test_a_secret_is_found_in_names_as_well_as_in_values() -> None:
    assert leaks({"a": {"hunter22": 1}}, ["hunter22"])
    assert not leaks({"a": [None, 1, True, "hunter2"]}, ["hunter22"])
