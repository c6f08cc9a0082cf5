"""Which system a pod runs, by the strongest sign of it: the one place where labels, images and command lines are compared."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from clusterprobe.known_systems import BY_KEY, HELPERS, KNOWN, PROMETHEUS, PROMETHEUS_AGENT, Purpose, System
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.images import matches, plain, repository
from clusterprobe.systems.kubernetes.objects import Container, ContainerStatus, Metadata, Pod, PodSpec
from clusterprobe.systems.kubernetes.workloads import workload_of

INSTANCE = "app.kubernetes.io/instance"
OPERATED, FLAG, IMAGE, COMMAND, LABEL, PROFILE = "owner", "flag", "image", "command", "label", "profile"


@dataclass(frozen=True, slots=True)
class SystemPod:
    """A pod, and the system that it runs. `sign` is what it was recognised by, and `seen` that in words.

    `name` is that of its installation: of the custom resource (`custom`), else of the release, else of the workload or system.
    `part` is which part of the system it is, such as `gateway` or `vmagent`; empty for one that has none. `disputed` is what speaks for
    another system, in words; empty where all signs agree.
    """

    pod: Pod
    system: System
    sign: str
    seen: str
    container: str
    name: str
    part: str = ""
    custom: bool = False
    disputed: str = ""

    @property
    def key(self) -> str:
        return self.system.key

    @property
    def main(self) -> Container | None:
        """The container that the system runs in."""
        return self.pod.container(self.container)

    def runs_image(self, name: str) -> bool:
        """Whether the image of that container is called so: by the last segments of its repository, whatever the registry."""
        return self.main is not None and matches(self.main.image, name)

    def beside(self, image: str) -> Container | None:
        """The container beside that one, or init container, whose image is called so."""
        found = container_with(self.pod, image)
        return found if found and found.name != self.container else None


def container_with(pod: Pod, image: str) -> Container | None:
    """The container, or init container, whose image is called so: also of what is no system of its own."""
    return next((one for one in [*(pod.spec.init_containers or []), *pod.spec.containers] if matches(one.image, image)), None)


@source()
def system_pods(pods: Readings[Pod], profile: Profile) -> Readings[SystemPod]:
    """Every pod of a known system, judged or not, but for those that failed and have a successor."""
    past = _succeeded({workload_of(pod) for pod in pods.items if pod.status.phase == "Failed"}, pods.items)
    found = ((subject, recognise(pod, profile)) for subject, pod in pods if pod.status.phase != "Failed" or workload_of(pod) not in past)
    kept = tuple((subject, one) for subject, one in found if one is not None)
    return Readings(kept, pods.unreadable, pods.why_none("no pod runs a system that is known"))


def _succeeded(failed: set[Subject], pods: list[Pod]) -> set[Subject]:
    """Which workloads of failed pods have others: a Deployment replaces one that a node evicted, and leaves it in the list."""
    return {one for pod in pods if pod.status.phase not in ("Succeeded", "Failed") and failed and (one := workload_of(pod)) in failed}


def of_system(pods: Readings[SystemPod], *systems: System) -> Readings[SystemPod]:
    """The pods of some systems, and what proves that there are none."""
    keys = {one.key for one in systems}
    absent = "; ".join(f"there is no {one.name}: {one.looked_for}" for one in systems)
    return Readings(
        tuple((subject, one) for subject, one in pods if one.key in keys),
        pods.unreadable,
        absent if len(systems) == 1 else none_of(systems),
    )


def none_of(systems: tuple[System, ...]) -> str:
    """That there is none of several systems."""
    return f"no pod is recognised as {' or '.join(one.name for one in systems)}, by its image, command or labels"


def recognise(pod: Pod, profile: Profile | None = None) -> SystemPod | None:
    """The system that a pod runs; none for any other program."""
    match = _match(pod, profile)
    if match is None:
        return None
    system, sign, seen, container = match
    custom = _operated(pod, system)
    name, part = custom or _release(pod, system), _part(pod, system, container)
    return SystemPod(pod, system, sign, seen, container.name, name, part, bool(custom), _disputed(pod, system, container))


def _disputed(pod: Pod, system: System, container: Container) -> str:
    """The strongest sign of another system, on the same container or in the labels; related ones share their signs."""
    by_label = _by_label(pod, [container])
    said = [(other, seen) for other, _, seen in _signs_of(container)] + ([(by_label[0], by_label[2])] if by_label else [])
    return next((f"{seen} is that of {other.name}" for other, seen in said if not _related(system, other)), "")


def _related(one: System, other: System) -> bool:
    """Whether they are one product's, or one does the work of the other."""
    areas = {one.key, *one.areas} & {other.key, *other.areas}
    return (
        one is other
        or bool(areas)
        or one.stands_for == other.key
        or other.stands_for == one.key
        or one.stands_for == other.stands_for != ""
    )


