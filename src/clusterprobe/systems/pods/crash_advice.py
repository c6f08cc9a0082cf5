"""What to do about a container that does not keep running: by what is at fault, with what was read of it."""

from __future__ import annotations

from collections.abc import Sequence

from clusterprobe.fixes import SOURCE, change, look, shell, snippet
from clusterprobe.model import Step, Subject
from clusterprobe.systems.kubernetes.accounts import refused_in, steps_for
from clusterprobe.systems.kubernetes.editing import RECREATE, ROLLED_OUT, replaced, rolled_out
from clusterprobe.systems.kubernetes.logs import has_ended, last_ended_was_before
from clusterprobe.systems.pods.crash_causes import Fault, Kill, image_of, made_by_operator, memory_limit
from clusterprobe.systems.pods.crash_diagnosis import Broken
from clusterprobe.systems.pods.crash_words import answer_of
from clusterprobe.systems.pods.crashes import Crash
from clusterprobe.systems.pods.missing_objects import missing_in
from clusterprobe.systems.pods.start_advice import create
from clusterprobe.systems.storage.natures import claim_name

_KILLED = 137  # 128 and SIGKILL
_PLAIN: dict[Fault, str] = {
    "image platform": "Build the image for the node's processor and system too, or let the pod run only on nodes for which it is made.",
    "image format": "Build the image again with a tool of today, and push it: that stores it in the format of OCI or of schema 2.",
    "image damaged": (
        "Pull the image elsewhere: where that fails, too, build and push it again. Else remove it on the node (`crictl rmi`), and see its "
        "disk and the proxy on its way to the registry."
    ),
    "image missing": "Correct the image's name or tag, or push that image to its registry.",
    "registry certificate": (
        "Give the node the CA that signed the registry's certificate, in its container runtime's configuration of that registry. Or give "
        "the registry a certificate that is valid."
    ),
    "registry without tls": (
        "Let the registry serve TLS. Or name it as one without TLS in the container runtime's configuration on each node, where its "
        "network is trusted."
    ),
    "node full": (
        "Free the disk of the node: remove images and logs that are not used, or give it a larger disk. `crictl rmi --prune` on the node "
        "removes the images that no container uses, also those that were loaded by hand and are in no registry."
    ),
    "registry out of reach": "Let the node reach the registry: its DNS, its proxy, and the firewall between them. Or use a mirror.",
    "registry page": (
        "Ask that address from the node: correct the mirror or proxy in its container runtime's configuration, or let the registry through "
        "without a login page."
    ),
    "registry fails": "Repair the registry, or what stands before it, as its own log says. Nothing of the pod is wrong.",
    "kubelet limit": (
        "Wait, as it is tried again. If it comes back, raise registryPullQPS and registryBurst of the kubelet, or start fewer pods at once."
    ),
    "registry limit": "Pull with a pull secret of an account, from a mirror, or wait until the limit is over.",
    "image not loaded": "Load the image on the node, or set imagePullPolicy to IfNotPresent.",
    "image name": "Correct the image's name: a registry, a path in small letters, and a tag or digest.",
    "image": "Repair what its events name: the image's name or tag, the pull secret, the registry, or the node.",
    "named user": "Set runAsUser in its securityContext to that user's number, which is not 0.",
    "user zero": "Set runAsUser in its securityContext to a user other than 0 that the image is made for.",
    "root user": "Set runAsUser in its securityContext to a user other than 0, as a number, that the image is made for.",
    "sub path": (
        "Make the folder of the subPath on the volume first, with the owner that the container runs as. On NFS, root_squash keeps the "
        "kubelet from making it."
    ),
    "not synced": (
        "Wait: the kubelet tries again by itself. If it lasts, see in the kubelet's log on its node whether it reaches the API server."
    ),
    "configuration": "Correct what the message names in its specification.",
    "mounted on a file": (
        "Let subPath name a key or file that the volume has, and mountPath be a file where that is a file. For a whole volume let "
        "mountPath be a folder."
    ),
    "not shared": (
        "Take mountPropagation away from that mount; of the node exporter's charts it is `hostRootFsMount.enabled: false` (within "
        "kube-prometheus-stack under `prometheus-node-exporter`). Or let the node share the path: `mount --make-rshared /` on it."
    ),
    "mounted read only": "Mount it elsewhere, or add it to the volume around it, as a projected volume does with several sources.",
    "working directory": "Correct its workingDir, or the image, or run it as a user that may enter that folder.",
    "profile missing": "Install the profile on the nodes where it runs, or name another in its securityContext.",
    "runtime hook": "Repair on its node what the message names: the driver, or the runtime's toolkit. Or let it run on another node.",
    "no command": "Set its command, or use an image that has one.",
    "architecture": "Build the image for the node's processor too, or let the pod run only on nodes for which it is made.",
    "start hook": "Correct the command of its postStart hook, or what that needs.",
    "no program": "Correct its command, or the image that has that program.",
    "not executable": "Make the file executable in the image, or run it as a user that may execute it.",
    "name reserved": (
        "Wait until the node has cleared the earlier attempt. If that takes longer than some minutes, restart the container runtime there."
    ),
    "start": "Correct what the message names: its command, its image, or what it mounts.",
    "open files": (
        "Raise on the node the limit that is reached: fs.inotify.max_user_instances or max_user_watches, or the open files that its "
        "container runtime allows. All pods of a node share inotify's limits."
    ),
    "disk full": "Free space where the line names, or give that volume more (`storage/capacity`). Without a volume it is the node's disk.",
    "port taken": "Give one of the two another port: the containers of a pod share its ports, and with hostNetwork all of the node do.",
    "port denied": (
        "Let it listen on a port above 1023. Or set the sysctl net.ipv4.ip_unprivileged_port_start to 0 in the pod's securityContext, "
        "which hostNetwork does not allow. The capability NET_BIND_SERVICE helps only root, or a program whose file has it."
    ),
    "sqlite locked": (
        "On a network file system: put the database on a disk or block device of one node (ReadWriteOnce), or use a database server, as "
        f"Grafana can by [database] in grafana.ini. On a disk: let one pod at a time use the file ({RECREATE} of a Deployment)."
    ),
    "locked": (
        f"Let one pod at a time use that data: a Deployment with a volume needs {RECREATE}, and two workloads need a volume each. "
        "Leave the lock as it is while another pod runs."
    ),
    "lease lost": (
        "See whether the API server or etcd was slow then, as where several controllers end so at once. Else give it more CPU, or let it "
        "reach the API server."
    ),
    "login refused": "Correct the user and password that it is given, or give that user the right that the line names, where it logs in.",
    "two defaults": (
        "Let one of them be the default: set isDefault to false in the others, whose ConfigMaps the sidecar of Grafana loads. Of "
        "kube-prometheus-stack it is grafana.sidecar.datasources.isDefaultDatasource, of loki-stack loki.isDefault."
    ),
    "dns loop": (
        "Let the kubelets hand on the node's real resolv.conf: resolvConf of their configuration, with systemd-resolved "
        "/run/systemd/resolve/resolv.conf. Then restart CoreDNS' pods. Or let `forward` in its Corefile name the DNS servers themselves."
    ),
    "database damaged": (
        "Keep its PVC: the blocks in it are good. With the Prometheus stopped (replicas 0 of its object), mount its volume into another "
        "pod, and rename there what the line names: the folder wal where segments are not sequential or corrupt, chunks_head where it is "
        "head chunks, or the block's own folder. What is not in a block yet, up to three hours, is lost with wal. Then start it again."
    ),
    "configuration refused": (
        "Correct in its configuration what the line names; lines before it may name more. An upgrade may have renamed a field, or taken it "
        "away."
    ),
    "argument": "Correct its arguments to those of the image's version: an upgrade may have taken one away.",
    "read only": "Mount an emptyDir where it writes, or take readOnlyRootFilesystem out of its securityContext.",
    "denied": (
        "Let it run as the user that owns what the line names, or give that user access. For a path on a volume see "
        "`storage/volume-permissions`."
    ),
    "exits with 0": "Let its command stay in the foreground, or run it as a Job if it is to end.",
    "exit": "Fix the error shown at the end of its log.",
    "signal": "Find what ends it: its log, the events, and the node's kernel log.",
    "unknown": "Find in its events how it ended.",
}

