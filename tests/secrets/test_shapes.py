"""No secret comes through the gate in, however it is written, and nothing that is none is taken for one."""

from __future__ import annotations

import ast
import json
import urllib.parse
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterprobe.redaction import MASK, cleaned, redact, redact_forms
from clusterprobe.systems.kubernetes.objects import Pod
from tests.secrets.corpus import SHAPES
from tests.secrets.planting import WRITTEN, leaks
from tests.secrets.sentences import SENTENCES

ROOT = Path(__file__).parents[2]


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(SHAPES) >= 200
    assert len(SENTENCES) >= 60


@pytest.mark.parametrize("way", WRITTEN)
def test_no_shape_comes_through(way: str) -> None:
    for shape in SHAPES:
        text = WRITTEN[way](shape.text)
        for whole in [text] if shape.ends else [text, f"before {text} after", f'{{"line": {json.dumps(text)}}}']:
            assert not leaks(redact(whole), [shape]), (shape.name, whole)


@pytest.mark.parametrize("text", SENTENCES)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_redacting_again_changes_nothing() -> None:
    for shape in SHAPES:
        once = redact(shape.text)
        assert redact(once) == once, shape.name


def test_cut_text_does_not_show_half_a_secret() -> None:
    for shape in SHAPES:
        if not any(
            shape.name.startswith(one) for one in ("private key", "cut", "github", "gitlab", "jwt", "url password", "address", "openssh")
        ):
            continue
        for planted in shape.planted:
            at = shape.text.find(planted)
            if at >= 0:
                cut = redact(shape.text[: at + max(12, len(planted) // 2)])
                assert planted[:12] not in cut, (shape.name, cut)


def test_labels_that_tell_are_masked_and_names_of_secrets_stay() -> None:
    pod = msgspec.convert(
        {
            "metadata": {"name": "a", "labels": {"db-password": "Zx9qLm27", "secret": "alertmanager-main", "app": "api"}},
            "spec": {"containers": []},
            "status": {"message": "token=Zx9qLm27"},
        },
        Pod,
    )
    clean = cleaned(pod)
    assert clean.metadata.labels == {"db-password": MASK, "secret": "alertmanager-main", "app": "api"}
    assert clean.status.message == f"token={MASK}"


def test_what_is_alike_in_two_readings_is_one_object_and_clean() -> None:
    labels = {"db-password": "Zx9qLm27", "app": "api"}
    container = {"name": "main", "image": "api:1", "resources": {"limits": {"memory": "64Mi"}}}
    trees = [{"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}} for name in ("a", "b")]
    one, other = (cleaned(msgspec.convert(tree, Pod)) for tree in trees)
    assert (one.metadata.name, other.metadata.name) == ("a", "b")
    assert one.metadata.labels == {"db-password": MASK, "app": "api"}
    assert one.metadata.labels is other.metadata.labels
    assert one.spec is other.spec


def test_of_many_that_are_unlike_each_keeps_its_own() -> None:
    trees = [{"metadata": {"name": f"pod-{i}", "labels": {"n": f"{i}"}}, "spec": {"containers": [{"name": f"c{i}"}]}} for i in range(2500)]
    pods = [cleaned(msgspec.convert(tree, Pod)) for tree in trees]
    found = [(one.metadata.name, one.metadata.labels["n"], one.spec.containers[0].name) for one in pods]
    assert found == [(f"pod-{i}", f"{i}", f"c{i}") for i in range(2500)]


def test_readings_without_a_secret_are_the_very_same() -> None:
    pod = msgspec.convert({"metadata": {"name": "a", "labels": {"app": "api"}}, "spec": {"containers": []}}, Pod)
    assert cleaned(pod) is pod


# --- the gate out: nothing of ours looks like a secret ------------------------------------------------------------------


def constants(path: Path) -> list[str]:
    return [one.value for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.Constant) and isinstance(one.value, str)]


@pytest.mark.parametrize("folder", ["src", "probes"])
def test_nothing_that_we_say_is_masked(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for text in constants(path):
            assert redact_forms(text) == text, path


def test_no_page_of_the_documentation_is_masked() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for line in path.read_text().splitlines():
            assert redact_forms(line) == line, path


@pytest.mark.parametrize(
    "text",
    [
        "alertmanager/config-secret: findings: 1 error",
        "alert on `sealed_secrets_controller_condition_info == -1`",
        'rate(token_total{secret!="x", key=~"a.*"}[5m])',
        "$ kubectl create secret generic x --from-file=password=./password",
        "the credential plugin gke-gcloud-auth-plugin gave no credentials: E1128 19:59:32.785 cred.go:1 failed",
    ],
)
def test_our_own_sentences_go_out_as_they_are(text: str) -> None:
    assert redact_forms(text) == text


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="pas=:\"'\\%27{}[]\n ,;&@/<>-|`b.xTOKEN", max_size=200))
def test_any_text_is_taken_and_what_is_masked_stays_so(text: str) -> None:
    for given_, clean in ((text, redact(text)), (text, redact_forms(text)), (quoted := urllib.parse.quote(text), redact(quoted))):
        assert isinstance(clean, str)
        assert redact(clean).count(MASK) >= clean.count(MASK) or MASK in given_


def test_a_text_that_is_twice_as_long_asks_for_no_more_than_twice_the_steps() -> None:
    """Steps are bytecodes that are run, so that no machine is too slow for it."""
    import sys

    def steps(text: str) -> int:
        count = 0

        def tracer(frame: object, event: str, argument: object) -> object:
            nonlocal count
            count += 1
            return tracer

        before = sys.gettrace()
        sys.settrace(tracer)  # type: ignore[arg-type]
        try:
            redact(text)
        finally:
            sys.settrace(before)
        return count

    for unit in (
        "password=",
        'password="',
        "name: password, ",
        "value: name: password\n",
        "token=[",
        "kind: Secret data:{",
        "pass:\n x\n",
        "https://a:b@",
        "eyJ",
        "--pass ",
        'password=""a',
        "password={a ",
        "password=$(a ",
        "password=<<A\n",
        "credentials: a1b2c3d4 ",
        "INSERT INTO a (password) VALUES (",
        "\x1b[1mpassword\x1b[0m=",
    ):
        short, long = steps(unit * 1000), steps(unit * 2000)
        assert long <= 2.2 * short + 1000, unit
