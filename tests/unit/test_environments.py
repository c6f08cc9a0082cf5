import pytest

from clusterprobe.environments import Environments
from clusterprobe.profile import EnvironmentProfile, Profile
from clusterprobe.systems.kubernetes.objects import Namespace
from tests.factories import make


@pytest.mark.parametrize(
    ("namespace", "environment"),
    [
        ("monitoring-dev", "dev"),
        ("prod-ml", "prod"),
        ("fastapi-production", "prod"),
        ("team.staging", "staging"),
        ("kube-system", ""),
        ("developer-tools", ""),
        ("dev", "dev"),
        ("", ""),
    ],
)
def test_a_namespace_belongs_where_its_name_says(namespace: str, environment: str) -> None:
    assert Environments(Profile()).of(namespace) == environment


def test_a_label_outweighs_the_name() -> None:
    labelled = make(Namespace, metadata={"name": "monitoring-dev", "labels": {"environment": "Production"}})
    assert Environments(Profile(), [labelled]).of("monitoring-dev") == "prod"


def test_a_profile_that_names_environments_names_all_of_them() -> None:
    profile = Profile(environments={"blue": EnvironmentProfile(namespaces=["monitoring-d*"])})
    environments = Environments(profile, [make(Namespace, metadata={"name": "monitoring-dev"})])
    assert (environments.of("monitoring-dev"), environments.of("monitoring-prod")) == ("blue", "")
    assert environments.members() == {"blue": ["monitoring-dev"]}
