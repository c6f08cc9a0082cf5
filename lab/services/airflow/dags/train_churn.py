"""Fits how often customers leave against their support tickets, and keeps the model in MLflow, over MLflow's REST API."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pendulum
import requests
from airflow.sdk import dag, task
from airflow.timetables.interval import CronDataIntervalTimetable

TRACKING = os.environ.get("MLFLOW_TRACKING_URI", "http://mlflow.mlflow.svc:5000")
EXPERIMENT = MODEL = "churn"
TICKETS = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
LEFT = [0.02, 0.05, 0.11, 0.14, 0.21, 0.24]
CONFLICT = 400  # it is there already


def call(path: str, **body: Any) -> Any:
    answer = requests.post(f"{TRACKING}/api/2.0/mlflow/{path}", json=body, timeout=20)
    answer.raise_for_status()
    return answer.json()


def experiment() -> str:
    """The experiment's id; it is made where it is not there."""
    found = requests.get(f"{TRACKING}/api/2.0/mlflow/experiments/get-by-name", {"experiment_name": EXPERIMENT}, timeout=20)
    if found.ok:
        return str(found.json()["experiment"]["experiment_id"])
    return str(call("experiments/create", name=EXPERIMENT)["experiment_id"])


def fit(xs: list[float], ys: list[float]) -> tuple[float, float, float]:
    """Slope, intercept and mean squared error of the line of least squares."""
    count = len(xs)
    middle_x, middle_y = sum(xs) / count, sum(ys) / count
    slope = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / sum((x - middle_x) ** 2 for x in xs)
    intercept = middle_y - slope * middle_x
    return slope, intercept, sum((slope * x + intercept - y) ** 2 for x, y in zip(xs, ys, strict=True)) / count


def register(run: str, source: str) -> None:
    created = requests.post(f"{TRACKING}/api/2.0/mlflow/registered-models/create", json={"name": MODEL}, timeout=20)
    if created.status_code != CONFLICT:
        created.raise_for_status()
    call("model-versions/create", name=MODEL, source=source, run_id=run)


@dag(
    schedule=CronDataIntervalTimetable("0 3 * * *", timezone="UTC"),  # of yesterday, so that it runs once at the start
    start_date=pendulum.datetime(2024, 1, 1),
    catchup=False,
    max_active_runs=1,
)
def train_churn() -> None:
    @task(retries=5, retry_delay=pendulum.duration(seconds=10))
    def train() -> None:
        now = int(time.time() * 1000)
        slope, intercept, error = fit(TICKETS, LEFT)
        run = call("runs/create", experiment_id=experiment(), run_name="train_churn", start_time=now)["run"]["info"]
        call("runs/log-batch", run_id=run["run_id"], metrics=[{"key": "mse", "value": error, "timestamp": now, "step": 0}])
        artifact = f"{run['experiment_id']}/{run['run_id']}/artifacts/model/model.json"
        model = json.dumps({"slope": slope, "intercept": intercept})
        requests.put(f"{TRACKING}/api/2.0/mlflow-artifacts/artifacts/{artifact}", data=model, timeout=20).raise_for_status()
        call("runs/update", run_id=run["run_id"], status="FINISHED", end_time=int(time.time() * 1000))
        register(run["run_id"], f"{run['artifact_uri']}/model")

    train()


train_churn()
