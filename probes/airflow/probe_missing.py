from clusterprobe.access.servers import Server
from clusterprobe.expectations import AIRFLOW, judge_expected
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Namespace
from clusterprobe.verdict import Verdict


def probe_missing(verdict: Verdict, airflow_servers: Readings[Server], namespaces: Readings[Namespace], profile: Profile) -> None:
    """Is there an Airflow wherever the profile expects one?

    Problem: No pipeline runs: models grow old, and nobody is told.
    Cause: Its release was uninstalled, its deployment was deleted or pruned, or it was deployed to another namespace.
    Fix: Deploy it again from Git; or take the namespace off `expect.airflow` in the profile if it is gone on purpose.
    Prevention: Let Argo CD own it with selfHeal, and keep the profile beside its values.
    """
    judge_expected(verdict, AIRFLOW, profile.expect.airflow, airflow_servers, namespaces)
