"""index.html: one self-contained page without any script. What comes from the cluster is text in it, never markup."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusterprobe import alert_path, fixes
from clusterprobe.incidents import State
from clusterprobe.model import ProbeVerdict, RunResult, RunVerdict, Severity
from clusterprobe.report import answer, charts, environments, page, prose
from clusterprobe.words import number, of_severity, visible, visible_line

if TYPE_CHECKING:
    from jinja2 import Template

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

# The sign beside a word, so that no state is told by its colour alone: (icon, tone).
LOOKS: dict[str, tuple[str, str]] = {
    State.FOUND: ("alert", "error"),
    State.UNKNOWN: ("question", "unknown"),
    State.PARTLY: ("question", "unknown"),
    State.KNOWN: ("muted", "quiet"),
    State.NORMAL: ("remark", "info"),
    State.NOT_RUN: ("empty", "quiet"),
    State.ABSENT: ("dash", "quiet"),
    State.CLEAR: ("check", "ok"),
}
VERDICT_LOOKS: dict[str, tuple[str, str]] = {
    ProbeVerdict.PASS: LOOKS[State.CLEAR],
    ProbeVerdict.FINDINGS: LOOKS[State.FOUND],
    ProbeVerdict.INCONCLUSIVE: LOOKS[State.UNKNOWN],
    ProbeVerdict.NOT_APPLICABLE: LOOKS[State.ABSENT],
    ProbeVerdict.KNOWN: LOOKS[State.KNOWN],
    ProbeVerdict.BROKEN: ("alert", "unknown"),
}
SEVERITY_LOOKS: dict[str, tuple[str, str]] = {
    Severity.CRITICAL: ("stop", "critical"),
    Severity.ERROR: ("alert", "error"),
    Severity.WARNING: ("alert", "warning"),
    Severity.INFO: ("remark", "info"),
}
RUN_LOOKS: dict[str, tuple[str, str]] = {
    RunVerdict.HEALTHY: LOOKS[State.CLEAR],
    RunVerdict.FINDINGS: LOOKS[State.FOUND],
    RunVerdict.INCOMPLETE: LOOKS[State.UNKNOWN],
    RunVerdict.BROKEN: ("alert", "unknown"),
}


def write(result: RunResult, folder: Path) -> None:
    """Write index.html into the folder."""
    (folder / "index.html").write_text(render(result), encoding="utf-8")


def render(result: RunResult) -> str:
    """The page. The result is expected to have passed `safe`."""
    return template("index.html").render(
        result=result,
        run=result.run,
        cluster=result.cluster,
        page=page.Page(result),
        path=alert_path.stations(result.probes, result.environments),
        policy=POLICY,
    )


@functools.cache
def template(name: str) -> Template:
    """A page of ours by its name, in which nothing that is printed is markup, with all that our pages use."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("clusterprobe.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.globals.update(
        answer=answer,
        number=number,
        of_severity=of_severity,
        looks=LOOKS,
        verdict_looks=VERDICT_LOOKS,
        run_looks=RUN_LOOKS,
        verdicts=ProbeVerdict,
    )
    environment.globals.update(draw=charts.draw, cells=charts.cells, severity_looks=SEVERITY_LOOKS, states=State)
    environment.globals.update(marks=fixes.MARKS, environments=environments, trend=charts.trend)
    environment.filters.update(headline=prose.headline, after_headline=prose.after_headline, line=visible_line, slug=page.slug)
    environment.filters.update(spans=prose.spans, command=fixes.line, seconds=_seconds, moment=_moment, amount=_amount)
    return environment.get_template(name)


def prepare() -> None:
    """Make the page's templates ready, which takes a while."""
    environment = template("index.html").environment
    for name in environment.list_templates(("html", "svg", "css")):
        environment.get_template(name)


def _finalize(value: Any) -> Any:
    """Whatever is printed anywhere in the template has its invisible characters shown; markup of the template's own stays."""
    return value if hasattr(value, "__html__") or not isinstance(value, str) else visible(value)


def _seconds(value: float) -> str:
    return f"{_amount(value)} s" if value < 60 else f"{value / 60:.1f} min"


def _moment(text: str) -> str:
    """A time as it is read aloud: `2026-11-22 16:09:30 UTC`."""
    return text.replace("T", " ").removesuffix("Z").split(".")[0].removesuffix("+00:00") + " UTC" if "T" in text else text


def _amount(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
