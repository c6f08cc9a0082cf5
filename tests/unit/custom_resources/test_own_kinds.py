"""APIServices, autoscalers and budgets of disruptions: what they say, why, and what is no fault."""

from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.custom_resources.objects import CustomKind
from clusterprobe.verdict import Verdict
from probes.objects.probe_conditions import probe_conditions
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons
from tests.unit.custom_resources.custom_world import NOW, condition, kind, raw, readings

METRICS = "v1beta1.metrics.k8s.io"
UNREADY = "failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)"


def world(*own: CustomKind, custom: tuple[CustomKind, ...] = ()) -> dict[str, Any]:
    kinds = {"custom_kinds": readings(*custom), "own_kinds": readings(*own), "acme_challenges": Readings(), "object_warnings": Readings()}
    return {**kinds, "pods": Readings(), "profile": Profile(), "clock": Clock(NOW)}


def judge(*own: CustomKind, custom: tuple[CustomKind, ...] = ()) -> Verdict:
    return judged(probe_conditions, **world(*own, custom=custom))


def api(*conditions: Any, name: str = METRICS) -> CustomKind:
    spec = {"group": name.partition(".")[2], "service": {"namespace": "kube-system", "name": "metrics-server", "port": 443}}
    return kind("apiservices.apiregistration.k8s.io", "APIService", raw(name, *conditions, namespace="", spec=spec))


def available(reason: str, message: str = "it says so", status: str = "False") -> Any:
    return condition("Available", status, reason=reason, message=message)


def autoscaler(*conditions: Any, **more: Any) -> CustomKind:
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 1}
    return kind("horizontalpodautoscalers.autoscaling", "HorizontalPodAutoscaler", raw("web", *conditions, spec=spec, **more))


def inactive(reason: str, message: str, type_: str = "ScalingActive", **more: Any) -> CustomKind:
    return autoscaler(condition(type_, reason=reason, message=message), **more)


def budget(reason: str, message: str = "", status: str = "False") -> CustomKind:
    said = condition("DisruptionAllowed", status, reason=reason, message=message)
    return kind("poddisruptionbudgets.policy", "PodDisruptionBudget", raw("web", said))


def test_an_api_whose_pods_are_gone_is_an_error_and_names_its_service() -> None:
    message = 'endpointslices for service/metrics-server in "kube-system" have no addresses with port name "https"'
    (finding,) = judge(api(available("MissingEndpoints", message))).findings
    assert (finding.reason, finding.severity) == ("ObjectNotReady", Severity.ERROR)
    assert finding.problem == (
        f"APIService {METRICS} has had Available=False (MissingEndpoints) for 60 min. "
        "What it serves cannot be read or written, and no namespace can be deleted until it answers or is deleted."
    )
    assert finding.cause.startswith(
        "No pod behind its Service is ready, or the Service's selector or the name of its port leads to none. Its"
    )
    assert "$ kubectl -n kube-system describe service metrics-server" in finding.fix
    assert "$ kubectl -n kube-system get endpointslices -l kubernetes.io/service-name=metrics-server" in finding.fix
    assert finding.breaks == [f"Other/APIService/{METRICS}"]


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        ("EndpointsNotFound", 'cannot find endpointslices for service/adapter in "monitoring"', "No pod behind its Service is ready"),
        ("ServiceNotFound", 'service/adapter in "monitoring" is not present', "The Service that it names is not there"),
        ("ServicePortError", 'service/adapter in "monitoring" is not listening on port 443', "does not have the port"),
        (
            "FailedDiscoveryCheck",
            "failing or missing response from https://10.96.0.9/apis/x/v1: Get https://10.96.0.9/apis/x/v1: dial tcp: i/o timeout",
            "gets no answer in time",
        ),
        ("FailedDiscoveryCheck", "Get https://10.96.0.9: net/http: request canceled (Client.Timeout exceeded)", "gets no answer in time"),
        ("FailedDiscoveryCheck", "dial tcp 10.96.0.9:443: connect: connection refused", "Nothing listens where the Service leads to"),
        ("FailedDiscoveryCheck", "tls: failed to verify certificate: x509: certificate has expired", "does not trust the certificate"),
        ("FailedDiscoveryCheck", "bad status from https://10.96.0.9:443/apis/x/v1: 401", "refuses the API server"),
        ("FailedDiscoveryCheck", "bad status from https://10.96.0.9:443/apis/x/v1: 404", "does not serve this group and version"),
        ("FailedDiscoveryCheck", "bad status from https://10.96.0.9:443/apis/x/v1: 503", "Its controller says “bad status"),
    ],
)
def test_an_api_that_does_not_answer_says_why(reason: str, message: str, cause: str) -> None:
    (finding,) = judge(api(available(reason, message))).findings
    assert cause in finding.cause
    assert ("describe service" in finding.fix) is (reason != "ServiceNotFound")