# What is not repaired in the workload's own values.
_ELSEWHERE: set[Fault] = {
    "registry certificate", "registry without tls", "registry out of reach", "registry limit", "registry page", "registry fails",
    "kubelet limit", "image damaged", "node full", "image",
    "sub path", "not synced", "runtime hook", "name reserved", "signal", "unknown", "open files", "disk full", "lease lost",
    "dns loop", "database damaged",
}  # fmt: skip


def repair(one: Broken, *, unexcused: bool) -> list[Step]:
    """The steps for one container. `unexcused`: it says that it did not reach what it calls, which does not excuse it."""
    match one.fault:
        case "probe" if one.kill:
            steps = [_of_probe(one.crash, one.kill)]
        case "memory":
            steps = [*_of_its_node(one.crash), _of_reloader(one.crash) if _is_reloader(one.crash) else _of_memory(one.crash)]
        case "signal" if one.crash.ended and one.crash.ended.exit_code == _KILLED:
            steps = [*_of_its_node(one.crash), change(_PLAIN["signal"])]
        case "no memory to start":
            steps = [_of_low_limit(one.crash)]
        case "reference missing":
            steps = _of_reference(one.crash)
        case "pull secret missing":
            steps = _of_absent_pull_secret(one)
        case "image refused":
            steps = _of_pull_secret(one.crash)
        case "api refuses":
            steps = _of_account(one.line)
        case "sqlite locked":
            steps = [*_file_systems(one.crash), change(f"{_PLAIN[one.fault]} Change it {SOURCE}.")]
        case _:
            text = "Correct the address in its command, or repair what it calls." if unexcused else _PLAIN[one.fault]
            steps = [change(text if one.fault in _ELSEWHERE else f"{text} Change it {SOURCE}.")]
    return [*_looks(one.crash), *steps]


