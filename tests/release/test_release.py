"""A release, by its own commands, to a real registry (`tests/distribution.py`) with the real helm. Docker is a stand-in."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from deploy import release
from deploy.published import Repository, Wrong, digest
from lab.build.modules import HELM
from tests import distribution
from tests.oci_factories import ARGUMENTS, LABELS, PACKAGES, VERSION, Content, image, push, slsa, spdx

ROOT = Path(__file__).parents[2]
DOCKER = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.oci_factories import as_docker
as_docker(sys.argv[1:])
"""
PASSWORD = "not-a-secret-of-anybody"
# Of that password, for the user `releaser`, as the program htpasswd writes it with -B.
HTPASSWD = "releaser:$2b$05$K3NBtlM.gfsSUrfzl1raQOC.5dPrlA4sP3An7vmiFDZAcv.eT/Kee\n"


@dataclass(frozen=True)
class Clone:
    """A clone whose only commit is the checkout as it is, and where its release goes."""

    folder: Path
    registry: str
    environment: dict[str, str]

    def run(self, *command: object) -> subprocess.CompletedProcess[str]:
        arguments = [str(one) for one in command]
        return subprocess.run(arguments, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False)

    def release(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "deploy.release", *arguments, "--helm", HELM.program("helm"))

    def check(self) -> str:
        """The sentence with which it fails; empty if all is well."""
        done = self.release("check", self.registry, VERSION, "--plain-http")
        assert done.returncode == (1 if done.stderr else 0), done.stdout
        return done.stderr.strip()

    @property
    def dist(self) -> Path:
        return self.folder / "dist"

    @property
    def revision(self) -> str:
        return self.run("git", "rev-parse", "HEAD").stdout.strip()


