"""The pages that are made of the probes themselves."""

from dataclasses import replace
from pathlib import Path

import pytest

from clusterprobe.catalogue import Entry, catalogue
from clusterprobe.handbook import MADE, checklist, index, needs, page, write
from clusterprobe.judging import Probe
from clusterprobe.roles import ROLES, roles_of
from tests.faults.harness import probes

ROOT = Path(__file__).parents[2]
PROBES = catalogue(ROOT / "probes")


def probe(name: str) -> Entry:
    return next(one for one in PROBES if one.id == name)


def test_a_probe_needs_what_its_sources_call() -> None:
    wanted = needs(probe("prometheus/cross-scrape"))
    assert "list servicemonitors.monitoring.coreos.com" in wanted.permissions
    assert "get pods/proxy" in wanted.from_outside
    assert not set(wanted.permissions) & set(wanted.from_outside)


def test_what_only_active_runs_need_is_said_apart() -> None:
    wanted = needs(probe("pods/termination"))
    assert "create pods" in wanted.active
    assert "create pods" not in wanted.permissions
    assert "with --active also" in wanted.brief()


def test_a_probe_that_judges_the_others_says_so() -> None:
    assert "verdicts of the other probes" in needs(probe("pipeline/alert-path")).brief()


def test_what_a_probe_reads_stands_with_its_role() -> None:
    reads = [one.partition(": ")[0] for one in needs(probe("promtail/coverage")).reads]
    assert reads[:2] == ["`agent_states` (judged)", "`pods` (rested on)"]
    assert reads[2:4] == ["`system_pods` (rested on)", "`daemon_sets` (rested on)"]
    assert reads[4:7] == ["`agent_destinations` (rested on)", "`metric_servers` (helping)", "`agent_send_errors` (helping)"]
    assert reads[7:9] == ["`nodes` (as the case may be)", "`agent_drops` (as the case may be)"]
    assert set(reads[9:]) == {
        f"`{name}` (read for these)" for name in ("namespaces", "services", "agent_configurations", "served", "prometheuses")
    }


@pytest.mark.parametrize("one", probes(), ids=lambda one: str(one.id))
def test_a_page_tells_the_roles_that_a_probe_is_called_with(one: Probe) -> None:
    written = {name: ROLES[role] for name, role in probe(one.id).parameters.items() if role in ROLES}
    assert written == roles_of(one.function)


@pytest.mark.parametrize("entry", PROBES, ids=lambda one: one.id)
def test_no_role_is_dropped_or_changed_without_its_page_telling(entry: Entry) -> None:
    kept = (ROOT / "docs" / "probes" / entry.page).read_text()
    changed = [(name, other) for name, role in entry.parameters.items() if role in ROLES for other in {"", *ROLES} - {role}]
    assert changed
    for name, other in changed:
        assert page(replace(entry, parameters={**entry.parameters, name: other})) != kept, f"{name} as {other or 'nothing'}"


@pytest.mark.parametrize("entry", PROBES, ids=lambda one: one.id)
def test_every_probe_has_a_whole_page(entry: Entry) -> None:
    text = page(entry)
    for title in ("Problem", "Cause", "Fix", "Prevention", "What it reports", "What it reads", "What it needs"):
        assert f"## {title}\n\n" in text


def test_the_incident_stands_on_the_page() -> None:
    assert "- 1: A Prometheus selects or scrapes what belongs to another environment." in page(probe("prometheus/cross-scrape"))
    text = page(probe("prometheus/cross-scrape"))
    assert "- `CrossScrape` (error): A Prometheus scrapes targets of another environment.\n  For example: “The dev Prometheus" in text


def test_index_and_checklist_name_every_probe() -> None:
    assert [one.id for one in PROBES if f"[`{one.id}`]({one.page})" not in index(PROBES)] == []
    assert [one.id for one in PROBES if f"(`{one.id}`)" not in checklist(PROBES)] == []


def test_pages_of_probes_that_are_gone_are_removed_and_others_kept(tmp_path: Path) -> None:
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "gone-probe.md").write_text(f"# gone\n\n{MADE}\n")
    (tmp_path / "probes" / "notes.md").write_text("by hand\n")
    write(PROBES[:2], tmp_path)
    assert {one.name for one in (tmp_path / "probes").iterdir()} == {"README.md", "notes.md", *(one.page for one in PROBES[:2])}


def test_the_pages_in_the_repository_are_those_of_the_probes(tmp_path: Path) -> None:
    """`clusterprobe docs docs` makes them again."""
    for path in write(PROBES, tmp_path):
        kept = ROOT / "docs" / path.relative_to(tmp_path)
        assert kept.is_file(), f"{kept.relative_to(ROOT)} is missing: clusterprobe docs docs"
        assert kept.read_text() == path.read_text(), f"{kept.relative_to(ROOT)} is old: clusterprobe docs docs"
