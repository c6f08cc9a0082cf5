from pathlib import Path

import pytest

from clusterprobe.catalogue import catalogue, kinds
from clusterprobe.incidents import INCIDENTS, NORMAL, State, status, status_of
from clusterprobe.model import Severity
from tests.report_factories import finding, probe, result, unchecked, unwell

CROSS_SCRAPE = next(one for one in INCIDENTS if one.number == "1")


def state_of(*probes):
    return status_of(CROSS_SCRAPE, result(*probes)).state


OTHERS = (probe("prometheus/selector-overlap"), probe("prometheus/foreign-series"))


def test_the_incidents_are_numbered_one_to_nine():
    assert list(dict.fromkeys(one.number[0] for one in INCIDENTS)) == list("123456789")


def test_an_incident_is_found_with_its_findings():
    one = status_of(CROSS_SCRAPE, unwell())
    assert one.state is State.FOUND
    assert [finding.reason for finding in one.findings] == ["CrossScrape"]


def test_an_incident_is_clear_once_all_its_probes_passed():
    assert state_of(probe("prometheus/cross-scrape"), *OTHERS) is State.CLEAR


def test_an_info_finding_does_not_mean_that_an_incident_is_there():
    assert state_of(probe("prometheus/cross-scrape", findings=[finding(Severity.INFO)]), *OTHERS) is State.CLEAR


def test_a_warning_means_that_an_incident_is_there():
    assert state_of(probe("prometheus/cross-scrape", "findings", findings=[finding(Severity.WARNING)]), *OTHERS) is State.FOUND


@pytest.mark.parametrize("verdict", ["inconclusive", "broken"])
def test_an_incident_whose_probe_could_not_look_is_not_clear(verdict):
    assert state_of(probe("prometheus/cross-scrape", verdict), *OTHERS) is State.UNKNOWN


def test_an_incident_is_not_clear_while_a_single_thing_is_unchecked():
    assert state_of(probe("prometheus/cross-scrape", unchecked=[unchecked()]), *OTHERS) is State.UNKNOWN


def test_an_incident_is_not_clear_if_nothing_was_examined():
    assert state_of(*(probe(sign.probe, examined=0) for sign in CROSS_SCRAPE.signs)) is State.UNKNOWN


def test_an_incident_is_partly_checked_if_one_of_its_probes_did_not_run():
    one = status_of(CROSS_SCRAPE, result(*OTHERS))
    assert one.state is State.PARTLY
    assert "prometheus/cross-scrape" in one.detail


def test_an_incident_without_any_of_its_probes_says_so():
    assert state_of(probe("loki/ready")) is State.NOT_RUN


def test_an_incident_of_a_system_that_is_not_there_is_not_here():
    absent = [probe(sign.probe, "not_applicable", examined=0) for sign in CROSS_SCRAPE.signs]
    assert state_of(*absent) is State.ABSENT


def test_a_suppressed_finding_is_not_called_clear():
    assert state_of(probe("prometheus/cross-scrape", "known", known=[finding()]), *OTHERS) is State.KNOWN


def test_a_finding_beside_something_unchecked_says_both():
    one = status_of(CROSS_SCRAPE, result(probe("prometheus/cross-scrape", "findings", findings=[finding()], unchecked=[unchecked()])))
    assert one.state is State.FOUND
    assert "could not check everything" in one.detail


def test_a_normal_phenomenon_is_called_so():
    ran = probe("pods/crash-loop", findings=[finding(Severity.INFO, "NormalStartup", problem="It waited.")])
    assert status([ran]).state is State.NORMAL


def test_codes_limit_which_findings_mean_an_incident():
    ran = probe("a/b", "findings", findings=[finding(reason="Other")])
    assert status([ran], codes={"a/b": ("CrossScrape",)}).state is State.CLEAR
    assert status([ran], codes={"a/b": ("CrossScrape", "Other")}).state is State.FOUND


def test_every_incident_has_the_probes_that_it_names():
    there = {one.id for one in catalogue(Path(__file__).parents[3] / "probes")}
    assert {sign.probe for one in INCIDENTS for sign in one.signs} - there == set()


@pytest.mark.parametrize(
    ("number", "probe_id", "reason"),
    [
        ("5", "pods/crash-loop", "CrashLoop"),
        ("6", "storage/volume-permissions", "VolumePermissionDenied"),
        ("9a", "storage/archive-on-delete", "DataDeletedWithClaim"),
    ],
)
def test_an_incident_of_one_probe_shows_its_states(number, probe_id, reason):
    incident = next(one for one in INCIDENTS if one.number == number)
    seen = [
        probe(probe_id),
        probe(probe_id, "findings", findings=[finding(reason=reason)]),
        probe(probe_id, "inconclusive", unchecked=[unchecked()]),
        probe(probe_id, "not_applicable", examined=0),
    ]
    assert [status_of(incident, result(one)).state for one in seen] == [State.CLEAR, State.FOUND, State.UNKNOWN, State.ABSENT]


def test_tmp_curl_that_waits_is_shown_as_a_normal_phenomenon():
    incident = next(one for one in INCIDENTS if one.number == "5")
    waits = probe("pods/crash-loop", findings=[finding(Severity.INFO, "NormalStartup", problem="It waited.")])
    assert status_of(incident, result(waits)).state is State.NORMAL


def test_a_code_that_means_an_incident_or_that_all_is_well_is_one_that_its_probe_reports():
    codes = {one.id: {kind.code for kind in kinds(one.path)} for one in catalogue(Path(__file__).parents[3] / "probes")}
    assert [sign for one in INCIDENTS for sign in one.signs if not set(sign.codes) <= codes[sign.probe]] == []
    assert set(NORMAL) <= set().union(*codes.values())


def test_another_finding_of_its_probe_does_not_mean_that_the_database_lies_on_nfs():
    on_nfs = next(one for one in INCIDENTS if one.number == "7")
    seen = [result(probe("prometheus/storage", "findings", findings=[finding(reason=reason)])) for reason in ("TsdbNotKept", "TsdbOnNfs")]
    assert [status_of(on_nfs, one).state for one in seen] == [State.CLEAR, State.FOUND]


@pytest.mark.parametrize(
    ("number", "probe_id", "reason"),
    [
        ("2", "alertmanager/receivers", "CriticalReachesNobody"),
        ("4", "promtail/grace-period", "PositionsOnNfs"),
        ("5", "pods/crash-loop", "ConfigError"),
        ("8", "sealed-secrets/unsealed", "SecretMissing"),
        ("9a", "storage/archive-on-delete", "DeletionFails"),
        ("9d", "alertmanager/generated-secret", "ServedConfigDiffers"),
    ],
)
def test_an_incident_is_not_found_by_what_its_title_does_not_say(number, probe_id, reason):
    incident = next(one for one in INCIDENTS if one.number == number)
    assert status_of(incident, result(probe(probe_id, "findings", findings=[finding(reason=reason)]))).state is not State.FOUND
