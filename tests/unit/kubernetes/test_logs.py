"""Which logs are read, how, and what is no log."""

from types import SimpleNamespace
from typing import Any

import pytest

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.http import Answer
from clusterprobe.access.patience import Patience
from clusterprobe.errors import BadResponse, Forbidden
from clusterprobe.profile import Profile
from clusterprobe.systems.kubernetes.logs import MAX_BYTES, last_lines, parse_lines
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.pods import crashes
from clusterprobe.systems.pods import write_refusals as denials
from clusterprobe.times import epoch
from tests.factories import labelled, listing, make
from tests.unit.pods.crash_corpus import LOOPING, ended, running

AT = "2026-01-01T11:59:00.123456789Z "


class Asked:
    """A cluster that answers every log with these lines, and remembers what it was asked."""

    each, log = Cluster.each, Cluster.log
    deadline = None

    def __init__(self, body: bytes = f"{AT}one\n{AT}two\n".encode(), error: Exception | None = None, listed: Any = None) -> None:
        self.body, self.error, self.listed = body, error, listed
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.api, self._patience = SimpleNamespace(get=self._get), Patience()

    def now(self) -> float:
        return epoch("2026-01-01T12:00:00Z") or 0.0

    def _get(self, path: str, deadline: Any, query: Any, **options: Any) -> Answer:
        self.asked.append((path, query))
        if self.error:
            raise self.error
        return Answer(200, {}, self.body, 0.0)

    def get(self, path: str, kind: Any, query: Any, **_: Any) -> Any:
        self.asked.append((path, query))
        if self.error:
            raise self.error
        return make(kind, **self.listed)


def pod(name: str, state: Any, last: Any = None, *, ready: bool = False, owner: str = "", volume: Any = None, **container: Any) -> Pod:
    mounts = [{"name": "data", "mountPath": "/data"}] if volume else []
    spec = {
        "containers": [{"name": "main", "volumeMounts": mounts, **container}],
        "volumes": [{"name": "data", **volume}] if volume else [],
    }
    owners = [{"kind": "StatefulSet", "name": owner, "controller": True}] if owner else []
    status = {"name": "main", "ready": ready, "restartCount": 2 if last else 0, "state": state, "lastState": last or {}}
    conditions = [{"type": "Ready", "status": "True"}] if ready else []
    return labelled(Pod, "app", name, metadata={"ownerReferences": owners}, spec=spec,
                    status={"phase": "Running", "conditions": conditions, "containerStatuses": [status]})  # fmt: skip


WELL = running("2026-01-01T10:00:00Z")
NFS = {"nfs": {"server": "nas", "path": "/x"}}


def crash_logs(cluster: Any, *pods: Pod) -> Any:
    return crashes.crash_logs(cluster, listing("Pod", pods))


def volume_logs(cluster: Any, *pods: Pod) -> Any:
    claims = listing("PersistentVolumeClaim", [labelled(PersistentVolumeClaim, "app", "disk", spec={"volumeName": "pv"})])
    volumes = listing("PersistentVolume", [make(PersistentVolume, metadata={"name": "pv"}, spec={"local": {"path": "/x"}})])
    return denials.volume_logs(cluster, listing("Pod", pods), claims, volumes, listing("StorageClass", list[StorageClass]()), Profile())


# --- crash_logs -----------------------------------------------------------------------------------------------------------


def test_only_the_crashing_containers_logs_are_read() -> None:
    cluster = Asked()
    found = crash_logs(cluster, pod("well", WELL, ready=True), pod("bad", LOOPING, ended(1)))
    ((path, query),) = cluster.asked
    assert path == "/api/v1/namespaces/app/pods/bad/log"
    assert (query["previous"], query["tailLines"], query["limitBytes"]) == ("true", 20, MAX_BYTES)
    assert found.items[0].lines == ["one", "two"]


def test_the_log_of_one_that_has_just_ended_is_the_current_one() -> None:
    cluster = Asked()
    crash_logs(cluster, pod("bad", ended(1), ended(1)))
    assert "previous" not in cluster.asked[0][1]


def test_one_that_has_never_run_has_no_log() -> None:
    cluster = Asked()
    found = crash_logs(cluster, pod("bad", {"waiting": {"reason": "ImagePullBackOff"}}))
    assert (cluster.asked, found.complete) == ([], True)


def test_no_more_than_thirty_are_read_and_the_rest_say_so() -> None:
    cluster = Asked()
    found = crash_logs(cluster, *(pod(f"bad-{number}", LOOPING, ended(1)) for number in range(32)))
    assert (len(cluster.asked), len(found), len(found.unreadable)) == (30, 30, 2)
    assert "only the logs of the first 30" in found.unreadable[0].reason


