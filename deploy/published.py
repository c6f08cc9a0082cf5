"""What a registry has of a release, by its HTTP API, held against what was built and pushed. Nothing here needs Docker."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import requests
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_TITLE = "org.opencontainers.image.title"
_VERSION = "org.opencontainers.image.version"
_REVISION = "org.opencontainers.image.revision"
_SBOM, _PROVENANCE = "https://spdx.dev/Document", "https://slsa.dev/provenance/"
_MANIFESTS = ", ".join(f"application/vnd.oci.image.{kind}.v1+json" for kind in ("index", "manifest"))
_NOT_THERE = (401, 403, 404)  # some registries answer so for a name that they do not know
_STATEMENT = "application/vnd.in-toto+json"
_CHART_CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


class Wrong(Exception):
    """Why there is no release, in a sentence."""


class NotThere(Wrong):
    """The registry answered that it has no such thing."""


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


# --- asking ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Repository:
    """What a registry has under one name. Whatever is asked for by its digest has that digest."""

    name: str
    plain_http: bool = False
    session: requests.Session = field(default_factory=requests.Session)

    def manifest(self, reference: str) -> tuple[str, dict[str, Any]]:
        """Its digest, and what it says."""
        content = self._read("manifests", reference)
        return digest(content), json.loads(content)

    def blob(self, reference: str) -> bytes:
        return self._read("blobs", reference)

    def _read(self, kind: str, reference: str) -> bytes:
        host, _, path = self.name.partition("/")
        try:
            answer = self._asked(f"{'http' if self.plain_http else 'https'}://{host}/v2/{path}/{kind}/{reference}")
        except requests.RequestException as error:
            raise Wrong(f"{host} did not answer: {error}") from error
        if answer.status_code != requests.codes.ok:
            kind_of = NotThere if answer.status_code in _NOT_THERE else Wrong
            raise kind_of(f"{self.name} does not give {reference} of its {kind}: HTTP status {answer.status_code}")
        if reference.startswith("sha256:") and digest(answer.content) != reference:
            raise Wrong(f"{self.name} gives something else as {reference}: its digest is {digest(answer.content)}")
        return answer.content

    def _asked(self, url: str) -> requests.Response:
        """With REGISTRY_USER and REGISTRY_PASSWORD, if the registry wants to know who asks; without them as anybody."""
        headers = {"Accept": _MANIFESTS}
        user = os.environ.get("REGISTRY_USER")
        known = (user, os.environ.get("REGISTRY_PASSWORD", "")) if user else None
        answer = self.session.get(url, headers=headers, timeout=60)
        scheme, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        if answer.status_code != requests.codes.unauthorized:
            return answer
        if scheme.lower() != "bearer":
            return self.session.get(url, headers=headers, timeout=60, auth=known)
        asked = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        token = self.session.get(asked.pop("realm", ""), params=asked, timeout=60, auth=known)
        if not token.ok:
            return answer
        headers["Authorization"] = f"Bearer {token.json().get('token') or token.json().get('access_token')}"
        return self.session.get(url, headers=headers, timeout=60)


# --- comparing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Release:
    """What has to be there: the digests of what was built and pushed, and the commit that it was made of."""

    version: str
    revision: str
    chart: str
    image: str
    packages: frozenset[tuple[str, str]]


def check_release(registry: str, wanted: Release, *, plain_http: bool, session: requests.Session | None = None) -> None:
    asking = session or requests.Session()
    try:
        check_pushed_chart(Repository(f"{registry}/charts/clusterprobe", plain_http, asking), wanted, f"{registry}/clusterprobe")
        check_image(Repository(f"{registry}/clusterprobe", plain_http, asking), wanted)
    except (LookupError, TypeError, ValueError, AttributeError, tarfile.TarError) as error:
        raise Wrong(f"{registry} has something of another form than Helm and BuildKit push: {error!r}") from error


def check_pushed_chart(repository: Repository, wanted: Release, image: str) -> None:
    _, manifest = repository.manifest(wanted.version)
    (layer, *_) = [one["digest"] for one in manifest.get("layers", []) if one["mediaType"] == _CHART_CONTENT] or [""]
    if layer != wanted.chart:
        raise Wrong(f"{repository.name}:{wanted.version} holds the chart {layer or 'not at all'}, and {wanted.chart} was built")
    check_said(manifest.get("annotations"), {_TITLE: "clusterprobe", _VERSION: wanted.version}, f"{repository.name}: annotation ")
    check_chart(repository.blob(layer), wanted.version, image)


def check_chart(packed: bytes, number: str, image: str) -> None:
    """By default it has to ask for the image of its own version."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        files = {name: tar.extractfile(f"clusterprobe/{name}") for name in ("Chart.yaml", "values.yaml")}
        about, values = (yaml.safe_load(file.read()) for file in files.values() if file)
    check_said(about, {"name": "clusterprobe", "version": number, "appVersion": number}, "the chart's ")
    default = {"registry": "", "repository": image, "tag": "", "digest": ""}
    check_said(values["image"], default, "the chart's image.")


