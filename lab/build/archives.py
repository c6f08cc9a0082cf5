"""Container images without a registry: folders and layers are packed as an OCI archive."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_OCI = "application/vnd.oci.image"
_PATH = ("PATH=/usr/local/bin:/usr/bin:/bin",)


@dataclass(frozen=True)
class Image:
    """A name as a pod writes it, and the folder that becomes its root file system."""

    name: str
    entrypoint: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """With the registry that containerd adds to a name without one."""
        first, _, rest = self.name.partition("/")
        return self.name if rest and "." in first else f"docker.io/{self.name}"


def pack_image(image: Image, root: Path, archive: Path) -> None:
    """Write the folder `root` as an image of one layer."""
    with tempfile.NamedTemporaryFile(dir=archive.parent, suffix=".layer") as layer:
        with tarfile.open(layer.name, "w") as tar:
            for entry in sorted(root.iterdir()):
                tar.add(entry, arcname=entry.name)
        write_archive(image, [Path(layer.name)], archive)


def write_archive(
    image: Image, layers: Sequence[Path], archive: Path, environment: Sequence[str] = _PATH, labels: Mapping[str, str] | None = None
) -> None:
    """Write an image of these layers (tar files, the lowest first)."""
    digests = [_file_digest(layer) for layer in layers]
    config = _to_json(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "config": {"Entrypoint": image.entrypoint, "Env": list(environment), **({"Labels": dict(labels)} if labels else {})},
        }
    )
    manifest = _to_json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _descriptor("config.v1+json", _digest(config), len(config)),
            "layers": [_descriptor("layer.v1.tar", digest, layer.stat().st_size) for layer, digest in zip(layers, digests, strict=True)],
        }
    )
    names = {"io.containerd.image.name": image.full_name, "org.opencontainers.image.ref.name": image.full_name}
    listed = {**_descriptor("manifest.v1+json", _digest(manifest), len(manifest)), "annotations": names}
    unfinished = archive.with_suffix(".unfinished")
    with tarfile.open(unfinished, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add(tar, "index.json", _to_json({"schemaVersion": 2, "manifests": [listed]}))
        _add(tar, f"blobs/sha256/{_digest(config)}", config)
        _add(tar, f"blobs/sha256/{_digest(manifest)}", manifest)
        for layer, digest in zip(layers, digests, strict=True):
            tar.add(layer, arcname=f"blobs/sha256/{digest}")
    unfinished.rename(archive)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}.{kind}", "digest": f"sha256:{digest}", "size": size}


def _to_json(document: object) -> bytes:
    return json.dumps(document).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def write_system_files(root: Path) -> None:
    """What every image has of a system: who its users are, how names are resolved, which certificates are trusted."""
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nnobody:x:65534:\n")
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    if _AUTHORITIES.exists():
        shutil.copyfile(_AUTHORITIES, root / "etc/ssl/certs/ca-certificates.crt")
