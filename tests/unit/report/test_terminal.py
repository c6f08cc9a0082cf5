import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from clusterprobe.fingerprints import fingerprints
from clusterprobe.fixes import change, destroys, look, shell
from clusterprobe.history import compare
from clusterprobe.report import terminal
from clusterprobe.report.remedies import remedies
from tests.report_factories import finding, healthy, hostile, incomplete, probe, repair, result, subject, unchecked, unwell

FOLDER = Path("reports/now")


def shown(one, form="", **console):
    file = io.StringIO()
    terminal.show(one, FOLDER, Console(file=file, _environ={}, **console), form)
    return file.getvalue()


def test_the_last_line_is_the_answer():
    for form in ("", "wide"):
        assert shown(unwell(), form=form).splitlines()[-1] == (
            "Not healthy: 1 critical finding, 3 errors, 1 warning and 1 note; 4 things could not be checked."
        )
    assert len(shown(unwell(), form="verdict").splitlines()) == 1


def test_the_first_line_says_which_cluster():
    assert shown(unwell()).splitlines()[0].startswith("mlops-platform · https://10.20.0.10:6443 · system:serviceaccount:")


def test_a_replayed_run_says_so():
    assert "replayed from reports/demo/bundle" in shown(incomplete())


def test_each_finding_is_one_line_the_worst_first_and_notes_are_only_counted():
    rows = [one for one in shown(unwell()).splitlines() if one[:5].strip().isdigit() and one[5:13].strip().isupper()]
    assert rows[0].startswith("  1  CRITICAL  prod  Alertmanager monitoring-prod/main runs the Operator's fallback")
    assert [one.split()[1] for one in rows] == ["CRITICAL", "ERROR", "ERROR", "ERROR", "WARNING"]
    assert "Promtail has the default grace period" not in shown(unwell())


def test_among_equals_production_comes_first_and_then_what_is_shared():
    def of(environment):
        return finding(problem=f"Of {environment or 'all'}.", about=subject(environment=environment))

    seen = result(probe("a/b", "findings", findings=[of("dev"), of(""), of("prod")]), verdict="findings", production=["prod"])
    text = shown(seen)
    assert text.index("Of prod.") < text.index("Of all.") < text.index("Of dev.")


def test_only_the_first_finding_has_its_cause_and_no_step_is_printed():
    text = shown(unwell())
    assert "  1  Cause: `spec.configSecret` names the Secret" in text
    assert text.count("Cause: ") == 1
    assert "$ " not in text
    assert "Everything about it, with all 2 steps of its fix: `clusterprobe show 1`" in text


def test_the_command_that_shows_a_finding_names_a_folder_of_its_own():
    file = io.StringIO()
    terminal.show(unwell(), Path("my out"), Console(file=file, _environ={}))
    assert "`clusterprobe show 1 --run 'my out'`" in file.getvalue()


def test_what_could_not_be_checked_is_put_together_by_what_settles_it():
    refused = [unchecked(f"not allowed to list {kind}", subject(name=kind)) for kind in ("pods", "nodes")]
    later = unchecked("its pod is not ready yet")
    cause = probe("c/d", "findings", findings=[finding()])
    seen = result(probe("a/b", "inconclusive", unchecked=[later, *refused, unchecked("odd"), unchecked("broken, as c/d says")]), cause)
    assert [(one.advice, one.count) for one in remedies(seen)] == [
        ("`clusterprobe rbac --route proxy` prints the minimal role that the probes need.", 2),
        ("run again later", 1),
        ("repair what c/d found", 1),
        ("", 1),
    ]
    assert (
        "  2  `clusterprobe rbac --route proxy` prints the minimal role that the probes need: not allowed to list pods (and 1 other reason)"
        in shown(seen)
    )


def test_a_fault_of_the_tool_is_no_fault_of_the_cluster():
    broken = probe("a/b", "broken", reason="KeyError: see c/d")
    assert "  1  a fault of Clusterprobe, not of the cluster: a/b broken: KeyError: see c/d" in shown(result(broken, verdict="broken"))


def test_what_is_new_and_what_is_resolved_is_said():
    before = msgspec.structs.replace(unwell(), probes=[probe("a/b", "findings", findings=[finding(reason="Old", problem="It was old.")])])
    today = msgspec.structs.replace(unwell(), probes=[*unwell().probes, probe("a/b")])
    text = shown(msgspec.structs.replace(today, since=compare(before, today)))
    assert "no alert of prod reaches anybody.  (new)" in text
    assert "Since the run of 2026-11-22T02:58:19Z: 6 new, 0 persisting, 1 resolved.\n     resolved: It was old.\n" in text


def test_the_counts_and_the_report_stand_before_the_answer():
    assert shown(healthy()).splitlines()[-3:] == [
        "16 probes: 15 passed, 1 not applicable",
        f"Report: {FOLDER}/index.html",
        "Healthy: 15 probes passed, 1 not applicable.",
    ]


def test_a_healthy_run_fits_on_one_screen_and_names_its_areas():
    text = shown(healthy(), width=80, force_terminal=True, no_color=True, color_system=None)
    assert len(text.splitlines()) < 24
    assert "prometheus 4 passed" in text
    assert "argocd not applicable" in text


