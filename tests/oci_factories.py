"""An image as BuildKit pushes it, of one that the lab packs: an index of the image and of what is attested of it."""

from __future__ import annotations

import argparse
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from deploy.published import digest, locked
from deploy.release import version
from lab.build.archives import Image, write_archive
from lab.build.product_image import ENTRY_POINT, REQUIREMENTS

OCI = "application/vnd.oci.image"
VERSION = version()
REVISION = "7" * 40
PACKAGES = locked(REQUIREMENTS.read_text()) | {("clusterprobe", VERSION)}
LABELS = {
    f"org.opencontainers.image.{key}": value for key, value in (("title", "clusterprobe"), ("version", VERSION), ("revision", REVISION))
}
ARGUMENTS = {"build-arg:VERSION": VERSION, "build-arg:REVISION": REVISION}


@dataclass
class Content:
    """What is pushed: blobs, manifests in the order in which a registry takes them, and the digest of the last one."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    digest: str = ""

    def blob(self, content: bytes, kind: str) -> dict[str, Any]:
        self.blobs[digest(content)] = content
        return {"mediaType": kind, "digest": digest(content), "size": len(content)}

    def manifest(self, document: Mapping[str, Any]) -> dict[str, Any]:
        content = json.dumps({"schemaVersion": 2, **document}).encode()
        self.digest = digest(content)
        self.manifests[self.digest] = content
        return {"mediaType": document["mediaType"], "digest": self.digest, "size": len(content)}


def spdx(packages: Iterable[tuple[str, str]] = PACKAGES) -> dict[str, Any]:
    def package(name: str, number: str) -> dict[str, Any]:
        address = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": f"pkg:pypi/{name}@{number}"}
        return {"name": name, "versionInfo": number, "externalRefs": [address]}

    system = {"name": "libc6", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:deb/debian/libc6@2.36"}]}
    found = [package(*one) for one in sorted(packages)]
    return {"predicateType": "https://spdx.dev/Document", "predicate": {"spdxVersion": "SPDX-2.3", "packages": [system, *found]}}


def slsa(arguments: Mapping[str, str] | None = None, form: str = "v0.2") -> dict[str, Any]:
    """As BuildKit writes it by default, or as v1."""
    parameters = {"frontend": "dockerfile.v0", "args": dict(ARGUMENTS if arguments is None else arguments)}
    v1 = {"buildDefinition": {"externalParameters": {"request": parameters}}, "runDetails": {"builder": {"id": ""}}}
    predicate = v1 if form == "v1" else {"builder": {"id": ""}, "invocation": {"parameters": parameters}}
    return {"predicateType": f"https://slsa.dev/provenance/{form}", "predicate": predicate}


def image(labels: Mapping[str, str] = LABELS, statements: Iterable[Mapping[str, Any]] | None = None, subject: str = "") -> Content:
    """`subject` is the digest that the statements are about, where that is not the image's."""
    content = Content()
    found = {**_packed(content, labels), "platform": {"os": "linux", "architecture": "amd64"}}
    of = [{"name": "_", "digest": {"sha256": (subject or found["digest"]).removeprefix("sha256:")}}]
    layers = []
    for one in (spdx(), slsa()) if statements is None else statements:
        written = json.dumps({"_type": "https://in-toto.io/Statement/v0.1", "subject": of, **one}).encode()
        kind = {"annotations": {"in-toto.io/predicate-type": one["predicateType"]}}
        layers.append({**content.blob(written, "application/vnd.in-toto+json"), **kind})
    descriptors = [found]
    if layers:
        config = content.blob(b'{"architecture":"unknown","os":"unknown","config":{}}', f"{OCI}.config.v1+json")
        attested = content.manifest({"mediaType": f"{OCI}.manifest.v1+json", "config": config, "layers": layers})
        about = {"vnd.docker.reference.digest": found["digest"], "vnd.docker.reference.type": "attestation-manifest"}
        descriptors.append({**attested, "annotations": about, "platform": {"os": "unknown", "architecture": "unknown"}})
    content.manifest({"mediaType": f"{OCI}.index.v1+json", "manifests": descriptors})
    return content


def _packed(content: Content, labels: Mapping[str, str]) -> dict[str, Any]:
    """What the lab's archive of a small image holds, and the descriptor of its manifest."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with tarfile.open(folder / "layer.tar", "w") as layer:
            layer.addfile(tarfile.TarInfo("opt/app/clusterprobe/__init__.py"), io.BytesIO(b""))
        write_archive(Image(f"clusterprobe:{VERSION}", ENTRY_POINT), [folder / "layer.tar"], folder / "image.tar", labels=labels)
        with tarfile.open(folder / "image.tar") as tar:
            files = {one.name: file.read() for one in tar if (file := tar.extractfile(one))}
    (descriptor,) = json.loads(files["index.json"])["manifests"]
    for path, written in files.items():
        if path.startswith("blobs/") and path != f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}":
            content.blob(written, "")
    return content.manifest(json.loads(files[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]))


def push(address: str, name: str, tag: str, content: Content) -> None:
    """By the API of `address`, as BuildKit and helm do, which would have logged in."""
    with requests.Session() as session:
        session.auth = (os.environ["REGISTRY_USER"], os.environ["REGISTRY_PASSWORD"]) if "REGISTRY_USER" in os.environ else None
        for reference, blob in content.blobs.items():
            begun = session.post(f"{address}/v2/{name}/blobs/uploads/", timeout=30)
            done = session.put(begun.headers["Location"], params={"digest": reference}, data=blob, timeout=30)
            assert done.status_code == 201, done.text
        for reference, manifest in content.manifests.items():
            for each in (reference, tag) if reference == content.digest else (reference,):
                kind = {"Content-Type": json.loads(manifest)["mediaType"]}
                done = session.put(f"{address}/v2/{name}/manifests/{each}", data=manifest, headers=kind, timeout=30)
                assert done.status_code == 201, done.text


def as_docker(arguments: list[str]) -> None:
    """What `docker buildx build … --push` leaves in a registry, as far as its arguments ask for it."""
    if arguments[:2] != ["buildx", "build"]:
        return
    parser = argparse.ArgumentParser()
    for name in ("--file", "--sbom", "--provenance", "--metadata-file", "--tag"):
        parser.add_argument(name, required=True)
    parser.add_argument("--build-arg", action="append")
    parser.add_argument("--push", action="store_true", required=True)
    parser.add_argument("context")
    given = parser.parse_args(arguments[2:])
    assert (Path(given.context) / given.file).is_file()
    built = dict(one.split("=", 1) for one in given.build_arg)
    labels = {**LABELS, **{f"org.opencontainers.image.{key.lower()}": value for key, value in built.items()}}
    passed = {f"build-arg:{key}": value for key, value in built.items()}
    statements = [spdx()] if given.sbom == "true" else []
    content = image(labels, [*statements, slsa(passed if given.provenance == "mode=max" else {})])
    repository, _, tag = given.tag.rpartition(":")
    host, _, name = repository.partition("/")
    push(f"http://{host}", name, tag, content)
    Path(given.metadata_file).write_text(json.dumps({"containerimage.digest": content.digest}))
