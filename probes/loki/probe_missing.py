from clusterprobe.access.servers import Server
from clusterprobe.expectations import EXPECTED_MISSING, judge_expected
from clusterprobe.findings import reports
from clusterprobe.known_systems import LOKI
from clusterprobe.profile import Profile
from clusterprobe.roles import Conditional
from clusterprobe.systems.inventory.installations import Installation
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.verdict import Verdict


@reports(EXPECTED_MISSING)
def probe_missing(
    verdict: Verdict,
    loki_servers: Conditional[Server],
    namespaces: Conditional[Namespace],
    installations: Conditional[Installation],
    profile: Profile,
) -> None:
    """Is there a Loki wherever the profile expects one?

    Problem: No log line is kept, and every alert that is made from logs is silent.
    Cause: It is scaled to 0, its release was uninstalled, its resource was deleted or pruned, or it was deployed to another namespace.
    Fix: Deploy it again from Git; or take the namespace off `expect.loki` in the profile if it was removed on purpose.
    Prevention: Let Argo CD own it with selfHeal, and keep the profile's `expect` in the same repository.
    """
    judge_expected(verdict, LOKI, profile, loki_servers, namespaces, installations)
