"""A changed configuration gets back into what makes its Secret, whatever that is."""

import pytest

from clusterprobe.fixes import change, line, look
from clusterprobe.model import Step
from clusterprobe.systems.alertmanager.config_advice import Source, correct_the_secret, in_a_copy
from clusterprobe.systems.alertmanager.config_secrets import ConfigSecret
from clusterprobe.systems.alertmanager.sources import Alertmanager
from tests.factories import labelled

CHANGE = change("Change it.")
SEE = look("See it.")
MADE = "kubectl create secret generic team -n monitoring --from-file=alertmanager.yaml --dry-run=client -o yaml"


def printed(steps: list[Step]) -> list[str]:
    return [line(one) for step in steps for one in step.commands]


def test_a_text_of_a_sealed_secret_is_sealed_again_beside_its_other_keys() -> None:
    steps = in_a_copy("monitoring", "team", ConfigSecret("team", owner="SealedSecret/team"), [CHANGE])
    assert steps[1] == CHANGE
    assert printed(steps) == [
        r"kubectl -n monitoring get secret team -o jsonpath='{.data.alertmanager\.yaml}' | base64 -d > alertmanager.yaml",
        "kubectl -n monitoring get sealedsecrets.bitnami.com team -o yaml > team.sealed.yaml",
        f"{MADE} | kubeseal --format yaml --merge-into team.sealed.yaml",
        "kubectl apply -f team.sealed.yaml",
    ]


@pytest.mark.parametrize("known", [None, ConfigSecret("team"), ConfigSecret("team", owner="ExternalSecret/team")])
def test_what_is_not_seen_to_be_sealed_is_changed_at_its_source_only(known: ConfigSecret | None) -> None:
    assert in_a_copy("monitoring", "team", known, [CHANGE]) == [CHANGE]


def test_a_configuration_of_no_known_secret_has_no_copy() -> None:
    custom = labelled(Alertmanager, "monitoring", "main", spec={"configSecret": "team"})
    known = ConfigSecret("team", owner="SealedSecret/team")
    assert Source(None, None, SEE).changed(CHANGE) == [SEE, CHANGE]
    assert Source(custom, None, SEE).changed(CHANGE) == [SEE, CHANGE]
    replaced = labelled(Alertmanager, "monitoring", "main", spec={"alertmanagerConfiguration": {"name": "all"}})
    assert Source(replaced, known, SEE).changed(CHANGE) == [SEE, CHANGE]
    assert Source(custom, known, SEE).changed(CHANGE) == [SEE, *in_a_copy("monitoring", "team", known, [CHANGE])]


def test_what_is_corrected_is_checked_first_and_last() -> None:
    steps = correct_the_secret("monitoring", "main", "team", ConfigSecret("team", owner="SealedSecret/team"))
    assert (steps[0].kind, steps[-1].kind) == ("look", "look")
    assert "amtool check-config" in printed(steps)[0]
