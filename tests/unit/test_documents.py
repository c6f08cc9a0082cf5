"""What the documents say is what the code does."""

import json
import re
import zipfile
from pathlib import Path

import pytest
import yaml

from clusterprobe.catalogue import catalogue, kinds
from clusterprobe.own_probes import check_names
from clusterprobe.permissions import rules
from clusterprobe.profile import Profile
from clusterprobe.sources import all_sources
from clusterprobe.thresholds import Thresholds, documented
from lab.build.modules import DEBIAN_PACKAGES, KUBERNETES, Module
from lab.platform.systems import OTHERS, SYSTEMS, all_modules
from tests.faults.recording import Recording

ROOT = Path(__file__).parents[2]


def example() -> dict:
    """The profile that docs/profiles.md shows."""
    text = (ROOT / "docs" / "profiles.md").read_text()
    return dict(yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]))


def test_the_documented_profile_is_valid_and_names_every_key() -> None:
    shown = example()
    assert Profile.model_validate(shown)
    assert set(shown) == set(Profile.model_fields)
    assert Thresholds(**shown["thresholds"]) == Thresholds()


def test_the_page_of_accepted_findings_shows_profiles_that_are_valid_with_codes_that_there_are() -> None:
    page = (ROOT / "docs" / "accepted.md").read_text()
    profiles = [Profile.model_validate(yaml.safe_load(one)) for one in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    check_names(profiles[0], catalogue(ROOT / "probes"))
    check_names(profiles[1], catalogue(ROOT / "probes"))
    (code,) = re.findall(r"clusterprobe\.io/accept=(\w+)", page)
    assert code in {kind.code for one in catalogue(ROOT / "probes") for kind in kinds(one.path)}


def test_every_threshold_says_what_it_is() -> None:
    assert [key for _, about, rows in documented() for key, _, meaning in rows if not (about and meaning.endswith("."))] == []


def test_the_readme_names_every_probe() -> None:
    text = (ROOT / "README.md").read_text()
    missing = [one.id for one in catalogue(ROOT / "probes") if one.id not in text and f"`{one.id.split('/')[1]}`" not in text]
    assert missing == []


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_readme_has_the_commands_that_ci_runs(number: int) -> None:
    assert f"<!-- command {number} -->\n```sh\n" in (ROOT / "README.md").read_text()


# --- licences ----------------------------------------------------------------------------------------------------------


def licence_rows() -> list[str]:
    """The rows of the tables of docs/licences.md."""
    return [line for line in (ROOT / "docs" / "licences.md").read_text().split("\n") if line.startswith("| ")]


MODULES = [*all_modules(), *(module for system in OTHERS for module in system.modules)]


@pytest.mark.parametrize("module", MODULES, ids=lambda one: one.path)
def test_each_program_of_the_lab_has_a_line_with_its_version_and_what_is_changed_in_it(module: Module) -> None:
    (row,) = (one for one in licence_rows() if f"`{module.path}` {module.version} " in one)
    programs, _, licence, changes = (cell.strip() for cell in row.strip("|").split("|"))
    assert programs == (", ".join(f"`{name}`" for name in module.programs) or "definitions only")
    assert licence
    assert (changes == "unmodified") is not bool(module.mains or module.without or module.tags)


@pytest.mark.parametrize("package", DEBIAN_PACKAGES)
def test_each_debian_package_of_the_lab_has_a_licence(package: str) -> None:
    assert [one for one in licence_rows() if f"`{package}`" in one.split("|")[1]]


def test_each_package_that_comes_with_the_wheel_has_a_licence() -> None:
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "deploy" / "image" / "requirements.txt").read_text(), re.MULTILINE)
    named = [name for one in licence_rows() for name in re.findall(r"`([\w.-]+)`", one.split("|")[2])]
    assert locked
    assert set(locked) - set(named) == set()


def test_the_licence_is_the_one_that_the_package_names() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()


# --- versions ----------------------------------------------------------------------------------------------------------

IMAGE = re.compile(r'"image": *"([^"@]+):([^":]+)"')


def images_of_the_lab() -> dict[str, str]:
    """Repository and tag of each image that the healthy platform runs."""
    return dict(recipe.image.name.rsplit(":", 1) for system in SYSTEMS for recipe in system.images)


