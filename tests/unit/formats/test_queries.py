"""What is put into a query stays one string of it, and one alternative of an expression."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.session import Origin
from clusterprobe.profile import Profile
from clusterprobe.readings import single
from clusterprobe.systems.alertmanager.config_secrets import secret_series
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.formats.queries import Not, Regex, any_of, escaped, matchers, quoted, raw, within
from tests.factories import labelled, listing, server
from tests.faults.faults import body
from tests.faults.recording import Recording
from tests.faults.server import FaultServer

STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
SHORT = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text('"\\\n`{}[]()|.*+?^$-a', max_size=12)


def value_of(string: str) -> str:
    """What Prometheus and Loki read a string in double quotes as."""
    found = STRING.fullmatch(string)
    assert found
    return re.sub(
        r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|(.))",
        lambda one: chr(int(one[1] or one[2], 16)) if one[1] or one[2] else SHORT[one[3]],
        found[1],
    )


@settings(deadline=None)
@given(texts)
def test_a_string_has_just_the_value_that_it_was_made_of(text: str):
    assert value_of(quoted(text)) == text
    assert value_of(f'"x{within(text)}y"') == f"x{text}y"


@settings(deadline=None)
@given(texts, texts)
def test_a_selector_ends_where_it_was_meant_to(one: str, other: str):
    pieces = STRING.split(matchers({"a": one, "b": Not(other), "c": any_of([one, other])}))
    assert pieces[::2] == ["{a=", ", b!=", ", c=~", "}"]


@settings(deadline=None)
@given(texts, texts)
def test_an_expression_matches_just_the_texts_that_it_was_made_of(one: str, other: str):
    compiled = re.compile(any_of([one]).text, re.DOTALL)
    assert compiled.fullmatch(one)
    assert bool(compiled.fullmatch(other)) is (one == other)


@pytest.mark.parametrize("text", ["web.x", "fastapi-canary", "a|b", "(x)", "[a]", "^$", "a\\b", "{2}"])
def test_an_expression_for_a_text_has_nothing_that_re2_and_python_read_otherwise(text: str):
    assert re.fullmatch(escaped(text), text)
    assert not re.search(r"\\[A-Za-z0-9]", escaped(text).replace("\\\\", ""))


def test_expressions_come_first_and_what_follows_is_behind_each_text():
    assert any_of(["a.b", "c"], Regex(".*x"), then="-.+").text == ".*x|a[.]b-.+|c-.+"


def test_an_expression_keeps_its_backslashes_where_it_can():
    assert (raw(r"\s+"), raw("a`\\s")) == (r"`\s+`", '"a`\\\\s"')


@pytest.mark.parametrize("label", ["", "a-b", 'a="x"}', "1a", "a\n"])
def test_the_name_of_a_label_is_no_text(label: str):
    with pytest.raises(ValueError, match="not the name of a label"):
        matchers({label: "x"})


@pytest.mark.parametrize("name", ['x"} or kube_secret_info{secret=~".*', "x\n", "a|.*", "x\\", ".*", 'x", owner_kind="'])
def test_an_alertmanagers_secret_cannot_forge_what_prometheus_is_asked(name: str):
    recording = Recording(time.time(), {})
    with FaultServer(recording) as running:
        cluster = Cluster(Connection(Origin(running.url), "test", "me", "default", "proxy"), Deadline.after(20))
        customs = listing("Alertmanager", [labelled(Alertmanager, "a", "b", spec={"configSecret": name})])
        with running.misbehaving(body('{"status": "success", "data": {"resultType": "vector", "result": []}}'), lambda _: True):
            secret_series(cluster, single(*server("prometheus", "a", "main")), customs, Profile())
            asked = {one.query["query"] for one in running.seen}
    assert len(asked) > 4
    chosen = {value_of(f'"{one}"') for query in asked for one in STRING.findall(query)} - {"", "alertmanager-.*"}
    (expression,) = chosen
    assert re.fullmatch(expression, name, re.DOTALL)
    assert not re.fullmatch(expression, "another-teams-secret")
    shapes = {STRING.sub('""', query) for query in asked}
    assert {query.partition("{")[2].partition("}")[0] for query in shapes} == {
        "",
        'secret=~""',
        'secret=~"", owner_kind!=""',
        'statefulset=~""',
    }
