from clusterprobe.access.servers import Server
from clusterprobe.expectations import GRAFANA, judge_expected
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Namespace
from clusterprobe.verdict import Verdict


def probe_missing(verdict: Verdict, grafana_servers: Readings[Server], namespaces: Readings[Namespace], profile: Profile) -> None:
    """Is there a Grafana wherever the profile expects one?

    Problem: Nobody sees the dashboards, and alert rules that Grafana itself evaluates are silent.
    Cause: Its release was uninstalled or pruned, `grafana.enabled` is false in the values, or it was deployed to another namespace.
    Fix: Deploy it again from Git; or take the namespace off `expect.grafana` in the profile if it is gone on purpose.
    Prevention: Let Argo CD own it with selfHeal, and keep the profile beside its values.
    """
    judge_expected(verdict, GRAFANA, profile.expect.grafana, grafana_servers, namespaces)
