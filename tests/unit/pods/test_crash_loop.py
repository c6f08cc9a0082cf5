import json
from typing import Any

import msgspec
import pytest
import yaml

from clusterprobe.fixes import line
from clusterprobe.model import Finding, Severity, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod, PodSpec, Workload
from clusterprobe.systems.pods.crash_advice import back
from clusterprobe.systems.pods.crashes import CrashEvent, CrashEvents, CrashLog
from clusterprobe.times import epoch
from probes.pods.probe_crash_loop import probe_crash_loop
from tests.factories import assert_blindness_is_no_health, blinded, judged, labelled, listing, outcome, reasons, refused
from tests.unit.pods.crash_corpus import CORPUS, CURL, LOOPING, NOW, OLD, URL, Case, ended, running, waiting
from tests.unit.pods.crash_world import NEW, owners, pod_of, world


def case_named(label: str) -> Case:
    return next(one for one in CORPUS if one.label == label)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.label)
def test_a_labelled_status_is_taken_for_what_it_is(case: Case) -> None:
    verdict = judged(probe_crash_loop, **world(case))
    assert reasons(verdict) == ([case.expected] if case.expected else [])
    assert verdict.unread == []
    severities = {one.severity for one in verdict.findings}
    assert severities <= ({Severity.INFO} if case.expected == "NormalStartup" else {Severity.ERROR, Severity.WARNING})


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.label)
def test_what_cannot_be_read_never_excuses_and_never_accuses(case: Case) -> None:
    assert_blindness_is_no_health(probe_crash_loop, world(case))
    for name, blind in blinded(world(case)):
        after = judged(probe_crash_loop, **blind)
        if case.expected not in ("", "NormalStartup"):
            assert "NormalStartup" not in reasons(after), name
            assert outcome(after) != "pass" or case.label == "out of memory lately, and well", name


def test_the_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 20
    assert len({one.label for one in CORPUS}) == len(CORPUS)


def test_a_normal_phenomenon_passes_and_says_what_it_waits_for() -> None:
    verdict = judged(probe_crash_loop, **world(case_named("curl that waits for a Service whose pod is not ready")))
    assert outcome(verdict) == "pass"
    assert "Service logging/loki has no ready pod (loki-0)" in verdict.findings[0].cause
    assert "normal during start-up" in verdict.findings[0].problem


def test_a_name_excuses_nothing() -> None:
    (finding,) = judged(probe_crash_loop, **world(Case("tmp-curl", "", LOOPING, ended(1)))).findings
    assert (finding.reason, finding.subject.name) == ("CrashLoop", "tmp-curl")


def test_it_says_that_the_target_answers_and_for_how_long() -> None:
    (finding,) = judged(probe_crash_loop, **world(case_named("curl that still fails although its target answers"))).findings
    assert "Service logging/loki has been ready for 10 min, and it still crashes" in finding.cause


def test_the_wrong_port_is_named() -> None:
    (finding,) = judged(probe_crash_loop, **world(case_named("curl of a port that the Service does not have"))).findings
    assert "Service logging/loki has no port 9999, only 3100" in finding.cause


@pytest.mark.parametrize(("created", "expected"), [("2026-01-01T11:45:00Z", "NormalStartup"), ("2026-01-01T11:44:59Z", "CrashLoop")])
def test_it_may_wait_for_fifteen_minutes(created: str, expected: str) -> None:
    assert reasons(judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(7), command=CURL, created=created)))) == [expected]


@pytest.mark.parametrize(("since", "expected"), [("2026-01-01T11:58:45Z", "CrashLoop"), ("2026-01-01T11:58:46Z", "NormalStartup")])
def test_a_target_is_given_a_moment_to_be_reached(since: str, expected: str) -> None:
    assert reasons(judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(7), command=CURL, target=since)))) == [expected]


def test_a_broken_revision_says_that_the_old_one_hides_it_and_how_to_go_back() -> None:
    (finding,) = judged(probe_crash_loop, **world(case_named("a new revision that waits while the old one serves"))).findings
    assert "Pods of another revision (old) still serve" in finding.problem
    assert "kubectl -n app rollout undo deployment web" in finding.fix