def program_of(metadata: Metadata, spec: PodSpec, profile: Profile | None = None) -> System | None:
    """The system that a workload with this template runs, by the template and the workload's own labels."""
    found = recognise(Pod(metadata, spec), profile)
    return found.system if found else None


def only_helps(containers: list[Container]) -> bool:
    """Whether each of these containers is known to be no system of its own."""
    return all(_helps(one.image) for one in containers)


# What serves the other containers of its pod, and does not end by itself: by the last segment of the image, or the container's usual name.
_BESIDE = frozenset(
    {
        *("cloud-sql-proxy", "cloudsql-proxy", "consul-dataplane", "daprd", "envoy", "istio-proxy", "kuma-dp", "kuma-sidecar"),
        *("linkerd-proxy", "linkerd2-proxy", "oauth2-proxy", "proxyv2", "vault-agent"),
    }
)


def serves_beside(one: ContainerStatus) -> bool:
    """Whether a container only serves those beside it, as a mesh's proxy does, and so runs for as long as nobody ends it."""
    return one.name in _BESIDE or plain(repository(one.image)[1]) in _BESIDE


_Match = tuple[System, str, str, Container]


def _match(pod: Pod, profile: Profile | None) -> _Match | None:
    match = _strongest(pod, profile)
    if match is None or match[0] is not PROMETHEUS or not _sends_on(match[3]):
        return match
    return PROMETHEUS_AGENT, *match[1:]


def _sends_on(container: Container) -> bool:
    """Whether it is a Prometheus that only sends on what it scrapes: in its agent mode, or as Google builds it."""
    flags = container.switched("agent") or "agent" in container.flag("enable-feature").split(",")
    return flags or any(matches(container.image, one) for one in PROMETHEUS_AGENT.signs.images)


def _strongest(pod: Pod, profile: Profile | None) -> _Match | None:
    containers = pod.spec.containers or [Container(name="")]
    own = [one for one in containers if not _helps(one.image)]
    main = (own or containers)[0]
    if profile is not None and profile.systems and (found := _by_profile(pod, own, profile)):
        return found
    for match in (_by_owner(pod, own or containers), _by_container(own, main, pod)):
        if match is not None:
            return match
    return _by_label(pod, own) if own else None


def _by_owner(pod: Pod, containers: list[Container]) -> _Match | None:
    """What an operator made for a custom resource."""
    if _OPERATORS_LABELS.isdisjoint(pod.metadata.labels):
        return None
    for system in _OPERATED:
        if name := _operated(pod, system):
            main = _named(containers, system) or _named(containers, PROMETHEUS) or containers[0]
            return system, OPERATED, f"made for {name} by its operator", main
    return None


def _operated(pod: Pod, system: System) -> str:
    """The name of the custom resource that an operator made a pod for: by its label, and by the name of the workload or the usual label."""
    for label in system.signs.operated:
        name = pod.label(label)
        owner = next((one.name for one in pod.metadata.owner_references if one.controller), "")
        usual = pod.label("app.kubernetes.io/name") == system.key
        if name and (usual or owner.startswith(f"{system.key}-{name}") or "/" in label or "-" in label) and _of_that_mode(pod, system):
            return name
    managed, _, by = system.signs.managed.partition("=")
    return pod.label(INSTANCE) if managed and pod.label(managed) == by else ""


def _of_that_mode(pod: Pod, system: System) -> bool:
    """Whether it is not the other one of a Prometheus and its agent, whose pods have the labels of a server's."""
    if system not in (PROMETHEUS, PROMETHEUS_AGENT):
        return True
    labelled = "agent" in (pod.label("operator.prometheus.io/mode"), pod.label("app.kubernetes.io/name")[-5:])
    agent = labelled or any(one.flag("storage.agent.path") or _sends_on(one) for one in pod.spec.containers)
    return agent == (system is PROMETHEUS_AGENT)


def _by_container(own: list[Container], main: Container, pod: Pod) -> _Match | None:
    for container in own:
        for system, sign, seen in _signs_of(container):
            alone = container is main
            job = any(one.kind == "Job" for one in pod.metadata.owner_references)
            # An image is a sign of a program that serves: jobs and clients run the same one.
            client = sign == IMAGE and (job or (system.purpose is Purpose.LEARNING and not container.ports))
            if not client and (alone or not system.beside):
                return system, sign, seen, container
    return None


