from clusterprobe.access.servers import Server
from clusterprobe.expectations import PROMETHEUS, judge_expected
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Namespace
from clusterprobe.verdict import Verdict


def probe_missing(verdict: Verdict, prometheus_servers: Readings[Server], namespaces: Readings[Namespace], profile: Profile) -> None:
    """Is there a Prometheus wherever the profile expects one?

    Problem: Nothing is scraped and no rule is evaluated in an environment that is thought to be watched, and no alert says so.
    Cause: Its release was uninstalled, its resource was deleted or pruned, or it was deployed to another namespace.
    Fix: Deploy it again from Git; or take the namespace off `expect.prometheus` in the profile if it is gone on purpose.
    Prevention: Let Argo CD own it with selfHeal, and keep the profile beside its values.
    """
    judge_expected(verdict, PROMETHEUS, profile.expect.prometheus, prometheus_servers, namespaces)