def test_what_a_stateful_set_is_rolled_back_to_reaches_the_pod_that_it_waits_for() -> None:
    stateful = Subject(api_version="apps/v1", kind="StatefulSet", namespace="app", name="db")
    assert [line(one) for step in back(stateful, "old", ["db-0"]) for one in step.commands] == [
        "kubectl -n app rollout history statefulset db",
        "kubectl -n app rollout undo statefulset db",
        "kubectl -n app delete pod db-0",
        "kubectl -n app rollout status statefulset db --timeout=5m",
    ]


def test_only_what_kubectl_can_roll_back_is_rolled_back() -> None:
    for kind in ("ReplicaSet", "Rollout", "Job"):
        assert back(Subject(api_version="apps/v1", kind=kind, namespace="app", name="web"), "old") == []


def test_out_of_memory_names_the_limit() -> None:
    case = Case("x", "", LOOPING, ended(137, "OOMKilled"), more={"resources": {"limits": {"memory": "64Mi"}}})
    finding = judged(probe_crash_loop, **world(case)).findings[0]
    assert "memory limit of 64Mi" in finding.cause
    assert "or because its node ran out of memory" in finding.cause
    assert "Raise resources.limits.memory of container main above 64Mi" in finding.fix


def test_out_of_memory_leads_to_what_its_node_says_of_its_own() -> None:
    case = Case("x", "", LOOPING, ended(137, "OOMKilled"), more={"resources": {"limits": {"memory": "64Mi"}}})
    read = world(case)
    placed = [msgspec.structs.replace(one, spec=msgspec.structs.replace(one.spec, node_name="node-7")) for _, one in read["pods"]]
    (finding,) = judged(probe_crash_loop, **{**read, "pods": listing("Pod", placed)}).findings
    assert [one for one in commands(finding) if one.endswith("involvedObject.name=node-7")]
    without = judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(137, "OOMKilled")))).findings[0]
    assert "Set a request and a limit" in without.fix


def test_what_the_prometheus_operator_adds_to_a_pod_gets_its_memory_by_the_operators_arguments() -> None:
    made = {"app.kubernetes.io/managed-by": "prometheus-operator", "app.kubernetes.io/name": "prometheus"}
    container = {"name": "config-reloader", "resources": {"limits": {"memory": "25Mi"}}}
    status = {"name": "config-reloader", "restartCount": 9, "state": LOOPING, "lastState": ended(137, "OOMKilled")}
    pod = labelled(
        Pod,
        "app",
        "prometheus-main-0",
        {**made, "app.kubernetes.io/instance": "main"},
        metadata={"ownerReferences": [{"kind": "StatefulSet", "name": "prometheus-main", "uid": "1", "controller": True}]},
        spec={"containers": [container]},
        status={"phase": "Running", "containerStatuses": [status]},
    )
    readings = world(Case("x", "", LOOPING, ended(137, "OOMKilled")))
    finding = judged(probe_crash_loop, **{**readings, "pods": listing("Pod", [pod])}).findings[0]
    assert "--config-reloader-memory-limit" in finding.fix
    assert " edit " not in finding.fix


def test_of_what_was_killed_without_a_word_of_memory_the_node_is_not_excluded() -> None:
    finding = judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(137)))).findings[0]
    assert "a node that runs out of memory ends processes so, too" in finding.cause
    assert "not for memory" not in finding.cause


def test_two_default_data_sources_of_grafana_are_named() -> None:
    line = "Datasource provisioning error: Only one datasource per organization can be marked as default"
    finding = judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(1), lines=(line,)))).findings[0]
    assert "are marked as default (exit code 1)" in finding.cause
    assert "isDefault" in finding.fix


def test_having_run_out_of_memory_is_a_warning_for_an_hour() -> None:
    (finding,) = judged(probe_crash_loop, **world(case_named("out of memory lately, and well"))).findings
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("x:2: not found", "no such image or tag"),
        ("pull access denied, insufficient_scope: authorization failed", "the registry refuses"),
        ("dial tcp: lookup registry: no such host", "cannot be reached"),
        ("toomanyrequests: rate limit", "rate limit"),
        ("no match for platform in manifest: not found", "not for the processor"),
        ("x509: certificate signed by unknown authority", "does not trust the registry's certificate"),
        ("http: server gave HTTP response to HTTPS client", "plain HTTP"),
        ("no space left on device", "disk is full"),
    ],
)
def test_an_image_error_says_why(message: str, cause: str) -> None:
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", waiting("ErrImagePull", message), restarts=0, phase="Pending"))).findings
    assert cause in finding.cause
    assert "registry/app:2" in finding.cause


