import io
from pathlib import Path

import pytest
from rich.console import Console

from clusterprobe.fixes import change, destroys, look, shell
from clusterprobe.report import terminal
from tests.report_factories import finding, healthy, hostile, incomplete, probe, repair, result, unchecked, unwell

FOLDER = Path("reports/now")


def shown(one, **console):
    file = io.StringIO()
    terminal.show(one, FOLDER, Console(file=file, _environ={}, **console))
    return file.getvalue()


def test_the_first_line_is_the_answer():
    assert (
        shown(unwell()).splitlines()[0] == "Not healthy: 1 critical finding, 3 errors, 1 warning and 1 note; 4 things could not be checked."
    )


def test_the_second_line_says_which_cluster():
    assert shown(unwell()).splitlines()[1].startswith("mlops-platform · https://10.20.0.10:6443 · system:serviceaccount:")


def test_a_replayed_run_says_so():
    assert "replayed from reports/demo/bundle" in shown(incomplete())


def test_the_worst_finding_comes_first_with_cause_and_fix():
    text = shown(unwell())
    critical = text.index("CRITICAL  alertmanager/default-config  OperatorFallback  Alertmanager monitoring-prod/main [prod]")
    assert critical < text.index("ERROR  prometheus/cross-scrape")
    assert "  Cause: `spec.configSecret` names the Secret" in text
    assert "    $ kubectl -n monitoring-prod get secret alertmanager-slack" in text


def test_what_could_not_be_checked_is_listed_with_its_reason():
    text = shown(unwell())
    assert "  kube-state-metrics shows no Secrets\n    Secret monitoring-prod/alertmanager-slack  (alertmanager/config-secret)" in text


def test_a_probe_without_a_single_thing_to_name_is_listed():
    assert "  loki/instant-queries could not check: it examined nothing" in shown(incomplete())


def test_the_counts_and_the_report_come_last():
    assert shown(healthy()).splitlines()[-2:] == ["16 probes: 15 passed, 1 not applicable", f"Report: {FOLDER}/index.html"]


def test_without_a_terminal_there_is_no_colour_and_no_wrapping():
    text = shown(unwell(), width=40)
    assert "\x1b" not in text
    assert "Not healthy: 1 critical finding, 3 errors, 1 warning and 1 note; 4 things could not be checked." in text


def test_a_terminal_gets_colour_and_lines_of_its_width():
    text = shown(healthy(), width=60, force_terminal=True, color_system="standard")
    assert "\x1b[1;32m" in text


def test_no_color_is_honoured():
    text = shown(unwell(), width=60, force_terminal=True, color_system="standard", no_color=True)
    assert "\x1b[3" not in text


def test_lines_are_wrapped_at_blanks_and_commands_stay_whole():
    text = shown(unwell(), width=60, force_terminal=True, no_color=True, color_system=None)
    assert "$ kubectl -n monitoring-prod get secret alertmanager-slack -o jsonpath='{.data}' | jq keys" in text
    assert all(len(line) <= 60 or " " not in line.strip() or "$ kubectl" in line for line in text.splitlines())


def test_many_findings_are_cut_short_and_counted():
    many = result(
        probe("a/b", "findings", findings=[finding() for _ in range(35)], unchecked=[unchecked(str(n)) for n in range(35)]),
        verdict="findings",
    )
    assert "and 5 more findings in the report" in shown(many)
    assert "and 5 more reasons in the report" in shown(many)


HOSTILE = [
    "\x1b]0;title\x07",
    "a\u202eb",
    "\r\nforged",
    "::error::x",
    "\n::set-env name=a::b",
    "##[group]x",
    "##vso[task.complete]x",
    "[bold]x[/bold]",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("console", [{}, {"force_terminal": True, "width": 30, "no_color": True, "color_system": None}])
def test_hostile_text_cannot_act(text, console):
    printed = shown(hostile(text), **console)
    assert all(char.isprintable() or char == "\n" for char in printed)
    assert not any(line.lstrip().startswith("::") or "##[" in line or "##vso[" in line for line in printed.splitlines())


def test_markup_of_the_terminal_library_is_text():
    assert "[bold]x[/bold]" in shown(hostile("[bold]x[/bold]"))


def test_a_secret_is_not_printed():
    assert "xoxb-123456789012-abcdefghijkl" not in shown(hostile("xoxb-123456789012-abcdefghijkl"))


def test_without_a_folder_no_report_is_named():
    file = io.StringIO()
    terminal.show(healthy(), None, Console(file=file, _environ={}))
    assert "Report:" not in file.getvalue()


def test_every_step_of_a_fix_is_shown_with_all_its_commands():
    steps = [
        look("See what is there.", shell("kubectl get pvc")),
        change("Stop it.", shell("kubectl scale deployment web --replicas=0"), code="replicas: 0\nmore: 1"),
        destroys("what is on the volume", "Delete it.", shell("kubectl delete pvc x"), shell("date")),
    ]
    text = shown(result(probe("a/b", "findings", findings=[finding(**repair(*steps))]), verdict="findings"))
    assert (
        "  Fix:\n  1. Look: See what is there.\n      $ kubectl get pvc\n"
        "  2. Change: Stop it.\n      replicas: 0\n      more: 1\n      $ kubectl scale deployment web --replicas=0\n"
        "  3. Destroys: This destroys what is on the volume. Delete it.\n      $ kubectl delete pvc x\n      $ date\n"
    ) in text


def test_a_finding_without_a_fix_has_no_heading_for_one():
    assert "Fix:" not in shown(result(probe("a/b", "findings", findings=[finding(**repair())]), verdict="findings"))
