"""The clusters of a fleet, from where they are listed already: kubeconfigs, and objects as `kubectl get -o json` prints them.

Nothing is asked of any server: what is read is a file, a folder, or standard input.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from clusterprobe.access import kubeconfigs
from clusterprobe.errors import UsageError
from clusterprobe.files import MIB, read_limited
from clusterprobe.fleet import listed, single
from clusterprobe.fleet.overview import name_of
from clusterprobe.fleet.records import GROUP, Record
from clusterprobe.fleet.targets import Target, tree_of
from clusterprobe.words import listed as some

STDIN = "-"
MAX_BYTES = 64 * MIB


def names(source: str) -> list[str]:
    """What the clusters of an inventory are called. Raises `UsageError` as `read` does, and where there is none."""
    found = [one.name for one in read(source, "", None)[0]]
    if not found:
        raise UsageError(f"{source}: the inventory has no cluster")
    return found


def read(source: str, namespace: str, providers: str | None = "") -> tuple[list[Target], list[str]]:
    """The clusters of an inventory by their names, and sentences about entries that are left out.

    `namespace` is the Job's: only Secrets in it can be mounted as they are. `providers` is a file of access providers for
    ClusterProfiles; with none at all, these have no credentials.

    Raises `UsageError` for what is none, for an entry that cannot be used, and for two clusters of one name.
    """
    path = Path(source)
    if source != STDIN and path.is_dir():
        found: list[Target | str] = list(_of_folder(path))
    else:
        text = sys.stdin.read(MAX_BYTES) if source == STDIN else _text(path)
        found = list(_of_text(text, source, path.parent, namespace, providers))
    targets = sorted((one for one in found if isinstance(one, Target)), key=lambda one: one.name)
    for before, after in itertools.pairwise(targets):
        if before.name == after.name:
            raise UsageError(f"{source}: two clusters are called {after.name}; which of them a row is of could not be told")
    return targets, [one for one in found if isinstance(one, str)]


def chosen(targets: Sequence[Target], only: Sequence[str], environments: Sequence[str]) -> list[Target]:
    """Those whose names match a pattern, and in which environment each is: `prod=prod-*` by its name, else what it says itself.

    Raises `UsageError` for a pattern that no cluster has, and for an environment without one.
    """
    for pattern in only:
        if not any(fnmatchcase(one.name, pattern) for one in targets):
            raise UsageError(f"--only {pattern}: the inventory has no such cluster: {listed_names(targets)}")
    given = [text.partition("=")[::2] for text in environments]
    if odd := next((text for text, (name, pattern) in zip(environments, given, strict=True) if not name or not pattern), ""):
        raise UsageError(f"--environment {odd}: expected an environment and a pattern of clusters' names, such as prod='prod-*'")
    kept = [one for one in targets if not only or any(fnmatchcase(one.name, pattern) for pattern in only)]
    if not kept:
        raise UsageError("the inventory has no cluster")

    def placed(one: Target) -> Target:
        names = (name for name, pattern in given if fnmatchcase(one.name, pattern))
        name = next(names, "")
        return replace(one, labels={**one.labels, GROUP: name}) if name else one

    return [placed(one) for one in kept]


def pinned(targets: Sequence[Target], records: Sequence[Record], troubles: Sequence[str]) -> list[Target]:
    """Each with the UID that its newest run has, by its name. One that has never reported stays without.

    Raises `UsageError` where runs could not be read, and where two clusters of the inventory would have one UID.
    """
    if troubles:
        raise UsageError(f"--pin: not every run could be read: {troubles[0]}")
    known = {name_of(one): one.cluster.uid for one in sorted(records, key=lambda one: one.finished) if one.cluster.uid}
    found = [replace(one, uid=known.get(one.name, "")) for one in targets]
    for uid, shared in itertools.groupby(sorted((one for one in found if one.uid), key=lambda one: one.uid), key=lambda one: one.uid):
        if len(names := [one.name for one in shared]) > 1:
            raise UsageError(f"--pin: {' and '.join(names)} have both run on the cluster {uid}: correct the kubeconfig of one of them")
    return found


def listed_names(targets: Sequence[Target]) -> str:
    """Some of their names."""
    return some([one.name for one in targets], 10) or "it is empty"


def _text(path: Path) -> str:
    try:
        return read_limited(path, MAX_BYTES).decode()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not text") from None


def _of_folder(folder: Path) -> Iterator[Target]:
    """A kubeconfig a file: its current context, or its only one."""
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or not file.is_file():
            continue
        kubeconfigs.check(file)
        config = tree_of(_text(file), str(file))
        yield single.target(config, single.the_context(config, str(file)), file.stem, file.parent)


def _of_text(text: str, source: str, folder: Path, namespace: str, providers: str | None) -> Iterator[Target | str]:
    tree = tree_of(text, source)
    if "clusters" in tree or "contexts" in tree:
        if source != STDIN:
            kubeconfigs.check(Path(source))
        for entry in kubeconfigs.entries(tree, "contexts"):
            yield single.target(tree, str(entry["name"]), str(entry["name"]), folder)
        return
    objects = tree.get("items") if str(tree.get("kind", "")).endswith("List") else [tree]
    if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
        raise UsageError(f"{source}: `items` is not a list of objects")
    execs = listed.providers_of(tree_of(_text(Path(providers)), providers), providers) if providers else None if providers is None else {}
    for one in objects:
        yield listed.target(one, source, namespace, execs)
