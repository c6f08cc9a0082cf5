from clusterprobe.access.servers import Server
from clusterprobe.expectations import MLFLOW, judge_expected
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Namespace
from clusterprobe.verdict import Verdict


def probe_missing(verdict: Verdict, mlflow_servers: Readings[Server], namespaces: Readings[Namespace], profile: Profile) -> None:
    """Is there an MLflow wherever the profile expects one?

    Problem: Runs cannot log, and a model that is to be deployed cannot be found.
    Cause: Its release was uninstalled, its deployment was deleted or pruned, or it was deployed to another namespace.
    Fix: Deploy it again from Git; or take the namespace off `expect.mlflow` in the profile if it is gone on purpose.
    Prevention: Let Argo CD own it with selfHeal, and keep the profile beside its values.
    """
    judge_expected(verdict, MLFLOW, profile.expect.mlflow, mlflow_servers, namespaces)
