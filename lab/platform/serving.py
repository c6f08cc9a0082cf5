"""The models' services: FastAPI, its canary, and the clients that ask them."""

from __future__ import annotations

from lab.build.archives import Image
from lab.build.python_images import SERVICES, PythonRecipe
from lab.platform.manifests import ENVIRONMENTS, Environment
from lab.platform.storage import NfsVolume, create_volume
from lab.platform.system import System

_IMAGE = PythonRecipe(
    Image("lab/fastapi:1", ("python3", "-m", "churn.service")), SERVICES / "fastapi", prepare=("python3", "-m", "churn.training")
)


def logs_volume(environment: Environment) -> NfsVolume:
    """Made by hand, and closed: only the models' own user may write there."""
    return NfsVolume(environment.workload_namespace, "fastapi-logs", "5Gi", "ReadWriteMany", owner=1000, mode=0o755)


def _make_volumes() -> None:
    for environment in ENVIRONMENTS:
        create_volume(logs_volume(environment))


SYSTEM = System(name="fastapi", images=(_IMAGE,), per_environment=("fastapi",), prepare=_make_volumes)