def check_image(repository: Repository, wanted: Release) -> None:
    found, index = repository.manifest(wanted.version)
    if found != wanted.image:
        raise Wrong(f"{repository.name}:{wanted.version} is {found}, and {wanted.image} was pushed")
    images = [one for one in index.get("manifests", []) if not _attests(one)]
    if not images:
        raise Wrong(f"{repository.name}:{wanted.version} is no index of an image and its attestations")
    for one in images:
        _, manifest = repository.manifest(one["digest"])
        labels = json.loads(repository.blob(manifest["config"]["digest"]))["config"].get("Labels")
        expected = {_TITLE: "clusterprobe", _VERSION: wanted.version, _REVISION: wanted.revision}
        check_said(labels, expected, "the image's label ")
        for layer in manifest["layers"]:
            repository.blob(layer["digest"])
        check_attestations(dict(attestations(repository, index, one["digest"])), wanted)


def check_said(found: Mapping[str, Any] | None, expected: Mapping[str, str], what: str) -> None:
    for key, value in expected.items():
        said = (found or {}).get(key)
        if said != value:
            raise Wrong(f"{what}{key} is {said!r}, and should be {value!r}")


def _attests(descriptor: Mapping[str, Any]) -> str:
    """The digest of what BuildKit's descriptor has attestations of; empty if it is that of an image."""
    annotations = descriptor.get("annotations") or {}
    about = annotations.get("vnd.docker.reference.digest", "")
    return str(about) if annotations.get("vnd.docker.reference.type") == "attestation-manifest" else ""


def attestations(repository: Repository, index: Mapping[str, Any], image: str) -> Iterator[tuple[str, Any]]:
    """Type and content of what is said about the image. What names another one as its subject does not count."""
    for one in index["manifests"]:
        if _attests(one) == image:
            layers = repository.manifest(one["digest"])[1]["layers"]
            for statement in [json.loads(repository.blob(layer["digest"])) for layer in layers if layer["mediaType"] == _STATEMENT]:
                if {"sha256": image.removeprefix("sha256:")} in [subject["digest"] for subject in statement["subject"]]:
                    yield statement["predicateType"], statement["predicate"]


def check_attestations(found: Mapping[str, Any], wanted: Release) -> None:
    if _SBOM not in found:
        raise Wrong("the image has no SBOM attached")
    missing = sorted(" ".join(one) for one in wanted.packages - named(found[_SBOM]))
    if missing:
        raise Wrong(f"the image's SBOM lacks {len(missing)} of {len(wanted.packages)} packages, such as {missing[0]}")
    provenance = next((predicate for kind, predicate in found.items() if kind.startswith(_PROVENANCE)), None)
    if provenance is None:
        raise Wrong("the image has no provenance attached")
    expected = {"build-arg:VERSION": wanted.version, "build-arg:REVISION": wanted.revision}
    check_said(arguments_of(provenance), expected, "the provenance's ")


def named(sbom: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The Python packages of an SPDX document, by their package URLs."""
    addresses = [one["referenceLocator"] for package in sbom.get("packages", []) for one in package.get("externalRefs", [])]
    found = [re.match(r"pkg:pypi/([^@]+)@([^?#]+)", one) for one in addresses]
    return frozenset((canonicalize_name(unquote(one[1])), unquote(one[2])) for one in found if one)


def locked(text: str) -> frozenset[tuple[str, str]]:
    """What is installed on Linux of a file of requirements."""
    linux = {"sys_platform": "linux", "platform_python_implementation": "CPython", "implementation_name": "cpython"}
    found = [Requirement(line.rstrip("\\ ")) for line in text.splitlines() if re.match(r"[A-Za-z]", line)]
    kept = [one for one in found if one.marker is None or one.marker.evaluate(linux)]
    return frozenset((canonicalize_name(one.name), str(one.specifier).removeprefix("==")) for one in kept)


def arguments_of(provenance: Any) -> dict[str, str]:
    """The arguments of the build, which lie elsewhere in each version of the predicate; only `mode=max` has them."""
    if isinstance(provenance, dict):
        inside = [provenance.get("args"), *map(arguments_of, provenance.values())]
        return next((one for one in inside if isinstance(one, dict) and "build-arg:VERSION" in one), {})
    return {}
