"""The service: /predict, /health, /live, /metrics, and /model to load and unload what it serves, as model servers have it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from churn.logs import Log
from churn.model import Model, load

VERSION = os.environ.get("MODEL_VERSION", "1.4.0")
NAME = os.environ.get("MODEL_NAME", "churn")
QUIET = ("/health", "/live", "/metrics")  # asked by machines every second: neither counted nor logged

app = FastAPI(title=NAME, openapi_url=None)
registry = CollectorRegistry()
# The names and labels of prometheus-fastapi-instrumentator, which most services use.
requests_total = Counter("http_requests", "Requests by status.", ["method", "handler", "status"], registry=registry)
duration = Histogram(
    "http_request_duration_seconds",
    "How long requests took.",
    ["method", "handler"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=registry,
)
model_info = Gauge("model_info", "1 for the version that is served.", ["model", "version"], registry=registry)
log = Log(os.environ.get("LOG_FOLDER", ""), model=NAME, version=VERSION, track=os.environ.get("TRACK", "stable"))


class Served:
    """The model that answers, if one is loaded."""

    model: Model | None = None


@app.middleware("http")
async def account(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    path = request.url.path
    if path in QUIET:
        return await call_next(request)
    begun = time.perf_counter()
    try:
        response = await call_next(request)
    except Exception as error:  # the model's own failure, told as it is
        response = JSONResponse({"detail": "internal error"}, 500)
        log.write("error", f"{type(error).__name__}: {error}", path=path)
    seconds = time.perf_counter() - begun
    status = response.status_code
    requests_total.labels(request.method, path, f"{status // 100}xx").inc()
    duration.labels(request.method, path).observe(seconds)
    if status < 500:
        log.write("info", "request", method=request.method, path=path, status=status, seconds=round(seconds, 4))
    return response


@app.post("/predict")
async def predict(request: Request) -> Response:
    model = Served.model
    if model is None:
        log.write("error", "no model is loaded", path="/predict")
        return JSONResponse({"detail": "no model is loaded"}, 503)
    customer = await request.json()
    if not isinstance(customer, dict) or not all(isinstance(value, int | float) for value in customer.values()):
        return JSONResponse({"detail": "a customer is an object of numbers"}, 422)
    await asyncio.sleep(model.lookup_seconds)
    return JSONResponse({"probability": round(model.predict(customer), 4), "version": model.version})


@app.get("/health")
async def health() -> Response:
    if Served.model is None:
        return JSONResponse({"status": "error", "detail": "no model is loaded"}, 500)
    return JSONResponse({"status": "ok", "model": NAME, "version": Served.model.version})


@app.get("/live")
async def live() -> Response:
    return JSONResponse({"status": "ok"})


@app.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@app.post("/model/load")
async def load_model() -> Response:
    serve(VERSION)
    return JSONResponse({"loaded": VERSION})


@app.post("/model/unload")
async def unload_model() -> Response:
    Served.model = None
    log.write("warning", "the model was unloaded")
    return JSONResponse({"loaded": None})


def serve(version: str) -> None:
    Served.model = load(version)
    model_info.labels(NAME, version).set(1)
    log.write("info", "the model is loaded")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as the first process it would ignore it until uvicorn is there
    serve(VERSION)
    # h11 and asyncio's own loop: nothing to compile, and quick to start.
    uvicorn.run(
        app, host="0.0.0.0", port=8000, log_level="warning", access_log=False, http="h11", loop="asyncio", timeout_graceful_shutdown=2
    )


if __name__ == "__main__":
    main()