def test_in_whole_the_worst_finding_comes_first_with_cause_and_fix():
    text = shown(unwell(), form="wide")
    critical = text.index("CRITICAL  alertmanager/default-config  OperatorFallback  Alertmanager monitoring-prod/main [prod]")
    assert critical < text.index("ERROR  prometheus/cross-scrape")
    assert "  Cause: `spec.configSecret` names the Secret" in text
    assert "    $ kubectl -n monitoring-prod get secret alertmanager-slack" in text


def test_in_whole_what_could_not_be_checked_is_listed_with_its_reason():
    text = shown(unwell(), form="wide")
    assert "  kube-state-metrics shows no Secrets\n    Secret monitoring-prod/alertmanager-slack  (alertmanager/config-secret)" in text


def test_a_probe_without_a_single_thing_to_name_is_listed():
    assert "  loki/instant-queries could not check: it examined nothing" in shown(incomplete(), form="wide")


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
    text = shown(unwell(), "wide", width=60, force_terminal=True, no_color=True, color_system=None)
    assert "$ kubectl -n monitoring-prod get secret alertmanager-slack -o jsonpath='{.data}' | jq keys" in text
    assert all(len(line) <= 60 or " " not in line.strip() or "$ kubectl" in line for line in text.splitlines())


def test_on_a_terminal_a_finding_is_one_line_whatever_it_says():
    long = finding(problem="word " * 100 + "end.", about=subject(environment="an-environment-with-a-long-name"))
    text = shown(result(probe("a/b", "findings", findings=[long]), verdict="findings"), width=70, force_terminal=True, no_color=True)
    [row] = [one for one in text.splitlines() if one.startswith("  1  ERROR")]
    assert (len(row) <= 70, row.endswith("…")) == (True, True)


def test_many_findings_in_whole_are_cut_short_and_counted():
    many = result(
        probe("a/b", "findings", findings=[finding() for _ in range(35)], unchecked=[unchecked(str(n)) for n in range(35)]),
        verdict="findings",
    )
    assert "and 5 more findings in the report" in shown(many, form="wide")
    assert "and 5 more reasons in the report" in shown(many, form="wide")
    assert "and 32 more reasons in the report" in shown(many)


def test_where_there_are_too_many_for_a_line_each_those_of_one_code_are_a_line():
    flood = [finding(reason="Flood", problem=f"Pod {number} is wrong.") for number in range(40)]
    seen = result(probe("a/b", "findings", findings=[*flood, finding(reason="Other", problem="The other.")]), verdict="findings")
    text = shown(seen)
    assert "  1  ERROR     Pod 0 is wrong.  (and 39 more like it)\n 41  ERROR     The other.\n" in text


def test_at_most_twenty_lines_are_findings_and_the_others_are_counted():
    many = [finding(reason=f"Code{number}", problem=f"Trouble {number}.") for number in range(30)]
    text = shown(result(probe("a/b", "findings", findings=many), verdict="findings"))
    assert text.count("Trouble ") == 19
    assert "    and 11 more findings; the next is `clusterprobe show 20`" in text


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
@pytest.mark.parametrize("form", ["", "wide"])
def test_hostile_text_cannot_act(text, console, form):
    printed = shown(hostile(text), form, **console)
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
    text = shown(result(probe("a/b", "findings", findings=[finding(**repair(*steps))]), verdict="findings"), "wide")
    assert (
        "  Fix:\n  1. Look: See what is there.\n      $ kubectl get pvc\n"
        "  2. Change: Stop it.\n      replicas: 0\n      more: 1\n      $ kubectl scale deployment web --replicas=0\n"
        "  3. Destroys: This destroys what is on the volume. Delete it.\n      $ kubectl delete pvc x\n      $ date\n"
    ) in text


def test_a_finding_without_a_fix_has_no_heading_for_one():
    assert "Fix:" not in shown(result(probe("a/b", "findings", findings=[finding(**repair())]), verdict="findings"))


# --- one finding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_cannot_act_in_one_finding(text):
    file = io.StringIO()
    one = hostile(text)
    terminal.show_finding(one, (one.probes[0].id, 0), None, Console(file=file, _environ={}))
    printed = file.getvalue()
    assert all(char.isprintable() or char == "\n" for char in printed)
    assert not any(line.lstrip().startswith("::") or "##[" in line or "##vso[" in line for line in printed.splitlines())


def test_one_finding_is_shown_with_everything_that_is_known_of_it():
    file = io.StringIO()
    terminal.show_finding(unwell(), ("prometheus/cross-scrape", 0), None, Console(file=file, _environ={}))
    text = file.getvalue()
    for one in (
        "ERROR  prometheus/cross-scrape  CrossScrape  Prometheus monitoring-dev/main [dev]\n",
        f"fingerprint {fingerprints(unwell())['prometheus/cross-scrape', 0]}\n",
        "  Cause: It takes 3 scrape pools of prod",
        "  2. Change: Give dev a release label of its own",
        "  Prevention: Name the environment",
        "    serviceMonitor/fastapi-prod/churn/0 | ServiceMonitor fastapi-prod/churn | 9\n",
    ):
        assert one in text
