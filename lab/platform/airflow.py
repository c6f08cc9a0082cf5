"""Airflow."""

from __future__ import annotations

from collections.abc import Iterator

from lab import api
from lab.build.archives import Image
from lab.build.python_images import SERVICES, PythonRecipe
from lab.layout import WORKERS
from lab.platform.system import System

PROXY = "/api/v1/namespaces/airflow/services/airflow-api-server:8080/proxy/api/v2"

# The database is made with the image: migrating an empty one takes longer than starting the server.
_IMAGE = PythonRecipe(
    Image("docker.io/apache/airflow:3.3.2", ("airflow",)),
    SERVICES / "airflow",
    prepare=("/bin/sh", "-c", "AIRFLOW_HOME=/opt/app/home AIRFLOW__CORE__LOAD_EXAMPLES=False airflow db migrate"),
    nodes=WORKERS[:1],
)


def health(component: str) -> str:
    """What Airflow says of one of its parts."""
    return str(api.get(f"{PROXY}/monitor/health")[component]["status"])


def _problems() -> Iterator[str]:
    for part in ("scheduler", "dag_processor"):
        if (state := health(part)) != "healthy":
            yield f"Airflow calls its {part} {state}"


SYSTEM = System(name="airflow", images=(_IMAGE,), manifests=("airflow",), problems=_problems)