def test_a_back_off_whose_events_are_gone_says_that_they_are() -> None:
    (finding,) = judged(
        probe_crash_loop, **world(Case("x", "", waiting("ImagePullBackOff", 'Back-off pulling image "registry/app:2"')))
    ).findings
    assert finding.cause.endswith("No event that is still kept says why.")


def test_a_missing_pull_secret_is_named_and_would_explain_it() -> None:
    said = "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
    events = CrashEvents([CrashEvent("FailedToRetrieveImagePullSecret", said)])
    read = Readings(((Subject(kind="Pod", namespace="app", name="tmp-curl"), events),))
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", waiting("ErrImagePull", "pull access denied")), crash_events=read)).findings
    assert "the pull secret does not exist" in finding.cause
    assert "Create the pull secret regcred in app" in finding.fix
    assert "Secret/app/regcred" in [str(one) for one in finding.rests_on]


@pytest.mark.parametrize(
    ("reason", "message", "cause", "fix"),
    [
        ("CreateContainerConfigError", "container's runAsUser breaks non-root policy", "its runAsUser is 0", "other than 0"),
        ("CreateContainerConfigError", "runAsNonRoot and image has non-numeric user (app)", "is a name", "to that user's number"),
        ("CreateContainerConfigError", "failed to sync configmap cache", "not yet read from the API server", "Wait: the kubelet"),
        ("CreateContainerError", "cannot load seccomp profile: no such file", "security profile", "Install the profile"),
    ],
)
def test_what_keeps_a_container_from_being_made_is_named(reason: str, message: str, cause: str, fix: str) -> None:
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", waiting(reason, message), restarts=0, phase="Pending"))).findings
    assert cause in finding.cause
    assert fix in finding.fix


def test_a_probe_whose_command_does_not_exist_is_not_given_more_time() -> None:
    said = 'Liveness probe errored: exec: "curl": executable file not found in $PATH'
    events = CrashEvents([CrashEvent("Unhealthy", said, 30, epoch(NOW)), CrashEvent("Killing", "Container main failed liveness probe")])
    read = Readings(((Subject(kind="Pod", namespace="app", name="tmp-curl"), events),))
    case = Case("x", "", LOOPING, ended(137), more={"livenessProbe": {"periodSeconds": 10}})
    (finding,) = judged(probe_crash_loop, **world(case, crash_events=read)).findings
    assert "Correct the command of its liveness probe" in finding.fix
    assert "startupProbe" not in finding.fix


def test_a_missing_secret_is_named_and_would_explain_it() -> None:
    finding = judged(probe_crash_loop, **world(case_named("Secret that is missing"))).findings[0]
    assert 'secret "db" not found' in finding.cause
    assert finding.rests_on == [f"Secret/{finding.subject.namespace}/db"]
    assert finding.breaks == [f"{finding.subject.kind}/{finding.subject.namespace}/{finding.subject.name}"]


def test_a_liveness_probe_that_kills_is_named_with_its_answer() -> None:
    events = CrashEvents(
        [
            CrashEvent("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"),
            CrashEvent("Killing", "Container main failed liveness probe, will be restarted"),
        ]
    )
    read = Readings(((Subject(kind="Pod", namespace="app", name="tmp-curl"), events),))
    (finding,) = judged(probe_crash_loop, **world(case_named("killed by its liveness probe"), crash_events=read)).findings
    assert "Liveness probe failed: HTTP probe failed with statuscode: 500" in finding.cause


PROBE = {"initialDelaySeconds": 5, "periodSeconds": 7, "timeoutSeconds": 2, "failureThreshold": 4}
REFUSES = "Get http://10.0.0.1/: dial tcp: connect: connection refused"


