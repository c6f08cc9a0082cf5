import msgspec

from clusterprobe import alert_path
from clusterprobe.correlation import explain
from clusterprobe.fingerprints import fingerprints
from clusterprobe.incidents import State
from clusterprobe.model import Accepted, Installed, Remembered, RunVerdict, Severity, Subject, Trend
from clusterprobe.report import answer, charts, glance, wide
from clusterprobe.report.html import render
from clusterprobe.report.junit import suites
from clusterprobe.report.page import Page
from clusterprobe.report.prose import after_headline, headline, spans
from tests.report_factories import finding, healthy, incomplete, probe, result, run_of, subject, unchecked, unwell


def test_a_healthy_run_says_how_much_passed():
    assert answer.opening(healthy()) == "Healthy"
    assert answer.tally(healthy()) == "15 probes passed, 1 not applicable"
    assert answer.first_step(healthy()) == ""


def test_an_unhealthy_run_names_the_worst_finding_first():
    assert answer.opening(unwell()) == "Not healthy"
    assert answer.first_step(unwell()).startswith("Alertmanager monitoring-prod/main runs the Operator's fallback")


def test_findings_and_what_could_not_be_checked_are_counted_apart():
    assert answer.tally(unwell()) == "1 critical finding, 3 errors, 1 warning and 1 note; 4 things could not be checked"


def test_an_incomplete_run_starts_with_what_could_not_be_seen():
    assert answer.first_step(incomplete()).startswith("Pod monitoring-prod/prometheus-main-0 and 1 more could not be checked: refused")


def test_an_interrupted_run_says_so():
    assert "the run was interrupted" in answer.tally(result(probe("a/b"), verdict="incomplete", run=run_of(interrupted=True)))


def test_a_run_without_probes_says_so():
    assert answer.tally(result(verdict="incomplete")) == "no probe ran"


def test_probes_that_a_replay_left_out_are_counted_and_named_everywhere():
    missing = {f"a/new-{one}": [f"news_{one}"] for one in range(7)}
    seen = result(probe("a/b"), verdict="incomplete", run=run_of(unrecorded=missing))
    assert answer.tally(seen) == "7 probes did not run, because the bundle does not record what it reads"
    named = answer.unrecorded(seen)
    assert "a/new-0 (news_0), " in named
    assert " and 2 more. `clusterprobe capture`" in named
    assert named in [text for text, _ in wide.lines(seen, None)]
    assert named in [text for text, _ in glance.lines(seen, None, None)]
    assert "a/new-0 (news_0), " in render(seen)
    skipped = [one.get("name") for one in suites(seen).iter("testcase") if one.find("skipped") is not None]
    assert skipped == list(missing)


def test_a_run_of_all_its_probes_says_nothing_of_recordings():
    assert answer.unrecorded(unwell()) == ""
    assert "want of a recording" not in answer.tally(unwell())
    assert "did not run" not in render(unwell()).lower()


def test_a_broken_probe_is_called_a_fault_of_this_tool():
    broken = result(probe("a/b", "inconclusive"), probe("c/d", "broken", reason="KeyError"), verdict="broken")
    assert answer.first_step(broken).startswith("c/d broke, which is a fault of the probe")


def test_a_probe_that_names_no_single_thing_is_still_told_about():
    silent = result(probe("a/b", "inconclusive", reason="it examined nothing"), verdict="incomplete")
    assert answer.first_step(silent) == "a/b: it examined nothing"
    assert answer.tally(silent) == "1 probe could not check anything"


def test_a_healthy_run_still_offers_its_warnings():
    one = finding(Severity.WARNING, problem="Look here.")
    assert answer.first_step(result(probe("a/b", "findings", findings=[one]))) == "Look here."


def test_what_is_unchecked_is_grouped_by_reason_the_most_frequent_first():
    often = [unchecked("often", subject(name=name)) for name in ("one", "two")]
    seen = result(probe("a/b", unchecked=[unchecked("rare")]), probe("c/d", unchecked=often))
    assert [(reason, len(things)) for reason, things in answer.unchecked(seen).items()] == [("often", 2), ("rare", 1)]


