"""What is deployed agrees with what the probes are, as far as that can be seen without Helm."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement

from clusterprobe import __version__
from clusterprobe.profile import Profile, seconds
from clusterprobe.report.metrics import registry
from tests.report_factories import unwell

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "chart"


def make():
    spec = importlib.util.spec_from_file_location("deploy_make", DEPLOY / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def values() -> dict:
    return yaml.safe_load((CHART / "values.yaml").read_text())


def schema() -> dict:
    return json.loads((CHART / "values.schema.json").read_text())


def test_the_charts_permissions_are_those_of_the_probes() -> None:
    """`python deploy/make.py` makes them again."""
    assert (DEPLOY / make().PERMISSIONS).read_text() == make().permissions(), "python deploy/make.py"


def test_active_runs_get_nothing_that_reaches_beyond_what_they_make() -> None:
    active = json.loads((DEPLOY / make().PERMISSIONS).read_text())["active"]
    assert [rule["resources"] for rule in active["cluster"]] == [["persistentvolumes"]]
    assert {name for rule in active["namespaced"] for name in rule["resources"]} == {"pods", "persistentvolumeclaims", "leases"}


def test_the_default_values_fit_their_schema_and_every_key_is_in_it() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    jsonschema.Draft7Validator(schema()).validate(values())

    def keys(one: dict, known: dict, path: str = "") -> list[str]:
        missing = [f"{path}{key}" for key in known.get("properties", {}) if key not in one]
        for key, value in one.items():
            if key not in ("profile", "global") and isinstance(value, dict) and "properties" in known["properties"][key]:
                missing += keys(value, known["properties"][key], f"{path}{key}.")
        return missing

    assert keys(values(), schema()) == []


def test_the_charts_schema_has_that_of_the_profile() -> None:
    """`python deploy/make.py` makes it again."""
    assert (DEPLOY / make().VALUES_SCHEMA).read_text() == make().values_schema(), "python deploy/make.py"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"shedule": "* * * * *"}, "shedule"),
        ({"schedule": "hello world"}, "hello world"),
        ({"profile": {"fail_onn": "error"}}, "fail_onn"),
        ({"profile": {"thresholds": {"termination": {"secondz": 1}}}}, "secondz"),
        ({"profile": {"known": [{"probe": "loki/ready"}]}}, "why"),
        ({"imagePullSecrets": ["regcred"]}, "regcred"),
        ({"affinity": {"x": {}}}, "nodeAffinity"),
        ({"reports": {"persistence": {"size": "big"}}}, "big"),
        ({"reports": {"openreports": "yes"}}, "yes"),
    ],
)
def test_a_misspelt_value_is_refused(wrong: dict, said: str) -> None:
    found = list(jsonschema.Draft7Validator(schema()).iter_errors({**values(), **wrong}))
    assert any(said in one.message for one in found)


class AsHelm(yaml.SafeLoader):
    """To Helm a day is a text."""

    yaml_implicit_resolvers = {
        first: [one for one in resolvers if not one[0].endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def test_the_profile_that_the_documents_show_fits_the_charts_schema() -> None:
    page = (DEPLOY.parent / "docs" / "profiles.md").read_text()
    shown = yaml.load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1], Loader=AsHelm)
    jsonschema.Draft7Validator(schema()).validate({**values(), "profile": shown})


def test_no_pattern_of_the_charts_schema_is_beyond_helm() -> None:
    """Helm reads patterns as Go does, which looks neither ahead nor behind."""
    assert not re.search(r"\(\?[=!<]", (CHART / "values.schema.json").read_text())


def test_no_image_is_pretended() -> None:
    assert values()["image"]["repository"] == ""
    assert 'required "image.repository is needed' in (CHART / "templates" / "_helpers.tpl").read_text()


def test_the_default_profile_is_one() -> None:
    assert Profile.model_validate(values()["profile"])


def test_a_run_after_a_deployment_tells_nobody_and_writes_no_reports() -> None:
    template = (CHART / "templates" / "configmap.yaml").read_text()
    after = yaml.safe_load(template.partition("post-deploy.yaml: |")[2])
    silent = Profile.model_validate({key: value for key, value in after.items() if key != "extends"})
    assert (silent.notify, silent.reports, silent.heartbeat_url_env) == (Profile().notify, Profile().reports, "")


def test_the_jobs_deadline_leaves_time_after_the_runs_own() -> None:
    assert values()["activeDeadlineSeconds"] >= seconds(values()["timeout"]) + 90


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["appVersion"], chart["version"]) == (__version__, __version__)


def test_dashboard_and_alerts_ask_for_metrics_that_there_are() -> None:
    written = {one.name for one in registry(unwell()).collect()} | {"clusterprobe_runs_kept"}
    for file in (CHART / "files" / "dashboard.json", CHART / "templates" / "monitoring.yaml"):
        asked = set(re.findall(r"\bclusterprobe_[a-z_]+", file.read_text()))
        assert asked, file.name
        assert asked - written == set(), file.name


def test_every_panel_has_a_place_of_its_own() -> None:
    panels = json.loads((CHART / "files" / "dashboard.json").read_text())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


# --- what docs/deploy.md shows ---------------------------------------------------------------------------------------------

PAGE = (DEPLOY.parent / "docs" / "deploy.md").read_text(encoding="utf-8")


def shown(key: str) -> dict:
    """The YAML on the page that has this key."""
    return next(one for one in map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)) if key in one)


def test_the_values_that_are_shown_fit_the_schema() -> None:
    jsonschema.Draft7Validator(schema()).validate(shown("image"))
    assert Profile.model_validate(shown("image")["profile"])


def test_the_rollout_that_is_shown_fits_the_analysis_template() -> None:
    template = list(yaml.safe_load_all((DEPLOY / make().ANALYSIS).read_text()))[-1]
    analysis = shown("strategy")["strategy"]["canary"]["steps"][1]["analysis"]
    assert [one["templateName"] for one in analysis["templates"]] == [template["metadata"]["name"]]
    assert {one["name"] for one in analysis["args"]} <= {one["name"] for one in template["spec"]["args"]}


def test_what_the_page_links_to_is_there() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (DEPLOY.parent / "docs" / link).exists(), link


# --- the image ----------------------------------------------------------------------------------------------------------

IMAGE = DEPLOY / "image"


def locked(name: str) -> dict[str, str]:
    """The pinned versions of a lock file, every one with its hashes."""
    text = (IMAGE / name).read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert [line for line in lines if "--hash=sha256:" not in line] == []
    return {one.group(1): one.group(2) for line in lines if (one := re.match(r"([\w.-]+)==([^\s;]+)", line))}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_locked_versions_are_ones_that_the_package_allows() -> None:
    pins = {normal(name): version for name, version in locked("requirements.txt").items()}
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())
    for wanted in map(Requirement, project["project"]["dependencies"]):
        assert wanted.specifier.contains(pins[normal(wanted.name)]), wanted
    assert {normal(Requirement(one).name) for one in project["build-system"]["requires"]} <= set(
        map(normal, locked("build-requirements.txt"))
    )


def test_the_image_runs_as_nobody_in_particular_with_checked_packages() -> None:
    text = (IMAGE / "Dockerfile").read_text()
    assert text.count("--require-hashes") == 2
    assert "USER 65532:65532" in text
    assert 'ENTRYPOINT ["python3", "-m", "clusterprobe"]' in text
    pods = [one for one in yaml.safe_load_all((DEPLOY / "kustomize/base/clusterprobe.yaml").read_text()) if one["kind"] == "CronJob"]
    assert pods[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 65532


def test_the_image_begins_from_a_base_that_cannot_move() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", (IMAGE / "Dockerfile").read_text(), re.MULTILINE)
    assert len(stages) == 3
    own = {name for _, name in stages}
    (from_outside,) = [image for image, _ in stages if image not in own]
    assert re.fullmatch(r"python:3\.\d+-slim@sha256:[0-9a-f]{64}", from_outside)


@pytest.mark.parametrize("name", [".github/workflows/ci.yml", ".github/workflows/release.yml", "deploy/ci/github/action.yml"])
def test_actions_of_others_are_named_by_their_commit(name: str) -> None:
    used = re.findall(r"uses: (\S+)", (DEPLOY.parent / name).read_text())
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one)] == []


def test_what_the_dockerfile_copies_is_let_through() -> None:
    ignored = (DEPLOY.parent / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    for wanted in ("src", "probes", "profiles", "demo", "pyproject.toml", "README.md", "LICENSE", "deploy/image"):
        assert f"!{wanted}" in ignored


def test_the_plain_report_over_a_fleet_is_a_command_that_there_is(tmp_path: Path) -> None:
    """Run as its pod does, but for the store and the place of its profile; nobody has reported, and nobody's address is known."""
    config, cron = yaml.safe_load_all((DEPLOY / make().FLEET_REPORT).read_text())
    [container] = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    [mount] = [one["mountPath"] for one in container["volumeMounts"] if one["name"] == "profile"]
    (tmp_path / "profile.yaml").write_text(config["data"]["profile.yaml"])
    (tmp_path / "store").mkdir()
    places = {
        "s3://reports/clusterprobe": f"file://{tmp_path}/store",
        f"--notify={mount}/profile.yaml": f"--notify={tmp_path}/profile.yaml",
    }
    done = subprocess.run(
        [sys.executable, "-c", "from clusterprobe.cli import main; main()", *(places.get(one, one) for one in container["args"])],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "prod-eu" in done.stdout
    assert "Slack was not told: the environment variable that is to hold its address is not set" in done.stderr