def test_a_kill_of_an_earlier_end_is_no_cause_and_is_said() -> None:
    events = CrashEvents([CrashEvent("Killing", "Container main failed liveness probe", 1, epoch("2026-01-01T11:20:00Z"))])
    read = Readings(((Subject(kind="Pod", namespace="app", name="tmp-curl"), events),))
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(3), lines=("boom",)), crash_events=read)).findings
    assert finding.cause.startswith("Its own process ends with exit code 3. Its last line: “boom”.")
    assert "but not that this was its last end" in finding.cause
    assert "Fix the error shown at the end of its log." in finding.fix


def killed_with(answer: str, kind: str = "liveness", **probes: Any) -> Finding:
    events = CrashEvents(
        [
            CrashEvent("Unhealthy", f"{kind.capitalize()} probe failed: {answer}"),
            CrashEvent("Killing", f"Container main failed {kind} probe"),
        ]
    )
    read = Readings(((Subject(kind="Pod", namespace="app", name="tmp-curl"), events),))
    case = Case("x", "", LOOPING, ended(137), more=probes or {"livenessProbe": PROBE})
    return judged(probe_crash_loop, **world(case, crash_events=read)).findings[0]


def test_a_probe_that_kills_is_shown_with_its_numbers() -> None:
    code = next(step.code for step in killed_with(REFUSES).steps if step.code)
    assert yaml.safe_load(code) == {"livenessProbe": PROBE}


def test_the_numbers_that_the_api_leaves_out_are_its_defaults() -> None:
    code = next(step.code for step in killed_with(REFUSES, livenessProbe={}).steps if step.code)
    assert yaml.safe_load(code)["livenessProbe"] == {
        "initialDelaySeconds": 0,
        "periodSeconds": 10,
        "timeoutSeconds": 1,
        "failureThreshold": 3,
    }


@pytest.mark.parametrize(
    ("answer", "kind", "probes", "field"),
    [
        (REFUSES, "liveness", {}, "needs more than 33 s to start, add a startupProbe"),
        (REFUSES, "liveness", {"livenessProbe": PROBE, "startupProbe": {}}, "Raise failureThreshold or periodSeconds of its liveness"),
        (REFUSES, "startup", {"startupProbe": PROBE}, "periodSeconds of its startup probe, if it needs more than 33 s"),
        ("context deadline exceeded (Client.Timeout exceeded)", "liveness", {}, "Raise timeoutSeconds of its liveness probe"),
        ("HTTP probe failed with statuscode: 404", "liveness", {}, "correct its path and port"),
        ("HTTP probe failed with statuscode: 503", "startup", {"startupProbe": PROBE}, "only needs more than 33 s to start"),
    ],
)
def test_the_field_that_is_too_tight_goes_by_what_the_probe_was_answered(answer: str, kind: str, probes: Any, field: str) -> None:
    assert field in killed_with(answer, kind, **probes).fix


