"""What to do about a route by which alerts reach nobody."""

from __future__ import annotations

from clusterprobe.fixes import change, each, look, shell
from clusterprobe.model import Step
from clusterprobe.systems.alertmanager.config_secrets import CONFIG_KEY
from clusterprobe.systems.alertmanager.reach import Alert
from clusterprobe.systems.alertmanager.routing import Delivery
from clusterprobe.systems.formats.alertmanager_config import Configuration, Inhibition
from clusterprobe.words import said

AT_SOURCE = f"Change {CONFIG_KEY} at its source, in Git: what makes the Secret would revert a change of the Secret itself."
_FIRST = ("severity", "alertname", "namespace")


def redirected(way: Delivery, configuration: Configuration) -> Step:
    """Lead a route to somebody."""
    good = next((one.name for one in configuration.receivers if not one.is_sink and not one.is_of_object), "")
    target = f"the receiver {said(good)}" if good else "a receiver with an integration"
    where = f"Lead the route {said(way.path[-1])}" if len(way.path) > 1 else "Lead the root route"
    return change(f"{where} to {target}, or put a route for critical alerts in front of it. {AT_SOURCE}")


def strategy_of_objects() -> Step:
    """Let one AlertmanagerConfig take the alerts of all namespaces."""
    return change(
        "Where an AlertmanagerConfig is to take alerts of all namespaces, set this on the Alertmanager. It then holds for each of them, so "
        "that every team's AlertmanagerConfig gets every alert; where that is not wanted, name one under `spec.alertmanagerConfiguration`.",
        code="spec:\n  alertmanagerConfigMatcherStrategy:\n    type: None",
    )


def described(rule: Inhibition) -> str:
    """An inhibit rule's target, and by which source."""
    target, source = (", ".join(map(str, side)) or "every alert" for side in (rule.target, rule.source))
    return f"{target} (source {source}, equal {', '.join(rule.equal) or 'nothing'})"


def own_namespaces(configuration: Configuration) -> list[str]:
    """The namespaces to which the Operator has bound routes of AlertmanagerConfigs."""
    found = {
        matcher.value
        for route in configuration.route.routes
        if route.receiver.count("/") == 2
        for matcher in route.matchers
        if (matcher.name, matcher.operator, matcher.value) == ("namespace", "=", route.receiver.partition("/")[0])
    }
    return sorted(found)


def tested(alert: Alert, names: set[str]) -> Step:
    """How to try such an alert on the changed file, with those of its labels that matter."""
    chosen = [one for one in _FIRST if one in alert.labels]
    chosen += sorted(name for name in names if name in alert.labels and name not in _FIRST)
    labels = each("{}", [f"{name}={alert.labels[name]}" for name in chosen])
    command = shell("amtool config routes test --config.file={} {}", CONFIG_KEY, labels)
    return look("Test the changed file before it is rolled out: amtool names the receiver.", command)
