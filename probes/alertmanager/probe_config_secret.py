from clusterprobe.access.servers import Server
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look
from clusterprobe.model import Command, Severity, Subject, Text
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.alertmanager import config_advice
from clusterprobe.systems.alertmanager.config_advice import what_is_wrong
from clusterprobe.systems.alertmanager.config_secrets import CONFIG_KEY, ConfigSecret
from clusterprobe.systems.alertmanager.routing import stands_on_fallback
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, Alertmanager, AlertmanagerStatus
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.systems.kubernetes.missing import MissingObject, missing_in
from clusterprobe.systems.kubernetes.objects import Condition
from clusterprobe.verdict import Verdict
from clusterprobe.words import number

CONFIG_REFUSED = FindingKind("ConfigRefused", Severity.CRITICAL, "The Operator refuses the configuration of an Alertmanager.")
CONFIG_SECRET_MISSING = FindingKind(
    "ConfigSecretMissing", Severity.ERROR, "The Secret with the configuration of an Alertmanager does not exist.", settles=True
)
CONFIG_SECRET_WITHOUT_KEY = FindingKind(
    "ConfigSecretWithoutKey",
    Severity.ERROR,
    "The Secret with the configuration of an Alertmanager lacks the key alertmanager.yaml, or it is empty.",
)
RELOAD_FAILED = FindingKind(
    "ReloadFailed", Severity.ERROR, "An Alertmanager could not load its newest configuration, and the one before keeps serving."
)
MEANINGS = {
    "missing name in receiver": 'a receiver has no name: typically `name: null`, which YAML reads as nothing; write `name: "null"`',
    "undefined receiver": "a route names a receiver that the list of receivers does not have",
}


@reports(CONFIG_REFUSED, CONFIG_SECRET_MISSING, CONFIG_SECRET_WITHOUT_KEY, RELOAD_FAILED)
def probe_config_secret(
    verdict: Verdict,
    alertmanagers: Examined[Alertmanager],
    alertmanager_secrets: Needed[ConfigSecret],
    alertmanager_statuses: Needed[AlertmanagerStatus],
    alertmanager_reloads: Needed[bool],
    alertmanager_servers: Needed[Server],
) -> None:
    """Does Alertmanager run the configuration that the team wrote?

    Problem: A change to the routes or receivers has no effect. Alertmanager looks healthy, since what it loaded before
    keeps serving.
    Cause: The Operator refuses the new text (`missing name in receiver`, `undefined receiver`) and says so only in the
    object's conditions; or the Secret that `configSecret` names is not there or lacks the key `alertmanager.yaml`; or
    Alertmanager itself could not load what it was given.
    Fix: Correct the key `alertmanager.yaml` of the Secret that the finding names.
    Prevention: Check the file in CI (`amtool check-config`), alert on `prometheus_operator_syncs{status="failed"}` and on
    `alertmanager_config_last_reload_successful == 0`, and run this probe after each sync.
    """
    servers = dict(alertmanager_servers)
    served: dict[tuple[str, str], list[AlertmanagerStatus]] = {}
    for subject, status in alertmanager_statuses:
        served.setdefault(servers[subject].key if subject in servers else ("", ""), []).append(status)
    facts = dict(alertmanager_secrets)
    for subject, one in alertmanagers:
        replicas = served.get((subject.namespace, subject.name), [])
        if not _judge_condition(verdict, subject, one, replicas, facts.get(subject)) and not one.spec.alertmanager_configuration:
            _judge_secret(verdict, subject, one, facts.get(subject, ConfigSecret(one.input_secret)), replicas)
    _judge_reloads(verdict, alertmanager_reloads, servers)


def _judge_condition(
    verdict: Verdict, subject: Subject, one: Alertmanager, replicas: list[AlertmanagerStatus], secret: ConfigSecret | None
) -> bool:
    """Whether the Operator refuses the configuration."""
    condition = one.condition("Reconciled")
    if one.spec.paused:
        verdict.unchecked(subject, "it is paused (spec.paused), so the Operator does not look at its configuration")
    elif not one.status.conditions and _all_serve(one, replicas):
        verdict.note(
            f"{subject} has no conditions, as old Operators write none, so what its Operator refuses is in its log only. It is judged by "
            f"what serves: {number(len(replicas), 'replica')} with a configuration that is not the Operator's fallback."
        )
    elif condition is None or condition.status not in ("True", "False"):
        verdict.unchecked(
            subject,
            "the Operator has not said whether it took the configuration: there is no condition Reconciled. It is said by an Operator that "
            "runs and writes conditions; without conditions, by every replica that answers with a configuration of its own",
        )
    elif condition.observed_generation < one.metadata.generation:
        verdict.unchecked(subject, f"the Operator has not looked at its newest generation ({one.metadata.generation}) yet")
    elif condition.status == "False":
        _report_refused(verdict, subject, one, condition, replicas, secret)
        return True
    return False


def _all_serve(one: Alertmanager, replicas: list[AlertmanagerStatus]) -> bool:
    """Whether every replica that is asked for answers, and none with the fallback that the Operator writes for want of a configuration."""
    return len(replicas) >= max(one.wanted_pods, 1) and not any(stands_on_fallback(status.configuration) for status in replicas)


