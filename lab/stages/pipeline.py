"""Airflow and MLflow answer as ever on the pages that people look at, and do nothing behind them."""

from __future__ import annotations

import re

from lab import api
from lab.command import run, wait_until
from lab.paths import KUBECONFIG
from lab.platform import airflow, mlflow
from lab.platform.effects import PATIENCE_SECONDS, wait_for_rollout
from lab.platform.manifests import Environment, document
from lab.stages import Stage

_AIRFLOW = "/apis/apps/v1/namespaces/airflow/deployments/airflow"
_MLFLOW = "/apis/apps/v1/namespaces/mlflow/deployments/mlflow"
_DATABASE = "/mlflow/mlflow.db"


def _stop_scheduler(_: Environment) -> None:
    api.patch(f"{_AIRFLOW}-scheduler", {"spec": {"replicas": 0}})
    wait_for_rollout(f"{_AIRFLOW}-scheduler")
    wait_until("Airflow to miss its scheduler", lambda: airflow.health("scheduler") == "unhealthy", PATIENCE_SECONDS)


def _start_scheduler(_: Environment) -> None:
    api.patch(f"{_AIRFLOW}-scheduler", {"spec": {"replicas": 1}})
    wait_for_rollout(f"{_AIRFLOW}-scheduler")
    wait_until("Airflow to hear of its scheduler", lambda: airflow.health("scheduler") == "healthy", PATIENCE_SECONDS)


def _delay_scheduler(_: Environment) -> None:
    """A scheduler that is only just starting, as after any deployment: silent, and young."""
    _start(f"{_AIRFLOW}-scheduler", f"sleep 120; {_command('airflow', 'airflow-scheduler')}")
    wait_until("Airflow to miss its scheduler", lambda: airflow.health("scheduler") == "unhealthy", PATIENCE_SECONDS)


def _end_delay(_: Environment) -> None:
    _start(f"{_AIRFLOW}-scheduler", _command("airflow", "airflow-scheduler"))
    wait_until("Airflow to hear of its scheduler", lambda: airflow.health("scheduler") == "healthy", PATIENCE_SECONDS)


def _damage_database(_: Environment) -> None:
    """The file of the database is damaged at its beginning, as a broken disk leaves it."""
    _in_mlflow(f"import shutil; shutil.copy('{_DATABASE}', '{_DATABASE}.good'); open('{_DATABASE}', 'r+b').write(b'no database' * 9)")
    wait_until("MLflow to fail", lambda: "file is not a database" in _experiments(), PATIENCE_SECONDS)


def _repair_database(_: Environment) -> None:
    _in_mlflow(f"open('{_DATABASE}', 'r+b').write(open('{_DATABASE}.good', 'rb').read(99))")
    wait_until("MLflow to find its experiments", _finds_experiments, PATIENCE_SECONDS)


def _refuse_host(_: Environment) -> None:
    """As MLflow is by default since 3.5: localhost and private addresses may call it, its Service's name may not."""
    _start(_MLFLOW, re.sub(r"--allowed-hosts \S+", "", _command("mlflow", "mlflow")))
    wait_until("MLflow to refuse its Service's name", lambda: "Invalid Host header" in _experiments(), PATIENCE_SECONDS)


def _allow_one_host(_: Environment) -> None:
    """Only one of the Service's names is let through, which is the one that clients use."""
    _start(_MLFLOW, re.sub(r"--allowed-hosts \S+", "--allowed-hosts mlflow.mlflow.svc:*", _command("mlflow", "mlflow")))
    wait_until("MLflow to find its experiments", _finds_experiments, PATIENCE_SECONDS)


def _allow_hosts(_: Environment) -> None:
    _start(_MLFLOW, _command("mlflow", "mlflow"))
    wait_until("MLflow to find its experiments", _finds_experiments, PATIENCE_SECONDS)


def _command(manifest: str, deployment: str) -> str:
    return str(document(manifest, "Deployment", deployment)["spec"]["template"]["spec"]["containers"][0]["args"][0])


def _start(deployment: str, command: str) -> None:
    change = [{"op": "replace", "path": "/spec/template/spec/containers/0/args/0", "value": command}]
    api.patch(deployment, change, api.JSON_PATCH)
    wait_for_rollout(deployment)


def _in_mlflow(program: str) -> None:
    run("kubectl", "--kubeconfig", KUBECONFIG, "-n", "mlflow", "exec", "deployment/mlflow", "--", "python3", "-c", program)


def _experiments() -> str:
    return mlflow.answer("experiments/search?max_results=1")


def _finds_experiments() -> bool:
    return '"experiments"' in _experiments()


STAGES = tuple(
    Stage(name, description, stage, clear, touches=(touched,), per_environment=False)
    for name, description, stage, clear, touched in (
        (
            "airflow-scheduler-down",
            "Airflow's scheduler is stopped: its API server still answers 200, and no DAG runs",
            _stop_scheduler,
            _start_scheduler,
            "Airflow",
        ),
        (
            "mlflow-database-down",
            "MLflow's database is damaged: /health still says OK",
            _damage_database,
            _repair_database,
            "MLflow",
        ),
        (
            "mlflow-host-refused",
            "MLflow does not let its Service's name through, as by default: /health still says OK, clients get 403",
            _refuse_host,
            _allow_hosts,
            "MLflow",
        ),
        (
            "mlflow-one-host-allowed",
            "MLflow lets only one of its Service's names through, the one that its clients use: no incident",
            _allow_one_host,
            _allow_hosts,
            "MLflow",
        ),
        (
            "airflow-scheduler-starting",
            "Airflow's scheduler is only just starting, as after any deployment: no incident",
            _delay_scheduler,
            _end_delay,
            "Airflow",
        ),
    )
)
