"""The layout shows the architecture: imports point one way, and files and functions stay small."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "clusterprobe"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROBES = sorted((ROOT / "probes").glob("*/probe_*.py"))

# Each layer may import itself and those before it.
LAYERS = [
    {
        "background",
        "model",
        "errors",
        "exits",
        "files",
        "streams",
        "interruption",
        "shipped",
        "redaction",
        "environment_names",
        "times",
        "incidents",
        "known_systems",
        "correlation",
        "alert_path",
        "catalogue",
        "decoding",
        "excerpt",
        "numerals",
        "patterns",
        "words",
        "findings",
        "fixes",
        "references",
        "fingerprints",
        "yaml_limits",
    },
    {
        "request",
        "command_help",
        "profile_parts",
        "old_keys",
        "thresholds",
        "profile_errors",
        "profile_yaml",
        "profile_sections",
        "profile",
        "profile_schema",
        "readings",
    },
    {"sources", "access"},
    {"systems", "environments", "expectations", "roles", "verdict"},
    {"outcome", "evidence", "history", "settling", "archive", "permissions", "handbook", "own_probes", "scaffold"},
    {"accepted", "annotated", "archive_server", "memory", "report", "judging"},
    {"notify", "fleet", "openreports"},
    {"run", "progress", "survey", "profile_draft", "doctor", "kept", "needed_role"},
    {"plugin", "api"},
    {"launch", "command_options"},
    {"cli_profile"},
    {"cli"},
    {"start"},
    {"__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

# The rooms of `systems`. Each may import itself and those of the lines before it; those of one line do not know each other.
ROOMS = [
    {"formats"},
    {"kubernetes"},
    {"inventory"},
    {"storage"},
    {"prometheus"},
    {"alertmanager", "loki", "pods", "data_paths"},
    {"airflow", "argocd", "custom_resources", "grafana", "ingress", "log_agents", "mlflow", "sealed_secrets", "serving", "victoriametrics"},
    {"confirmations"},
]
FLOOR = {name: floor for floor, names in enumerate(ROOMS) for name in names}
SYSTEMS = [path for path in MODULES if path.is_relative_to(PACKAGE / "systems")]

# What asks a server or the API although it is no source: helpers that sources share.
ASK_FOR_SOURCES = {
    *("formats/answers.py", "formats/exposition.py", "ingress/handshakes.py", "kubernetes/events.py", "kubernetes/logs.py"),
    "prometheus/query.py",
}


def layer(module: str) -> str:
    return module.removeprefix("clusterprobe").lstrip(".").split(".")[0]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{one.name}" for one in node.names} if node.module == "clusterprobe" else {node.module}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    own = layer("clusterprobe." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    if own in ("__init__", ""):
        return
    for name in imports(path):
        other = layer(name) if name.startswith("clusterprobe") else ""
        if other and other != "__version__":
            assert RANK[other] <= RANK[own], f"{own} must not import {other}"


def room(module: str) -> str:
    return module.removeprefix("clusterprobe.systems").lstrip(".").split(".")[0]


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_systems_know_only_those_below_them(path: Path) -> None:
    own = room("clusterprobe." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    for name in imports(path):
        other = room(name) if name.startswith("clusterprobe.systems.") else ""
        if other and own not in (other, "__init__"):
            assert FLOOR[other] < FLOOR[own], f"{own} must not import {other}"


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_sources_reach_the_cluster(path: Path) -> None:
    tree = ast.parse(path.read_text())
    decorators = [one for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for one in node.decorator_list]
    has_source = any(isinstance(one, ast.Call) and ast.unparse(one.func) == "source" for one in decorators)
    asking = {"Cluster", "Endpoint"} & {one.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for one in node.names}
    assert has_source or not asking or str(path.relative_to(PACKAGE / "systems")) in ASK_FOR_SOURCES


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_advice_is_for_probes_alone(path: Path) -> None:
    if "advice" not in path.stem:
        assert not [name for name in imports(path) if name.split(".")[-1].endswith("advice")]


@pytest.mark.parametrize("path", PROBES, ids=lambda path: path.stem)
def test_a_probe_does_no_input_and_output(path: Path) -> None:
    forbidden = {"requests", "socket", "subprocess", "logging", "time", "datetime", "pytest", "kubernetes", "os"}
    assert not forbidden & {name.split(".")[0] for name in imports(path)}


def test_only_active_runs_and_open_reports_write_to_a_cluster() -> None:
    using = {str(path.relative_to(PACKAGE)) for path in MODULES if "clusterprobe.access.writer" in imports(path)}
    assert using == {"access/active.py", "access/lease.py", "openreports.py", "run.py", *WITH_A_WORKSPACE}


# What makes its own objects in the workspace of an active run, and takes their shape from the writer.
WITH_A_WORKSPACE = {"systems/pods/termination/timed_pods.py"}


def test_only_the_plugin_and_what_starts_pytest_know_it() -> None:
    knowing = {path.relative_to(PACKAGE).stem for path in MODULES if any(name.split(".")[0] == "pytest" for name in imports(path))}
    assert knowing == {"plugin", "launch"}


@pytest.mark.parametrize("path", [*MODULES, *PROBES], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= 40, f"{node.name} in line {node.lineno}"


@pytest.mark.parametrize("path", PROBES, ids=lambda path: path.stem)
def test_a_probe_explains_itself(path: Path) -> None:
    from clusterprobe.catalogue import SECTIONS, catalogue

    (entry,) = [one for one in catalogue(ROOT / "probes") if one.path == path]
    assert entry.question.endswith("?")
    assert set(entry.sections) == set(SECTIONS)
    assert all(len(text) > 20 for text in entry.sections.values())


@pytest.mark.parametrize("path", PROBES, ids=lambda path: path.stem)
def test_a_probe_has_a_unit_test(path: Path) -> None:
    tests = (ROOT / "tests" / "unit").rglob("test_*.py")
    assert any(f"from probes.{path.parent.name}.{path.stem} import" in one.read_text() for one in tests)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_structs_are_only_decoded_where_threads_are_kept_apart(path: Path) -> None:
    calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not {"msgspec.json.decode", "msgspec.json.Decoder", "msgspec.convert"} & set(calls) or path.stem == "decoding"


# --- one builder of addresses, one of selectors -------------------------------------------------------------------------

# What sends a request, by the name of the method and of what it is called on.
SENDERS = {"get", "json", "send", "post", "delete", "open", "watch", "url", "_ask", "_asked"}
SENDING = re.compile(r"(^|\.)_?(endpoint|cluster|api|http|self|writer|session)(\(.*\))?$")
BUILDERS = {"written", "as_path", "UrlPath"}  # they check a text: one that was joined before has passed for what it is not
SELECTOR = re.compile(r"""\{[^{}]*?[a-zA-Z_]\w*\s*(=~|!~|!=|=)\s*\\?["'`]""")


def is_joined(node: ast.AST) -> bool:
    """Whether an expression puts texts together: an f-string, `+`, `%`, `.format` or `.join`."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(one, ast.FormattedValue) for one in node.values)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Mod)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "join", "replace")


def joined_paths(tree: ast.AST) -> list[int]:
    """The lines in which a request, or a checked path, is given a text that was put together, by itself or under a name."""
    names: dict[str, ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and (target.id not in names or is_joined(node.value)):
                    names[target.id] = node.value
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function, arguments = node.func, node.args
        if isinstance(function, ast.Attribute):
            sends = function.attr in SENDERS and bool(SENDING.search(ast.unparse(function.value)))
            sends = sends or (isinstance(function.value, ast.Name) and function.value.id == "UrlPath")
        else:
            sends = isinstance(function, ast.Name) and function.id in SENDERS | BUILDERS
        texts = [names.get(one.id, one) if isinstance(one, ast.Name) else one for one in arguments[:3]]
        if sends and any(is_joined(one) for one in texts):
            found.append(node.lineno)
    return found


def written_selectors(tree: ast.AST) -> list[int]:
    """The lines in which a selector with values is put together."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(one.value) if isinstance(one, ast.Constant) else "x" for one in node.values)
        elif isinstance(node, ast.BinOp | ast.Call) and is_joined(node):
            text = "".join(str(one.value) for one in ast.walk(node) if isinstance(one, ast.Constant))
        else:
            continue
        if SELECTOR.search(text):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize(
    "code",
    [
        'endpoint.get(f"/api/{uid}")',
        'endpoint.json("/api/" + uid, dict)',
        'endpoint.get("/api/%s" % uid)',
        'endpoint.get("/api/{}".format(uid))',
        'path = f"{base}/dags/{dag}"\nendpoint.json(path, dict)',
        'cluster.api.get(f"{PODS.path(a, b)}/log", deadline)',
        'self._http.send("POST", f"/api/{name}", limit)',
        'cluster.url(f"http://{ip}:{port}")',
        'written(f"/x/{name}")',
        'UrlPath.of("api", a + "/" + b)',
        'watch(http, f"/api/{name}", query)',
    ],
)
def test_a_path_that_is_put_together_by_hand_is_seen(code: str) -> None:
    assert joined_paths(ast.parse(code))


@pytest.mark.parametrize(
    "path", [one for one in [*MODULES, *PROBES] if one.name != "urls.py"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_addresses_are_put_together_in_one_place(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert joined_paths(tree) == []
    places = {name.partition(".")[0] if name != "urllib.parse" else name for name in imports(path)}
    own = str(path.relative_to(PACKAGE)) if path.is_relative_to(PACKAGE) else ""
    assert "urllib.parse" not in places or own in URLS_ARE_READ
    assert not places & {"requests", "urllib3", "socket", "http"} or own in SOCKETS_ARE_OPENED


URLS_ARE_READ = {"access/kubeconfigs.py"}  # a header's name is encoded as a path is
SOCKETS_ARE_OPENED = {
    *(f"access/{name}.py" for name in ("bodies", "connection", "http", "proxies", "session", "tls", "watch")),
    "archive_server.py",
}


@pytest.mark.parametrize(
    "code",
    [
        """f'up{{namespace="{name}"}}'""",
        """f'up{{a!="", namespace=~"{name}"}}'""",
        """'up{namespace="' + name + '"}'""",
        """'up{namespace="%s"}' % name""",
        """'up{{namespace="{}"}}'.format(name)""",
        """'up{namespace="X"}'.replace("X", name)""",
        """f"{{{label}=`{name}`}}\"""",
    ],
)
def test_a_selector_that_is_put_together_by_hand_is_seen(code: str) -> None:
    assert written_selectors(ast.parse(code))


@pytest.mark.parametrize(
    "path", [one for one in [*MODULES, *PROBES] if one.name != "queries.py"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_selectors_are_put_together_in_one_place(path: Path) -> None:
    assert written_selectors(ast.parse(path.read_text())) == []


# --- expressions -------------------------------------------------------------------------------------------------------

# Python's `re` may take for ever on what a workload writes. These meet our own text only, or match single characters.
BACKTRACKING_IS_HARMLESS = {
    "access/connection.py": "the kubernetes client's own message about a kubeconfig",
    "access/urls.py": "what a segment begins with ends it, so that nothing can be read in two ways; RE2 has no look-ahead",
    "fixes.py": "classes of single characters",
    "run.py": "a class of single characters in a context's name",
    "systems/formats/queries.py": "classes of single characters",
    "scaffold.py": "the name that a contributor gives, and files of ours",
    "words.py": "classes of single characters, lone surrogates among them, which RE2 does not read",
    "archive.py": "names of folders of ours",
    "profile.py": "values of the profile",
    "profile_errors.py": "pydantic's messages about the profile",
    "report/prose.py": "single characters between fixed ones; RE2 has no look-around",
    "report/safe.py": "classes of single characters, lone surrogates among them, which RE2 does not read",
}


def test_only_linear_patterns_meet_the_clusters_text() -> None:
    using = {str(path.relative_to(PACKAGE)) for path in MODULES if "re" in imports(path)}
    assert using <= set(BACKTRACKING_IS_HARMLESS)
    assert not [path for path in PROBES if "re" in imports(path)]


def test_only_one_module_sets_the_options_of_re2() -> None:
    assert {str(path.relative_to(PACKAGE)) for path in MODULES if "re2" in imports(path)} <= {"patterns.py", "redaction/canonical.py"}
