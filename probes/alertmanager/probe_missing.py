from clusterprobe.access.servers import Server
from clusterprobe.expectations import ALERTMANAGER, judge_expected
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Namespace
from clusterprobe.verdict import Verdict


def probe_missing(verdict: Verdict, alertmanager_servers: Readings[Server], namespaces: Readings[Namespace], profile: Profile) -> None:
    """Is there a Alertmanager wherever the profile expects one?

    Problem: Alerts fire in Prometheus and reach nobody: there is no Alertmanager to send them on.
    Cause: Its release was uninstalled, its resource was deleted or pruned, or it was deployed to another namespace.
    Fix: Deploy it again from Git; or take the namespace off `expect.alertmanager` in the profile if it is gone on purpose.
    Prevention: Let Argo CD own it with selfHeal, and keep the profile beside its values.
    """
    judge_expected(verdict, ALERTMANAGER, profile.expect.alertmanager, alertmanager_servers, namespaces)
