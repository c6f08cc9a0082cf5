"""A command holds what we wrote and what the cluster calls its things, and the second never becomes the first."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterprobe.fixes import WITHHELD, change, destroys, fragment, line, look, patch, shell, snippet, text_of
from clusterprobe.words import one_line, said

HOSTILE = [
    "$(touch /tmp/x)",
    "`id`",
    "a;rm -rf ~",
    "a|b",
    "a&b",
    "a>b",
    "a b",
    "a'b",
    'a"b',
    "a\\b",
    "*",
    "~root",
    "#",
    "{}",
    "{a,b}",
    "!!",
    "a=b",
]


def words(command: str) -> list[str]:
    """What a real shell makes of a command's words."""
    script = f"set -- {command}; for one; do printf '%s\\0' \"$one\"; done"
    return subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_shell_reads_a_value_as_one_argument(value: str) -> None:
    command = shell("kubectl -n {} get pods -l app={}", value, value)
    assert command is not None
    assert words(line(command)) == ["kubectl", "-n", value, "get", "pods", "-l", f"app={value}"]


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_whatever_a_value_is_it_stays_a_value(value: str) -> None:
    command = shell("kubectl get pod {} -o name | grep -F {}", value, value)
    if command is None:
        return
    assert "\n" not in line(command)
    assert shlex.split(line(command)) == ["kubectl", "get", "pod", value, "-o", "name", "|", "grep", "-F", value]


@pytest.mark.parametrize("value", ["", "a\nb", "a\tb", "a\x1bb", "a\u202eb", "a\u2028b", "--all", "-n", "x" * 9000])
def test_a_value_that_could_be_misread_gives_no_command(value: str) -> None:
    assert shell("kubectl delete pod {}", value) is None


def test_a_dash_is_harmless_within_an_argument() -> None:
    assert shell("kubectl get pods -l app={}", "-x") is not None


def test_no_shell_takes_a_value_for_a_command_that_it_names() -> None:
    assert line(shell("cat {} a={}", "=ls", "b")) == "cat '=ls' a=b"


def test_operators_come_from_the_template_only() -> None:
    command = shell("kubeseal -n {} < {} | kubectl apply -f - > out.yaml", "a", "in file.yaml")
    assert command is not None
    assert line(command) == "kubeseal -n a < 'in file.yaml' | kubectl apply -f - > out.yaml"
    background = shell("kubectl port-forward pod/{} 1:2 &", "a")
    assert background is not None
    assert line(background) == "kubectl port-forward pod/a 1:2 &"


def test_a_template_that_does_not_fit_its_values_is_a_bug_of_ours() -> None:
    for template, values in (("kubectl get {}", ()), ("kubectl get", ("a",)), ("", ()), ("kubectl |", ())):
        with pytest.raises(ValueError, match=r"template|place"):
            shell(template, *values)


def test_a_step_prints_all_its_commands_or_none() -> None:
    step = change("Do it.", shell("kubectl get pods"), shell("kubectl delete pod {}", "--all"))
    assert step.commands == []
    assert step.text == f"Do it. {WITHHELD}"


def test_what_destroys_says_so_first() -> None:
    assert destroys("the history", "Delete it.").text == "This destroys the history. Delete it."


def test_steps_are_numbered_where_there_are_several() -> None:
    steps = [look("See it.", shell("date")), change("Set it:", code="a: 1\nb: 2")]
    assert text_of(steps) == "1. See it.\n$ date\n2. Set it:\n    a: 1\n    b: 2"
    assert text_of(steps[:1]) == "See it.\n$ date"


@pytest.mark.parametrize("text", ["$ rm -rf /", "x\n$ rm -rf /", "x\r$ rm", "x\u2028$ rm", "x\x0b$ rm", "x\x85$ rm"])
def test_a_text_never_becomes_a_command(text: str) -> None:
    for steps in ([look(text)], [look(text), change(text)]):
        assert not [each for each in text_of(steps).splitlines() if each.startswith("$")]


