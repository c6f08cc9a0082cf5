"""Grafana Alloy in place of Promtail, on every node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lab import api
from lab.build.images import published
from lab.build.modules import Module
from lab.layout import NODES
from lab.platform import loki, prometheus_operator
from lab.platform.manifests import ENVIRONMENTS, documents, render
from lab.platform.system import System

_VERSION = "v1.4.2"  # what reads its configuration is a module of its own, syntax v0.1.0, with which later versions do not compile
_COMPONENTS = ("discovery/kubernetes", "discovery/relabel", "local/file_match", "loki/process", "loki/source/file", "loki/write")
# Of its components only those that read a pod's log; neither the exporters nor the converters, which need most of its modules.
_MAIN = """package main

import (
\t"github.com/prometheus/client_golang/prometheus"

\t"github.com/grafana/alloy/internal/alloycli"
\t"github.com/grafana/alloy/internal/build"
)

func main() {
\tprometheus.MustRegister(build.NewCollector("alloy"))
\talloycli.Run()
}
"""
_ALL = "package all\n\nimport (\n" + "".join(f'\t_ "github.com/grafana/alloy/internal/component/{each}"\n' for each in _COMPONENTS) + ")\n"
_CONVERTER = """package converter

import "github.com/grafana/alloy/internal/converter/diag"

type Input string

const InputOtelCol, InputPrometheus, InputPromtail, InputStatic Input = "otelcol", "prometheus", "promtail", "static"

var SupportedFormats = []string{}

func Convert(_ []byte, kind Input, _ []string) ([]byte, diag.Diagnostics) {
\tvar diags diag.Diagnostics
\tdiags.Add(diag.SeverityLevelCritical, string(kind)+": built without converters")
\treturn nil, diags
}
"""
# It asks the module of its language for one thing that came after the published version: which words are out of date.
_WORDS = "package vm\n\nfunc (*Scope) IsDeprecated(string) bool { return false }\n"
_MODULE = Module(
    "github.com/grafana/alloy",
    _VERSION,
    {"alloy": ""},
    {"github.com/grafana/alloy/internal/build.Version": _VERSION},
    without={
        "github.com/grafana/alloy": {
            "main.go": _MAIN,
            "internal/component/all/all.go": _ALL,
            "internal/converter/converter.go": _CONVERTER,
        },
        "github.com/grafana/alloy/syntax": {"vm/words.go": _WORDS},
    },
)


def _remove_promtail() -> None:
    """Its pods only: two agents on a node would send every line twice."""
    for found in documents(render("promtail")):
        if found["kind"] == "DaemonSet":
            api.delete(f"/apis/apps/v1/namespaces/logging/daemonsets/{found['metadata']['name']}")


def _put_promtail_back() -> None:
    api.apply(render("promtail"))


def _problems() -> Iterator[str]:
    for environment in ENVIRONMENTS:
        if not loki.lines(f'{{namespace="{environment.workload_namespace}"}}', seconds=20):
            yield f"Loki has no recent line of {environment.workload_namespace}"


SYSTEM = System(
    name="alloy",
    modules=(_MODULE,),
    images=(
        published(f"docker.io/grafana/alloy:{_VERSION}", _MODULE, "/bin/alloy", nodes=NODES),
        *(replace(each, nodes=NODES) for each in prometheus_operator.SYSTEM.images if "config-reloader" in each.image.name),
    ),
    manifests=("alloy",),
    prepare=_remove_promtail,
    end=_put_promtail_back,
    problems=_problems,
)