def test_a_log_that_may_not_be_read_names_the_permission() -> None:
    found = crash_logs(Asked(error=Forbidden("no", verb="get", resource="x")), pod("bad", LOOPING, ended(1)))
    assert found.unreadable[0].reason == "not allowed to get pods/log in namespace app"


def test_secrets_in_a_log_are_redacted_and_long_lines_cut() -> None:
    found = crash_logs(Asked(f"{AT}password=hunter2hunter2\n{AT}{'x' * 900}\n".encode()), pod("bad", LOOPING, ended(1)))
    assert "hunter2" not in repr(found)
    assert len(found.items[0].lines[1]) == 400


# --- crash_events ---------------------------------------------------------------------------------------------------------

PROBED: dict[str, Any] = {"livenessProbe": {"httpGet": {"path": "/"}}}


def test_events_are_read_only_of_those_that_a_probe_may_have_killed() -> None:
    cluster = Asked(listed={"kind": "EventList", "items": [{"reason": "Killing", "message": "token=abcdefgh12345678", "count": 3}]})
    found = crashes.crash_events(cluster, listing("Pod", [pod("a", LOOPING, ended(137), **PROBED), pod("b", LOOPING, ended(1))]))  # type: ignore[arg-type]
    ((path, query),) = cluster.asked
    assert path == "/api/v1/namespaces/app/events"
    assert query["fieldSelector"] == "involvedObject.kind=Pod,involvedObject.name=a"
    assert (found.items[0].events[0].reason, found.items[0].events[0].count) == ("Killing", 3)
    assert "abcdefgh" not in repr(found)


def test_another_kind_of_answer_is_unreadable() -> None:
    found = crashes.crash_events(Asked(listed={"kind": "PodList", "items": []}), listing("Pod", [pod("a", LOOPING, ended(1), **PROBED)]))  # type: ignore[arg-type]
    assert "not an EventList" in found.unreadable[0].reason


# --- volume_logs ----------------------------------------------------------------------------------------------------------


def test_logs_are_read_of_pods_on_nfs_and_of_those_that_fail_with_a_volume() -> None:
    cluster = Asked()
    disk = {"persistentVolumeClaim": {"claimName": "disk"}}
    volume_logs(
        cluster,
        pod("on-nfs", WELL, ready=True, volume=NFS),
        pod("on-disk", WELL, ready=True, volume=disk),
        pod("failing-on-disk", LOOPING, ended(1), volume=disk),
        pod("failing-without", LOOPING, ended(1)),
        pod("failing-on-empty", LOOPING, ended(1), volume={"emptyDir": {}}),
        pod("unready-on-host", WELL, volume={"hostPath": {"path": "/var/log"}}),
    )
    assert sorted(path.split("/")[-2] for path, _ in cluster.asked) == ["failing-on-disk", "on-nfs", "unready-on-host"]


def test_a_running_container_is_asked_for_the_window_and_a_crashed_one_for_its_last_instance() -> None:
    cluster = Asked()
    volume_logs(cluster, pod("well", WELL, ready=True, volume=NFS), pod("bad", LOOPING, ended(1), volume=NFS))
    asked = {path.split("/")[-2]: query for path, query in cluster.asked}
    assert (asked["well"].get("sinceSeconds"), asked["well"].get("previous")) == (600, None)
    assert (asked["bad"].get("sinceSeconds"), asked["bad"].get("previous")) == (None, "true")


def test_of_many_replicas_two_are_asked() -> None:
    cluster = Asked()
    volume_logs(cluster, *(pod(f"db-{number}", WELL, ready=True, owner="db", volume=NFS) for number in range(5)))
    assert len(cluster.asked) == 2


def test_a_container_that_has_never_logged_is_silent_and_one_that_is_quiet_now_is_not() -> None:
    assert volume_logs(Asked(b""), pod("well", WELL, ready=True, volume=NFS)).items[0].silent
    assert not volume_logs(Asked(), pod("well", WELL, ready=True, volume=NFS)).items[0].silent


def test_beyond_a_hundred_the_rest_say_that_they_were_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "MAX_LOGS", 1)
    found = volume_logs(Asked(), pod("a", LOOPING, ended(1), volume=NFS), pod("b", LOOPING, ended(1), volume=NFS))
    assert (len(found), len(found.unreadable)) == (1, 1)


def test_a_refusal_on_the_volume_is_kept_and_no_other_line() -> None:
    body = f"{AT}user=planted\n{AT}open /data/x: permission denied\n".encode()
    found = volume_logs(Asked(body), pod("bad", LOOPING, ended(1), volume=NFS))
    assert [one.path for one in found.items[0].denials] == ["/data/x"]
    assert "planted" not in repr(found)


# --- what is a log --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"<html>login</html>\n", b'{"kind":"Status"}\n', b"unable to retrieve container logs for containerd://x\n", f"{AT}cut".encode()],
)
def test_what_is_no_log_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(BadResponse):
        parse_lines(body, "the log")


