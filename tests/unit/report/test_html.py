"""index.html, read with the standard library's parser. What a browser makes of it is in tests/browser."""

import re
import time
from html.parser import HTMLParser

import msgspec
import pytest

from clusterprobe.fingerprints import fingerprints
from clusterprobe.history import compare
from clusterprobe.model import Bar, Bars, Matrix, Severity, Table
from clusterprobe.report import charts, groups, html, page
from tests.report_factories import (
    finding,
    healthy,
    hostile,
    incomplete,
    matrix,
    placement,
    probe,
    result,
    run_of,
    subject,
    termination,
    unchecked,
    unwell,
)


class Reader(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.ids, self.targets = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.elements.append((tag, values))
        self.ids += [values["id"]] if "id" in values else []
        self.targets += [values["href"][1:]] if values.get("href", "").startswith("#") else []

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def read(one):
    return Reader(html.render(one))


MANY = [healthy, unwell, incomplete, result]


@pytest.mark.parametrize("make", MANY)
def test_every_link_inside_the_page_has_a_target(make):
    one = read(make())
    assert set(one.targets) <= set(one.ids)
    assert len(one.ids) == len(set(one.ids))


@pytest.mark.parametrize("make", MANY)
def test_headings_come_in_order_without_gaps(make):
    levels = [int(tag[1]) for tag, _ in read(make()).elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip([0, *levels], levels, strict=False))


def test_the_page_forbids_everything_but_its_own_style():
    [policy] = [one["content"] for one in read(healthy()).all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


def test_the_page_has_no_script_and_loads_nothing():
    one = read(unwell())
    assert not [tag for tag, attributes in one.elements if tag in ("script", "iframe", "img", "object") or "src" in attributes]
    assert [each["href"] for each in one.all("link")] == ["data:,"]


def test_the_page_opens_with_the_cluster_and_the_answer():
    text = read(unwell()).text
    places = [
        text.index(one)
        for one in (
            *(
                "Cluster mlops-platform",
                "Not healthy 1 critical finding",
                "What to do now",
                "where yours go. To see that a repair has helped",
                "All 2 steps of the fix",
            ),
            *("Severity all critical 1", "What could not be checked Nothing is known", "Alert path From a failing pipeline"),
        )
    ]
    assert places == sorted(places)


def anchor(one, reason):
    """The anchor of the finding with this code."""
    names = fingerprints(one)
    return next(f"f-{names[probe.id, place]}" for probe in one.probes for place, each in enumerate(probe.findings) if each.reason == reason)


def test_what_to_do_now_links_to_its_finding():
    assert f'<a href="#{anchor(unwell(), "OperatorFallback")}">Alertmanager monitoring-prod/main runs' in html.render(unwell())


def test_what_to_do_now_begins_with_a_step_that_only_looks_or_with_none():
    text = html.render(unwell()).partition('<h2 id="findings">')[0]
    assert "kubectl -n monitoring-dev get prometheus main" in text  # of CrossScrape, whose first step looks
    assert "alertmanager-slack" not in text  # its fix begins with a change
    assert "delete pvc" not in text


def test_what_to_do_now_holds_five_causes_and_no_note():
    many = [finding(Severity.WARNING, f"Code{number}", problem=f"Trouble {number}.") for number in range(7)]
    seen = result(probe("a/b", "findings", findings=[*many, finding(Severity.INFO, "Fine", problem="All fine.")]), verdict="findings")
    text = html.render(seen).partition('<h2 id="findings">')[0]
    assert [number for number in range(7) if f">Trouble {number}.</a>" in text] == [0, 1, 2, 3, 4]
    assert "All fine." not in text


def test_an_incomplete_run_links_to_what_could_not_be_checked():
    assert '<a href="#unchecked">refused: no connection to the Prometheus' in html.render(incomplete())


def test_a_healthy_run_says_so_and_asks_for_nothing():
    text = read(healthy()).text
    assert "Healthy 15 probes passed" in text
    assert "What to do now" not in text


def test_a_replayed_interrupted_run_with_another_clock_says_all_three():
    text = read(incomplete()).text
    assert "Replayed from a bundle" in text
    assert "The run was interrupted" in text
    assert "clock is 41 s ahead" in text


def test_a_run_with_active_probes_says_so():
    assert "live, with active probes" in read(result(run=run_of(active=True))).text


def test_every_incident_is_in_the_table():
    text = read(healthy()).text
    assert "9d Alertmanager's generated Secret" in text
    assert "no probe ran" in text


def test_a_cell_that_should_be_zero_is_marked_in_words():
    assert "18 should be 0" in read(unwell()).text


def test_a_cell_that_was_not_read_says_so():
    assert "not read" in read(incomplete()).text


def test_a_section_without_its_probe_says_that_it_was_not_checked():
    assert "Not checked in this run: pod termination time ( pods/termination ), where each" in read(incomplete()).text


def test_a_section_of_an_incomplete_probe_says_so():
    assert "Not complete: 2 things could not be checked" in read(incomplete()).text


def test_a_section_whose_probe_has_nothing_to_show_gives_its_verdict():
    absent = probe("storage/placement", "not_applicable", examined=0, reason="no claims at all")
    assert "not applicable storage/placement no claims at all" in read(result(absent)).text


def test_an_outlier_and_the_limit_are_told_in_words():
    text = read(unwell()).text
    assert "limit 30 s" in text
    assert "outlier , over the limit" in text


def test_an_exhibit_shown_above_is_linked_from_its_finding():
    chart = termination()
    both = probe("pods/termination", "findings", findings=[finding(exhibits=[chart])])
    assert '<a href="#termination">Median time to terminate</a>' in html.render(result(both))


def test_commands_are_blocks_of_their_own():
    assert '<pre class="command"><code>kubectl get pods</code></pre>' in html.render(result(probe("a/b", findings=[finding()])))


def test_backticks_become_code_and_their_content_stays_text():
    one = finding(problem="Set `<b>`.")
    assert "Set <code>&lt;b&gt;</code>." in html.render(result(probe("a/b", findings=[one])))


def test_a_finding_shows_where_it_belongs():
    one = finding(about=subject("Pod", "a", "b", "prod", owner="Deployment/c"))
    text = read(result(probe("a/b", findings=[one]))).text
    assert "prod It is wrong. Wrong Pod b/ a owned by Deployment/c" in text


def test_what_could_not_be_checked_is_grouped_by_reason():
    seen = result(probe("a/b", "inconclusive", unchecked=[unchecked("refused", subject(name=f"p{n}")) for n in range(60)]))
    assert "and 10 more in results.json" in read(seen).text


def test_a_broken_probe_is_called_a_fault_of_this_tool():
    assert "This is a fault of Clusterprobe, not of the cluster." in read(result(probe("a/b", "broken", reason="KeyError"))).text


def test_known_findings_are_listed_apart():
    assert "The profile accepts these" in read(unwell()).text


def test_evidence_of_a_passing_probe_can_be_opened():
    one = read(result(probe("a/b", exhibits=[Table(title="All of it", columns=["x"], rows=[["1"]])])))
    assert "Evidence All of it" in one.text


def test_long_tables_are_cut_and_counted():
    long = Table(title="Long", columns=["x"], rows=[[str(n)] for n in range(250)])
    assert "and 50 more rows in results.json" in read(result(probe("a/b", exhibits=[long]))).text


def test_invisible_characters_are_shown_in_texts_and_attributes():
    written = html.render(hostile("a\u202eb\x1b"))
    assert "\u202e" not in written
    assert "a\\u202eb\\x1b" in written


def test_markup_from_the_cluster_is_text():
    assert len(read(hostile("<script>x</script>")).elements) == len(read(hostile("x")).elements)


def test_findings_of_one_code_are_one_group_that_is_ordered_worst_first():
    seen = result(probe("a/b", "findings", findings=[finding(Severity.WARNING), finding(reason="Other"), finding(Severity.CRITICAL)]))
    groups = page.Page(seen).groups
    assert [one.first.finding.reason for one in groups] == ["Wrong", "Other"]
    assert [one.finding.severity for one in groups[0].parts.whole] == [Severity.CRITICAL, Severity.WARNING]


def test_production_comes_first_among_findings_of_one_severity():
    def of(environment):
        return finding(reason=f"Of{environment}", about=subject(namespace=f"a-{environment}", environment=environment))

    worse = finding(Severity.CRITICAL, "Worst", subject(namespace="a-dev", environment="dev"))
    seen = result(probe("a/b", "findings", findings=[of("dev"), of(""), of("prod"), worse]), production=["prod"])
    assert [one.first.finding.reason for one in page.Page(seen).groups] == ["Worst", "Ofprod", "Of", "Ofdev"]


def test_of_many_alike_some_are_shown_in_whole_and_the_others_as_rows_with_their_fingerprints():
    many = [finding(about=subject(name=f"pod-{number}"), problem=f"Pod {number} is wrong.") for number in range(250)]
    seen = result(probe("a/b", "findings", findings=many), verdict="findings")
    [group] = page.Page(seen).groups
    assert (len(group.parts.whole), len(group.parts.rows), group.parts.left) == (groups.WHOLE_OF_GROUP, groups.ROWS, 47)
    one = read(seen)
    assert "Pod 0 is wrong. and 249 more like it" in one.text
    assert "and 47 more in results.json" in one.text
    assert f"f-{fingerprints(seen)['a/b', 100]}" in one.ids


def test_of_many_codes_those_that_a_page_has_no_room_for_are_counted_and_no_link_leads_nowhere():
    many = [finding(reason=f"Code{number}", problem=f"Thing {number} is wrong.") for number in range(groups.GROUPS_OF_PAGE + 7)]
    worst = finding(Severity.CRITICAL, "Worst", problem="This is worse.")
    one = read(result(probe("a/b", "findings", findings=[*many, worst]), verdict="findings"))
    assert "and 8 more, of other codes, in results.json; no filter shows them" in one.text
    assert "This is worse." in one.text
    assert f"Thing {groups.GROUPS_OF_PAGE + 1} is wrong." not in one.text
    assert groups.SECTION in one.ids


def test_anchors_stay_the_same_when_other_findings_come():
    before = read(unwell()).ids
    more = probe("a/b", "findings", findings=[finding(Severity.CRITICAL)])
    after = read(msgspec.structs.replace(unwell(), probes=[more, *unwell().probes])).ids
    assert {one for one in before if one.startswith("f-")} < {one for one in after if one.startswith("f-")}


def test_findings_can_be_filtered_by_what_they_differ_in_alone():
    facets = {one.name: [(name, count) for name, _, count in one.values] for one in page.Page(unwell()).facets}
    assert facets["Severity"] == [("critical", 1), ("error", 3), ("warning", 1), ("info", 1)]
    assert facets["Environment"] == [("dev", 2), ("prod", 2), ("(shared)", 2)]
    assert "Since the last run" not in facets
    assert page.Page(result(probe("a/b", "findings", findings=[finding()]))).facets == []


def test_no_text_of_the_cluster_stands_in_the_style():
    assert "planted" not in html.render(hostile("planted")).partition("</style>")[0].partition("<style>")[2]


def test_a_large_report_is_rendered_quickly():
    findings = [msgspec.structs.replace(unwell().findings()[0][1], exhibits=[placement()]) for _ in range(100)]
    large = result(*[probe(f"area/{n}", "findings", findings=findings[:3]) for n in range(30)])
    html.render(healthy())
    before = time.process_time()
    html.render(large)
    assert time.process_time() - before < 0.5


# --- charts -----------------------------------------------------------------------------------------------------------


def test_the_parts_of_a_bar_follow_each_other():
    row = charts.draw(termination(hanging=True)).rows[2]
    assert row.pieces[1].left == row.pieces[0].width
    assert row.pieces[0].width + row.pieces[1].width <= 100


def test_a_bar_at_the_limit_is_not_over_it():
    bars = [Bar(label="at", parts=[("x", 30.0)]), Bar(label="over", parts=[("x", 30.1)])]
    assert [row.over for row in charts.draw(Bars(title="", unit="s", bars=bars, limit=30.0)).rows] == [False, True]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_an_amount_that_cannot_be_drawn_counts_as_nothing(value):
    chart = charts.draw(Bars(title="", unit="s", bars=[Bar(label="odd", parts=[("x", value)])]))
    assert chart.rows[0].total == 0
    assert chart.rows[0].pieces[0].width == 0


def test_a_chart_without_bars_can_be_drawn():
    assert charts.draw(Bars(title="", unit="s", bars=[])).rows == []


def test_wrong_pairs_of_zero_are_calm():
    flags = {
        (name, column): cell.wrong
        for name, row in charts.cells(matrix(18))
        for column, cell in zip(["dev", "prod", "(shared)"], row, strict=True)
    }
    assert [pair for pair, wrong in flags.items() if wrong] == [("dev", "prod")]


def test_a_cell_that_the_matrix_lacks_was_not_read():
    short = Matrix(title="", row_title="", column_title="", rows=["a", "b"], columns=["a", "b"], cells=[[1]])
    assert [[cell.count for cell in row] for _, row in charts.cells(short)] == [[1, None], [None, None]]


def test_what_changed_since_the_last_run_is_shown():
    before = msgspec.structs.replace(unwell(), probes=[probe("a/b", "findings", findings=[finding(reason="OldTrouble")])])
    today = msgspec.structs.replace(unwell(), probes=[*unwell().probes, probe("a/b")])
    one = read(msgspec.structs.replace(today, since=compare(before, today)))
    assert f"{len(today.findings())} new, 0 persisting, 1 resolved" in one.text
    assert "OldTrouble" in one.text