def _looks(crash: Crash) -> list[Step]:
    """Its log, if there is one of an instance that ran, and its events."""
    pod, container, status = crash.pod.metadata, crash.status.name, crash.status
    steps = []
    if has_ended(status):
        template = (
            "kubectl -n {} logs {} -c {} --previous --tail=50" if last_ended_was_before(status) else "kubectl -n {} logs {} -c {} --tail=50"
        )
        steps.append(look("Read its last lines.", shell(template, pod.namespace, pod.name, container)))
    return [*steps, look("Read its state and its events.", shell("kubectl -n {} describe pod {}", pod.namespace, pod.name))]


def _file_systems(crash: Crash) -> list[Step]:
    """What its PVCs are, of which the class's name tells nothing."""
    if not any(claim_name(one) for one in crash.pod.spec.volumes or []):
        return []
    columns = "CLAIM:.spec.claimRef.name,CLASS:.spec.storageClassName,NFS:.spec.nfs.server,DRIVER:.spec.csi.driver"
    volumes = shell("kubectl get pv -o custom-columns={}", columns)
    return [look("See what its PVC is: NFS, or the driver of a share or of a disk.", volumes)]


# --- by fault ---------------------------------------------------------------------------------------------------------


def _of_probe(crash: Crash, kill: Kill) -> Step:
    """The numbers of the probe that kills it, and which of them is too tight for what it answered."""
    kind, answer = kill.probe, answer_of(kill).lower()
    container = crash.container
    probe = (container.startup_probe if kind == "startup" else container.liveness_probe) if container else None
    if probe is None:
        return change(f"Give its {kind} probe more time, or repair what that asks, {SOURCE}.")
    patience = probe.initial_delay_seconds + probe.period_seconds * probe.failure_threshold
    code = snippet(
        "{}:  # as it is now\n  initialDelaySeconds: {}\n  periodSeconds: {}\n  timeoutSeconds: {}\n  failureThreshold: {}",
        f"{kind}Probe", probe.initial_delay_seconds, probe.period_seconds, probe.timeout_seconds, probe.failure_threshold,
    )  # fmt: skip
    if "executable file not found" in answer or "no such file" in answer:
        text = f"Correct the command of its {kind} probe: the image has no such program, so that it never succeeds."
    elif "deadline exceeded" in answer or "timeout" in answer or "timed out" in answer:
        text = f"Raise timeoutSeconds of its {kind} probe, or let what it asks answer within {probe.timeout_seconds} s."
    elif kind == "startup" and made_by_operator(crash) and crash.status.name == "prometheus":
        text = (
            f"Give it more than {patience} s to start: raise spec.maximumStartupDurationSeconds of its Prometheus object, of which the "
            "Operator makes the probe (in kube-prometheus-stack prometheus.prometheusSpec.maximumStartupDurationSeconds). An older "
            "Operator does not have that field: there set startupProbe of the container prometheus under spec.containers."
        )
    elif kind == "startup" and "statuscode: 503" in answer:
        text = (
            f"If it only needs more than {patience} s to start, as its log shows, raise failureThreshold or periodSeconds of its startup "
            "probe. Else repair what that asks."
        )
    elif "statuscode" in answer:
        text = f"Repair what its {kind} probe asks, or correct its path and port: it answers, and reports that it is unhealthy."
    elif kind == "startup":
        text = f"Raise failureThreshold or periodSeconds of its startup probe, if it needs more than {patience} s to start."
    elif container and container.startup_probe:
        text = "Raise failureThreshold or periodSeconds of its liveness probe, if it recovers by itself after such failures."
    else:
        text = f"If it needs more than {patience} s to start, add a startupProbe with the same check and a larger failureThreshold."
    return change(f"{text} The kubelet kills it after {probe.failure_threshold} failures in a row. Change it {SOURCE}.", code=code)


