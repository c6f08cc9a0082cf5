"""The routing tree against Alertmanager's own: amtool says where an alert goes, over random trees, matchers and alerts.

amtool is of the version that the lab runs, from its cache of built programs. It is asked once an example, by a file and labels.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from clusterprobe.systems.alertmanager.routing import deliveries
from clusterprobe.systems.formats.alertmanager_config import parse_configuration
from lab.platform.alertmanager import AMTOOL

NOW = 1_800_000_000.0  # no route here has a time interval
NAMES = ["severity", "namespace", "team_1"]
WORDS = ["a", "b", "ab", "a-b", "1.5"]
# What a matcher's text has to quote: separators, operators, both quotes, a backslash, a line feed, braces, letters of other scripts.
ODD = ["", " a", "a,b", "a=b", 'say "a"', "it's", "back\\slash", "two\nlines", "{a}", "grün", "a|b", "!", "~a"]
PATTERNS = ["a", "a|b", ".*", ".+", "b?", "a.+", "(a|b)+", "[^a]*", "^a$", "(?i:A)", "a{1,2}", "\\w+"]
RECEIVERS = ["null", "slack", "pager"]
EXAMPLES = 300

names, words = some.sampled_from(NAMES), some.sampled_from(WORDS)
equalities = some.tuples(names, some.sampled_from(["=", "!="]), some.sampled_from([*WORDS, *ODD]))
patterns = some.tuples(names, some.sampled_from(["=~", "!~"]), some.sampled_from(PATTERNS))
matchers = some.lists(some.one_of(equalities, patterns), max_size=3)
alerts = some.dictionaries(names, some.sampled_from([*WORDS, *(one for one in ODD if one)]))


@some.composite
def texts(draw: Any) -> dict[str, Any]:
    """A route's matchers as somebody may write them: one by one or together, with quotes or without, or with the fields of before."""
    wanted = draw(matchers)
    how = draw(some.sampled_from(["each", "together", "before"]))
    if how == "before":
        return {
            "match": {name: value for name, operator, value in wanted if operator == "="},
            "match_re": {name: value for name, operator, value in wanted if operator == "=~"},
        }
    written = [
        f"{name}{draw(some.sampled_from(['', ' ']))}{operator}{_value(value, draw(some.booleans()))}" for name, operator, value in wanted
    ]
    if how == "together" and written:
        return {"matchers": [f"{{{', '.join(written)}}}" if draw(some.booleans()) else ",".join(written)]}
    return {"matchers": written}


def _value(value: str, plain: bool) -> str:
    return value if plain and value in WORDS else json.dumps(value, ensure_ascii=False)


def _node(routes: Any) -> Any:
    fixed = some.fixed_dictionaries({"continue": some.booleans(), "routes": routes}, optional={"receiver": some.sampled_from(RECEIVERS)})
    return some.builds(lambda one, asked: {**one, **asked}, fixed, texts())


trees = some.recursive(_node(some.just([])), lambda children: _node(some.lists(children, max_size=4)), max_leaves=15)


def text(tree: dict[str, Any]) -> str:
    """The tree below a root, which may have no matchers."""
    root = {"receiver": "root", "routes": [tree]}
    return yaml.safe_dump({"route": root, "receivers": [{"name": one} for one in ("root", *RECEIVERS)]}, allow_unicode=True)


def amtool(file: Path, alert: dict[str, str]) -> list[str]:
    labels = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in alert.items()]
    command = [str(AMTOOL), "config", "routes", "test", f"--config.file={file}", "alertname=Any", *labels]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1].split(",")  # before it stand warnings about matchers of the classic syntax


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees, alert=alerts)
def test_an_alert_goes_where_amtool_says(tmp_path: Path, tree: dict[str, Any], alert: dict[str, str]) -> None:
    file = tmp_path / "alertmanager.yaml"
    file.write_text(text(tree), encoding="utf-8")
    found = deliveries(parse_configuration(file.read_text("utf-8")), {"alertname": "Any", **alert}, NOW)
    assert [one.receiver for one in found] == amtool(file, alert)


@pytest.mark.parametrize("alert", [{}, {"severity": "a"}, {"team_1": "grün"}])
def test_what_is_written_in_a_way_of_its_own_is_read_alike(tmp_path: Path, alert: dict[str, str]) -> None:
    file = tmp_path / "alertmanager.yaml"
    odd = ["severity=a", " severity = a ", 'severity="a",', "{severity=a,}", '"severity"="a"', "team_1=~gr.n", "severity!=''", "severity="]
    routes = [{"receiver": "slack", "continue": True, "matchers": [one]} for one in odd]
    file.write_text(yaml.safe_dump({"route": {"receiver": "root", "routes": routes}, "receivers": [{"name": "root"}, {"name": "slack"}]}))
    found = deliveries(parse_configuration(file.read_text()), {"alertname": "Any", **alert}, NOW)
    assert [one.receiver for one in found] == amtool(file, alert)
