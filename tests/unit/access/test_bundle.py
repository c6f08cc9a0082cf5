import os
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import msgspec
import pytest

from clusterprobe import model
from clusterprobe.access import bundle
from clusterprobe.access.bundle import Bundle, new_manifest, write_bundle
from clusterprobe.errors import BundleError
from clusterprobe.files import MIB
from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.sources import all_sources
from clusterprobe.systems.kubernetes.objects import Node
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


def test_a_bundle_knows_what_it_lacks(tmp_path: Path):
    found = Bundle(written(tmp_path, {"nodes": NODES}))
    lacking = {name for name, one in all_sources().items() if found.lacks(one)}
    assert "pods" in lacking
    assert "nodes" not in lacking
    assert not [name for name in lacking if all_sources()[name].active or not all_sources()[name].reads]


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
    with pytest.raises(BundleError, match="is not a bundle"):
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
    with pytest.raises(BundleError, match="not a bundle of this version"):
        Bundle(path)


def test_a_zip_of_something_else_says_so(tmp_path: Path):
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello", "x")
    with pytest.raises(BundleError, match="is not a bundle, or is damaged: make one"):
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


# --- bundles that somebody else made -----------------------------------------------------------------------------------

MANIFEST = msgspec.json.encode(new_manifest(model.Cluster(), 1.0, active=False))
NODES_FILE = "readings/nodes.json"


def zipped(path: Path, members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in [("manifest.json", MANIFEST), *members]:
            archive.writestr(name, content)
    return path


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path):
    with pytest.raises(BundleError, match="holds a member twice"):
        Bundle(zipped(tmp_path / "b.zip", [(NODES_FILE, b"{}"), (NODES_FILE, b'{"absent": "none"}')]))


def test_a_bomb_is_not_unpacked(tmp_path: Path):
    with pytest.raises(BundleError, match=r"nodes\.json in it is too large"):
        Bundle(zipped(tmp_path / "b.zip", [(NODES_FILE, b" " * (64 * MIB))]))


def test_many_members_are_too_large_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bundle, "MAX_BYTES", 1000)
    with pytest.raises(BundleError, match="too large unpacked"):
        Bundle(zipped(tmp_path / "b.zip", [(f"readings/{one}.json", b"x" * 100) for one in range(10)]))


def test_a_member_that_understates_its_size_unpacks_to_no_more_than_that(tmp_path: Path):
    path = zipped(tmp_path / "b.zip", [(NODES_FILE, b" " * (64 * MIB))])
    lied = path.read_bytes().replace((64 * MIB).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path.write_bytes(lied)
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match="is not a bundle, or is damaged"):
            Bundle(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


def test_a_list_of_members_without_end_is_not_read(tmp_path: Path):
    path = zipped(tmp_path / "b.zip", [(f"other/{one}", b"") for one in range(30_000)])
    with pytest.raises(BundleError, match="is not a bundle, or is damaged"):
        Bundle(path)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "readings/../x.json", "..\\x", "readings/nosuch.json", "notes.txt"])
def test_a_member_of_another_name_is_of_no_interest(name: str, tmp_path: Path):
    found = Bundle(zipped(tmp_path / "b.zip", [(name, b"x")]))
    assert not found.readings(all_sources()["nodes"]).complete
    assert [one.name for one in tmp_path.iterdir()] == ["b.zip"]


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_without_a_bound_is_refused(compression: int, tmp_path: Path):
    with pytest.raises(BundleError, match="packed in a way that no bundle is"):
        Bundle(zipped(tmp_path / "b.zip", [], compression))


def test_an_encrypted_bundle_says_so(tmp_path: Path):
    path = zipped(tmp_path / "b.zip", [])
    content = bytearray(path.read_bytes())
    for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(sign) + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match="is encrypted"):
        Bundle(path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b'{"absent": "\xff"}', b"{", b"[]", b"null", b"", b'{"values": [{}]}', b"9" * 5000])
def test_odd_readings_are_unreadable(content: bytes, tmp_path: Path):
    assert not Bundle(zipped(tmp_path / "b.zip", [(NODES_FILE, content)])).readings(all_sources()["nodes"]).complete


@pytest.mark.parametrize("manifest", [b"\xff", b'{"schema": "\xff"}', b"[" * 100_000, b"null"])
def test_an_odd_manifest_is_no_bundle_of_this_version(manifest: bytes, tmp_path: Path):
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", manifest)
    with pytest.raises(BundleError, match="is not a bundle of this version"):
        Bundle(path)


def test_a_bundle_that_is_no_file_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BundleError, match="not a regular file"):
        Bundle(tmp_path / "fifo")
    with pytest.raises(BundleError, match="not a regular file"):
        Bundle(Path("/dev/zero"))


# --- writing ------------------------------------------------------------------------------------------------------------


def test_a_bundle_does_not_replace_a_file_that_came_meanwhile(tmp_path: Path):
    path = tmp_path / "b.zip"
    path.write_text("evidence")
    with pytest.raises(FileExistsError):
        write_bundle(path, new_manifest(model.Cluster(), 1.0, active=False), {}, replace=False)
    assert (path.read_text(), [one.name for one in tmp_path.iterdir()]) == ("evidence", ["b.zip"])


def test_a_name_as_long_as_names_can_be_is_fine(tmp_path: Path):
    path = tmp_path / ("b" * 251 + ".zip")
    write_bundle(path, new_manifest(model.Cluster(), 1.0, active=False), {})
    assert Bundle(path).manifest.clock == 1.0
