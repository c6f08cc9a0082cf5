"""Trains the versions of the model that the image holds: `python3 -m churn.training`, once, when the image is built."""

from __future__ import annotations

import random

from churn.model import load, save, train

BASE = ("tenure_months", "monthly_fee", "support_calls")
CUSTOMERS = 400
# 1.6.0 was trained with a feature that only some requests carry, 1.8.0 with one that none does; 1.7.0 fetches one from far away.
VERSIONS = {
    "1.4.0": (BASE, 40, 0.0),
    "1.5.0": (BASE, 120, 0.0),
    "1.6.0": ((*BASE, "region_risk"), 120, 0.0),
    "1.7.0": (BASE, 120, 0.4),
    "1.8.0": ((*BASE, "household"), 40, 0.0),
}


def customer(source: random.Random) -> dict[str, float]:
    """One customer as the clients send them; a third of them with the risk of their region."""
    one = {
        "tenure_months": float(source.randint(1, 72)),
        "monthly_fee": round(source.uniform(10, 90), 2),
        "support_calls": float(min(9, int(source.expovariate(0.7)))),
    }
    if source.random() < 1 / 3:
        one["region_risk"] = round(source.random(), 2)
    return one


def _leaves(one: dict[str, float], source: random.Random) -> int:
    """What the model has to find out: few months, high fees and many calls make people leave."""
    inclination = 0.03 * one["monthly_fee"] + 0.6 * one["support_calls"] - 0.06 * one["tenure_months"]
    return int(inclination + source.gauss(0, 0.8) > 0.4)


def main() -> None:
    source = random.Random(7)
    customers = [{"region_risk": 0.5, "household": 2.0, **customer(source)} for _ in range(CUSTOMERS)]
    left = [_leaves(one, source) for one in customers]
    for version, (features, rounds, lookup_seconds) in VERSIONS.items():
        save(train(version, features, customers, left, rounds, lookup_seconds))
        model = load(version)
        right = sum((model.predict(one) > 0.5) == bool(truth) for one, truth in zip(customers, left, strict=True))
        print(f"churn {version}: {right / CUSTOMERS:.0%} right")


if __name__ == "__main__":
    main()
