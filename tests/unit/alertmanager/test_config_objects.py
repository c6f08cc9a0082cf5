from typing import Any

import msgspec
import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.config_objects import ConfigObject
from clusterprobe.systems.alertmanager.sources import Alertmanager, AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_config import parse_configuration
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.verdict import Verdict
from probes.alertmanager.probe_config_objects import probe_config_objects
from tests.factories import ENVIRONMENTS, assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, refused, server

NOW = 1_800_000_000.0
ONE = server("alertmanager", "monitoring", "main")
SERVED = "route: {receiver: shop/team/slack}\nreceivers: [{name: shop/team/slack, slack_configs: [{}]}]"
WITHOUT = "route: {receiver: 'null'}\nreceivers: [{name: 'null'}]"
LabelSelectorOf = dict[str, Any]
RELEASE: LabelSelectorOf = {"matchLabels": {"release": "stack"}}


def config(labels: dict[str, str] | None = None, **more: Any) -> ConfigObject:
    labels = {"release": "stack"} if labels is None else labels
    return labelled(ConfigObject, "shop", "team", labels, spec={"receivers": [{"name": "slack"}]}, **more)


def alertmanager(name: str = "main", **spec: Any) -> Alertmanager:
    chosen = {"alertmanagerConfigSelector": RELEASE, "alertmanagerConfigNamespaceSelector": {}, **spec}
    return labelled(Alertmanager, "monitoring", name, spec=chosen)


def world(*configs: ConfigObject, text: str = SERVED, by: list[Alertmanager] | None = None, **changed: Any) -> dict[str, Any]:
    namespaces = [labelled(Namespace, "", "shop", {"team": "a"}), labelled(Namespace, "", "monitoring")]
    return {
        "alertmanager_configs": listing("AlertmanagerConfig", configs),
        "alertmanagers": listing("Alertmanager", [alertmanager()] if by is None else by),
        "namespaces": listing("Namespace", namespaces),
        "alertmanager_statuses": Readings(((ONE[0], AlertmanagerStatus(parse_configuration(text))),)),
        "alertmanager_servers": Readings((ONE,)),
        "operator_rejections": Readings(absent="there is no such event"),
        "clock": Clock(NOW),
        "environments": ENVIRONMENTS,
        **changed,
    }


def judge(*configs: ConfigObject, **changed: Any) -> Verdict:
    return judged(probe_config_objects, **world(*configs, **changed))


def test_what_is_selected_and_served_passes() -> None:
    assert outcome(judge(config())) == "pass"


def team_config(labels: dict[str, str]) -> ConfigObject:
    return labelled(ConfigObject, "shop-dev", "team", labels, spec={"receivers": [{"name": "slack"}]})


def of_two(config: ConfigObject, *alertmanagers: tuple[str, LabelSelectorOf]) -> Verdict:
    """Alertmanagers by their namespaces, with what each asks for."""
    by = [
        labelled(Alertmanager, place, "main", spec={"alertmanagerConfigSelector": asks, "alertmanagerConfigNamespaceSelector": {}})
        for place, asks in alertmanagers
    ]
    namespaces = listing("Namespace", [labelled(Namespace, "", name) for name in ("shop-dev", "monitoring-dev", "monitoring-prod")])
    return judge(config, by=by, namespaces=namespaces)


def test_one_that_only_another_environment_takes_is_found() -> None:
    (finding,) = of_two(team_config({}), ("monitoring-dev", RELEASE), ("monitoring-prod", {})).findings
    assert finding.reason == "ConfigNotSelected"
    assert finding.problem == (
        "No Alertmanager of its environment selects the AlertmanagerConfig shop-dev/team: only monitoring-prod/main does, of another one."
    )
    assert finding.cause == "monitoring-dev/main: its `alertmanagerConfigSelector` asks for release=stack."
    assert "label alertmanagerconfigs.monitoring.coreos.com team release=stack --overwrite" in finding.fix