def cloned(folder: Path, registry: str) -> Clone:
    programs, home = folder / "bin", folder / "home"
    programs.mkdir()
    home.mkdir()
    (programs / "docker").write_text(DOCKER)
    (programs / "docker").chmod(0o755)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    author = {f"GIT_{who}_{what}": "one@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**kept, **author, "HOME": str(home), "PATH": f"{programs}:{kept['PATH']}", "GIT_CONFIG_GLOBAL": "/dev/null"}
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / "clone" / name)
    made = Clone(folder / "clone", registry, environment)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "One"]):
        done = made.run("git", *command)
        assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with distribution.serving(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture(scope="module")
def published(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A release that was built and published."""
    clone = cloned(tmp_path_factory.mktemp("release"), f"{registry}/team")
    for command in (["build", clone.registry, "--tag", f"v{VERSION}"], ["publish", clone.registry, "--plain-http"]):
        done = clone.release(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    return clone


# --- what is built ------------------------------------------------------------------------------------------------------


def test_what_is_built_is_there_with_its_sums(published: Clone) -> None:
    names = [f"clusterprobe-{VERSION}{end}" for end in ("-py3-none-any.whl", ".cdx.json", ".tar.gz", ".tgz")]
    sums = dict(reversed(line.split()) for line in (published.dist / "SHA256SUMS").read_text().splitlines())
    assert sorted(sums) == sorted(names)
    assert sums == {name: hashlib.sha256((published.dist / name).read_bytes()).hexdigest() for name in names}
    assert published.run("sh", "-c", "cd dist && sha256sum --check SHA256SUMS").returncode == 0
    assert zipfile.ZipFile(published.dist / names[0]).testzip() is None


def test_the_same_commit_gives_the_same_bytes(published: Clone, tmp_path: Path) -> None:
    other = cloned(tmp_path, published.registry)
    epoch = published.run("git", "log", "-1", "--format=%ct").stdout.strip()
    dated = Clone(other.folder, other.registry, {**other.environment, "GIT_COMMITTER_DATE": f"@{epoch} +0000"})
    assert dated.run("git", "commit", "--quiet", "--amend", "--no-edit").returncode == 0
    done = dated.release("build", dated.registry)
    assert done.returncode == 0, done.stderr
    assert (dated.dist / "SHA256SUMS").read_text() == (published.dist / "SHA256SUMS").read_text()


def test_the_sbom_has_each_locked_package_with_its_hashes(published: Clone) -> None:
    document = json.loads((published.dist / f"clusterprobe-{VERSION}.cdx.json").read_text())
    lock = release.LOCK.read_text()
    hashes = {
        one["name"]: {each["content"] for ref in one["externalReferences"] for each in ref["hashes"]} for one in document["components"]
    }
    for name, version, rest in re.findall(r"^([\w.-]+)==(\S+)(.*?)(?=^\w|\Z)", lock, re.MULTILINE | re.DOTALL):
        assert hashes[name] == set(re.findall(r"sha256:(\w+)", rest))
        (component,) = (one for one in document["components"] if one["name"] == name)
        assert component["purl"] == f"pkg:pypi/{name}@{version}"
    assert len(hashes) == len(re.findall("==", re.sub(r"(?m)^#.*|;.*", "", lock)))
    assert document["metadata"]["component"]["purl"] == f"pkg:pypi/clusterprobe@{VERSION}"


def test_what_is_not_committed_is_not_released(published: Clone) -> None:
    file = published.folder / "src" / "clusterprobe" / "more.py"
    file.write_text("")
    try:
        assert published.release("build").stderr == "build: there are changes that are not committed, and what is released is a commit\n"
    finally:
        file.unlink()


# --- what is published --------------------------------------------------------------------------------------------------


def test_what_is_published_passes(published: Clone) -> None:
    assert published.check() == ""


def test_the_chart_needs_no_values(published: Clone) -> None:
    chart = f"oci://{published.registry}/charts/clusterprobe"
    done = published.run(HELM.program("helm"), "template", "one", chart, "--version", VERSION, "--plain-http")
    assert done.returncode == 0, done.stderr
    assert f"image: {published.registry}/clusterprobe:{VERSION}" in done.stdout.replace('"', "")


def test_a_release_is_not_replaced(published: Clone) -> None:
    done = published.release("publish", published.registry, "--plain-http")
    assert (done.returncode, "and a release is not replaced" in done.stderr) == (1, True), done.stderr


def labels(revision: str, **changed: str) -> dict[str, str]:
    return {**LABELS, **{f"org.opencontainers.image.{key}": value for key, value in {"revision": revision, **changed}.items()}}


def arguments(revision: str) -> dict[str, str]:
    return {**ARGUMENTS, "build-arg:REVISION": revision}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda one: image(labels(one, version="9.9.9"), [spdx(), slsa(arguments(one))]), "image.version is '9.9.9'"),
        (lambda one: image({}, [spdx(), slsa(arguments(one))]), "image.title is None"),
        (lambda one: image(labels(one), [slsa(arguments(one))]), "the image has no SBOM attached"),
        (lambda one: image(labels(one), [spdx(sorted(PACKAGES)[1:]), slsa(arguments(one))]), "the image's SBOM lacks 1 of"),
        (lambda one: image(labels(one), [spdx()]), "the image has no provenance attached"),
        (lambda one: image(labels(one), [spdx(), slsa({})]), "the provenance's build-arg:VERSION is None"),
        (lambda one: image(labels(one), []), "the image has no SBOM attached"),
        (lambda one: image(labels("0" * 40), [spdx(), slsa(arguments(one))]), "image.revision is '0000"),
    ],
)
def test_another_image_is_told(published: Clone, registry: str, broken: Callable[[str], Content], said: str) -> None:
    """It is as if Docker had pushed it: `dist/image.json` has its digest."""
    kept = (published.dist / "image.json").read_text()
    right = image(labels(published.revision), [spdx(), slsa(arguments(published.revision))])
    wrong = broken(published.revision)
    try:
        push(f"http://{registry}", "team/clusterprobe", VERSION, wrong)
        assert "was pushed" in published.check()
        (published.dist / "image.json").write_text(json.dumps({"containerimage.digest": wrong.digest}))
        assert said in published.check()
    finally:
        (published.dist / "image.json").write_text(kept)
        push(f"http://{registry}", "team/clusterprobe", VERSION, right)
    assert published.check() == ""


def test_another_chart_is_told(published: Clone, tmp_path: Path) -> None:
    mine = published.dist / f"clusterprobe-{VERSION}.tgz"
    with tarfile.open(mine) as tar:
        tar.extractall(tmp_path, filter="data")
    values = tmp_path / "clusterprobe" / "values.yaml"
    values.write_text(values.read_text().replace(f"{published.registry}/clusterprobe", f"{published.registry}/other"))
    helm = HELM.program("helm")
    assert published.run(helm, "package", tmp_path / "clusterprobe", "--destination", tmp_path).returncode == 0
    other = tmp_path / mine.name
    sums = (published.dist / "SHA256SUMS").read_text()
    try:
        done = published.run(helm, "push", other, f"oci://{published.registry}/charts", "--plain-http")
        assert done.returncode == 0, done.stderr
        assert f"holds the chart {digest(other.read_bytes())}, and {digest(mine.read_bytes())} was built" in published.check()
        (published.dist / "SHA256SUMS").write_text(sums.replace(*(digest(one.read_bytes())[7:] for one in (mine, other))))
        assert f"the chart's image.repository is '{published.registry}/other'" in published.check()
    finally:
        (published.dist / "SHA256SUMS").write_text(sums)
        assert published.run(helm, "push", mine, f"oci://{published.registry}/charts", "--plain-http").returncode == 0
    assert published.check() == ""


def test_a_file_that_the_registry_changed_is_told(tmp_path: Path) -> None:
    with distribution.serving(tmp_path) as address:
        found = image()
        push(f"http://{address}", "team/clusterprobe", VERSION, found)
        about = min(found.blobs, key=lambda one: len(found.blobs[one]))
        file = tmp_path / "data/docker/registry/v2/blobs/sha256" / about[7:9] / about[7:] / "data"
        file.write_bytes(file.read_bytes().replace(b"unknown", b"another"))
        with pytest.raises(Wrong, match=f"gives something else as {about}"):
            Repository(f"{address}/team/clusterprobe", plain_http=True).blob(about)


def test_a_registry_that_asks_for_credentials_gets_them(published: Clone, tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    with distribution.serving(tmp_path, auth={"htpasswd": {"realm": "one", "path": str(tmp_path / "htpasswd")}}) as address:
        known = {**published.environment, "REGISTRY_USER": "releaser", "REGISTRY_PASSWORD": PASSWORD}
        mine = replace(cloned(tmp_path, f"{address}/team"), environment={**known, "HOME": str(tmp_path)})
        for command in (["build", mine.registry], ["publish", mine.registry, "--plain-http"]):
            done = mine.release(*command)
            assert done.returncode == 0, done.stdout + done.stderr
        assert mine.check() == ""
        stranger = replace(mine, environment={name: one for name, one in mine.environment.items() if name != "REGISTRY_USER"})
        assert stranger.check().endswith(f"charts/clusterprobe does not give {VERSION} of its manifests: HTTP status 401")
