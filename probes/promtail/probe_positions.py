from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Pod
from clusterprobe.systems.positions import Positions
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Give each release of an agent a positions file of its own (a hostPath named after the release), and run one agent on a node: "
    "one that serves all environments needs no second one beside it."
)


def probe_positions(verdict: Verdict, agent_positions: Readings[Positions], pods: Readings[Pod]) -> None:
    """Does every log agent have a positions file of its own, one that outlives its pod?

    Problem: After a restart lines are missing from Loki, or there twice, though every agent looks healthy.
    Cause: Two agents, often those of dev and prod, keep their positions in the same file of a node's hostPath or of a shared
    volume: each overwrites what the other one wrote, and starts again from the other's places. Or the file lies in the pod
    itself (emptyDir), and goes with it.
    Fix: Set another `positions.filename` (or hostPath) in one of the two releases.
    Prevention: A positions file named after the release; one agent a node.
    """
    verdict.need(pods)
    shared: dict[str, list[Positions]] = {}
    lost: dict[tuple[str, str], list[Positions]] = {}
    for _, one in verdict.examine(agent_positions):
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
    verdict.finding(
        Severity.ERROR,
        "PositionsShared",
        _subject(newest),
        problem=f"The log agents {who} keep their positions in the same file, so lines are lost or sent twice.",
        cause=f"All of them write {place}"
        + (f", and the same on {len(nodes)} nodes" if len(places) > 1 else "")
        + (f" (of {' and '.join(environments)})" if len(environments) > 1 else "")
        + ": each overwrites the other's places, and after a restart goes on from them.",
        fix=_fix(newest),
        prevention=PREVENTION,
        exhibits=[_table(places)],
    )


def _report_lost(verdict: Verdict, agents: list[Positions]) -> None:
    first = agents[0]
    usual = first.program != "promtail"  # Alloy's chart has it so; Promtail's does not
    verdict.finding(
        Severity.INFO if usual else Severity.WARNING,
        "PositionsNotKept",
        _subject(first),
        problem=f"Whenever a pod of {_workload(first)} is replaced, it reads all files from their start again.",
        cause=f"Its positions go with the pod: {first.place}. Loki refuses what is too old, and takes the rest twice where labels differ.",
        fix="Keep them on the node: a hostPath such as /run/promtail, mounted where `positions.filename` lies.\n"
        f"$ kubectl -n {first.namespace} get {_object(first)} -o yaml",
        prevention=PREVENTION,
        exhibits=[_table({one.place: [one] for one in agents})],
    )


def _fix(one: Positions) -> str:
    folder, _, file = one.path.rpartition("/")
    own = f"{folder}/{(one.owner.partition('/')[2] or one.name)}-{file}"
    patch = f'[{{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"-positions.file={own}"}}]'
    return (
        f"Give {_workload(one)} a file of its own; in the values of the Promtail chart `config.positions.filename: {own}`, or a hostPath "
        f"of its own in `defaultVolumes`:\n$ kubectl -n {one.namespace} patch {_object(one)} --type json -p '{patch}'"
        if one.program == "promtail"
        else f"Give {_workload(one)} a storage path of its own (`--storage.path`, and the volume below it).\n"
        f"$ kubectl -n {one.namespace} edit {_object(one)}"
    )


def _object(one: Positions) -> str:
    kind, _, name = one.owner.partition("/")
    return f"{kind.lower()} {name}" if name else f"pod {one.name}"


def _workload(one: Positions) -> str:
    return f"{one.namespace}/{one.owner.partition('/')[2] or one.name}"


def _subject(one: Positions) -> Subject:
    kind, _, name = one.owner.partition("/")
    version = "apps/v1" if kind in ("DaemonSet", "Deployment", "StatefulSet", "ReplicaSet") else "v1"
    return Subject(api_version=version, kind=kind or "Pod", namespace=one.namespace, name=name or one.name)


def _table(places: dict[str, list[Positions]]) -> Table:
    rows = [[place, one.node, f"{one.namespace}/{one.name}", one.path] for place, agents in places.items() for one in agents]
    return Table(title="Positions files", columns=["Lies on", "Node", "Pod", "Path in the container"], rows=rows[:30])
