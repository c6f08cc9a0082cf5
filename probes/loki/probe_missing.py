from clusterprobe.access.servers import Server
from clusterprobe.expectations import LOKI, judge_expected
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Namespace
from clusterprobe.verdict import Verdict


def probe_missing(verdict: Verdict, loki_servers: Readings[Server], namespaces: Readings[Namespace], profile: Profile) -> None:
    """Is there a Loki wherever the profile expects one?

    Problem: No log line is kept, and every alert that is made from logs is silent.
    Cause: Its release was uninstalled, its resource was deleted or pruned, or it was deployed to another namespace.
    Fix: Deploy it again from Git; or take the namespace off `expect.loki` in the profile if it is gone on purpose.
    Prevention: Let Argo CD own it with selfHeal, and keep the profile beside its values.
    """
    judge_expected(verdict, LOKI, profile.expect.loki, loki_servers, namespaces)