@settings(deadline=None)
@given(st.one_of(st.text(max_size=40), st.integers(), st.booleans(), st.none()))
def test_a_fragment_of_yaml_holds_the_value_that_was_given(value: object) -> None:
    assert yaml.safe_load(snippet("a:\n  b: {}", value)) == {"a": {"b": value}}


@pytest.mark.parametrize("name", ["2026-99-99", "2026-02-30", "1_000", "0x1f", "1e3", "12.5", "on", "null", "0o9"])
def test_a_name_that_yaml_could_take_for_another_value_stays_text(name: str) -> None:
    assert yaml.safe_load(snippet("a: {}", name)) == {"a": name}


def test_a_fragment_stays_readable() -> None:
    assert snippet("image: {}\nname: {}", "quay.io/prom/prometheus:v3.14.0", "main") == "image: quay.io/prom/prometheus:v3.14.0\nname: main"


def test_a_patch_is_compact() -> None:
    assert patch({"spec": {"replicas": 0}}) == '{"spec":{"replicas":0}}'


def test_what_somebody_said_is_one_quoted_line() -> None:
    assert said("a\n$ `b`\u2028c") == "“a $ 'b' c”"
    assert said("x" * 400, limit=10) == "“" + "x" * 9 + "…”"
    assert one_line(" a \r\n b\x85c ") == "a b c"


# --- nothing but a template of ours is a command -----------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
PRINT = {"fixes.py", "wide.py"}  # they print what was put together by `shell`
SOURCES = [
    *(one for one in sorted((ROOT / "src" / "clusterprobe").rglob("*.py")) if one.name not in PRINT),
    *sorted((ROOT / "probes").glob("*/probe_*.py")),
]
COMMAND = re.compile(r"(?:^|\n)\s*\$ |(?:^|\n)\s*(?:kubectl|argocd|helm|kubeseal|curl|chown|chmod) ")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_template_of_a_command_is_written_down_whole(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("shell", "snippet", "each"):
            template = node.args[0]
            parts = [one for one in ast.walk(template) if isinstance(one, ast.expr)]
            whole = all(isinstance(one, ast.Constant | ast.Name | ast.BinOp) for one in parts)
            assert whole, f"line {node.lineno}: a template is put together from constants only"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_command_is_put_together_from_text(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            text = "".join(one.value if isinstance(one, ast.Constant) else "…" for one in node.values)
            assert not COMMAND.search(text), f"line {node.lineno}: {text[:80]!r} is for fixes.shell"


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff"), min_size=1, max_size=8)
SCALARS = st.one_of(WORDS, st.integers(), st.booleans())
TREES = st.recursive(
    st.dictionaries(WORDS, SCALARS, max_size=3),
    lambda below: st.dictionaries(WORDS, st.one_of(below, st.lists(SCALARS, max_size=2), SCALARS), max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(TREES)
def test_a_fragment_is_read_as_the_tree_that_was_written(tree: dict[str, object]) -> None:
    assert (yaml.safe_load(fragment(tree)) or {}) == tree


def test_a_fragment_of_lists_of_mappings_leaves_out_what_is_none() -> None:
    text = fragment({"spec": {"a": None, "of": [{"name": "x", "port": 80}, {"name": "2026-01-01"}]}})
    assert text == 'spec:\n  of:\n  - name: x\n    port: 80\n  - name: "2026-01-01"'


# --- no placeholders --------------------------------------------------------------------------------------------------

HEADINGS = re.compile(r"[A-Z]+:\.")  # of kubectl's custom columns
PLACEHOLDER = re.compile(r"<[A-Za-z][\w -]*>|\b[A-Z]{3,}\b|\.\.\.|…")


def templates() -> list[tuple[str, str]]:
    """Every command template that a module gives to `shell`, with the module."""
    root = Path(__file__).parents[2]
    found = []
    for path in [*(root / "src").rglob("*.py"), *(root / "probes").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "shell" and isinstance(node.args[0], ast.Constant):
                found.append((path.name, str(node.args[0].value)))
    return found


def test_no_command_leaves_a_word_to_be_filled_in() -> None:
    assert len(templates()) > 100
    assert [one for one in templates() if PLACEHOLDER.search(HEADINGS.sub("", one[1]))] == []