def test_where_permissions_were_missing_it_says_how_to_get_them():
    refused = probe("a/b", "inconclusive", unchecked=[unchecked("not allowed to list pods in namespace dev", subject("PodList", ""))])
    assert answer.permission_advice(result(refused)).startswith("`clusterprobe rbac --route proxy` prints")
    assert answer.permission_advice(incomplete()) == ""


def test_what_several_probes_could_not_check_counts_once():
    seen = result(probe("a/b", unchecked=[unchecked("refused")]), probe("c/d", unchecked=[unchecked("refused")]))
    assert seen.unchecked_count() == 1
    assert answer.unchecked(seen)["refused"][0][1] == ["a/b", "c/d"]


def test_a_hop_counts_only_probes_that_passed():
    seen = result(probe("loki/ready"), probe("loki/missing", "not_applicable", examined=0))
    assert {one.hop.name: one.label for one in alert_path.stations(seen.probes)}["Loki"] == "1 probe passed"


def test_a_hop_that_no_probe_looked_at_is_not_called_fine():
    labels = {one.hop.name: one.label for one in alert_path.stations(result(probe("loki/ready")).probes)}
    assert labels["Slack"] == "not checked in this run"
    assert labels["Loki"] == "1 probe passed"


def test_delivery_belongs_to_slack_and_not_to_alertmanager():
    states = {one.hop.name: one.state for one in alert_path.stations(result(probe("alertmanager/delivery")).probes)}
    assert (states["Slack"], states["Alertmanager"]) == (State.CLEAR, State.NOT_RUN)


def test_promtail_is_part_of_the_hop_to_loki():
    seen = result(probe("loki/ready"), probe("promtail/positions", "findings", findings=[finding()]))
    assert {one.hop.name: one.state for one in alert_path.stations(seen.probes)}["Loki"] is State.FOUND


def test_a_hop_that_could_not_be_read_is_unknown():
    seen = result(probe("loki/ready"), probe("loki/instant-queries", "inconclusive"))
    assert {one.hop.name: one.label for one in alert_path.stations(seen.probes)}["Loki"] == "could not be checked"


def test_backticks_make_code():
    assert spans("set `a` to `b`") == [(False, "set "), (True, "a"), (False, " to "), (True, "b")]


def test_a_headline_is_the_first_sentence():
    text = "Version v2.53 of a.b is down. It was up.\nMore."
    assert headline(text) == "Version v2.53 of a.b is down."
    assert after_headline(text) == "It was up.\nMore."


# --- one cause, many findings -----------------------------------------------------------------------------------------


def correlated():
    """A Secret that is missing as a warning, and what that does as a critical finding."""
    cause = finding(severity=Severity.WARNING, reason="NotUnsealed", problem="The Secret is missing.", breaks=["Secret/ns/slack"])
    effect = finding(severity=Severity.CRITICAL, reason="Fallback", problem="Nobody is told.", rests_on=["Secret/ns/slack"])
    probes = [probe("alertmanager/default-config", "findings", findings=[effect]), probe("sealed/unsealed", "findings", findings=[cause])]
    return result(*probes, verdict="findings", explained=explain(probes))


def test_what_to_look_at_first_is_the_cause_of_the_worst():
    assert answer.first_step(correlated()) == "The Secret is missing."


def test_the_tally_says_how_many_hang_on_another():
    assert answer.tally(correlated()) == "1 critical finding and 1 warning, 1 of them a consequence of another finding"


def test_the_page_shows_a_finding_once_under_its_cause():
    [group] = Page(correlated()).groups
    assert (group.first.probe.id, group.first.finding.reason, group.follow) == ("sealed/unsealed", "NotUnsealed", 1)
    assert [one.probe.id for one in group.first.effects.whole] == ["alertmanager/default-config"]
    html = render(correlated())
    assert [html.count(f'id="f-{one}"') for one in fingerprints(correlated()).values()] == [1, 1]
    assert '<details class="folded item' in html


