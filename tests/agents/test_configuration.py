"""What ``configure`` accepts, changes and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents import spending
from agents.configuration import Malformed, configure, configure_file
from agents.models import (
    AgentDefinition,
    Catalogue,
    GateRule,
    McpServer,
    ModelPrice,
    PolicyChange,
    Tool,
)

pytestmark = pytest.mark.django_db(transaction=True)

WHOLE = """
[mcp_servers.bank]
command = ["python", "server.py"]
env = { MODE = "test" }

[agents.clerk]
model = "claude-sonnet-5-5"
system = "You are a careful clerk."
tools = ["bank__*", "read_file"]
max_auto_risk = "low"
limits = { steps = 50, tokens = 2000000 }
group = "finance"

[tools.bank__send_money]
risk = "high"
effect = "irreversible"
approvals = 2

[rules.small-sums]
tool = "bank__send_money"
verdict = "allow"
conditions = [{ field = "amount", op = "<=", value = 10 }]

[prices."my-model"]
input = 1
output = 2.5
cache_read = 0.1
cache_write = 1.25
"""


def problems(text: str) -> list[str]:
    with pytest.raises(Malformed) as caught:
        configure(text, "c.toml")
    return caught.value.problems


def test_a_file_becomes_rows_and_once_more_changes_nothing() -> None:
    lines = configure(WHOLE)
    assert lines == [
        "mcp_servers.bank: created",
        "agents.clerk: created",
        "tools.bank__send_money: created",
        "rules.small-sums: created",
        "prices.my-model: created",
    ]
    assert McpServer.objects.get().env == {"MODE": "test"}
    clerk = AgentDefinition.objects.get(name="clerk")
    assert (clerk.limits, clerk.group and clerk.group.name) == (
        {"steps": 50, "tokens": 2_000_000},
        "finance",
    )
    tool = Tool.objects.get(name="bank__send_money")
    assert (tool.risk, tool.approvals, tool.reviewed) == ("high", 2, True)
    assert GateRule.objects.get().conditions[0]["op"] == "<="
    assert ModelPrice.objects.filter(model="my-model").exists()
    version = Catalogue.objects.get().version
    assert configure(WHOLE) == []
    assert Catalogue.objects.get().version == version


def test_changes_are_said_and_secrets_are_not() -> None:
    configure(WHOLE)
    edited = WHOLE.replace('"low"', '"medium"').replace('"test"', '"hunter2"')
    lines = configure(edited)
    assert lines == [
        "mcp_servers.bank.env: changed",
        "agents.clerk.max_auto_risk: 'low' -> 'medium'",
    ]


def test_the_title_of_a_call_is_set_from_a_file_and_kept_by_one_that_is_silent() -> None:
    titled = "[tools.send_email]\nrisk = 'medium'\ntitle = 'Mail {to}'"
    assert configure(titled) == ["tools.send_email.title: '' -> 'Mail {to}'"]
    assert configure(titled) == []
    assert configure("[tools.send_email]\nrisk = 'high'") == [
        "tools.send_email.risk: 'medium' -> 'high'"
    ]
    assert Tool.objects.get(name="send_email").title == "Mail {to}"
    assert PolicyChange.objects.filter(name="send_email").count() == 2


def test_a_title_that_may_not_stand_is_refused_with_its_line() -> None:
    schema = {"type": "object", "properties": {"to": {}, "body": {}}}
    Tool.objects.filter(name="send_email").update(input_schema=schema)
    place = "c.toml:3: tools.send_email.title: "
    for title, said in {
        "Mail {too}": "{too} is no argument of this tool; it has {body}, {to}",
        "Mail {to": (
            "has a brace without its other half; an argument stands in braces, as in {path}"
        ),
        "Mail {to[0]}": "{to[0]} is no argument; only a name may stand in braces",
    }.items():
        text = f"[tools.send_email]\nrisk = 'low'\ntitle = '{title}'"
        assert problems(text) == [place + said]
    # Of a tool that no server has shown yet, nobody knows the arguments.
    assert configure("[tools.new__tool]\ntitle = 'Do {anything}'") == ["tools.new__tool: created"]


def test_what_is_not_named_stays() -> None:
    configure('[tools.process_payment]\nrisk = "medium"')
    tool = Tool.objects.get(name="process_payment")
    assert (tool.risk, tool.effect, tool.timeout) == ("medium", "keyed", 20)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = [1,\n", "c.toml:1: not valid TOML"),
        ("[agents.x]\nmodel = 'a'\nmodel = 'b'", "c.toml:3: not valid TOML"),
        ("[agent.x]\nmodel = 'a'", "c.toml:1: agent: no such section"),
        ("[agents.x]\n\ncolour = 1", "c.toml:3: agents.x.colour: no such key; known: title"),
        ("[agents]\nx = 3", "c.toml:2: agents.x: must be a table"),
        ("agents = 3", "c.toml:1: agents: must be a table"),
        ("[agents.x]\nmax_tokens = true", "c.toml:2: agents.x.max_tokens: must be a whole number"),
        ("[agents.x]\nmodel = 3", "c.toml:2: agents.x.model: must be a string"),
        ("[agents.x]\nmax_auto_risk = 'huge'", "c.toml:2: agents.x.max_auto_risk: must be one of"),
        ("[agents.x]\nlimits = { step = 5 }", "c.toml:2: agents.x.limits: step: no such limit"),
        ("[agents.x]\nlimits = { usd = inf }", "c.toml:2: agents.x.limits: number is not finite"),
        (
            "[agents.x]\nlimits = { steps = 1" + "0" * 400 + " }",
            "c.toml:2: agents.x.limits: integer",
        ),
        ("[agents.x]\ntools = [1]", "c.toml:2: agents.x.tools: must be a list of tool names"),
        ('[agents."two words"]', "c.toml:1: agents.two words: enter a valid"),
        ('[agents."nul\\u0000"]', "c.toml:1: agents.nul\x00: text contains NUL"),
        (
            "[mcp_servers.a]",
            "c.toml:1: mcp_servers.a.command: say either a command or a url",
        ),
        ("[mcp_servers.a]\nurl = 'ftp://x'", "c.toml:2: mcp_servers.a.url: must be an http"),
        ("[mcp_servers.a__b]\nurl = 'http://x'", "c.toml:1: mcp_servers.a__b: may not contain two"),
        ("[mcp_servers.a]\ncommand = 'python'", "c.toml:2: mcp_servers.a.command: must be a list"),
        ("[tools.x]\nrisk = 'High'", "c.toml:2: tools.x.risk: must be one of safe, low"),
        ("[tools.x]\napprovals = 0", "c.toml:2: tools.x.approvals: must be from 1 to 20"),
        ("[tools.x]\ntimeout = nan", "c.toml:2: tools.x.timeout: number is not finite"),
        ('[tools."x y"]', "c.toml:1: tools.x y: must be letters, digits"),
        ("[rules.x]\ntool = 'a'\nverdict = 'invalid'", "c.toml:3: rules.x.verdict: must be one of"),
        ("[rules.x]\nverdict = 'deny'", "c.toml:1: rules.x.tool: tool is needed"),
        (
            "[rules.x]\ntool = 'a'\nverdict = 'deny'\nconditions = [{field = 'f', op = '~'}]",
            "c.toml:4: rules.x.conditions: condition 1: op: must be one of",
        ),
        (
            "[rules.x]\ntool = 'a'\nconditions = [{field = 'f', op = 'regex', value = '('}]",
            "c.toml:3: rules.x.conditions: condition 1: value: no regular expression",
        ),
        ("[prices.m]\ninput = 1", "c.toml:1: prices.m.output: output is needed"),
        ("[prices.m]\ninput = -1", "c.toml:1: prices.m.output"),
        ("x = " + "[" * 5000, "c.toml:1: not valid TOML"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_its_place(text: str, line: str) -> None:
    found = problems(text)
    assert any(problem.startswith(line) for problem in found), found
    assert all("\n" not in problem for problem in found)


def test_all_or_nothing() -> None:
    found = problems(WHOLE + "\n[tools.bad]\nrisk = 'no'\n[agents.bad]\ntools = [2]")
    assert len(found) == 2
    assert not McpServer.objects.exists()
    assert not AgentDefinition.objects.filter(name="clerk").exists()


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    for path, what in [("none", "No such file"), ("latin", "not UTF-8"), (".", "directory")]:
        with pytest.raises(Malformed, match=what):
            configure_file(tmp_path / path)


def test_budgets_caps_prices_and_loops_are_configured() -> None:
    file = """
