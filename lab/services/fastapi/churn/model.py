"""Logistic regression without any library: it learns from a table in a second, and answers in microseconds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MODELS = Path(__file__).parent.parent / "models"


@dataclass(frozen=True)
class Model:
    """The features that it wants, in this order, each with its mean, its spread and its weight.

    `lookup_seconds`: how long one of its features takes to come from where it is kept.
    """

    version: str
    features: list[str]
    means: list[float]
    spreads: list[float]
    weights: list[float]
    bias: float
    lookup_seconds: float = 0.0

    def predict(self, customer: Mapping[str, float]) -> float:
        """The probability of leaving. `KeyError` where the customer lacks a feature."""
        values = [customer[name] for name in self.features]
        scaled = [(value - mean) / spread for value, mean, spread in zip(values, self.means, self.spreads, strict=True)]
        return _sigmoid(self.bias + sum(weight * value for weight, value in zip(self.weights, scaled, strict=True)))


def train(
    version: str, features: Sequence[str], customers: Sequence[Mapping[str, float]], left: Sequence[int], rounds: int, lookup_seconds: float
) -> Model:
    """Gradient descent over the whole table."""
    columns = [[one[name] for one in customers] for name in features]
    means = [sum(column) / len(column) for column in columns]
    spreads = [
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(column)) or 1.0 for column, mean in zip(columns, means, strict=True)
    ]
    rows = [[(one[name] - mean) / spread for name, mean, spread in zip(features, means, spreads, strict=True)] for one in customers]
    weights, bias = [0.0] * len(features), 0.0
    for _ in range(rounds):
        gaps = [
            _sigmoid(bias + sum(w * x for w, x in zip(weights, row, strict=True))) - truth for row, truth in zip(rows, left, strict=True)
        ]
        bias -= sum(gaps) / len(rows)
        weights = [w - sum(gap * row[i] for gap, row in zip(gaps, rows, strict=True)) / len(rows) for i, w in enumerate(weights)]
    return Model(version, list(features), means, spreads, weights, bias, lookup_seconds)


def save(model: Model) -> None:
    MODELS.mkdir(exist_ok=True)
    (MODELS / f"churn-{model.version}.json").write_text(json.dumps(asdict(model), indent=1))


def load(version: str) -> Model:
    """The model of that version. `FileNotFoundError` where the image has none."""
    return Model(**json.loads((MODELS / f"churn-{version}.json").read_text()))


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -500 else 0.0