def test_a_cause_stands_where_the_worst_that_it_explains_would_and_says_so():
    text = "\n".join(line for line, _ in glance.lines(correlated(), None, None))
    assert "  1  WARNING   The Secret is missing.  (+1 follows, the worst critical)" in text
    assert "+1 follows, the worst critical" in render(correlated())


def test_the_terminal_names_what_a_cause_explains():
    text = "\n".join(line for line, _ in wide.lines(correlated(), None))
    assert "Explains: alertmanager/default-config  Fallback" in text
    assert text.index("NotUnsealed") < text.index("Fallback")


def test_the_terminal_shows_the_fix_of_what_shares_a_cause_and_not_of_what_is_repaired_with_it():
    label = {"breaks": ["SharedLabel/release: x"], "rests_on": ["SharedLabel/release: x"]}
    dev, prod = (finding(reason="Overlap", problem=f"{name} takes both.", **label) for name in ("dev", "prod"))
    found = [probe("prometheus/selector-overlap", "findings", findings=[dev, prod])]
    shown = [line for line, _ in wide.lines(result(*found, verdict="findings", explained=explain(found)), None)]
    assert shown.count("  1. Look: Make it right.") == 2
    assert [line for line, _ in wide.lines(correlated(), None)].count("  1. Look: Make it right.") == 1


def installed(name, state, place="a"):
    return Installed(system=name.lower(), subject=Subject(kind=name, namespace=place, name="x"), state=state)


def test_what_was_looked_at_and_what_was_not_is_one_sentence_with_counts():
    found = [installed("Prometheus", "looked at"), installed("Prometheus", "looked at", "b"), installed("Loki", "looked at")]
    assert answer.looked_at(msgspec.structs.replace(healthy(), inventory=found)) == "Looked at: Loki, Prometheus ×2."
    more = [*found, installed("Velero", "not looked at"), installed("Vector", "accepted")]
    assert answer.looked_at(msgspec.structs.replace(healthy(), inventory=more)) == (
        "Looked at: Loki, Prometheus ×2; runs here, not looked at: Velero; runs here, accepted as not judged by the profile: Vector."
    )
    assert answer.looked_at(msgspec.structs.replace(healthy(), inventory=more[3:4])) == "Runs here, not looked at: Velero."


def test_the_sentence_is_on_top_of_page_and_terminal():
    one = msgspec.structs.replace(healthy(), inventory=[installed("Loki", "looked at")])
    assert '<p class="looked">Looked at: Loki.</p>' in render(one)
    assert [text for text, _ in glance.lines(one, None, None)][1] == "Looked at: Loki."


def test_a_run_that_did_not_ask_what_runs_says_nothing_of_it():
    assert answer.looked_at(healthy()) == ""


def test_a_finding_says_since_when_it_has_been_there_and_how_often_it_came_back():
    seen = unwell()
    name = next(iter(fingerprints(seen).values()))

    def said(**given):
        known = Remembered(probe="a/b", first="2026-06-10T12:00:00Z", **given)
        return answer.remembered(msgspec.structs.replace(seen, remembered={name: known}), name)

    assert said(runs=12) == "there since 2026-06-10 12:00 UTC, in 12 runs"
    assert said(runs=2, returned=1) == "there since 2026-06-10 12:00 UTC, in 2 runs, came back 1 time"
    assert said(runs=1) == ""
    assert answer.remembered(seen, name) == ""
    shown = msgspec.structs.replace(seen, remembered={name: Remembered(probe="a/b", first="2026-06-10T12:00:00Z", runs=12)})
    assert "there since 2026-06-10 12:00 UTC, in 12 runs" in render(shown)


