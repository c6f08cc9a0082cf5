from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, shell
from clusterprobe.fixes import look as show
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.alertmanager import config_advice
from clusterprobe.systems.alertmanager.config_advice import RIGHT_VALUE, WRONG_VALUE, what_is_wrong
from clusterprobe.systems.alertmanager.config_objects import ConfigObject, unselected
from clusterprobe.systems.alertmanager.config_secrets import ConfigSecret
from clusterprobe.systems.alertmanager.routing import Look, look_of
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, Alertmanager, AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_config import Configuration
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.object_advice import value_of
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

KINDS = {
    Look.CHART_DEFAULT: FindingKind(
        "ChartDefaultConfig", Severity.CRITICAL, "An Alertmanager serves the default configuration of its chart."
    ),
    Look.OPERATOR_FALLBACK: FindingKind(
        "OperatorFallbackConfig", Severity.CRITICAL, "An Alertmanager serves the fallback configuration of the Operator."
    ),
    Look.NO_INTEGRATION: FindingKind("NoIntegration", Severity.CRITICAL, "No receiver of an Alertmanager has an integration."),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of what somebody meant to configure: the Secret, and AlertmanagerConfigs that no Alertmanager selects.

    `complete` is whether all of those could be read.
    """

    secret: ConfigSecret | None
    unselected: list[Subject]
    complete: bool


@reports(*KINDS.values())
def probe_default_config(
    verdict: Verdict,
    alertmanager_statuses: Examined[AlertmanagerStatus],
    alertmanager_servers: Enriching[Server],
    alertmanagers: Enriching[Alertmanager],
    alertmanager_secrets: Enriching[ConfigSecret],
    alertmanager_configs: Enriching[ConfigObject],
    namespaces: Enriching[Namespace],
) -> None:
    """Does an Alertmanager serve a default configuration that sends everything to null?

    Problem: Alertmanager is up, takes every alert, and sends none of them anywhere.
    Cause: The chart's own default serves, because nothing was configured yet, because no Alertmanager selects the AlertmanagerConfig that
    somebody wrote, or because the value that names the Secret is misspelt (`alertmanager.configFromSecret` instead of
    `alertmanager.alertmanagerSpec.configSecret`) and Helm ignores what it does not know: then that Secret exists, and nothing uses it.
    Or the Operator's fallback serves, because the Secret that `configSecret` names is missing, or has no key
    `alertmanager.yaml`, or nothing under it; the Operator only logs that.
    Fix: Name the Secret under the right value, or make the Secret with the right key; the two look different and have
    different fixes, so the finding says which it is.
    Prevention: Keep the Secret's name in `alertmanager.alertmanagerSpec.configSecret` of each environment's values, review rendered
    manifests (`helm template … | grep configSecret`), and run this probe after each sync: Alertmanager itself stays green in this state.
    """
    servers = dict(alertmanager_servers)
    customs = alertmanagers.by_name()
    facts = alertmanager_secrets.by_name()
    labels = {one.metadata.name: one.metadata.labels for one in namespaces.items}
    waiting = [subject for subject, _, _ in unselected(alertmanager_configs, alertmanagers, labels)]
    found: dict[tuple[tuple[str, str], Look], list[tuple[Subject, Configuration]]] = {}
    for subject, status in alertmanager_statuses:
        look = look_of(status.configuration)
        key = servers[subject].key if subject in servers else (subject.namespace, subject.name)
        if look in KINDS:
            found.setdefault((key, look), []).append((subject, status.configuration))
    for (key, look), replicas in found.items():
        _report(verdict, key, look, replicas, customs.get(key), Known(facts.get(key), waiting, alertmanager_configs.complete))


def _report(
    verdict: Verdict,
    key: tuple[str, str],
    look: Look,
    replicas: list[tuple[Subject, Configuration]],
    custom: Alertmanager | None,
    known: Known,
) -> None:
    namespace, name = key
    pods = ", ".join(sorted(subject.name for subject, _ in replicas))
    cause, fix = _explain(look, namespace, name, custom, known, [subject for subject, _ in replicas])
    verdict.report(
        KINDS[look],
        ALERTMANAGERS.subject(namespace, name),
        problem=f"No alert of {namespace}/{name} reaches anyone: every route ends at a receiver without an integration (seen on {pods}).",
        cause=cause,
        fix=fix,
        exhibits=[_receivers(replicas[0][1])],
        breaks=[Ref.of(ALERTMANAGERS.subject(namespace, name))],
        rests_on=[*_source(look, custom), Ref(RefKind.ALERTMANAGER_CONFIGURATION, namespace, name)],
    )


def _source(look: Look, custom: Alertmanager | None) -> list[Ref]:
    """The Secret at fault: where it is missing, or holds something else, its own finding explains this one."""
    if custom is None or custom.spec.alertmanager_configuration or look is Look.CHART_DEFAULT:
        return []
    return [Ref(RefKind.SECRET, custom.metadata.namespace, custom.input_secret)]


def _explain(
    look: Look, namespace: str, name: str, custom: Alertmanager | None, known: Known, replicas: list[Subject]
) -> tuple[str, list[Step]]:
    """The likeliest cause, and its fix."""
    secret = known.secret
    see = config_advice.look_at_source(namespace, name, custom is not None, replicas)
    if custom is None:
        return _without_object(look, namespace, name), [see, change("Give it a receiver with an integration there, in Git.")]
    refused = custom.condition("Reconciled")
    if refused and refused.status == "False":
        cause = f"The Operator refuses the present configuration, so an older one serves: {refused.message}"
        return cause, [see, change("Correct what the Operator refuses; the finding of alertmanager/config-secret has the steps.")]
    if custom.spec.alertmanager_configuration:
        source = f"AlertmanagerConfig {namespace}/{custom.spec.alertmanager_configuration.name}"
        add = change("Add a receiver with an integration to it, and a route that ends there. Change it at its source, in Git.")
        there = (namespace, custom.spec.alertmanager_configuration.name)
        shown = show("See what it routes.", shell("kubectl -n {} get alertmanagerconfigs.monitoring.coreos.com {} -o yaml", *there))
        return f"The {source}, which replaces the Secret, has no receiver with an integration.", [shown, add]
    if look is Look.OPERATOR_FALLBACK:
        named = "that spec.configSecret names" if custom.spec.config_secret else "that serves where spec.configSecret is not set"
        cause = (
            f"Alertmanager uses the Operator's own fallback: the Secret {namespace}/{custom.input_secret} {named} {what_is_wrong(secret)}. "
        )
        make = config_advice.make_the_secret(custom, secret)
        return cause + "The Operator only logs it, and reports success.", make
    if look is Look.CHART_DEFAULT and custom.input_secret == custom.chart_secret:
        return _chart(namespace, custom, known)
    copy = ": a copy of the chart's default" if look is Look.CHART_DEFAULT else ""
    cause = f"The Secret {namespace}/{custom.input_secret} itself holds a configuration without any integration{copy}."
    add = change("Add a receiver with an integration to the configuration, and let the root route end at it.")
    return cause, [add, *config_advice.correct_the_secret(namespace, name, custom.input_secret, secret)]


def _without_object(look: Look, namespace: str, name: str) -> str:
    looks = {Look.CHART_DEFAULT: "kube-prometheus-stack's default", Look.OPERATOR_FALLBACK: "the Operator's fallback"}
    like = f"It looks like {looks[look]}. " if look in looks else ""
    return f"{like}No Alertmanager object {namespace}/{name} was read, so where the configuration comes from is not known."


def _chart(namespace: str, custom: Alertmanager, known: Known) -> tuple[str, list[Step]]:
    """Why the chart's own Secret serves: which other way of configuring it has somebody begun."""
    candidates = known.secret.candidates if known.secret else []
    unset = "is the chart's own" if custom.spec.config_secret else "is not set"
    begin = f"Alertmanager uses the chart's default Secret {namespace}/{custom.chart_secret}, because spec.configSecret {unset}."
    causes, steps = [], []
    if known.unselected:
        causes.append(f"{listed([str(one) for one in known.unselected], 3)} exists, and no Alertmanager selects it.")
        steps.append(change("Have the AlertmanagerConfig selected; the finding of alertmanager/config-objects has the steps."))
    if candidates:
        several = len(candidates) > 1
        names = (
            f"The Secret{'s' * several} {', '.join(candidates)} exist{'s' * (not several)}, but nothing uses {'them' if several else 'it'}."
        )
        misspelt = f"Most likely the Helm value is misspelt as `{WRONG_VALUE}`, which Helm ignores; the right one is `{RIGHT_VALUE}`."
        misspelt = misspelt if value_of(custom.metadata, RIGHT_VALUE) else "spec.configSecret names none of the team's."
        # With both, which of the two was meant is not known.
        causes.append(names if causes else f"{misspelt} {names}")
        steps += config_advice.name_the_secret(custom, candidates)
    if not causes:
        causes.append(_nothing_seen(namespace, known))
        steps += config_advice.configure_first(custom)
    return " ".join([begin, *causes]), steps


def _nothing_seen(namespace: str, known: Known) -> str:
    """That nobody has begun to configure it, as far as that is known."""
    if known.secret is None or known.secret.chart_secret_exists is None:
        return f"Whether a Secret was meant for it is not known, since nothing that was read lists the Secrets of {namespace}."
    if not known.complete:
        return "Whether an AlertmanagerConfig was meant for it could not be read."
    return "No receiver has been configured yet: there is neither a Secret nor an AlertmanagerConfig that looks meant for it."


def _receivers(configuration: Configuration) -> Table:
    rows = [[one.name, ", ".join(one.integrations) or "none"] for one in configuration.receivers]
    return Table(title="Receivers that are configured", columns=["Receiver", "Integrations"], rows=rows)