def test_one_that_its_own_environment_takes_too_is_not_found() -> None:
    assert "ConfigNotSelected" not in reasons(of_two(team_config({}), ("monitoring-dev", {}), ("monitoring-prod", {})))


def test_one_whose_environment_has_no_alertmanager_may_be_taken_by_another() -> None:
    assert "ConfigNotSelected" not in reasons(of_two(team_config({}), ("monitoring-prod", {})))
    assert "ConfigNotSelected" in reasons(of_two(team_config({}), ("monitoring-prod", RELEASE)))


def test_one_that_nothing_selects_is_found_with_the_label_that_is_asked_for() -> None:
    (finding,) = judge(config({"team": "ml"})).findings
    assert finding.reason == "ConfigNotSelected"
    assert finding.problem == "No Alertmanager selects the AlertmanagerConfig shop/team, so nothing of it is served."
    assert finding.cause == "monitoring/main: its `alertmanagerConfigSelector` asks for release=stack."
    assert "$ kubectl -n shop label alertmanagerconfigs.monitoring.coreos.com team release=stack --overwrite" in finding.fix


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"alertmanagerConfigSelector": None}, "is not set, so that it selects none"),
        ({"alertmanagerConfigNamespaceSelector": None}, "looks into monitoring only"),
        ({"alertmanagerConfigNamespaceSelector": {"matchLabels": {"team": "b"}}}, "asks for namespaces with team=b"),
        ({"alertmanagerConfigSelector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}}, "asks for x Exists"),
    ],
)
def test_each_way_of_not_being_selected_is_named_and_no_label_is_guessed(spec: dict[str, Any], why: str) -> None:
    (finding,) = judge(config(), by=[alertmanager(**spec)]).findings
    assert why in finding.cause
    assert "$ kubectl -n shop label" not in finding.fix


@pytest.mark.parametrize(
    "spec", [{"alertmanagerConfigSelector": {}}, {"alertmanagerConfigNamespaceSelector": {"matchLabels": {"team": "a"}}}]
)
def test_each_way_of_being_selected(spec: dict[str, Any]) -> None:
    assert outcome(judge(config(), by=[alertmanager(**spec)])) == "pass"


def test_one_that_replaces_the_whole_configuration_is_used() -> None:
    own = labelled(ConfigObject, "monitoring", "team", spec={"receivers": [{"name": "slack"}]})
    by = labelled(Alertmanager, "monitoring", "main", spec={"alertmanagerConfiguration": {"name": "team"}})
    assert outcome(judge(own, by=[by], text=SERVED.replace("shop/", "monitoring/"))) == "pass"


def test_with_two_alertmanagers_no_label_is_certain() -> None:
    (finding,) = judge(config({}), by=[alertmanager(), alertmanager("other")]).findings
    assert "monitoring/main: " in finding.cause
    assert "monitoring/other: " in finding.cause
    assert "$ kubectl -n shop label" not in finding.fix


def test_one_that_is_selected_and_not_served_is_an_error() -> None:
    (finding,) = judge(config(), text=WITHOUT).findings
    assert (finding.reason, finding.severity) == ("ConfigNotEffective", "error")
    assert (
        finding.problem
        == "The Alertmanager monitoring/main selects the AlertmanagerConfig shop/team, and serves a configuration without it."
    )
    assert "Its log and the object's events say which" in finding.cause


def test_the_operators_own_refusal_is_quoted() -> None:
    refusal = {"type": "Accepted", "status": "False", "message": 'secret "slack" not found'}
    status = {"bindings": [{"name": "main", "namespace": "monitoring", "conditions": [refusal]}]}
    (finding,) = judge(config(status=status), text=WITHOUT).findings
    assert finding.cause == 'The Operator does not accept it: “secret "slack" not found”.'