def test_apis_that_answer_pass() -> None:
    local = available("Local", "Local APIServices are always available", "True")
    assert outcome(judge(api(available("Passed", "all checks passed", "True")), api(local, name="v1.apps"))) == "pass"


@pytest.mark.parametrize(
    ("reason", "message", "cause", "fix"),
    [
        ("FailedGetResourceMetric", f"the HPA was unable to compute the replica count: {UNREADY}", "no values of its pods", "get pods"),
        (
            "FailedGetResourceMetric",
            "unable to get metrics for resource cpu: no metrics returned from resource metrics API",
            "no values of its pods",
            "repair metrics-server",
        ),
        (
            "FailedGetResourceMetric",
            "unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)",
            "Nothing in the cluster serves metrics.k8s.io.",
            "Install metrics-server",
        ),
        (
            "FailedGetResourceMetric",
            "the server is currently unable to handle the request (get pods.metrics.k8s.io)",
            "does not answer",
            "kubectl get apiservices",
        ),
        ("FailedGetResourceMetric", "missing request for cpu in container app of Pod web-1", "requests none", "sidecars"),
        (
            "FailedGetPodsMetric",
            "unable to get metric queue: unable to fetch metrics from custom metrics API: the server could not find the metric queue for pods",
            "no value of this name",
            "rule of the adapter",
        ),
        (
            "FailedGetExternalMetric",
            "unable to get external metric shop/q/nil: no metrics returned from external metrics API",
            "no value of this name",
            "rule of the adapter",
        ),
        (
            "AmbiguousSelector",
            "pods by selector app=web are controlled by multiple HPAs: [shop/a shop/b]",
            "Several autoscalers",
            "Keep one",
        ),
        ("InvalidSelector", "the HPA target's scale is missing a selector", "by which labels", "labelSelectorPath"),
    ],
)
def test_an_autoscaler_without_its_metrics_is_a_warning_that_says_why(reason: str, message: str, cause: str, fix: str) -> None:
    (finding,) = judge(inactive(reason, message)).findings
    assert (finding.reason, finding.severity) == ("ObjectNotReady", Severity.WARNING)
    assert "As long as that is so, it does not scale." in finding.problem
    assert cause in finding.cause
    assert fix in finding.fix


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ('the HPA controller was unable to get the target\'s current scale: deployments.apps "web" not found', "is not there"),
        ('unable to determine resource for scale target reference: no matches for kind "Deployment" in version "v1"', "is not served"),
        ("unable to get the target's current scale: the server could not find the requested resource", "is not served"),
    ],
)
def test_an_autoscaler_of_nothing_is_found(message: str, cause: str) -> None:
    (finding,) = judge(inactive("FailedGetScale", message, "AbleToScale")).findings
    assert cause in finding.cause
    assert "scaleTargetRef" in finding.fix


@pytest.mark.parametrize(
    "own",
    [
        autoscaler(condition("AbleToScale", "True"), condition("ScalingActive", "True", reason="ValidMetricFound")),
        inactive("ScalingDisabled", "scaling is disabled since the replica count of the target is zero"),
        autoscaler(condition("ScalingActive", "True"), condition("ScalingLimited", "True", reason="TooManyReplicas")),
        autoscaler(condition("ScalingActive", "True"), condition("ScaledToZero", "False", reason="NotScaledToZero")),
        autoscaler(condition("ScalingActive", ago=60, reason="FailedGetResourceMetric", message=UNREADY)),
        budget("SufficientPods", status="True"),
        budget("InsufficientPods"),
    ],
    ids=["works", "scaled to zero by hand", "at its most", "not scaled to zero", "just rolled out", "enough pods", "as many as asked for"],
)
def test_what_is_no_fault_is_none(own: CustomKind) -> None:
    assert outcome(judge(own)) == "pass"


