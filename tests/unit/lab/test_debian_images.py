"""An image of Debian's packages is unpacked once, under the name of all that goes into it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab.build import debian, images
from lab.build.archives import Image
from lab.build.debian import DebianRecipe

RECIPE = DebianRecipe(Image("docker.io/nginxinc/nginx-unprivileged:1.22", ("/usr/sbin/nginx",)), ("nginx",))


def test_it_is_packed_once_and_again_where_a_package_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[tuple[str, ...]] = []

    def unpack(root: Path, packages: Sequence[str]) -> None:
        unpacked.append(tuple(packages))
        (root / "usr").mkdir()

    monkeypatch.setattr(debian, "CACHE", tmp_path)
    monkeypatch.setattr(debian, "unpack", unpack)
    first, again = images.archive_of(RECIPE), images.archive_of(RECIPE)
    other = images.archive_of(replace(RECIPE, packages=("nginx", "curl")))
    assert first == again != other
    assert first.is_file()
    assert unpacked == [("nginx",), ("nginx", "curl")]
