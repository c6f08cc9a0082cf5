import base64

import pytest

from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.alertmanager.config_secrets import ConfigSecret, SecretSeries, alertmanager_secrets
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.kubernetes.secrets import EMPTY_DIGEST, SECRETS, NamedSecret, _digest, named_secrets
from tests.factories import labelled, listing, refused, server


def facts(series: SecretSeries | None = None, named: NamedSecret | None = None) -> ConfigSecret:
    customs = listing("Alertmanager", [labelled(Alertmanager, "monitoring-dev", "main", spec={"configSecret": "team"})])
    prometheus = server("prometheus", "monitoring-dev", "main")[0]
    seen = Readings((), (refused("Pod"),)) if series is None else single(prometheus, series)
    read = Readings() if named is None else single(SECRETS.subject("monitoring-dev", "team"), named)
    found = alertmanager_secrets(customs, seen, read)
    assert found.complete
    return found.items[0]


def series(*names: str, count: int = 5) -> SecretSeries:
    return SecretSeries({"monitoring-dev": count}, {"monitoring-dev": list(names)}, {"monitoring-dev/team": "SealedSecret/team"})


def test_without_any_source_nothing_is_known() -> None:
    assert facts() == ConfigSecret("team")


def test_a_listed_secret_exists_with_its_owner_and_no_word_about_keys() -> None:
    found = facts(series("team", "alertmanager-main"))
    assert (found.exists, found.has_key, found.owner, found.chart_secret_exists) == (True, None, "SealedSecret/team", True)


def test_a_secret_that_is_not_among_those_listed_does_not_exist() -> None:
    assert facts(series("alertmanager-main")).exists is False


def test_a_secret_that_one_prometheus_does_not_list_may_be_listed_by_one_that_could_not_be_asked() -> None:
    customs = listing("Alertmanager", [labelled(Alertmanager, "monitoring-dev", "main", spec={"configSecret": "team"})])
    asked = Readings(((server("prometheus", "monitoring-dev", "main")[0], series("alertmanager-main")),), (refused("Pod"),))
    assert alertmanager_secrets(customs, asked, Readings()).items[0].exists is None


def test_a_prometheus_that_lists_no_secret_of_the_namespace_tells_nothing() -> None:
    assert facts(SecretSeries({"monitoring-prod": 9})).exists is None


def test_candidates_are_neither_the_named_one_nor_the_charts_nor_the_operators() -> None:
    found = facts(series("alertmanager-main", "alertmanager-main-generated", "alertmanager-slack", "team"))
    assert found.candidates == ["alertmanager-slack"]


@pytest.mark.parametrize(
    ("named", "exists", "has_key"),
    [
        (NamedSecret(exists=False), False, None),
        (NamedSecret(exists=True, digests={"alertmanager.yaml": "abc"}), True, True),
        (NamedSecret(exists=True, digests={"alertmanager.yml": "abc"}), True, False),
        (NamedSecret(exists=True, digests={"alertmanager.yaml": EMPTY_DIGEST}), True, False),
    ],
)
def test_a_secret_that_was_read_by_name_wins_over_what_is_listed(named: NamedSecret, exists: bool, has_key: bool | None) -> None:
    found = facts(series("team"), named)
    assert (found.exists, found.has_key) == (exists, has_key)


class Asked:
    """Answers GETs of Secrets from a dict, and records them."""

    def __init__(self, answers: dict[str, object]) -> None:
        self.answers, self.paths = answers, []

    def get(self, path: str, kind: type) -> object:
        import msgspec

        from clusterprobe.errors import Forbidden, NotFound

        self.paths.append(path)
        answer = self.answers.get(path)
        if answer is None:
            raise NotFound(path)
        if answer == "forbidden":
            raise Forbidden(path)
        return msgspec.convert(answer, kind)


PATH = "/api/v1/namespaces/a/secrets/b"


def secret(**data: str) -> dict[str, object]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "planted"}
    return {"kind": "Secret", "metadata": {"name": "b", "namespace": "a", "annotations": annotations}, "data": encoded}


def test_no_secret_is_asked_for_unless_the_profile_names_it() -> None:
    cluster = Asked({})
    assert not named_secrets(cluster, Profile())
    assert cluster.paths == []


def test_of_a_named_secret_only_key_names_and_digests_are_kept() -> None:
    found = named_secrets(Asked({PATH: secret(key="planted")}), Profile(secrets=["a/b"]))
    assert found.items == [NamedSecret(exists=True, digests={"key": _digest(b"planted")})]
    assert "planted" not in repr(found)


def test_of_a_named_secret_its_owner_is_kept_with_the_uid_and_whether_it_is_patched() -> None:
    answer = secret()
    owner = {"kind": "SealedSecret", "name": "b", "uid": "u", "controller": True}
    answer["metadata"] = {"name": "b", "ownerReferences": [owner], "annotations": {"sealedsecrets.bitnami.com/patch": "true"}}
    (found,) = named_secrets(Asked({PATH: answer}), Profile(secrets=["a/b"])).items
    assert (found.owner, found.owner_uid, found.patched) == ("SealedSecret/b", "u", True)


def test_a_named_secret_that_is_not_there_is_told_so() -> None:
    assert named_secrets(Asked({}), Profile(secrets=["a/b"])).items == [NamedSecret(exists=False)]


@pytest.mark.parametrize("answer", ["forbidden", {**secret(), "kind": "Status"}, {**secret(), "data": {"x": "not base64!"}}])
def test_a_named_secret_that_cannot_be_read_is_unreadable(answer: object) -> None:
    found = named_secrets(Asked({PATH: answer}), Profile(secrets=["a/b"]))
    assert not found
    assert len(found.unreadable) == 1
