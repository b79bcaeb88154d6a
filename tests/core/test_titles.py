"""What a call does, in one sentence: by a template, whatever the arguments are."""

from __future__ import annotations

from typing import Any

import pytest

from agents.core import titles
from agents.core.events import ToolCall
from agents.core.risk import Risk, RiskMap, ToolRisk

SQL = "Run SQL on {database}"
SCHEMA = {"type": "object", "properties": {"database": {}, "query": {}, "if.not": {}}}


def titled(template: str = SQL, tool: str = "orders__execute_sql", **arguments: Any) -> str:
    return titles.title(tool, arguments, template)


def test_a_template_is_filled_from_the_arguments() -> None:
    assert titled(database="staging", query="SELECT 1") == "Run SQL on staging"
    assert titled("{query} on {database}", database="b", query="a") == "a on b"


@pytest.mark.parametrize("missing", [{}, {"database": None}, {"database": " \n"}, {"database": []}])
def test_an_argument_that_is_missing_leaves_the_name_to_speak(missing: dict[str, Any]) -> None:
    assert titled(**missing) == "Execute SQL on orders"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{query}", "{query}"),
        ("{0.__class__}", "{0.__class__}"),
        ("{", "{"),
        ("%s {database!r:>9999999}", "%s {database!r:>9999999}"),
        ("a\n  b\tc", "a b c"),
        ("gpj\u202eexe\x00", "gpj⟦U+202E⟧exe⟦U+0000⟧"),
        ("<b>x</b>", "<b>x</b>"),  # whoever shows it escapes it
        ("x" * 500, "x" * 79 + "…"),
        (["a@b", "c@d"], "a@b, c@d"),
        ({"a": [1]}, '{"a": [1]}'),
        (True, "yes"),
        (0, "0"),
        (12.5, "12.5"),
    ],
)
def test_a_value_is_one_clipped_line_and_never_a_template_itself(value: Any, said: str) -> None:
    assert titled(database=value, query="secret") == f"Run SQL on {said}"


def test_a_title_has_an_end_however_often_an_argument_is_named() -> None:
    assert len(titled("{database}" * 12, database="y" * 500)) == 200


def test_what_a_template_hides_is_written_out() -> None:
    assert titled("Run \u202e{database}\nnow", database="x") == "Run ⟦U+202E⟧x now"


@pytest.mark.parametrize("template", ["Run {", "Run }", "Run {{database}}", "{database", "{}", " "])
def test_what_is_no_template_leaves_the_name_to_speak(template: str) -> None:
    assert titled(template, database="x") == "Execute SQL on orders"


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("execute_sql", "Execute SQL"),
        ("orders__execute_sql", "Execute SQL on orders"),
        ("crm__find-customer_by_id", "Find customer by ID on CRM"),
        ("orders-sql__run", "Run on orders-sql"),  # the operator's own name
        ("fetchUrl", "Fetch URL"),
        ("api__", "Api__ on API"),
        ("sqlite_idle", "Sqlite idle"),
        ("__", "__"),
    ],
)
def test_a_name_is_made_a_sentence_with_its_acronyms(tool: str, said: str) -> None:
    assert titles.named(tool) == said


def test_a_record_without_a_template_still_has_our_own_titles() -> None:
    old = ToolCall("1", "send_email", {"to": ["a@b"]}, "medium", "ask", "")
    assert titles.of(old) == "Send an email to a@b"
    assert titles.title("send_email", {"to": ["a@b"]}, "Mail {to}") == "Mail a@b"


@pytest.mark.parametrize("template", ["", "Run SQL", SQL, "{query}: {database}{database}", "Là ✓"])
def test_a_template_of_plain_names_may_stand(template: str) -> None:
    assert not list(titles.problems(template, SCHEMA))


@pytest.mark.parametrize(
    "field", ["a.b", "a[0]", "a!r", "a:>9", "a!s:9", "", " a", "0", "a b", "if.not", "\u202e"]
)
def test_only_a_plain_name_may_stand_in_braces(field: str) -> None:
    for schema in (SCHEMA, {}):
        assert list(titles.problems(f"Run {{{field}}}", schema))


@pytest.mark.parametrize("template", ["{", "}", "{a", "a}", "{{a}}", "}a{", "{a}{", "{a{b}}"])
def test_a_brace_needs_its_other_half(template: str) -> None:
    assert "a brace without its other half" in " ".join(titles.problems(template))


def test_a_name_that_is_no_argument_is_refused_with_those_that_are() -> None:
    (problem,) = titles.problems("Run SQL on {databse}", SCHEMA)
    assert problem == "{databse} is no argument of this tool; it has {database}, {query}"
    assert not list(titles.problems("Run SQL on {databse}", {"type": "object"}))


@pytest.mark.parametrize("template", ["Run \u200bit", "Run \x00", "Run\nit", "a\ud800"])
def test_a_template_is_one_line_that_is_seen(template: str) -> None:
    assert list(titles.problems(template))


def test_a_title_changes_no_judgement() -> None:
    plain, worded = (RiskMap({"t": ToolRisk(Risk.LOW, title=title)}) for title in ("", "Go {a}"))
    for most in Risk:
        assert plain.judge("a", "t", {}, most) == worded.judge("a", "t", {}, most)
    assert (plain.title("t"), worded.title("t"), worded.title("other")) == ("", "Go {a}", "")