def _signs_of(container: Container) -> Iterator[tuple[System, str, str]]:
    for flag, system in _FLAGS.items() if container.command or container.args else ():
        if container.flag(flag):
            yield system, FLAG, f"its flag --{flag}"
    for program in container.programs or []:
        if program in _PROGRAMS:  # a bundle may say anything
            yield _PROGRAMS[program], COMMAND, f"its command {program}"
    if (found := _by_image(container.image)) is not None:
        yield found, IMAGE, f"its image {'/'.join(filter(None, repository(container.image)))}"


def _by_label(pod: Pod, own: list[Container]) -> _Match | None:
    best: tuple[int, System, str] | None = None
    for key, value in pod.metadata.labels.items():
        for wanted, text, system in _LABELS.get((key, value.lower()), ()):
            named = value.lower() == system.key
            if system.generic and named and all(plain(repository(one.image)[1]) != system.key for one in own):
                continue
            if (best is None or len(wanted) > best[0]) and all(pod.label(one).lower() == two for one, two in wanted):
                best = len(wanted), system, text
    if best is None or any(one.kind == "Job" for one in pod.metadata.owner_references):
        return None
    _, system, text = best
    return system, LABEL, f"its label {text}", _named(own, system) or own[0]


def _by_profile(pod: Pod, own: list[Container], profile: Profile) -> _Match | None:
    for key, signs in profile.systems.items():
        system = BY_KEY[key]
        for container in own:
            owner, last = repository(container.image)
            if any(fnmatch.fnmatchcase(last, one) or fnmatch.fnmatchcase(f"{owner}/{last}", one) for one in signs.images):
                return system, PROFILE, "the profile's systems.images", container
        if own and signs.labels and all(fnmatch.fnmatchcase(pod.label(one), two) for one, two in signs.labels.items()):
            return system, PROFILE, "the profile's systems.labels", _named(own, system) or own[0]
    return None


def _named(containers: list[Container], system: System) -> Container | None:
    """The container that is called like the system."""
    return next((one for one in containers if one.name == system.key), None)


def _release(pod: Pod, system: System) -> str:
    named = pod.label(INSTANCE) or pod.label("release")
    return named or (workload_of(pod).name if system.signs.operated else system.key)


def _part(pod: Pod, system: System, container: Container) -> str:
    component = pod.label("app.kubernetes.io/component") or pod.label("component")
    if system.parts:
        return _part_called(pod, system, container)
    if not system.judged:
        return plain(repository(container.image)[1]) if len(system.signs.images) > 1 else ""
    program = next((one for one in container.programs or [] if one in system.signs.programs), "")
    return component or program.partition(" ")[2]


def _part_called(pod: Pod, system: System, container: Container) -> str:
    """The part that the image, a label or the container is called after; the image of the single-node server is called as the system."""
    image = plain(repository(container.image)[1]).removeprefix(f"{system.key}-")
    names = ("vmsingle" if image == "victoria-metrics" else image, pod.label("app.kubernetes.io/name"), container.name)
    charts = {"victoria-metrics-single": "vmsingle", "victoria-metrics-agent": "vmagent", "victoria-metrics-alert": "vmalert"}
    return next((known for one in names if (known := charts.get(one, one)) in dict(system.parts)), "")


# --- indexes ----------------------------------------------------------------------------------------------------------

_OPERATED = [one for one in KNOWN if one.signs.operated]
_OPERATORS_LABELS = frozenset(label for one in _OPERATED for label in (*one.signs.operated, one.signs.managed.partition("=")[0]))
_FLAGS = {flag: one for one in KNOWN for flag in one.signs.flags}
_PROGRAMS = {program: one for one in reversed(KNOWN) for program in one.signs.programs}
_LABELS: dict[tuple[str, str], list[tuple[tuple[tuple[str, str], ...], str, System]]] = {}
for _system in KNOWN:
    for _text in _system.signs.labels:
        _pairs = tuple((one.partition("=")[0], one.partition("=")[2]) for one in _text.split(","))
        _LABELS.setdefault(_pairs[0], []).append((_pairs, _text.rstrip("=").removesuffix(",component"), _system))


@cache
def _by_image(image: str) -> System | None:
    return next((one for one in KNOWN if any(matches(image, wanted) for wanted in one.signs.images)), None)


@cache
def _helps(image: str) -> bool:
    # Its operator's image has the reloader of configurations as well, under tags of its own.
    return bool(image) and (plain(repository(image)[1]) in _HELPERS or "operator:config-reloader-" in image)


_HELPERS = frozenset(HELPERS)