def _of_memory(crash: Crash) -> Step:
    limit, name = memory_limit(crash), crash.status.name
    if limit:
        return change(f"Raise resources.limits.memory of container {name} above {limit}, {SOURCE}. Or let it need less (workers, caches).")
    return change(f"Set a request and a limit for the memory of container {name}, {SOURCE}: its node or its pod ran out of memory.")


def _is_reloader(crash: Crash) -> bool:
    """Whether it is a container that the Prometheus Operator adds: its resources are no field of the object."""
    return made_by_operator(crash) and crash.status.name in ("config-reloader", "init-config-reloader")


def _of_reloader(crash: Crash) -> Step:
    limit = memory_limit(crash)
    return change(
        f"Raise the memory that the Prometheus Operator gives to this container{f', which is {limit} now' if limit else ''}: its arguments "
        "--config-reloader-memory-limit and --config-reloader-memory-request, in kube-prometheus-stack "
        "prometheusOperator.prometheusConfigReloader.resources. A change of the StatefulSet it sets back."
    )


def _of_its_node(crash: Crash) -> list[Step]:
    """A node without memory ends processes, too, and the kubelet then says the same of it as of one that reached its limit."""
    node = crash.pod.spec.node_name
    if not node:
        return []
    command = shell("kubectl get events -A --field-selector involvedObject.kind=Node,involvedObject.name={}", node)
    return [look("See whether its node ran out of memory (SystemOOM), which says which process it ended.", command)]


def _of_low_limit(crash: Crash) -> Step:
    limit = memory_limit(crash)
    unit = ": a limit with `m` is in thousandths of a byte, and one with `k` in 1000 bytes" if limit.endswith(("m", "k")) else ""
    now = f", which is {limit} now{unit}" if limit else ""
    return change(
        f"Raise resources.limits.memory of container {crash.status.name}{now}: Mi and Gi are meant as a rule. Change it {SOURCE}."
    )


def _of_reference(crash: Crash) -> list[Step]:
    namespace, missing = crash.pod.metadata.namespace, missing_in(crash.message)
    if missing is None:
        return [change(f"Create what the message names, or correct the reference, {SOURCE}.")]
    return create(missing, namespace)


def _of_absent_pull_secret(one: Broken) -> list[Step]:
    namespace, names = one.crash.pod.metadata.namespace, ", ".join(one.pull_secrets)
    return [
        look("See which Secrets there are.", shell("kubectl -n {} get secrets", namespace)),
        change(
            f"Create the pull secret {names} in {namespace}, of type kubernetes.io/dockerconfigjson, or correct its name in "
            f"imagePullSecrets, {SOURCE}. If a SealedSecret or an ExternalSecret makes it, see why that does not."
        ),
    ]


def _of_pull_secret(crash: Crash) -> list[Step]:
    namespace, named = crash.pod.metadata.namespace, [one.name for one in crash.pod.spec.image_pull_secrets or [] if one.name]
    if not named:
        return [change(f"Name a pull secret for the registry of `{image_of(crash)}` in imagePullSecrets, {SOURCE}: the pod names none.")]
    return [
        look("See that its pull secrets exist.", *[shell("kubectl -n {} get secret {}", namespace, one) for one in named]),
        change(
            f"Renew the credentials in {', '.join(named)}, or correct the image's name, {SOURCE}. A registry also refuses an image that it "
            "does not have."
        ),
    ]


def _of_account(line: str) -> list[Step]:
    """What the API server refuses to a ServiceAccount, and how to allow it."""
    refused = refused_in(line)
    return steps_for(refused) if refused else [change(f"Let its ServiceAccount do what the line names: bind a role to it, {SOURCE}.")]


def back(workload: Subject, old: str, unready: Sequence[str] = ()) -> list[Step]:
    """Back to the revision that works, where there is one and kubectl can roll the workload back. `unready` are the pods that do not."""
    if not old or workload.kind not in ROLLED_OUT or not workload.api_version.startswith("apps/"):
        return []
    kind, place = workload.kind.lower(), (workload.namespace, workload.kind.lower(), workload.name)
    return [
        look(f"See which revisions of the {kind} there are.", shell("kubectl -n {} rollout history {} {}", *place)),
        change(
            "Until it is repaired, roll it back. Under Argo CD or Flux revert the commit instead: self-heal would revert the rollback, "
            "as would an operator that makes it.",
            shell("kubectl -n {} rollout undo {} {}", *place),
        ),
        *replaced(workload, unready),
        *rolled_out(workload),
    ]
