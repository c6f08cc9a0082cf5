"""A release, as far as it needs neither Go nor Helm nor Docker: what is compared, and how a registry is asked. tests/release has the rest."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from requests.adapters import BaseAdapter

from deploy import release
from deploy.published import NotThere, Release, Wrong, arguments_of, check_release, digest, locked, named
from tests.ci.steps import ROOT, read
from tests.oci_factories import ARGUMENTS, LABELS, PACKAGES, REVISION, VERSION, Content, image, slsa, spdx

REGISTRY = "registry.example/team"
FIRST = " ".join(min(PACKAGES))
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"


class Served(BaseAdapter):
    """A registry without a network: what it has by its paths."""

    def __init__(self, password: str = "", scheme: str = "") -> None:
        super().__init__()
        self.has: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.password, self.scheme = password, scheme

    def take(self, name: str, content: Content) -> None:
        kinds = {"blobs": content.blobs, "manifests": {**content.manifests, VERSION: content.manifests[content.digest]}}
        self.has |= {f"/v2/team/{name}/{kind}/{key}": found for kind, all_of in kinds.items() for key, found in all_of.items()}

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        response = requests.Response()
        response.request, response.url = request, request.url or ""
        path, given = request.path_url, request.headers.get("Authorization", "")
        self.asked.append((path, given))
        if path.startswith("/token?"):
            response.status_code, content = (200, b'{"token": "of-one"}') if given.startswith("Basic ") else (403, b"")
        elif self.scheme and not given.startswith("Bearer of-one" if "Bearer" in self.scheme else "Basic "):
            response.status_code, content = 401, b""
            response.headers["WWW-Authenticate"] = self.scheme
        else:
            response.status_code, content = (200, self.has[path]) if path in self.has else (404, b"")
        response.raw = io.BytesIO(content)
        return response

    def close(self) -> None: ...


def chart(values: dict[str, Any] | None = None, **about: str) -> bytes:
    made = io.BytesIO()
    packed = {"image": {"registry": "", "repository": f"{REGISTRY}/clusterprobe", "tag": "", "digest": "", **(values or {})}}
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, document in (
            ("Chart.yaml", {"name": "clusterprobe", "version": VERSION, "appVersion": VERSION, **about}),
            ("values.yaml", packed),
        ):
            entry = tarfile.TarInfo(f"clusterprobe/{name}")
            text = yaml.safe_dump(document).encode()
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return made.getvalue()


def pushed_chart(packed: bytes, kind: str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip", version: str = VERSION) -> Content:
    content = Content()
    annotations = {"org.opencontainers.image.title": "clusterprobe", "org.opencontainers.image.version": version}
    config = content.blob(b"{}", "application/vnd.cncf.helm.config.v1+json")
    content.manifest(
        {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": [content.blob(packed, kind)],
            "annotations": annotations,
        }
    )
    return content


def answer(of_chart: Content | None, of_image: Content | None, *, served: Served | None = None, **changed: Any) -> str:
    """The sentence with which the check fails of a registry that has these; empty if all is well."""
    registry = served or Served()
    packed = next((one for one in of_chart.blobs.values() if one != b"{}"), b"") if of_chart else b""
    wanted = Release(VERSION, REVISION, digest(packed), of_image.digest if of_image else "", PACKAGES)
    for name, content in (("charts/clusterprobe", of_chart), ("clusterprobe", of_image)):
        if content:
            registry.take(name, content)
    with requests.Session() as session:
        session.mount("https://", registry)
        try:
            check_release(REGISTRY, replace(wanted, **changed), plain_http=False, session=session)
        except Wrong as wrong:
            return str(wrong)
    return ""


GOOD = pushed_chart(chart())


@pytest.mark.parametrize("form", ["v0.2", "v1"])
def test_what_was_built_and_pushed_is_there(form: str) -> None:
    assert answer(GOOD, image(statements=[spdx(), slsa(form=form)])) == ""


# --- the image ---------------------------------------------------------------------------------------------------------


def without(labels: dict[str, str], key: str) -> dict[str, str]:
    return {name: value for name, value in labels.items() if not name.endswith(key)}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: image({**LABELS, "org.opencontainers.image.version": "0.2.0"}), f"image.version is '0.2.0', and should be '{VERSION}'"),
        (lambda: image(without(LABELS, "revision")), "the image's label org.opencontainers.image.revision is None"),
        (lambda: image({}), "the image's label org.opencontainers.image.title is None"),
        (lambda: image(statements=[slsa()]), "the image has no SBOM attached"),
        (lambda: image(statements=[]), "the image has no SBOM attached"),
        (lambda: image(statements=[spdx(sorted(PACKAGES)[1:]), slsa()]), f"SBOM lacks 1 of {len(PACKAGES)} packages, such as {FIRST}"),
        (lambda: image(statements=[spdx()]), "the image has no provenance attached"),
        (lambda: image(statements=[spdx(), slsa({})]), "the provenance's build-arg:VERSION is None"),
        (lambda: image(statements=[spdx(), slsa({**ARGUMENTS, "build-arg:REVISION": "other"})]), "build-arg:REVISION is 'other'"),
        (lambda: image(subject="sha256:" + "0" * 64), "the image has no SBOM attached"),
    ],
)
def test_an_image_that_is_not_as_it_should_be_is_one_sentence(broken: Callable[[], Content], said: str) -> None:
    found = answer(GOOD, broken())
    assert said in found
    assert "\n" not in found


def test_another_image_under_the_tag_is_told_by_its_digest() -> None:
    found = image()
    other = "sha256:" + "1" * 64
    assert answer(GOOD, found, image=other) == f"{REGISTRY}/clusterprobe:{VERSION} is {found.digest}, and {other} was pushed"


def test_an_image_without_an_index_has_nothing_attached() -> None:
    found = image(statements=[])
    alone = next(one for one in found.manifests.values() if json.loads(one)["mediaType"].endswith("manifest.v1+json"))
    bare = Content(found.blobs, {digest(alone): alone}, digest(alone))
    assert answer(GOOD, bare) == f"{REGISTRY}/clusterprobe:{VERSION} is no index of an image and its attestations"


def test_every_blob_is_read_and_has_its_digest() -> None:
    found = image()
    for key in found.blobs:
        if b'"unknown"' in found.blobs[key]:
            continue  # the configuration of what is attested says nothing
        changed = Content({**found.blobs, key: found.blobs[key] + b" "}, found.manifests, found.digest)
        assert f"gives something else as {key}" in answer(GOOD, changed)
        gone = Content({one: found.blobs[one] for one in found.blobs if one != key}, found.manifests, found.digest)
        assert f"does not give {key} of its blobs: HTTP status 404" in answer(GOOD, gone)


# --- the chart ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (chart(version="0.2.0"), f"the chart's version is '0.2.0', and should be '{VERSION}'"),
        (chart(appVersion="0.2.0"), "the chart's appVersion is '0.2.0'"),
        (chart({"repository": ""}), f"the chart's image.repository is '', and should be '{REGISTRY}/clusterprobe'"),
        (chart({"tag": "latest"}), "the chart's image.tag is 'latest'"),
        (b"no archive", "something of another form than Helm and BuildKit push"),
    ],
)
def test_a_chart_that_is_not_as_it_should_be_is_one_sentence(packed: bytes, said: str) -> None:
    assert said in answer(pushed_chart(packed), image())


def test_another_chart_under_the_version_is_told_by_its_digest() -> None:
    assert answer(GOOD, image(), chart="sha256:other").endswith("and sha256:other was built")
    assert "holds the chart not at all" in answer(pushed_chart(chart(), "application/octet-stream"), image())
    assert "annotation org.opencontainers.image.version is '3'" in answer(pushed_chart(chart(), version="3"), image())


def test_what_was_not_pushed_is_said() -> None:
    assert answer(None, image()) == f"{REGISTRY}/charts/clusterprobe does not give {VERSION} of its manifests: HTTP status 404"
    assert answer(GOOD, None) == f"{REGISTRY}/clusterprobe does not give {VERSION} of its manifests: HTTP status 404"


# --- a registry that asks who it is -------------------------------------------------------------------------------------

BEARER = 'Bearer realm="https://registry.example/token",service="registry.example",scope="repository:team:pull"'


@pytest.mark.parametrize("scheme", [BEARER, 'Basic realm="one"'])
def test_a_registry_with_credentials_is_asked_with_them_once_it_wants_them(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Served(scheme=scheme)
    assert "HTTP status 401" in answer(GOOD, image(), served=registry)
    monkeypatch.setenv("REGISTRY_USER", "releaser")
    monkeypatch.setenv("REGISTRY_PASSWORD", "not-a-secret-of-anybody")
    assert answer(GOOD, image(), served=registry) == ""
    assert ("/token?service=registry.example&scope=repository%3Ateam%3Apull" in dict(registry.asked)) is (scheme == BEARER)


# --- what is read -------------------------------------------------------------------------------------------------------


def test_the_lock_has_what_is_installed_on_linux() -> None:
    text = "# made\nOne_of.Two==1.2 \\\n    --hash=sha256:aa\ncolorama==0.4 ; sys_platform == 'win32' \\\n    --hash=sha256:bb\n"
    assert locked(text) == {("one-of-two", "1.2")}
    names = {name for name, _ in locked(release.LOCK.read_text())}
    assert {"cffi", "pycparser", "kubernetes"} <= names
    assert "colorama" not in names


def test_names_of_an_sbom_are_those_of_the_lock() -> None:
    assert named(spdx([("Jinja2", "3.1.6"), ("one%5Fof", "1%2Bx?arch=any")])["predicate"]) == {("jinja2", "3.1.6"), ("one-of", "1+x")}


def test_arguments_are_found_where_each_version_has_them() -> None:
    assert [arguments_of(slsa(form=one)["predicate"]) for one in ("v0.2", "v1")] == [ARGUMENTS, ARGUMENTS]
    assert arguments_of({"args": {"target": "x"}, "other": [1]}) == {}


def test_the_published_chart_asks_for_the_published_image() -> None:
    values = (release.CHART / "values.yaml").read_text()
    found = yaml.safe_load(release.with_image(values, "registry.example/clusterprobe"))
    assert found == {**yaml.safe_load(values), "image": {**found["image"], "repository": "registry.example/clusterprobe"}}
    assert found["image"]["repository"] == "registry.example/clusterprobe"
    with pytest.raises(Wrong, match="no line with an empty"):
        release.with_image(release.with_image(values, "x"), "y")


def test_a_chart_that_is_packed_at_another_time_is_the_same() -> None:
    def packed(time: int) -> bytes:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz") as tar:
            entry = tarfile.TarInfo("clusterprobe/Chart.yaml")
            entry.size, entry.mtime = 2, time
            tar.addfile(entry, io.BytesIO(b"{}"))
        return made.getvalue()

    assert packed(1) != packed(2)
    assert release.repacked(packed(1), 7) == release.repacked(packed(2), 7)
    with tarfile.open(fileobj=io.BytesIO(release.repacked(packed(1), 7))) as tar:
        assert [(one.name, one.mtime, file.read()) for one in tar if (file := tar.extractfile(one))] == [
            ("clusterprobe/Chart.yaml", 7, b"{}")
        ]


# --- what is published --------------------------------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    """The programs that `publish` starts, in order. None of them does anything, and the registry has nothing."""
    commands: list[tuple[str, ...]] = []

    def run(*command: str, given: str | None = None, **environment: str) -> str:
        commands.append((*command, *([f"<{given}"] if given else []), *(f"{key}={value}" for key, value in environment.items())))
        return f"{REVISION} 7" if "log" in command else ""

    def nothing(*_: Any) -> None:
        raise NotThere

    monkeypatch.setattr(release, "run", run)
    monkeypatch.setattr(release.Repository, "manifest", nothing)
    monkeypatch.setattr(release, "DIST", tmp_path)
    for name in ("REGISTRY_USER", "REGISTRY_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / f"clusterprobe-{VERSION}.tgz").write_bytes(chart())
    return commands


def test_the_image_is_pushed_with_all_that_is_checked_and_then_the_chart(started: list[tuple[str, ...]], tmp_path: Path) -> None:
    release.publish(REGISTRY, "helm", plain_http=False)
    docker, helm = started[-2:]
    assert docker[:3] == ("docker", "buildx", "build")
    wanted = {f"VERSION={VERSION}", f"REVISION={REVISION}", "--sbom=true", "--provenance=mode=max", "--push", "SOURCE_DATE_EPOCH=7"}
    assert {*wanted, f"{REGISTRY}/clusterprobe:{VERSION}", str(tmp_path / "image.json")} <= set(docker)
    assert helm == ("helm", "push", str(tmp_path / f"clusterprobe-{VERSION}.tgz"), f"oci://{REGISTRY}/charts")
    assert not [one for one in started if "login" in one]


def test_a_password_reaches_programs_by_their_input_alone(started: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_USER", "releaser")
    monkeypatch.setenv("REGISTRY_PASSWORD", "of-one")
    release.publish(REGISTRY, "helm", plain_http=False)
    logins = [one for one in started if "login" in one]
    assert [one[0] for one in logins] == ["docker", "helm"]
    assert all(one[-5:] == ("registry.example", "--username", "releaser", "--password-stdin", "<of-one") for one in logins)
    assert sum("of-one" in word for one in started for word in one) == 2


def test_a_chart_that_was_built_for_another_registry_is_not_published(started: list[tuple[str, ...]]) -> None:
    with pytest.raises(Wrong, match=r"the chart's image\.repository is"):
        release.publish("other.example", "helm", plain_http=False)
    assert not [one for one in started if one[0] != "git"]


# --- one version --------------------------------------------------------------------------------------------------------


def test_the_changelog_begins_with_the_version() -> None:
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == release.version()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "--tag", "v9.9.9"], f"build: the tag is v9.9.9, and src/clusterprobe/__init__.py says {VERSION}"),
        (["publish", ""], "publish: '' is no registry: it is a host, host:port, or either with a /path"),
        (
            ["check", "Registry.example", "v9.9.9"],
            "check: 'Registry.example' is no registry: it is a host, host:port, or either with a /path",
        ),
        (["check", "registry.example", "v9.9.9"], "check: dist/SHA256SUMS is not there, which build and publish write"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["release", *arguments])
    monkeypatch.setattr(release, "DIST", tmp_path)
    with pytest.raises(SystemExit) as ended:
        release.main()
    assert ended.value.code == said


# --- the workflow -------------------------------------------------------------------------------------------------------


def test_the_workflow_runs_the_documented_commands() -> None:
    page = (ROOT / "docs" / "release.md").read_text()
    steps = [step["run"] for job in read(WORKFLOW)["jobs"].values() for step in job["steps"] if "run" in step]
    shown = re.search(r"<!-- release -->\n```sh\n(.*?)```", page, re.DOTALL)[1].splitlines()
    assert steps == [line for line in shown if not line.startswith(("export ", "git "))]