def test_a_prometheus_that_reads_its_log_for_too_long_is_given_more_time_on_its_object() -> None:
    case = Case("x", "", LOOPING, ended(137), more={"startupProbe": PROBE})
    raw = json.loads(json.dumps(msgspec.to_builtins(pod_of(case))).replace('"main"', '"prometheus"'))
    raw["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "prometheus-operator"}
    pod = msgspec.convert(raw, Pod)
    subject = Subject(kind="Pod", namespace="app", name="tmp-curl")
    events = [
        CrashEvent("Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 503"),
        CrashEvent("Killing", "Container prometheus failed startup probe"),
    ]
    read = {
        "pods": listing("Pod", [pod]),
        "crash_logs": Readings(((subject, CrashLog("prometheus", ['msg="WAL segment loaded" segment=4 maxSegment=90'])),)),
        "crash_events": Readings(((subject, CrashEvents(events)),)),
    }
    (finding,) = judged(probe_crash_loop, **world(case, **read)).findings
    assert "still reading its write-ahead log" in finding.cause
    assert "raise spec.maximumStartupDurationSeconds of its Prometheus object" in finding.fix
    assert "correct its path" not in finding.fix


def fix_while_waiting(reason: str, message: str, **spec: Any) -> Finding:
    one = pod_of(Case("x", "", waiting(reason, message), restarts=0, phase="Pending"))
    one = msgspec.structs.replace(one, spec=msgspec.convert({**msgspec.to_builtins(one.spec), **spec}, PodSpec))
    return judged(probe_crash_loop, **world(Case("x", "", LOOPING), pods=listing("Pod", [one]))).findings[0]


def commands(finding: Finding) -> list[str]:
    return [line(command) for step in finding.steps for command in step.commands]


@pytest.mark.parametrize(
    ("message", "named", "command"),
    [
        ('secret "db" not found', "Create the Secret db,", "kubectl -n app get secrets"),
        ('configmap "settings" not found', "Create the ConfigMap settings,", "kubectl -n app get configmaps"),
        ("couldn't find key DB_URL in Secret app/db", "the key DB_URL in the Secret db", "kubectl -n app describe secret db"),
        ("couldn't find key a.b in ConfigMap app/c", "the key a.b in the ConfigMap c", "kubectl -n app describe configmap c"),
    ],
)
def test_what_a_specification_misses_is_named_in_the_fix(message: str, named: str, command: str) -> None:
    finding = fix_while_waiting("CreateContainerConfigError", message)
    assert named in finding.fix
    assert command in commands(finding)


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ("container has runAsNonRoot and image will run as root", "Set runAsUser"),
        ('failed to prepare subPath for volumeMount "data" of container "main"', "Make the folder of the subPath"),
        ("something else", "Correct what the message names"),
    ],
)
def test_no_secret_is_to_be_made_where_none_is_missing(message: str, fix: str) -> None:
    finding = fix_while_waiting("CreateContainerConfigError", message)
    assert fix in finding.fix
    assert "Secret" not in finding.fix
    assert "not there" not in finding.cause


def test_a_registry_that_refuses_leads_to_the_pull_secrets_of_the_pod() -> None:
    denied = "pull access denied, insufficient_scope: authorization failed"
    assert "the pod names none" in fix_while_waiting("ErrImagePull", denied).fix
    named = fix_while_waiting("ErrImagePull", denied, imagePullSecrets=[{"name": "registry"}])
    assert "kubectl -n app get secret registry" in commands(named)


@pytest.mark.parametrize(
    ("reason", "message", "fix"),
    [
        ("ErrImagePull", "x:2: not found", "Correct the image's name or tag"),
        ("ErrImagePull", "dial tcp: lookup registry: no such host", "Let the node reach the registry"),
        ("ErrImagePull", "toomanyrequests", "Pull with a pull secret"),
        ("ErrImageNeverPull", "", "imagePullPolicy"),
        ("CreateContainerError", 'name "a" is reserved for "b"', "Wait until the node has cleared"),
        ("RunContainerError", 'exec: "x": executable file not found in $PATH', "Correct its command, or the image"),
    ],
)
def test_a_container_that_cannot_start_has_a_fix_of_its_own_and_no_log(reason: str, message: str, fix: str) -> None:
    finding = fix_while_waiting(reason, message)
    assert fix in finding.fix
    assert not [one for one in commands(finding) if " logs " in one]


@pytest.mark.parametrize(
    ("code", "lines", "fix"),
    [
        (1, ("OSError: [Errno 30] Read-only file system: '/app/.cache'",), "readOnlyRootFilesystem"),
        (1, ("PermissionError: [Errno 13] Permission denied: '/x'",), "storage/volume-permissions"),
        (1, ("listen tcp :80: bind: permission denied",), "net.ipv4.ip_unprivileged_port_start to 0"),
        (1, ("lock DB directory: resource temporarily unavailable",), "`strategy.type: Recreate` (without `rollingUpdate`)"),
        (1, ("failed to create fsnotify watcher: too many open files",), "fs.inotify.max_user_instances"),
        (1, ("permission denied for schema public",), "give that user the right"),
        (1, ('x is forbidden: User "someone" cannot do it',), "bind a role to it"),
        (0, (), "stay in the foreground"),
        (126, (), "executable"),
        (127, (), "Correct its command"),
        (139, (), "Find what ends it"),
        (1, ("KeyError: 'x'",), "Fix the error shown at the end of its log"),
    ],
)
def test_the_fix_goes_by_the_cause(code: int, lines: tuple[str, ...], fix: str) -> None:
    assert fix in judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(code), lines=lines))).findings[0].fix


