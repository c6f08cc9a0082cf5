"""YAML that anybody may have written into the cluster is data of a bounded size, or is refused in a sentence, and quickly."""

from __future__ import annotations

import pytest

from clusterprobe.errors import BadResponse
from clusterprobe.systems.formats.alertmanager_config import OddConfiguration, parse_configuration
from clusterprobe.systems.formats.yaml_text import MAX_DEPTH, MAX_VALUES, NotYaml, yaml_of
from clusterprobe.systems.grafana.sidecar_files import datasources_in
from clusterprobe.systems.log_agents.configuration_files import READERS
from clusterprobe.systems.log_agents.configurations import read_files

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k: v}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "a billion laughs": LAUGHS,
    "a billion merges": MERGES,
    "too many values": "a: [" + "1," * MAX_VALUES + "1]",
    "itself": "a: &a [*a]",
    "too deep": "[" * (MAX_DEPTH + 1),
    "far too deep": "- " * 100_000,
    "no number": "a: !!int ''",
    "no truth": "a: !!bool maybe",
    "no such day": "a: 2026-99-99",
    "5,000 digits": "a: " + "9" * 5000,
    "no binary": "a: !!binary é",
    "a list as a key": "? [a]\n: b",
    "an object": "a: !!python/object/apply:os.system [id]",
    "two documents": "a\n---\nb",
    "a character that YAML does not have": "a: \x01",
    "no YAML": "a: [1",
    "an alias of nothing": "a: *b",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_is_refused(text: str) -> None:
    with pytest.raises(NotYaml) as caught:
        yaml_of(text)
    assert len(str(caught.value)) < 100


def test_what_is_refused_is_not_quoted() -> None:
    with pytest.raises(NotYaml, match=r"^not YAML \(line \d\)$"):
        yaml_of("a: 1\npassword: [tulip99garden")


def test_anchors_and_merge_keys_are_fine() -> None:
    assert yaml_of("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]")["b"] == {"x": 1, "y": 2}
    assert yaml_of("") is None
    assert len(yaml_of("[" + "1," * (MAX_VALUES - 2) + "1]")) == MAX_VALUES - 1


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_file_of_data_sources_that_is_hostile_is_unreadable_by_itself(text: str) -> None:
    with pytest.raises(BadResponse, match="a file of data sources in it"):
        list(datasources_in(text + "\ndatasources: [{name: a, type: loki, url: *i}]" if text in (LAUGHS, MERGES) else text))


@pytest.mark.parametrize("program", READERS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_file_of_an_agent_that_is_hostile_configures_nothing(text: str, program: str) -> None:
    found = read_files(program, {"a.yaml": text})
    assert (found.configured.outputs, found.configured.positions) == ([], [])


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_an_alertmanagers_configuration_that_is_hostile_is_odd(text: str) -> None:
    with pytest.raises(OddConfiguration):
        parse_configuration(text)
