"""A system is one record: what profiles, discovery, the probes and the alert path know of it is in there."""

from pathlib import Path

import pytest

from clusterprobe.alert_path import PATH
from clusterprobe.catalogue import catalogue
from clusterprobe.known_systems import SYSTEMS, System
from clusterprobe.profile import EndpointProfile, Profile
from clusterprobe.shipped import shipped
from clusterprobe.sources import all_sources

PROBES = {one.id: one for one in catalogue(shipped("probes"))}


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda one: one.key)
def test_a_system_can_be_expected_and_its_absence_is_asked_for(system: System) -> None:
    assert Profile.model_validate({"expect": {system.key: ["here"]}}).named_namespaces == ["here"]
    assert PROBES[system.missing].question == f"Is there {system.one} wherever the profile expects one?"
    # What does a part of a Prometheus' work is there as well, whatever it can be asked for.
    source = "metric_servers" if system.key == "prometheus" else f"{system.key}_servers"
    assert source in PROBES[system.missing].parameters
    assert f"`expect.{system.key}`" in PROBES[system.missing].sections["Fix"]


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda one: one.key)
def test_a_system_can_be_reached_by_an_address(system: System) -> None:
    assert EndpointProfile.model_validate({"system": system.key, "url": "http://x"}).system == system.key


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda one: one.key)
def test_a_system_is_discovered(system: System) -> None:
    assert f"{system.key}_servers" in all_sources()
    assert Path(all_sources()[f"{system.key}_servers"].function.__code__.co_filename).parent.name == system.key


def test_every_probe_that_an_alert_depends_on_exists() -> None:
    assert {one for hop in PATH for one in hop.vital} <= PROBES.keys()


def test_articles_follow_what_is_heard() -> None:
    assert [one.one for one in SYSTEMS] == ["a Prometheus", "an Alertmanager", "a Loki", "a Grafana", "an Airflow", "an MLflow"]