@pytest.mark.parametrize(("state", "last", "previous"), [(LOOPING, ended(1), True), (ended(1), {}, False), (ended(1), ended(1), False)])
def test_the_log_is_asked_of_the_instance_that_ended_last(state: Any, last: Any, previous: bool) -> None:
    (log,) = [one for one in commands(judged(probe_crash_loop, **world(Case("x", "", state, last))).findings[0]) if " logs " in one]
    assert ("--previous" in log, " -c main " in log) == (previous, True)


def test_a_log_that_was_not_read_is_not_said_to_be_silent() -> None:
    read = world(Case("x", "", LOOPING, ended(3), restarts=50, created="2025-12-01T10:00:00Z"))
    silent = Readings(((Subject(kind="Pod", namespace="app", name="tmp-curl"), CrashLog("main", [])),))
    assert "Its log says nothing." in judged(probe_crash_loop, **{**read, "crash_logs": silent}).findings[0].cause
    (finding,) = judged(probe_crash_loop, **{**read, "crash_logs": Readings((), (refused("Pod"),))}).findings
    assert finding.cause == "Its own process ends with exit code 3. Its log could not be read."


@pytest.mark.parametrize(
    ("place", "asked", "bound"),
    [
        ("at the cluster scope", "kubectl auth can-i list nodes.metrics.k8s.io --as=", "by a ClusterRoleBinding"),
        ('in the namespace \\"web\\"', "kubectl -n web auth can-i list nodes.metrics.k8s.io --as=", "by a RoleBinding in web"),
    ],
)
def test_what_the_api_server_refuses_is_asked_again_as_the_service_account(place: str, asked: str, bound: str) -> None:
    user = '\\"system:serviceaccount:monitoring:operator\\"'
    line = f'err="nodes is forbidden: User {user} cannot list resource \\"nodes\\" in API group \\"metrics.k8s.io\\" {place}"'
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(1), lines=(line,)))).findings
    assert "The API server refuses what it asks for (exit code 1)" in finding.cause
    assert f"{asked}system:serviceaccount:monitoring:operator" in " ".join(commands(finding))
    assert f"bound to the ServiceAccount monitoring/operator {bound}" in finding.fix


def test_the_part_of_a_resource_is_asked_for_as_kubectl_takes_it() -> None:
    line = 'pods "web-1" is forbidden: User "system:serviceaccount:app:tool" cannot get resource "pods/log" in API group "" in the namespace "web"'
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(1), lines=(line,)))).findings
    assert "kubectl -n web auth can-i get pods --subresource=log --as=system:serviceaccount:app:tool" in commands(finding)


def test_a_permission_error_is_quoted() -> None:
    (finding,) = judged(probe_crash_loop, **world(case_named("permission denied"))).findings
    assert "Permission denied: '/app/logs/a'" in finding.cause


@pytest.mark.parametrize(
    ("code", "word"), [(126, "may not be executed"), (127, "does not exist"), (139, "SIGSEGV"), (143, "SIGTERM"), (3, "code 3")]
)
def test_an_exit_code_is_put_into_words(code: int, word: str) -> None:
    assert word in judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(code)))).findings[0].cause


def test_the_last_lines_are_shown() -> None:
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(1), lines=("Traceback", "KeyError: 'x'")))).findings
    assert "KeyError: 'x'" in finding.cause
    assert any(getattr(one, "text", "") == "Traceback\nKeyError: 'x'" for one in finding.exhibits)


def test_the_replicas_of_a_workload_are_one_finding() -> None:
    one = pod_of(Case("x", "", LOOPING, ended(1), owned=True))
    two = labelled(
        Pod,
        "app",
        "web-new-2",
        NEW,
        metadata={"ownerReferences": owners("new")},
        spec={"containers": [{"name": "main"}]},
        status={"phase": "Running", "containerStatuses": [{"name": "main", "restartCount": 1, "state": LOOPING, "lastState": ended(1)}]},
    )
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", LOOPING), pods=listing("Pod", [one, two]))).findings
    assert (finding.subject.kind, finding.subject.name) == ("Deployment", "web")
    assert "tmp-curl, web-new-2" in finding.problem