def test_an_accepted_finding_that_ends_soon_speaks_up_everywhere():
    entry = Accepted(
        "a/b", "Bad", "*", "known", "ends soon", "team-a", "OPS-1", "2026-06-20", "ends on 2026-06-20: then what it accepts counts again"
    )
    seen = msgspec.structs.replace(healthy(), accepted=[entry, msgspec.structs.replace(entry, state="applies", note="")])
    said = "the accepted a/b Bad * (known (team-a, OPS-1, until 2026-06-20)) ends on 2026-06-20: then what it accepts counts again"
    assert answer.acceptances(seen) == [said]
    assert said.replace("the ", "The ", 1) in [text for text, _ in glance.lines(seen, None, None)]
    assert "ends on 2026-06-20" in render(seen)


def test_what_an_annotation_accepts_is_told_with_whose_it_is():
    by = "Deployment shop/web"
    entry = Accepted(
        probe="", code="Bad", subject=by, why="", state="refused", until="2026-06-20", note="does not count: it is too late", by=by
    )
    seen = msgspec.structs.replace(healthy(), accepted=[entry] * 105)
    said = "the annotation of Deployment shop/web that accepts Bad (until 2026-06-20) does not count: it is too late"
    assert answer.acceptances(seen)[0] == said
    assert answer.acceptance(entry) == "no reason is given (until 2026-06-20, by the annotation of Deployment shop/web)"
    assert "and 5 more in results.json" in render(seen)


def test_a_trend_is_drawn_in_percent_from_two_runs_on():
    def run(day, error, selected=()):
        counts = {"critical": 0, "error": error, "warning": 5, "info": 9}
        return Trend(run=f"r{day}", finished=f"2026-06-{day:02d}", verdict=RunVerdict.FINDINGS, counts=counts, selected=list(selected))

    assert charts.trend([run(1, 5)]) == []
    one, two = charts.trend([run(1, 5), run(2, 15, ["loki"])])
    assert (one.left, one.width, two.left, one.some, two.some) == (0, 50, 50, False, True)
    assert one.parts == [("critical", 50.0, 0.0), ("error", 50.0, 25.0), ("warning", 75.0, 25.0)]
    assert two.parts == [("critical", 0.0, 0.0), ("error", 0.0, 75.0), ("warning", 75.0, 25.0)]
    assert two.title == "2026-06-02: 0 critical, 15 errors, 5 warnings, only loki"


def test_whose_the_commands_are_is_said_where_there_are_commands():
    said = answer.whose_commands(unwell())
    assert said == "The commands are for the context mlops-platform: `kubectl config current-context` shows where yours go."
    assert said in [text for text, _ in wide.lines(unwell(), None)]
    assert answer.whose_commands(healthy()) == ""


def test_how_to_see_that_a_repair_helped_is_said_where_something_was_found():
    whole = unwell()
    one = msgspec.structs.replace(whole, probes=[probe for probe in whole.probes if probe.id.startswith(("loki/", "pods/"))])
    ids = sorted({probe.id for probe, _ in one.findings()})
    assert answer.asked_again(one) == f"To see that a repair has helped, run the same with `--select {','.join(ids)}`."
    assert answer.asked_again(one) in [text for text, _ in wide.lines(one, None)]
    assert answer.asked_again(one, "loki/losses").endswith("`--select loki/losses`.")
    assert answer.asked_again(healthy()) == ""
    replayed = msgspec.structs.replace(one, run=msgspec.structs.replace(one.run, bundle="demo.zip"))
    assert answer.asked_again(replayed) == ""


def test_of_many_probes_their_areas_are_asked_again():
    one = unwell()
    found = next(probe for probe, _ in one.findings())
    many = [msgspec.structs.replace(found, id=f"{area}/{name}") for area in ("pods", "loki") for name in ("a", "b", "c")]
    assert answer.asked_again(msgspec.structs.replace(one, probes=many)).endswith("`--select loki,pods`.")


def test_of_a_run_in_the_cluster_its_server_is_named():
    inside = msgspec.structs.replace(unwell().cluster, route="in-cluster", context="in-cluster", name="", server="https://10.0.0.1")
    said = answer.whose_commands(msgspec.structs.replace(unwell(), cluster=inside))
    assert said.startswith("The commands are for the cluster https://10.0.0.1: ")
