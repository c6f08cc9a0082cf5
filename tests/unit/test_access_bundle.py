import zipfile
from pathlib import Path

import msgspec
import pytest

from clusterprobe import model
from clusterprobe.access import bundle
from clusterprobe.access.bundle import Bundle, new_manifest, write_bundle
from clusterprobe.errors import BundleError
from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.sources import all_sources
from clusterprobe.systems.objects import Node
from tests.factories import labelled, listing, refused

NODES = listing("Node", [labelled(Node, "", "worker1")], unreadable=[refused("Node")], absent="none")


def written(folder: Path, captured: dict[str, Readings]) -> Path:
    path = folder / "deep" / "bundle.zip"
    write_bundle(path, new_manifest(model.Cluster(context="here"), 1234.5, active=False), captured)
    return path


def test_readings_come_back_as_they_were(tmp_path: Path):
    found = Bundle(written(tmp_path, {"nodes": NODES}))
    assert found.readings(all_sources()["nodes"]) == NODES
    assert (found.manifest.clock, found.manifest.cluster.context) == (1234.5, "here")


def test_the_same_readings_give_the_same_bytes(tmp_path: Path):
    first = written(tmp_path / "a", {"nodes": NODES}).read_bytes()
    assert written(tmp_path / "b", {"nodes": NODES}).read_bytes() == first


def test_nothing_half_written_is_left(tmp_path: Path):
    path = written(tmp_path, {"nodes": NODES})
    assert [one.name for one in path.parent.iterdir()] == ["bundle.zip"]


def test_what_was_not_captured_is_unreadable(tmp_path: Path):
    found = Bundle(written(tmp_path, {})).readings(all_sources()["pods"])
    assert not found.complete
    assert "not captured" in found.unreadable[0].reason


def test_an_active_source_that_was_not_captured_is_absent(tmp_path: Path):
    active = next(one for one in all_sources().values() if one.active)
    found = Bundle(written(tmp_path, {})).readings(active)
    assert found.absent == "the bundle was captured without --active"


def test_readings_of_another_shape_are_unreadable(tmp_path: Path):
    odd = Readings(((Subject(kind="Node", name="n"), {"metadata": 3}),))
    found = Bundle(written(tmp_path, {"nodes": odd})).readings(all_sources()["nodes"])
    assert "do not fit this version" in found.unreadable[0].reason


def test_no_secret_gets_into_a_bundle(tmp_path: Path):
    secret = "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    readings: Readings[Node] = Readings((), (Unchecked(subject=Subject(kind="Node"), reason=secret),))
    with zipfile.ZipFile(written(tmp_path, {"nodes": readings})) as archive:
        assert b"eyJzdWIiOiJ4In0" not in archive.read("readings/nodes.json")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + b"\x00" * 50])
def test_what_is_no_bundle_says_so(content: bytes, tmp_path: Path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(content)
    with pytest.raises(BundleError, match="is no bundle"):
        Bundle(path)


def test_a_bundle_that_is_not_there_says_so(tmp_path: Path):
    with pytest.raises(BundleError, match="No such file"):
        Bundle(tmp_path / "nowhere.zip")
    with pytest.raises(BundleError, match="Is a directory"):
        Bundle(tmp_path)


@pytest.mark.parametrize("manifest", [b"{}", b"[", b'{"schema": "clusterprobe/bundle/v0"}', b"\xff"])
def test_a_bundle_of_another_version_says_so(manifest: bytes, tmp_path: Path):
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", manifest)
    with pytest.raises(BundleError, match="no bundle of this version"):
        Bundle(path)


def test_a_zip_of_something_else_says_so(tmp_path: Path):
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello", "x")
    with pytest.raises(BundleError, match="is no bundle, or damaged: make one"):
        Bundle(path)


def test_a_member_that_would_fill_the_memory_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bundle, "MAX_MEMBER_BYTES", 100)
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", " " * 101)
    with pytest.raises(BundleError, match=r"manifest\.json in it is too large"):
        Bundle(path)


def test_a_damaged_bundle_is_never_a_crash(tmp_path: Path):
    whole = written(tmp_path, {"nodes": NODES}).read_bytes()
    damaged, refused_ones = tmp_path / "damaged.zip", 0
    for offset in range(len(whole)):
        damaged.write_bytes(whole[:offset] + bytes([whole[offset] ^ 0xFF]) + whole[offset + 1 :])
        try:
            Bundle(damaged)
        except BundleError:
            refused_ones += 1
    assert refused_ones > len(whole) / 2


def test_readings_nested_beyond_measure_are_unreadable(tmp_path: Path):
    path = written(tmp_path, {})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("readings/nodes.json", b'{"values": ' + b"[" * 20_000)
    assert not Bundle(path).readings(all_sources()["nodes"]).complete
    assert msgspec.json.decode(b"[]") == []
