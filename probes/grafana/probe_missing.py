from clusterprobe.access.servers import Server
from clusterprobe.expectations import EXPECTED_MISSING, judge_expected
from clusterprobe.findings import reports
from clusterprobe.known_systems import GRAFANA
from clusterprobe.profile import Profile
from clusterprobe.roles import Conditional
from clusterprobe.systems.inventory.installations import Installation
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.verdict import Verdict


@reports(EXPECTED_MISSING)
def probe_missing(
    verdict: Verdict,
    grafana_servers: Conditional[Server],
    namespaces: Conditional[Namespace],
    installations: Conditional[Installation],
    profile: Profile,
) -> None:
    """Is there a Grafana wherever the profile expects one?

    Problem: The dashboards are not available, and alert rules that Grafana itself evaluates do not fire.
    Cause: It is scaled to 0, its release was uninstalled or pruned, `grafana.enabled` is false in the values, or it is
    in another namespace.
    Fix: Deploy it again from Git; or take the namespace off `expect.grafana` in the profile if it was removed on purpose.
    Prevention: Let Argo CD own it with selfHeal, and keep the profile's `expect` in the same repository.
    """
    judge_expected(verdict, GRAFANA, profile, grafana_servers, namespaces, installations)
