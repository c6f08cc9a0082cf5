from clusterprobe.access.servers import Server
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems import config_advice
from clusterprobe.systems.alertmanager import ALERTMANAGERS, Alertmanager, AlertmanagerStatus
from clusterprobe.systems.config_advice import RIGHT_VALUE, WRONG_VALUE, what_is_wrong
from clusterprobe.systems.config_secrets import ConfigSecret
from clusterprobe.systems.routing import Configuration, Look, look_of
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Keep the Secret's name in `alertmanager.alertmanagerSpec.configSecret` of each environment's values, review rendered manifests "
    "(`helm template … | grep configSecret`), and run this probe after each sync: Alertmanager itself stays green in this state."
)
REASONS = {
    Look.CHART_DEFAULT: "ChartDefaultConfig",
    Look.OPERATOR_FALLBACK: "OperatorFallbackConfig",
    Look.NO_INTEGRATION: "NoIntegration",
}


def probe_default_config(
    verdict: Verdict,
    alertmanager_statuses: Readings[AlertmanagerStatus],
    alertmanager_servers: Readings[Server],
    alertmanagers: Readings[Alertmanager],
    alertmanager_secrets: Readings[ConfigSecret],
) -> None:
    """Does an Alertmanager serve a default configuration that sends everything to null?

    Problem: Alertmanager is up, takes every alert, and sends none of them anywhere.
    Cause: Either the chart's own default serves, because the value that names the Secret is misspelt
    (`alertmanager.configFromSecret` instead of `alertmanager.alertmanagerSpec.configSecret`) and Helm ignores what it does
    not know. Or the Operator's fallback serves, because the Secret that `configSecret` names is missing, or has no key
    `alertmanager.yaml`, or nothing under it; the Operator only logs that.
    Fix: Name the Secret under the right value, or make the Secret with the right key; the two look different and have
    different fixes, so the finding says which it is.
    Prevention: Review rendered manifests instead of values, and run this probe after each sync.
    """
    servers = dict(alertmanager_servers)
    customs = verdict.enrich(alertmanagers).by_name()
    facts = verdict.enrich(alertmanager_secrets).by_name()
    found: dict[tuple[tuple[str, str], Look], list[tuple[Subject, Configuration]]] = {}
    for subject, status in verdict.examine(alertmanager_statuses):
        look = look_of(status.configuration)
        key = servers[subject].key if subject in servers else (subject.namespace, subject.name)
        if look in REASONS:
            found.setdefault((key, look), []).append((subject, status.configuration))
    for (key, look), replicas in found.items():
        _report(verdict, key, look, replicas, customs.get(key), facts.get(key))


def _report(
    verdict: Verdict,
    key: tuple[str, str],
    look: Look,
    replicas: list[tuple[Subject, Configuration]],
    custom: Alertmanager | None,
    secret: ConfigSecret | None,
) -> None:
    namespace, name = key
    pods = ", ".join(sorted(subject.name for subject, _ in replicas))
    cause, fix = _explain(look, namespace, name, custom, secret)
    verdict.finding(
        Severity.CRITICAL,
        REASONS[look],
        ALERTMANAGERS.subject(namespace, name),
        problem=f"No alert of {namespace}/{name} reaches anyone: every route ends at a receiver without an integration (seen on {pods}).",
        cause=cause,
        fix=fix,
        prevention=PREVENTION,
        exhibits=[_receivers(replicas[0][1])],
        rests_on=_rests_on(look, custom),
    )


def _rests_on(look: Look, custom: Alertmanager | None) -> list[str]:
    """The Secret at fault: where it is missing, or holds something else, its own finding explains this one."""
    if custom is None or custom.spec.alertmanager_configuration or look is Look.CHART_DEFAULT:
        return []
    return [f"Secret/{custom.metadata.namespace}/{custom.input_secret}"]


def _explain(look: Look, namespace: str, name: str, custom: Alertmanager | None, secret: ConfigSecret | None) -> tuple[str, str]:
    """The likeliest cause, and its fix."""
    look_there = config_advice.look_at_object(namespace, name)
    if custom is None:
        return _without_object(look, namespace, name), f"Look at what it is configured from:\n{look_there}"
    refused = custom.condition("Reconciled")
    if refused and refused.status == "False":
        cause = f"The Operator refuses the present configuration, so an older one serves: {refused.message}"
        return cause, f"Correct what the Operator refuses, as alertmanager/config-secret says.\n{look_there}"
    if custom.spec.alertmanager_configuration:
        source = f"AlertmanagerConfig {namespace}/{custom.spec.alertmanager_configuration.name}"
        return f"The {source}, which replaces the Secret, has no receiver with an integration.", f"Add one there.\n{look_there}"
    if look is Look.OPERATOR_FALLBACK:
        named = "that spec.configSecret names" if custom.spec.config_secret else "that serves where spec.configSecret is not set"
        cause = f"The Operator's own fallback serves: the Secret {namespace}/{custom.input_secret} {named} {what_is_wrong(secret)}. "
        return cause + "The Operator only logs it, and reports success.", config_advice.make_the_secret(namespace, custom.input_secret)
    if look is Look.CHART_DEFAULT and custom.input_secret == custom.chart_secret:
        return _chart(namespace, custom, secret)
    copy = ": a copy of the chart's default" if look is Look.CHART_DEFAULT else ""
    cause = f"The Secret {namespace}/{custom.input_secret} itself holds a configuration without any integration{copy}."
    return cause, f"Add receivers with integrations. {config_advice.correct_the_secret(namespace, name, custom.input_secret)}"


def _without_object(look: Look, namespace: str, name: str) -> str:
    looks = {Look.CHART_DEFAULT: "kube-prometheus-stack's default", Look.OPERATOR_FALLBACK: "the Operator's fallback"}
    like = f"It looks like {looks[look]}. " if look in looks else ""
    return f"{like}No Alertmanager object {namespace}/{name} was read, so where the configuration comes from is not known."


def _chart(namespace: str, custom: Alertmanager, secret: ConfigSecret | None) -> tuple[str, str]:
    candidates = secret.candidates if secret else []
    others = f" Meanwhile {', '.join(candidates)} lies there unused." if candidates else ""
    unset = "is the chart's own" if custom.spec.config_secret else "is not set"
    cause = (
        f"The chart's default Secret {namespace}/{custom.chart_secret} serves, since spec.configSecret {unset}. Likeliest: the Helm "
        f"value is misspelt as `{WRONG_VALUE}`, which Helm ignores; the right one is `{RIGHT_VALUE}`.{others}"
    )
    return cause, config_advice.name_the_secret(namespace, custom.metadata.name, candidates[0] if candidates else "YOUR-SECRET")


def _receivers(configuration: Configuration) -> Table:
    rows = [[one.name, ", ".join(one.integrations) or "none"] for one in configuration.receivers]
    return Table(title="Receivers that are configured", columns=["Receiver", "Integrations"], rows=rows)
