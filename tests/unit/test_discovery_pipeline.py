"""How Airflow and MLflow are recognised, and by which way they are asked."""

from typing import Any

import pytest

from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.airflow.servers import airflow_servers
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.mlflow.servers import mlflow_addresses, mlflow_servers
from tests.factories import labelled, listing, recognised, refused

CHART = {"tier": "airflow", "release": "etl"}
MLFLOW = {"app.kubernetes.io/name": "mlflow", "app.kubernetes.io/instance": "tracking"}


def pod(name: str, labels: dict[str, str], phase: str = "Running", ports: Any = ()) -> Pod:
    return labelled(
        Pod, "ml", name, labels, spec={"containers": [{"name": "c", "ports": list(ports)}]}, status={"phase": phase, "podIP": "10.0.0.1"}
    )


def seen(pods: list[Pod]) -> Readings[Any]:
    return recognised(listing("Pod", pods))


def found(readings: Readings[Any]) -> list[tuple[str, str, int]]:
    return [(one.name, one.pod or one.service or one.url, one.port) for one in readings.items]


@pytest.mark.parametrize("component", ["api-server", "webserver"])
def test_airflow_is_its_charts_web_server_of_either_version(component: str) -> None:
    web = pod("web", {**CHART, "component": component}, ports=[{"name": "airflow-ui", "containerPort": 8081}])
    others = [pod(one, {**CHART, "component": one}) for one in ("scheduler", "triggerer", "dag-processor", "statsd")]
    assert found(airflow_servers(seen([web, *others]), Profile())) == [("etl", "web", 8081)]


def test_an_airflow_that_is_all_in_one_is_found_by_the_usual_label() -> None:
    assert found(airflow_servers(seen([pod("one", {"app.kubernetes.io/name": "airflow"})]), Profile())) == [("airflow", "one", 8080)]


def test_a_pod_that_does_not_run_is_unreadable_and_a_job_that_is_done_is_nothing() -> None:
    pods = [pod("web", {**CHART, "component": "webserver"}, "Pending"), pod("migrate", {"app.kubernetes.io/name": "airflow"}, "Succeeded")]
    servers = airflow_servers(seen(pods), Profile())
    assert (found(servers), [one.subject.name for one in servers.unreadable]) == ([], ["web"])


def test_a_profiles_address_takes_the_place_of_the_pods() -> None:
    profile = Profile.model_validate({"endpoints": [{"system": "airflow", "url": "https://airflow.example.com", "namespace": "ml"}]})
    servers = airflow_servers(seen([pod("web", {**CHART, "component": "webserver"})]), profile)
    assert found(servers) == [("ml", "https://airflow.example.com", 0)]


def addresses(*services: Service, unreadable: Any = ()) -> Readings[Any]:
    pods = seen([pod("mlflow-0", MLFLOW), pod("postgresql-0", {"app.kubernetes.io/name": "postgresql"})])
    return mlflow_addresses(mlflow_servers(pods, Profile()), pods, listing("Service", services, unreadable=unreadable), Profile())


def service(name: str, selector: dict[str, str], *ports: dict[str, Any]) -> Service:
    return labelled(Service, "ml", name, spec={"selector": selector, "ports": list(ports)})


def test_mlflow_is_asked_through_the_service_that_leads_to_it() -> None:
    other = service("db", {"app.kubernetes.io/name": "postgresql"}, {"port": 5432})
    own = service("web", MLFLOW, {"port": 9000, "name": "metrics"}, {"port": 80, "name": "http"})
    assert found(addresses(other, own)) == [("tracking", "web", 80)]


def test_an_mlflow_to_which_no_service_leads_is_unreadable() -> None:
    readings = addresses(service("headless", {}, {"port": 5000}))
    assert (found(readings), readings.unreadable[0].reason) == ([], "no Service leads to it")


def test_services_that_cannot_be_read_make_it_incomplete() -> None:
    assert not addresses(service("web", MLFLOW, {"port": 5000}), unreadable=[refused("ServiceList")]).complete
