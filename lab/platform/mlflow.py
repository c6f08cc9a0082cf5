"""MLflow."""

from __future__ import annotations

from collections.abc import Iterator

from lab import api
from lab.build.archives import Image
from lab.build.python_images import SERVICES, PythonRecipe
from lab.errors import LabError
from lab.layout import WORKERS
from lab.platform.system import System

PROXY = "/api/v1/namespaces/mlflow/services/mlflow:5000/proxy/api/2.0/mlflow"
_HOST = "mlflow.mlflow.svc:5000"  # as its clients call it

# The database is made with the image: migrating an empty one takes longer than starting the server.
_IMAGE = PythonRecipe(
    Image("ghcr.io/mlflow/mlflow:v3.17.2", ("mlflow",)),
    SERVICES / "mlflow",
    prepare=("mlflow", "db", "upgrade", "sqlite:////opt/app/mlflow.db"),
    nodes=WORKERS[:1],
)


def answer(path: str) -> str:
    """What MLflow answers when it is called as its clients call it; a refusal's words, too."""
    try:
        return api.call("GET", f"{PROXY}/{path}", headers={"Host": _HOST}).decode()
    except LabError as error:
        return str(error)


def _problems() -> Iterator[str]:
    if '"name": "churn"' not in answer("registered-models/search?max_results=10"):
        yield "MLflow has no model of Airflow's train_churn yet"


SYSTEM = System(name="mlflow", images=(_IMAGE,), manifests=("mlflow",), problems=_problems)
