"""What log agents lose or cannot send: by their counters lately, else since they started, and by their own logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from clusterprobe.access.cluster import owner_of
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.log_agents.destinations import Destination
from clusterprobe.systems.log_agents.drops import Dropped, SendErrors
from clusterprobe.systems.log_agents.metrics import PAGES, amount
from clusterprobe.systems.log_agents.states import AgentState
from clusterprobe.times import ago

BY_LOG = "lost_by_its_log"
Place = tuple[str, str]  # namespace and name of a pod


@dataclass(frozen=True, slots=True)
class Lost:
    """What one agent lost by reason, in which time; `lately` is whether that is within the window."""

    agent: Subject
    counts: Counter[str]
    window: str
    lately: bool


@dataclass(slots=True)
class Trouble:
    """What the agents of one workload lost, and the last words about it, and about what they send again."""

    program: str
    lost: list[Lost] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    waiting: list[tuple[Subject, int]] = field(default_factory=list)
    waited: list[tuple[Subject, int]] = field(default_factory=list)  # and goes on since
    nowhere: list[str] = field(default_factory=list)

    @property
    def total(self) -> Counter[str]:
        return sum((one.counts for one in self.lost), Counter())


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of all agents; `minutes` is how long the window is, `now` when all of it was read."""

    drops: Readings[Dropped]
    errors: Readings[SendErrors]
    pods: Readings[SystemPod]
    destinations: Readings[Destination]
    minutes: float
    now: float

    @property
    def window(self) -> str:
        return f"in the last {self.minutes:g} minutes"

    def lately(self) -> dict[Place, Counter[str]]:
        """What each agent lost within the window, as any Prometheus has it; all that it scrapes are in it, with 0 if need be."""
        found: dict[Place, Counter[str]] = {}
        for one in (each for known in self.drops.items for each in known.drops):
            seen = found.setdefault((one.namespace, one.pod), Counter())
            seen[one.reason] = max(seen[one.reason], round(one.count))
        return found

    def program(self, agent: Subject, state: AgentState | None) -> str:
        """As `System.key` has it; empty where its pod was not read either."""
        one = self.pods.by_name().get((agent.namespace, agent.name))
        return state.program if state else one.key if one else ""

    def owner(self, agent: Subject, state: AgentState | None) -> Subject:
        """The workload of an agent's pod; the pod where it has none."""
        one = self.pods.by_name().get((agent.namespace, agent.name))
        kind, _, name = (state.owner if state else owner_of(one.pod) if one else "").partition("/")
        return Subject(api_version="apps/v1", kind=kind, namespace=agent.namespace, name=name) if name else agent


def troubles(evidence: Evidence, states: Readings[AgentState], long_ago: list[str]) -> dict[Subject, Trouble]:
    """By workload what its agents lost or could not send. What one lost before the window only is said in `long_ago`."""
    lately, errors = evidence.lately(), {(subject.namespace, subject.name): one for subject, one in evidence.errors}
    nowhere = {(subject.namespace, subject.name): [each.to for each in one.nowhere] for subject, one in evidence.destinations}
    found: dict[Subject, Trouble] = {}
    for agent, state in _agents(evidence, states, lately):
        place = (agent.namespace, agent.name)
        words = errors.get(place)
        lost = _lost(agent, state, words, lately.get(place), evidence)
        if lost is None and state and state.dropped and place in lately:
            long_ago.append(f"{agent.name} dropped {amount(state.dropped)} since it started, and none {evidence.window}.")
        if lost is None and not (words and words.retried):
            continue
        one = found.setdefault(evidence.owner(agent, state), Trouble(evidence.program(agent, state)))
        one.lost += [lost] if lost else []
        one.said += words.said if words else []
        one.waits += words.waits if words else []
        if words and words.retried:
            (one.waited if words.quiet else one.waiting).append((agent, words.retried))
        one.nowhere += [each for each in nowhere.get(place, []) if each not in one.nowhere]
    return found


def _agents(
    evidence: Evidence, states: Readings[AgentState], lately: dict[Place, Counter[str]]
) -> Iterator[tuple[Subject, AgentState | None]]:
    """Those whose metrics were read, then those of which only the log was, or a Prometheus has them."""
    yield from states
    known = {(subject.namespace, subject.name) for subject, _ in (*states, *evidence.errors)}
    scraped = (subject for subject, one in evidence.pods if one.key in PAGES and lately.get((subject.namespace, subject.name)))
    told = states.by_name()
    yield from ((subject, None) for subject, _ in evidence.errors if (subject.namespace, subject.name) not in told)
    yield from ((subject, None) for subject in scraped if (subject.namespace, subject.name) not in known)


def _lost(
    agent: Subject, state: AgentState | None, words: SendErrors | None, lately: Counter[str] | None, evidence: Evidence
) -> Lost | None:
    if lately is not None and lately.total():
        return Lost(agent, lately, evidence.window, lately=True)
    by_log = words.given_up if words else 0
    if lately is None and state and state.dropped and evidence.drops.complete:
        age = f"since it started {ago(evidence.now - state.started)} ago (no Prometheus scrapes it)"
        return Lost(agent, Counter(state.dropped), age, lately=bool(by_log))
    if by_log and not (state and state.dropped):  # it counts none, or its counters were not read
        return Lost(agent, Counter({BY_LOG: by_log}), f"{evidence.window}, by its log", lately=True)
    return None