def images_of_the_recording() -> dict[str, str]:
    return dict(found for one in Recording.load().exchanges.values() for found in IMAGE.findall(one.body.decode()))


def images_of_the_demo() -> dict[str, str]:
    with zipfile.ZipFile(ROOT / "demo" / "demo.zip") as bundle:
        return dict(IMAGE.findall(bundle.read("readings/pods.json").decode()))


def test_the_page_of_versions_has_what_the_lab_and_the_recordings_run() -> None:
    page = (ROOT / "docs" / "versions.md").read_text()
    rows = {image: tags for image, *tags in re.findall(r"^\| `([\w./-]+)` \| (\S+) \| (\S+) \| (\S+) \|$", page, re.MULTILINE)}
    found = [images_of_the_lab(), images_of_the_recording(), images_of_the_demo()]
    assert rows == {image: [one.get(image, "none") for one in found] for image in rows}
    ours = {"quay.io/prometheus-operator/prometheus-config-reloader"}  # of the Operator's version
    assert {image for image in found[0] if not image.startswith("lab/")} - ours == set(rows)
    version = json.loads(Recording.load().exchanges["GET /version"].body)["gitVersion"]
    assert f"| Kubernetes | {KUBERNETES.version} | {version} |" in page


# --- security ----------------------------------------------------------------------------------------------------------


def table_of_permissions(route: str) -> set[tuple[str, str, str]]:
    """Group, resource and verb of the table of SECURITY.md, as far as they are for this route."""
    lines = (ROOT / "SECURITY.md").read_text().split("\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ") and line.count("|") == 5]
    return {
        ("" if group == "core" else group, resource, verb)
        for group, resources, verb, where in rows
        for resource in re.findall(r"`([\w/]+)`", resources)
        if where == "both" or f"`--route {route}`" in where
    }


@pytest.mark.parametrize("route", ["proxy", "in-cluster"])
def test_what_is_said_to_be_read_is_what_the_role_allows(route: str) -> None:
    allowed = rules(all_sources().values(), route)
    assert table_of_permissions(route) == {
        (group, resource, verb) for one in allowed for group in one["apiGroups"] for resource in one["resources"] for verb in one["verbs"]
    }


@pytest.mark.parametrize("named", re.findall(r"`(tests/[\w/]+\.py::\w+)`", (ROOT / "SECURITY.md").read_text()))
def test_each_test_that_is_said_to_hold_a_claim_is_there(named: str) -> None:
    file, _, name = named.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text()


# --- dates -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", sorted((ROOT / "tests").glob("[fpu]*/test_*.py")), ids=lambda one: one.stem)
def test_a_test_that_reads_the_clock_runs_at_other_dates_too(file: Path) -> None:
    reads = re.search(r"\btime\.time\(|\bdatetime\.now\(|\bmake_pair\(", file.read_text())
    assert not reads or str(file.relative_to(ROOT)) in (ROOT / "tox.ini").read_text()


# --- pages -------------------------------------------------------------------------------------------------------------

PAGES = sorted(
    [*ROOT.glob("*.md"), *(one for one in ROOT.glob("*/**/*.md") if one.relative_to(ROOT).parts[0] in ("docs", "lab", "deploy"))]
)
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))
    inside = [one for one in links if not re.match(r"\w+:", one)]
    assert [one for one in inside if not (page.parent / one).exists()] == []


def test_the_map_lists_each_decision_with_its_date() -> None:
    rows = re.findall(
        r"^\| [^|]+ \| \[(.+)\]\(docs/decisions/(.+\.md)\) \| (\S+) \|$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE
    )
    assert sorted(name for _, name, _ in rows) == [one.name for one in DECISIONS]
    for title, name, date in rows:
        assert name.startswith(date)
        assert (ROOT / "docs" / "decisions" / name).read_text().startswith(f"# {title}\n\nDecided {date}. ")


@pytest.mark.parametrize("page", DECISIONS, ids=lambda one: one.stem)
def test_a_decision_is_in_force_or_names_what_replaced_it(page: Path) -> None:
    standing = page.read_text().split("\n")[2].partition(". ")[2]
    assert standing == "In force." or re.fullmatch(r"Replaced by \[.+\]\(.+\.md\)\.", standing)