[agents.clerk]
limits = { steps = 5 }
ceilings = { steps = 50, usd = 10.0 }
settings.loops = { cycle = 0, answer_seconds = 60 }
settings.unattended = true
settings.fallback_model = "small"
settings.retry = { attempts = 3, base = 0.5, cap = 10, parks = [60, 300], longest_park = 3600 }
settings.keep_turns = 6
settings.gate = { taint = false, untrusted = ["web__*"], sends = [], cumulative = { low = 3 } }
[tools.check_stock]
pollable = true
[prices.house-model]
input = 1
output = 2
cache_read = 0.1
cache_write = 1.25
cache_write_1h = 2
[caps.day]
usd = 50
tokens = 1000000
"""
    configure(file)
    assert configure(file) == []
    assert AgentDefinition.objects.get(name="clerk").ceilings == {"steps": 50, "usd": 10.0}
    assert Tool.objects.get(name="check_stock").pollable
    assert spending.limits() == {"usd": 50.0, "tokens": 1_000_000.0}
    for wrong, said in (
        ("[caps.week]\nusd = 5", "must be one of day"),
        ("[agents.clerk]\nsettings = { loops = { circle = 3 } }", "loops.circle: no such"),
        ("[agents.clerk]\nsettings = { loops = { cycle = -1 } }", "loops.cycle: must be"),
        ("[agents.clerk]\nceilings = { step = 3 }", "step: no such limit"),
        ("[agents.clerk]\nsettings.fallback_model = 3", "fallback_model: must be a model's"),
        ("[agents.clerk]\nsettings.unatended = true", "unatended: no such setting; known: loops"),
        ("[agents.clerk]\nsettings.unattended = 1", "unattended: must be true or false"),
        ("[agents.clerk]\nsettings.retry = 3", "retry: must be a table"),
        ("[agents.clerk]\nsettings.retry.attempts = 'many'", "retry.attempts: must be a whole"),
        (
            "[agents.clerk]\nsettings.retry.parks = [60, -1]",
            "retry.parks: must be a list",
        ),
        ("[agents.clerk]\nsettings.retry.base = true", "retry.base: must be seconds"),
        ("[agents.clerk]\nsettings.retry.tries = 3", "retry.tries: no such key; known: attempts"),
        ("[agents.clerk]\nsettings.keep_turns = 1.5", "keep_turns: must be a whole number"),
        ("[agents.clerk]\nsettings.gate = true", "gate: must be a table"),
        ("[agents.clerk]\nsettings.gate.tainted = false", "gate.tainted: no such key"),
        ("[agents.clerk]\nsettings.gate.taint = 'no'", "gate.taint: must be true or false"),
        ("[agents.clerk]\nsettings.gate.sends = 'mail'", "gate.sends: must be a list"),
        ("[agents.clerk]\nsettings.gate.cumulative = 3", "gate.cumulative: must be true, false"),
        ("[agents.clerk]\nsettings.gate.cumulative.high = 3", "cumulative.high: no such risk"),
        ("[agents.clerk]\nsettings.gate.cumulative.low = -1", "cumulative.low: must be a whole"),
    ):
        with pytest.raises(Malformed, match=said):
            configure(wrong)
