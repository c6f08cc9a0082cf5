from collections import defaultdict

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look
from clusterprobe.model import Severity, Subject
from clusterprobe.patterns import ours
from clusterprobe.references import Ref
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.systems.prometheus.objects import PROMETHEUSES, Prometheus, pool_origin
from clusterprobe.systems.prometheus.own_log import OwnError, told
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

CONFIGURATION_NOT_LOADED = FindingKind(
    "ConfigurationNotLoaded",
    Severity.ERROR,
    "A Prometheus could not load its newest configuration, and runs with an earlier one.",
    settles=True,
)

_JOB = ours(r'job name \\?"([^"\\]+)')
_REFUSED = "(loading|reloading|failed).*(config|rule)"


@reports(CONFIGURATION_NOT_LOADED)
def probe_configuration(
    verdict: Verdict,
    prometheus_runtime: Examined[Runtime],
    prometheus_own_errors: Enriching[list[OwnError]],
    prometheuses: Enriching[Prometheus],
    clock: Clock,
) -> None:
    """Does every Prometheus run with its newest configuration?

    Problem: What is changed has no effect: new monitors are not scraped, and new rules do not alert, while everything that was there
    before goes on, so that it looks healthy.
    Cause: Prometheus refuses a configuration as a whole for one thing in it, such as a rule that does not parse, a file that is not there,
    or a relabelling that is not valid.
    Fix: Correct what its log names.
    Prevention: Alert on `prometheus_config_last_reload_successful == 0`, and check the configuration in CI (`promtool check config`).
    """
    failed: dict[Subject, list[tuple[Subject, Runtime]]] = defaultdict(list)
    for subject, one in prometheus_runtime:
        if not one.reload_config_success:
            failed[PROMETHEUSES.subject(subject.namespace, subject.owner.partition("/")[2] or subject.name)].append((subject, one))
    errors, customs = dict(prometheus_own_errors), prometheuses.by_name()
    for owner, replicas in failed.items():
        said = [each for one, _ in replicas for each in errors.get(one, [])]
        _report(verdict, owner, replicas, said, customs.get((owner.namespace, owner.name)), clock.now)


def _report(
    verdict: Verdict,
    owner: Subject,
    replicas: list[tuple[Subject, Runtime]],
    said: list[OwnError],
    custom: Prometheus | None,
    now: float,
) -> None:
    pods = [one for one, _ in replicas if one.kind == "Pod"]
    why = told(said, "configuration")
    loaded = epoch(replicas[0][1].last_config_time)
    since = "" if loaded is None else f": it runs with the one that it loaded {ago(now - loaded)} ago"
    verdict.report(
        CONFIGURATION_NOT_LOADED,
        owner,
        problem=f"Prometheus {owner.namespace}/{owner.name} could not load its newest configuration{since}. No change arrives.",
        cause=f"{listed([one.name for one, _ in replicas], 3)} {'says' if len(replicas) == 1 else 'say'} that the last reload failed."
        + (why or " Its log names the file and what is wrong with it."),
        fix=[
            look("Read what it refuses.", *(log_of(one.namespace, one.name, _REFUSED, since="24h") for one in pods[:2])),
            change(f"Correct what the log names.{_where(said, custom)} Change it {SOURCE}; Prometheus loads it by itself then."),
        ],
        breaks=[Ref.of(owner)],
    )


def _where(said: list[OwnError], custom: Prometheus | None) -> str:
    """Where the job that it refuses is written: the Operator names those of its own objects after these, and takes others as they are."""
    jobs = [match[1] for one in said if one.topic == "configuration" and (match := _JOB.search(one.text))]
    if not jobs or custom is None:
        return ""
    if origin := pool_origin(jobs[0]):
        return f" The job is of {origin[0].subject(*origin[1:])}."
    further = custom.spec.additional_scrape_configs
    if further is None:
        return ""
    return (
        f" No monitor has that job: it is in the key {further.key} of the Secret {custom.metadata.namespace}/{further.name} "
        "(spec.additionalScrapeConfigs of the Prometheus object)."
    )
