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
        ("monitoring-pre-prod", "preprod"),
        ("monitoring-preproduction", "preprod"),
        ("shop-integration", "int"),
        ("nprd-shop", "nonprod"),
        ("non-production-shop", "nonprod"),
        ("nonprod-shop", "nonprod"),
        ("shop-dev1", "dev"),
        ("shop-tst", "test"),
        ("dev-eu-shop", "dev"),
        ("shop-prod-eu-west-1", "prod"),
        ("shop-uat-backend", "uat"),
        ("the-live-chat", ""),
        ("my-test-runner", ""),
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


def namespace(name: str, **labels: str) -> Namespace:
    return make(Namespace, metadata={"name": name, "labels": labels})


def members(*names: str, stacks: str) -> dict[str, list[str]]:
    return Environments(Profile(), map(namespace, names), stacks.split()).members()


def pairs(first: str, second: str, *bases: str) -> list[str]:
    return [base.format(one) for base in bases for one in (first, second)]


@pytest.mark.parametrize(
    ("first", "second", "bases", "called"),
    [
        ("blue", "green", ("monitoring-{}", "shop-{}"), ("blue", "green")),
        ("blue", "green", ("{}-monitoring", "{}-shop"), ("blue", "green")),
        ("north", "south", ("obs-{}-k8s", "shop-{}"), ("north", "south")),
        ("pre-prod", "prod", ("monitoring-{}", "shop-{}"), ("pre-prod", "prod")),
        ("dev", "prod", ("monitoring-{}-eu", "shop-{}-eu"), ("dev", "prod")),
        ("a", "b", ("monitoring-team-{}", "shop-team-{}"), ("team-a", "team-b")),
        ("a", "b", ("monitoring-{}", "shop-{}"), ("a", "b")),
    ],
)
def test_namespaces_that_differ_as_those_of_stacks_do_are_environments(
    first: str, second: str, bases: tuple[str, ...], called: tuple[str, str]
) -> None:
    found = members(*pairs(first, second, *bases), "kube-system", stacks=" ".join(pairs(first, second, bases[0])))
    assert found == {name: sorted(base.format(one) for base in bases) for name, one in zip(called, (first, second), strict=True)}


@pytest.mark.parametrize("stacks", ["", "monitoring-blue", "monitoring-blue monitoring-green"])
def test_a_pattern_needs_two_stacks_and_other_namespaces_that_share_it(stacks: str) -> None:
    others = pairs("blue", "green", "shop-{}") if "green" not in stacks else ["shop", "cart"]
    assert members(*others, *stacks.split(), "monitoring", stacks=stacks) == {}


def test_stacks_that_differ_in_what_they_are_for_are_no_environments() -> None:
    names = ["team-a-metrics", "team-a-traces", "team-b-metrics", "team-b-traces", "team-a-shop", "team-b-shop"]
    assert set(members(*names, stacks="team-a-metrics team-a-traces team-b-metrics team-b-traces")) == {"team-a", "team-b"}


def test_a_namespace_of_one_side_only_belongs_there_too() -> None:
    names = [*pairs("blue", "green", "monitoring-{}", "shop-{}"), "batch-blue"]
    assert "batch-blue" in members(*names, stacks="monitoring-blue monitoring-green")["blue"]


@pytest.mark.parametrize(
    ("labels", "environment"),
    [
        ({"env": "prod"}, "prod"),
        ({"app.kubernetes.io/environment": "Production"}, "prod"),
        ({"tags.datadoghq.com/env": "prod"}, "prod"),
        ({"corp.example/environment": "Staging"}, "staging"),
        ({"corp.example/environment": "everything"}, ""),
        ({"corp.example/env-of": "prod"}, ""),
        ({"tier": "staging"}, "staging"),
        ({"tier": "backend"}, ""),
        ({"environment": "platform"}, ""),
        ({"environment": "everything"}, ""),
    ],
)
def test_a_label_counts_where_its_value_can_be_an_environment(labels: dict[str, str], environment: str) -> None:
    assert Environments(Profile(), [namespace("shop", **labels)]).of("shop") == environment


def test_values_that_divide_namespaces_are_environments_whatever_they_are_called() -> None:
    found = Environments(Profile(), [namespace("shop", env="red"), namespace("cart", env="black")])
    assert found.members() == {"black": ["cart"], "red": ["shop"]}


def test_so_are_those_of_a_label_with_a_prefix_of_ones_own() -> None:
    found = Environments(Profile(), [namespace(one, **{"corp.example/env": value}) for one, value in (("shop", "red"), ("cart", "black"))])
    assert found.members() == {"black": ["cart"], "red": ["shop"]}
    assert [one.by for one in found.placed()] == ["its label corp.example/env=black", "its label corp.example/env=red"]


def test_a_value_that_only_namespaces_of_stacks_carry_is_shared() -> None:
    named = [namespace("observe", env="insight"), namespace("shop", env="red"), namespace("cart", env="black")]
    found = Environments(Profile(), named, ["observe"])
    assert (found.of("observe"), found.of("shop")) == ("", "red")
    assert [one.by for one in found.placed() if one.namespace == "observe"] == ["its label env=insight"]


def test_what_says_so_is_kept() -> None:
    named = [
        namespace("shop-dev"),
        namespace("cart", env="prod"),
        *map(namespace, pairs("blue", "green", "mon-{}", "web-{}")),
        namespace("x"),
    ]
    found = {one.namespace: one.by for one in Environments(Profile(), named, ["mon-blue", "mon-green"]).placed()}
    assert found["shop-dev"] == "the word dev in its name"
    assert found["cart"] == "its label env=prod"
    assert found["web-blue"] == "its name's part blue: mon-blue and mon-green differ as web-blue and web-green do"
    assert "x" not in found


def test_only_environments_with_a_prometheus_of_their_own_are_divided() -> None:
    environments = Environments(Profile(), map(namespace, ("mon-dev", "mon-prod", "shop-dev", "shop-prod", "shop-qa")))
    both, one = environments.divided_by(["mon-dev", "mon-prod"]), environments.divided_by(["mon-prod"])
    assert (both.differ("mon-dev", "shop-prod"), both.differ("mon-dev", "shop-qa")) == (True, False)
    assert (one.differ("mon-prod", "shop-dev"), one.members()) == (False, {})
    assert environments.of("shop-qa") == "qa"


def test_what_the_profile_says_is_divided_as_it_stands() -> None:
    profile = Profile(environments={one: EnvironmentProfile(namespaces=[f"*-{one}"]) for one in ("dev", "prod")})
    assert Environments(profile).divided_by(["mon-prod"]).differ("mon-prod", "shop-dev")


def test_production_is_known_by_its_name_unless_the_profile_says_otherwise() -> None:
    names = ["prod", "preprod", "prod-eu", "live", "", "blue", "dev"]
    assert Environments(Profile()).production(names) == ["live", "prod", "prod-eu"]
    said = {
        "blue": EnvironmentProfile(namespaces=["blue-*"], production=True),
        "prod": EnvironmentProfile(namespaces=["old-*"], production=False),
        "live": EnvironmentProfile(namespaces=["live-*"]),
    }
    assert Environments(Profile(environments=said)).production([*said, "dev"]) == ["blue", "live"]