def _report_refused(
    verdict: Verdict,
    subject: Subject,
    one: Alertmanager,
    condition: Condition,
    replicas: list[AlertmanagerStatus],
    secret: ConfigSecret | None,
) -> None:
    available = one.condition("Available")
    never = not replicas and available is not None and available.reason == "StatefulSetNotFound"
    state = "What was loaded before keeps serving, so it looks healthy and is stale." if replicas else "None of its replicas answers."
    meaning = next((text for words, text in MEANINGS.items() if words in condition.message), "see the Operator's message")
    place = f"{subject.namespace}/{one.input_secret}"
    gone = MissingObject("Secret", subject.namespace, one.input_secret) in missing_in(condition.message, subject.namespace)
    state = "No pod ever came up." if never else state
    where = f"In {CONFIG_KEY} of the Secret {place}, or in an AlertmanagerConfig that is added to it: {meaning}."
    verdict.report(
        CONFIG_REFUSED,
        subject,
        severity=Severity.CRITICAL if never else Severity.ERROR,
        problem=f"The Operator refuses the configuration of {subject.namespace}/{subject.name}. {state}",
        cause=f"{f'The Secret {place} does not exist.' if gone else where} The Operator says: {condition.message or condition.reason}",
        fix=config_advice.make_the_secret(one, secret)
        if gone
        else config_advice.correct_the_secret(subject.namespace, subject.name, one.input_secret, secret),
        exhibits=[Text(title=f"Condition Reconciled, since {condition.last_transition_time}", text=condition.message)],
        breaks=[
            Ref(RefKind.ALERTMANAGER_CONFIGURATION, subject.namespace, subject.name),
            Ref(RefKind.SECRET, subject.namespace, one.generated_secret),
        ],
        rests_on=[Ref(RefKind.SECRET, subject.namespace, one.input_secret)],
    )


def _judge_secret(verdict: Verdict, subject: Subject, one: Alertmanager, secret: ConfigSecret, replicas: list[AlertmanagerStatus]) -> None:
    """A missing Secret needs proof: a direct answer, or kube-state-metrics together with the fallback being served."""
    fallback = bool(replicas) and all(stands_on_fallback(status.configuration) for status in replicas)
    place = f"{subject.namespace}/{one.input_secret}"
    direct = secret.has_key is not None or secret.proof.startswith("the Secret was read")
    if (secret.exists is False and (direct or fallback)) or secret.has_key is False:
        missing = secret.exists is False
        verdict.report(
            CONFIG_SECRET_MISSING if missing else CONFIG_SECRET_WITHOUT_KEY,
            subject,
            problem=f"{subject.namespace}/{subject.name} is not configured from {place}, from which it should be.",
            cause=f"The Secret {place} {what_is_wrong(secret)}."
            + (" Its other Secrets are there: " + ", ".join(secret.candidates) + "." if missing and secret.candidates else ""),
            fix=config_advice.make_the_secret(one, secret),
            breaks=[Ref(RefKind.ALERTMANAGER_CONFIGURATION, subject.namespace, subject.name)],
            rests_on=[Ref(RefKind.SECRET, subject.namespace, one.input_secret)],
        )
    elif fallback:
        verdict.unchecked(
            subject,
            f"the Operator's fallback serves, so the Secret {place} {what_is_wrong(secret)}; to see which, name {place} under "
            "`secrets:` in the profile, or let kube-state-metrics list Secrets",
        )
    elif secret.exists is False and replicas:
        verdict.note(f"{place}: {secret.proof}; but what serves came from it, so it was there at the Operator's last look.")
    elif not replicas and not secret.exists:
        verdict.unchecked(subject, f"whether the Secret {place} exists is not known, and no replica reports what it serves")
    if secret.chart_secret_exists and one.input_secret != one.chart_secret:
        verdict.note(
            f"The chart's own Secret {subject.namespace}/{one.chart_secret} exists beside {place}; nothing uses it, so do not edit it."
        )


def _judge_reloads(verdict: Verdict, reloads: Readings[bool], servers: dict[Subject, Server]) -> None:
    for subject, succeeded in reloads:
        if succeeded:
            continue
        server = servers.get(subject)
        namespace, name = server.key if server else (subject.namespace, subject.name)
        verdict.report(
            RELOAD_FAILED,
            subject,
            problem=f"{subject.namespace}/{subject.name} could not load its newest configuration; the one before keeps serving.",
            cause="Its metric alertmanager_config_last_reload_successful is 0: Alertmanager itself refuses what it was given. "
            f"Its log names the line (component=configuration). It belongs to {ALERTMANAGERS.kind} {namespace}/{name}.",
            fix=[
                look("Its log names the line.", *_log(subject)),
                config_advice.look_at_source(namespace, name, server is not None and server.custom, [subject]),
                change("Correct what it is configured from, at its source in Git."),
            ],
            breaks=[Ref(RefKind.ALERTMANAGER_CONFIGURATION, namespace, name)],
        )


def _log(subject: Subject) -> list[Command | None]:
    return [log_of(subject.namespace, subject.name, "component=configuration", "24h")] if subject.kind == "Pod" else []
