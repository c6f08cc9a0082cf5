from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell, snippet
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.kubernetes.editing import by_hand
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.log_agents.positions import Positions
from clusterprobe.verdict import Verdict

POSITIONS_SHARED = FindingKind("PositionsShared", Severity.ERROR, "Log agents keep their positions in the same file.")
POSITIONS_NOT_KEPT = FindingKind("PositionsNotKept", Severity.WARNING, "A log agent loses its positions whenever its pod is replaced.")


@reports(POSITIONS_SHARED, POSITIONS_NOT_KEPT)
def probe_positions(verdict: Verdict, agent_positions: Examined[Positions], pods: Needed[Pod]) -> None:
    """Does every log agent have a positions file of its own, one that outlives its pod?

    Problem: After a restart lines are missing from Loki, or there twice, though every agent looks healthy.
    Cause: Two agents, often those of dev and prod, keep their positions in the same file of a node's hostPath or of a shared
    volume: each overwrites what the other one wrote, and starts again from the other's positions. Or the file is in the pod
    itself (emptyDir), and is lost with it.
    Fix: Set another `positions.filename` (or hostPath) in one of the two releases.
    Prevention: Give each release of an agent a positions file of its own (a hostPath named after the release), and run one agent on a
    node: one that serves all environments needs no second one beside it.
    """
    shared: dict[str, list[Positions]] = {}
    lost: dict[tuple[str, str], list[Positions]] = {}
    for _, one in agent_positions:
        shared.setdefault(one.place, []).append(one)
        if not one.kept:
            lost.setdefault((one.namespace, one.owner or one.name), []).append(one)
    for owners, places in _by_owners(shared).items():
        _report_shared(verdict, owners, places)
    for agents in lost.values():
        _report_lost(verdict, agents)


def _by_owners(shared: dict[str, list[Positions]]) -> dict[tuple[str, ...], dict[str, list[Positions]]]:
    """The places that are shared, by those who share them. Two pods of one workload on one node are a roll-out."""
    found: dict[tuple[str, ...], dict[str, list[Positions]]] = {}
    for place, agents in shared.items():
        if len({(one.namespace, one.owner or one.name, one.node) for one in agents}) > 1:
            found.setdefault(tuple(sorted({_workload(one) for one in agents})), {})[place] = agents
    return found


def _report_shared(verdict: Verdict, owners: tuple[str, ...], places: dict[str, list[Positions]]) -> None:
    agents = [one for found in places.values() for one in found]
    newest = max(agents, key=lambda one: one.created)
    place = next(iter(places))
    environments = sorted({verdict.environment_of(one.namespace) for one in agents} - {""})
    who = " and ".join(owners) if len(owners) > 1 else f"of {owners[0]} on {', '.join(sorted({one.node for one in agents}))}"
    nodes = sorted({one.node for one in agents})
    verdict.report(
        POSITIONS_SHARED,
        _subject(newest),
        problem=f"The log agents {who} keep their positions in the same file, so lines are lost or sent twice.",
        cause=f"All of them write {place}"
        + (f", and the same on {len(nodes)} nodes" if len(places) > 1 else "")
        + (f" (of {' and '.join(environments)})" if len(environments) > 1 else "")
        + ": each overwrites the other's positions, and continues from them after a restart.",
        fix=by_hand(_subject(newest), _fix(newest, places)),
        exhibits=[_table(places)],
    )


def _report_lost(verdict: Verdict, agents: list[Positions]) -> None:
    first = agents[0]
    usual = first.program != "promtail"  # Alloy's chart has it so; Promtail's does not
    verdict.report(
        POSITIONS_NOT_KEPT,
        _subject(first),
        severity=Severity.INFO if usual else Severity.WARNING,
        problem=f"Whenever a pod of {_workload(first)} is replaced, it reads all files from their start again.",
        cause=f"Its positions are lost with the pod: {first.place}. "
        "Loki refuses what is too old, and takes the rest twice where labels differ.",
        fix=[
            look("See where it mounts what.", shell("kubectl -n {} get {} {} -o yaml", first.namespace, *_object(first))),
            change(f"Keep them on the node, {SOURCE}: a hostPath, mounted where {first.path} is."),
        ],
        exhibits=[_table({one.place: [one] for one in agents})],
    )


def _fix(one: Positions, places: dict[str, list[Positions]]) -> list[Step]:
    """A file of its own for each release, and, on storage that nodes share, for each node."""
    who, reads = _workload(one), "It then reads all files once more; lines may be sent twice."
    workloads = {_workload(each) for found in places.values() for each in found}
    nodes = max(len({each.node for each in found}) for found in places.values())
    if nodes > 1:
        text = (
            f"Keep the positions of {who} on each node, in a hostPath, {SOURCE}: its volume is the same on {nodes} nodes. Or give the file "
            "the node's name, by a variable that its container has from spec.nodeName (HOSTNAME in the Promtail chart)."
        )
        return [change(text + (f" And give each of {' and '.join(sorted(workloads))} a folder of its own." if len(workloads) > 1 else ""))]
    if one.program != "promtail":
        return [change(f"Give {who} a folder of its own on the node, {SOURCE}: another hostPath below its `--storage.path`. {reads}")]
    if one.flag:
        text = f"Give {who} a file of its own, {SOURCE}. Its flag names the file, which wins over its configuration. {reads}"
        return [change(text, code=snippet("- {}", f"-positions.file={_own(one, one.flag)}"))]
    text = f"Give {who} a file of its own, {SOURCE} (as a flag of the container: -positions.file=). {reads}"
    if one.node in one.path or one.name in one.path:  # what it is called on one node is not what its configuration says
        return [change(f"{text} Keep the part of its name that differs from node to node.")]
    return [change(text, code=snippet("config:\n  positions:\n    filename: {}", _own(one, one.path)))]


def _own(one: Positions, path: str) -> str:
    """The path with the workload's name before that of the file."""
    folder, _, file = path.rpartition("/")
    return f"{folder}/{one.owner.partition('/')[2] or one.name}-{file}"


def _object(one: Positions) -> tuple[str, str]:
    """As kubectl names it: the kind in small letters, and the name."""
    kind, _, name = one.owner.partition("/")
    return (kind.lower(), name) if name else ("pod", one.name)


def _workload(one: Positions) -> str:
    return f"{one.namespace}/{one.owner.partition('/')[2] or one.name}"


def _subject(one: Positions) -> Subject:
    kind, _, name = one.owner.partition("/")
    version = "apps/v1" if kind in ("DaemonSet", "Deployment", "StatefulSet", "ReplicaSet") else "v1"
    return Subject(api_version=version, kind=kind or "Pod", namespace=one.namespace, name=name or one.name)


def _table(places: dict[str, list[Positions]]) -> Table:
    rows = [[place, one.node, f"{one.namespace}/{one.name}", one.path] for place, agents in places.items() for one in agents]
    return Table(title="Positions files", columns=["Stored on", "Node", "Pod", "Path in the container"], rows=rows[:30])
