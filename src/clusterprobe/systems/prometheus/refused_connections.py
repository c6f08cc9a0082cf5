"""Why a scrape's connection is refused: nothing listens there, or the program listens at localhost only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from clusterprobe.fixes import change, snippet
from clusterprobe.model import Step
from clusterprobe.numerals import whole_number
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.prometheus.objects import pool_origin
from clusterprobe.systems.prometheus.scrape_errors import Cause
from clusterprobe.systems.prometheus.sources import Target

ADDRESS_FLAGS = (
    "listen-metrics-urls",
    "metrics-bind-address",
    "listen-client-urls",
    "web.listen-address",
    "listen-address",
    "secure-listen-address",
    "metrics-address",
    "metrics-addr",
    "bind-address",
    "address",
)
LOOPBACK = ("127.", "localhost", "::1")


class Component(NamedTuple):
    """A part of the control plane that its installers bind to localhost, and where that is changed."""

    name: str
    ports: tuple[int, ...]
    argument: str
    value: str
    kubeadm: str
    k3s: str
    values: str  # the key of kube-prometheus-stack's values


COMPONENTS = (
    Component(
        "kube-scheduler",
        (10259, 10251),
        "bind-address",
        "0.0.0.0",  # noqa: S104 - what to write, no binding
        "scheduler.extraArgs of its ClusterConfiguration",
        "kube-scheduler-arg: bind-address=0.0.0.0",
        "kubeScheduler",
    ),
    Component(
        "kube-controller-manager",
        (10257, 10252),
        "bind-address",
        "0.0.0.0",  # noqa: S104
        "controllerManager.extraArgs of its ClusterConfiguration",
        "kube-controller-manager-arg: bind-address=0.0.0.0",
        "kubeControllerManager",
    ),
    Component(
        "etcd",
        (2381,),
        "listen-metrics-urls",
        "http://0.0.0.0:2381",
        "etcd.local.extraArgs of its ClusterConfiguration",
        "etcd-expose-metrics: true",
        "kubeEtcd",
    ),
    Component(
        "kube-proxy",
        (10249,),
        "metrics-bind-address",
        "0.0.0.0:10249",
        "metricsBindAddress in the ConfigMap kube-system/kube-proxy",
        "kube-proxy-arg: metrics-bind-address=0.0.0.0",
        "kubeProxy",
    ),
)


def why_refused(target: Target, port: int, pod: Pod | None) -> Cause:
    """What is known of a connection that was refused: from the pod's arguments, from the component, or only what it means."""
    bound = next(_bound_to_localhost(pod, port), None) if pod else None
    component = _component(target, port, pod)
    if bound:
        container, flag, value = bound
        text = f"It listens at localhost only: the argument `--{flag}={value}` of container {container}. From another pod it is refused."
        return Cause(text, _rebind(component, pod) if component else (_listen(flag, port),))
    if component and (pod is None or component.name == "kube-proxy"):
        text = (
            f"Nothing listens at this address and port: {component.name} does not run there, or it listens at localhost only "
            f"(127.0.0.1), as its installers set it up; its configuration was not seen."
        )
        return Cause(text, _rebind(component, pod))
    state = f" Its pod {pod.metadata.namespace}/{pod.metadata.name} is not ready." if pod and not pod.ready else ""
    text = f"Nothing listens at this address and port: the port is wrong, the program does not run, or it listens at localhost only.{state}"
    place = "the Service or the monitor" if pool_origin(target.scrape_pool) else "the scrape configuration, or the annotation that it reads"
    step = change(
        f"Compare the port with the one that the program listens at: correct it in {place}. Where the program listens at 127.0.0.1, let "
        "it listen at the pod's address. Change it at its source in Git."
    )
    return Cause(text, (step,))


def _component(target: Target, port: int, pod: Pod | None) -> Component | None:
    names = [target.labels.get("job", ""), target.scrape_pool, target.discovered.service, pod.metadata.name if pod else ""]
    return next((one for one in COMPONENTS if port in one.ports and any(one.name in name for name in names)), None)


def _bound_to_localhost(pod: Pod, port: int) -> Iterator[tuple[str, str, str]]:
    """(container, flag, value) of those that bind this port, or all of a container's ports, to localhost and nothing else."""
    named = [one for one in pod.spec.containers if any(each.container_port == port for each in one.ports or [])]
    for container in named or pod.spec.containers:
        given = [(flag, value, list(_places(value))) for flag in ADDRESS_FLAGS if (value := container.flag(flag))]
        exact = [one for one in given if any(number == port for _, number in one[2])]
        for flag, value, places in exact or [one for one in given if all(number is None for _, number in one[2])]:
            hosts = [host for host, number in places if number in (port, None)]
            if not all(host.startswith(LOOPBACK) for host in hosts):
                break
            yield container.name, flag, value


def _places(value: str) -> Iterator[tuple[str, int | None]]:
    """Each host of a flag's value with its port, None without one: of `http://127.0.0.1:2381,[::1]:80`, `:80`, `0.0.0.0`."""
    for one in value.split(","):
        place = one.rpartition("://")[2].partition("/")[0]
        host, colon, number = place.rpartition(":")
        if not colon or place.endswith("]") or (":" in host and not host.endswith("]")):
            host, number = place, ""
        yield host.strip("[]"), whole_number(number)


def _rebind(component: Component, pod: Pod | None) -> tuple[Step, ...]:
    static = pod is not None and any(one.kind == "Node" for one in pod.metadata.owner_references)
    manifest = f", and in the static pod's manifest on each node (/etc/kubernetes/manifests/{component.name}.yaml)" if static else ""
    where = f"kubeadm: {component.kubeadm}{manifest}; k3s and RKE2: `{component.k3s}` in its configuration file"
    code = snippet("- {}", f"--{component.argument}={component.value}") if component.name != "kube-proxy" else ""
    return (
        change(
            f"Let {component.name} listen at the node's address too: `{component.argument}`. {where}. Only the cluster's own network "
            "should reach this port.",
            code=code,
        ),
        change(
            "Where the provider runs the control plane, or it should not be scraped: switch the monitor off. In the values of "
            "kube-prometheus-stack, where it made the monitor:",
            code=f"{component.values}:\n  enabled: false",
        ),
    )


def _listen(flag: str, port: int) -> Step:
    return change(
        f"Let it listen at the pod's address: `--{flag}` with :{port}, in what deploys it. Where a proxy such as kube-rbac-proxy stands "
        "before it on purpose, scrape the proxy's port instead."
    )