def test_one_that_was_just_made_may_still_come() -> None:
    young = config(metadata={"creationTimestamp": "2027-01-15T07:59:00Z"})
    verdict = judge(young, text=WITHOUT)
    assert (outcome(verdict), len(verdict.notes)) == ("pass", 1)


def test_without_an_alertmanager_it_is_found() -> None:
    (finding,) = judge(config(), by=[]).findings
    assert finding.cause == "There is no Alertmanager object in the cluster."


def test_where_no_replica_answers_it_is_unchecked() -> None:
    blind = Readings((), (refused("Pod"),))
    assert outcome(judge(config(), alertmanager_statuses=blind)) == "inconclusive"


def test_where_there_is_none_an_alertmanager_that_does_not_answer_does_not_matter() -> None:
    assert outcome(judge(alertmanager_statuses=Readings((), (refused("Pod"),)))) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_config_objects, world(config({})))
    assert_blindness_is_no_health(probe_config_objects, world(config(), text=WITHOUT))
    assert reasons(judge(config(), text=WITHOUT)) == ["ConfigNotEffective"]


def test_a_refusal_in_an_event_is_quoted_with_the_secret_to_create() -> None:
    said = 'AlertmanagerConfig team was rejected due to invalid configuration: key "url" in secret "slack-url" not found'
    about = Subject(kind="AlertmanagerConfig", namespace="shop", name="team")
    (finding,) = judge(config(), text=WITHOUT, operator_rejections=Readings(((about, Complaint(said)),))).findings
    assert finding.cause == f"The Operator does not accept it: “{said}”."
    assert "Create the Secret slack-url in shop with the key that the receiver names" in finding.fix
    assert "Secret/shop/slack-url" in [str(one) for one in finding.rests_on]


def test_an_event_about_another_object_refuses_nothing() -> None:
    about = Subject(kind="PrometheusRule", namespace="shop", name="team")
    (finding,) = judge(config(), text=WITHOUT, operator_rejections=Readings(((about, Complaint("bad")),))).findings
    assert "Its log and the object's events say which" in finding.cause


@pytest.mark.parametrize("route", [{"receiver": "mail"}, {"receiver": "slack", "routes": [{"routes": [{"receiver": "mail"}]}]}])
def test_a_receiver_that_its_route_names_and_nothing_defines_is_the_cause_however_young_it_is(route: dict[str, Any]) -> None:
    metadata = {"creationTimestamp": "2027-01-15T07:59:59Z"}
    one = labelled(
        ConfigObject, "shop", "team", {"release": "stack"}, metadata=metadata, spec={"route": route, "receivers": [{"name": "slack"}]}
    )
    (finding,) = judge(one, text=WITHOUT).findings
    assert finding.reason == "ConfigNotEffective"
    assert finding.cause == "Its route names the receiver mail, and it defines slack only."
    assert "Name in spec.route a receiver that spec.receivers defines, or define mail there." in finding.fix
    assert "$ kubectl -n shop edit alertmanagerconfigs.monitoring.coreos.com team" in finding.fix
    served = {"route": {"routes": [{"receiver": "slack"}]}, "receivers": [{"name": "slack"}]}
    assert outcome(judge(labelled(ConfigObject, "shop", "team", {"release": "stack"}, spec=served))) == "pass"


@pytest.mark.parametrize("routes", [[1, None, "x", ["y"]], [{"receiver": 7, "routes": "z"}], [{"receiver": "slack", "routes": [{}]}], None])
def test_routes_may_hold_anything_and_only_their_receivers_are_kept(routes: Any) -> None:
    text = msgspec.json.encode({"metadata": {"name": "team", "namespace": "shop"}, "spec": {"route": {"receiver": "a", "routes": routes}}})
    one = msgspec.json.decode(text, type=ConfigObject)
    assert one.spec.undefined[0] == "a"
    assert msgspec.json.decode(msgspec.json.encode(one), type=ConfigObject) == one
    assert all(isinstance(each, str) for each in (one.spec.route.routes if one.spec.route else None) or [])