def test_a_log_that_cannot_be_read_leaves_it_open_whether_it_only_waits() -> None:
    case = Case("x", "", LOOPING, ended(1), command=("app", URL))
    unread: Readings[Any] = Readings((), (refused("Pod", "app"),))
    verdict = judged(probe_crash_loop, **world(case, crash_logs=unread))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_pods_that_are_not_all_known_leave_it_open_as_well() -> None:
    case = Case("x", "", LOOPING, ended(7), command=CURL)
    some = world(case)["pods"]
    partly = Readings(some.values, (refused("PodList", "logging"),))
    assert outcome(judged(probe_crash_loop, **world(case, pods=partly))) == "inconclusive"


@pytest.mark.parametrize(("phase", "statuses"), [("Unknown", [{"name": "main"}]), ("", []), ("Running", [])])
def test_a_pod_whose_containers_are_not_told_is_unchecked(phase: str, statuses: list[Any]) -> None:
    pod = labelled(Pod, "app", "x", spec={"containers": []}, status={"phase": phase, "containerStatuses": statuses})
    assert outcome(judged(probe_crash_loop, **world(Case("x", "", LOOPING), pods=listing("Pod", [pod])))) == "inconclusive"


def test_a_pod_that_is_going_is_left_alone() -> None:
    case = Case("x", "", LOOPING, ended(1))
    going = labelled(
        Pod,
        "app",
        "x",
        metadata={"deletionTimestamp": NOW},
        spec={"containers": []},
        status={"phase": "Running", "containerStatuses": [{"name": "main", "state": LOOPING, "lastState": ended(1)}]},
    )
    assert outcome(judged(probe_crash_loop, **world(case, pods=listing("Pod", [going])))) == "pass"


def restless(restarts: int = 12, *, code: int = 1, began: str = "2026-01-01T11:50:00Z", lived: str = "2026-01-01T11:35:00Z") -> Case:
    """Created two hours ago; it runs since `began`, and the one before it since `lived`."""
    last = ended(code, started=lived, at="2026-01-01T11:49:50Z")
    return Case("x", "", running(began), last, restarts=restarts, created=OLD, ready=True)


def test_one_that_ends_every_ten_minutes_and_runs_in_between_is_a_warning() -> None:
    (finding,) = judged(probe_crash_loop, **world(restless())).findings
    assert (finding.reason, finding.severity) == ("CrashLoop", "warning")
    assert "ended 12 times in 2 h, and runs in between (Error; Pod tmp-curl)" in finding.problem


@pytest.mark.parametrize(
    "case",
    [
        restless(4),
        restless(code=0),  # it is made so
        restless(began="2026-01-01T11:39:59Z"),  # longer than twice as long as usual
        restless(lived="2026-01-01T11:29:49Z"),
    ],
)
def test_one_that_ended_now_and_then_is_well(case: Case) -> None:
    assert reasons(judged(probe_crash_loop, **world(case))) == []


def test_a_pod_whose_stateful_set_was_corrected_since_is_to_be_deleted() -> None:
    case = Case("image", "", waiting("ImagePullBackOff"), {}, phase="Pending")
    own = [{"kind": "StatefulSet", "name": "db", "uid": "u", "controller": True}]
    one = pod_of(case)
    metadata = msgspec.structs.replace(one.metadata, name="db-0", labels_={"controller-revision-hash": "db-old"})
    bad = msgspec.structs.replace(one, metadata=msgspec.convert({**msgspec.to_builtins(metadata), "ownerReferences": own}, type(metadata)))
    status = {"updateRevision": "db-new"}
    sets = listing("StatefulSet", [labelled(Workload, "app", "db", spec={"template": {"spec": {"containers": []}}}, status=status)])
    (finding,) = judged(probe_crash_loop, **world(case, pods=listing("Pod", [bad]), stateful_sets=sets)).findings
    assert (finding.reason, finding.subject.name) == ("ImageError", "db")
    assert "StatefulSet app/db asks for db-new by now" in finding.cause
    assert "$ kubectl -n app delete pod db-0" in finding.fix
    assert "Correct the image" not in finding.fix