def test_a_log_that_was_cut_at_the_limit_loses_only_its_last_line() -> None:
    body = f"{AT}one\n".encode() + AT.encode() + b"x" * MAX_BYTES
    assert [one.text for one in parse_lines(body, "the log")] == ["one"]


class Cutting(Asked):
    """A kubelet, which begins so many lines before the end, and stops after so many bytes."""

    def __init__(self, lines: list[bytes]) -> None:
        super().__init__()
        self.lines = lines

    def _get(self, path: str, deadline: Any, query: Any, **options: Any) -> Answer:
        self.asked.append((path, dict(query)))
        return Answer(200, {}, b"".join(self.lines[-query["tailLines"] :])[: query["limitBytes"]], 0.0)


def test_of_lines_so_long_that_the_limit_cuts_them_the_newest_are_read() -> None:
    cluster: Any = Cutting([f"{AT}{number} {'x' * 1000}\n".encode() for number in range(500)])
    lines = last_lines(cluster, pod("long", WELL), "main", 500)
    assert lines[-1].startswith("499 ")
    assert [query["tailLines"] for _, query in cluster.asked] == [500, 126]


def test_a_log_that_is_cut_however_few_lines_are_asked_for_is_read_as_it_is() -> None:
    cluster: Any = Cutting([f"{AT}one\n".encode(), AT.encode() + b"x" * 2 * MAX_BYTES + b"\n"])
    assert last_lines(cluster, pod("long", WELL), "main", 500) == []
    assert len(cluster.asked) == 3


def test_an_empty_log_has_no_lines() -> None:
    assert parse_lines(b"", "the log") == []


SPLIT = {
    "a value below its name": "env:\n- name: DB_PASSWORD\n  value: VALUE\n- name: B\n  value: x",
    "printed as JSON": '{\n  "env": [\n    {\n      "name": "DB_PASSWORD",\n      "value": "VALUE"\n    }\n  ]\n}',
    "a block of YAML": "password: |\n  VALUE\n  VALUE\nuser: bob",
    "a list": "api_keys:\n  - VALUE\n  - VALUE\nuser: bob",
    "elements": "<property>\n <name>db.password</name>\n <value>VALUE</value>\n</property>",
    "a sentence": "Please use the following password to proceed:\n\nVALUE\n\nIt is in a file as well",
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----\nVALUE\nQx8=\n-----END RSA " + "PRIVATE KEY-----\nlistening",
    "a private key that is cut": "listening\n-----BEGIN RSA " + "PRIVATE KEY-----\nVALUE\nQx8=",
    "a manifest": "kind: Secret\nstringData:\n  url: VALUE\ntype: Opaque",
    "arguments": "args:\n- --db-password\n- VALUE",
    "a model that refuses": "password\n  String should be short [type=string_too_long, input_value='VALUE', input_type=str]",
}


def written(text: str) -> bytes:
    return "".join(f"2026-01-01T00:00:00.000000000Z {one}\n" for one in text.split("\n")).encode()


@pytest.mark.parametrize("text", SPLIT.values(), ids=SPLIT)
def test_a_secret_over_several_lines_is_left_out_and_every_line_stays(text: str):
    lines = [one.text for one in parse_lines(written(text.replace("VALUE", "tulip99garden")), "the log")]
    assert not any(part in line for line in lines for part in ("tulip99", "Qx8="))
    assert len(lines) == text.count("\n") + 1


def test_a_quotation_mark_that_nothing_closes_hides_its_own_line_only():
    text = "login failed: password=\"tulip99garden\nOSError: [Errno 13] Permission denied: '/data'\nexit 1"
    assert [one.text for one in parse_lines(written(text), "the log")] == [
        "login failed: password=[redacted]",
        "OSError: [Errno 13] Permission denied: '/data'",
        "exit 1",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "ERROR Failed to obtain token:\n\tat com.example.Auth.run(Auth.java:12)\n\tat java.lang.Thread.run(Thread.java:840)\nCaused by: x",
        "flag provided but not defined: -password\nUsage of /app:\n  -config string",
        "Loading credentials:\nPermissionError: [Errno 13] Permission denied: '/data/token'",
        "database_password\n  Field required [type=missing, input_value={}, input_type=dict]",
        "token:\n  file: /var/run/secrets/token\nlevel=info msg=started",
    ],
)
def test_what_tells_why_it_ended_stays(text: str):
    assert [one.text for one in parse_lines(written(text), "the log")] == text.split("\n")


def test_an_apostrophe_hides_no_line_that_follows():
    text = "can't read password 'abc\nOSError: [Errno 13] Permission denied: '/data'"
    assert [one.text for one in parse_lines(written(text), "the log")][1] == "OSError: [Errno 13] Permission denied: '/data'"