@pytest.mark.parametrize(
    "message", ['found no controller ref for pod "web-0"', "widgets.example.org does not implement the scale subresource"]
)
def test_a_budget_that_cannot_be_counted_is_a_warning(message: str) -> None:
    (finding,) = judge(budget("SyncFailed", message)).findings
    assert finding.severity is Severity.WARNING
    assert "a drain of their node waits" in finding.problem
    assert "no controller, or one that cannot be scaled" in finding.cause
    assert "minAvailable as a number" in finding.fix


def test_an_autoscaler_rests_on_the_api_of_its_metrics() -> None:
    message = "the server is currently unable to handle the request (get pods.metrics.k8s.io)"
    gone, blind = judge(api(available("MissingEndpoints")), inactive("FailedGetResourceMetric", message)).findings
    assert set(gone.breaks) & set(blind.rests_on) == {f"Other/APIService/{METRICS}"}


def test_an_autoscaler_of_pods_that_are_not_ready_rests_on_their_workload() -> None:
    (finding,) = judge(inactive("FailedGetResourceMetric", UNREADY)).findings
    assert "Deployment/shop/web" in finding.rests_on


def test_an_autoscaler_that_keda_made_is_judged_beside_its_scaled_object() -> None:
    made = kind("scaledobjects.keda.sh", "ScaledObject", raw("web", condition(status="True")))
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web", "uid": "uid-web", "controller": True}
    blind = inactive("FailedGetExternalMetric", "no metrics returned from external metrics API", uid="uid-hpa", ownerReferences=[owner])
    (finding,) = judge(blind, custom=(made,)).findings
    assert finding.subject.kind == "HorizontalPodAutoscaler"
    assert "Other/shop/ScaledObject/web" in finding.rests_on


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_conditions, world(api(available("MissingEndpoints"))))


def test_both_kinds_of_readings_count() -> None:
    failing = kind("certificates.cert-manager.io", "Certificate", raw("tls", condition()))
    assert reasons(judge(api(available("MissingEndpoints")), custom=(failing,))) == ["ObjectNotReady", "ObjectNotReady"]


def of_metrics(namespace: str, name: str) -> CustomKind:
    spec = {"group": "external.metrics.k8s.io", "service": {"namespace": namespace, "name": name}}
    one = raw("v1beta1.external.metrics.k8s.io", available("Passed", "", "True"), namespace="", spec=spec)
    return kind("apiservices.apiregistration.k8s.io", "APIService", one)


OF_KEDA = {"ownerReferences": [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web", "uid": "s", "controller": True}]}
NO_METRIC = "unable to get external metric shop/s0-prometheus: the server could not find the metric s0-prometheus for"


def test_an_autoscaler_of_keda_that_asks_another_adapter_is_told_which() -> None:
    asks = inactive("FailedGetExternalMetric", NO_METRIC, **OF_KEDA)
    (finding,) = judge(asks, of_metrics("monitoring", "prometheus-adapter")).findings
    assert "external.metrics.k8s.io is served by Service monitoring/prometheus-adapter. That is not KEDA's" in finding.cause
    assert "keda-operator-metrics-apiserver" in finding.fix
    (right,) = judge(asks, of_metrics("keda", "keda-operator-metrics-apiserver")).findings
    assert "That is not KEDA's" not in right.cause
    assert "Correct the metric's name" in right.fix
    (own,) = judge(inactive("FailedGetExternalMetric", NO_METRIC), of_metrics("monitoring", "prometheus-adapter")).findings
    assert "served by Service monitoring/prometheus-adapter" in own.cause
    assert "That is not KEDA's" not in own.cause
