"""Which images the pods run. They bear the names of the published ones, and hold the programs built here."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lab import product_image, python_images
from lab.build import STAND_INS, program_path, stand_in_path
from lab.cluster.images import Image, import_image, pack_image
from lab.cluster.layout import NODES, WORKERS, Node
from lab.command import run
from lab.paths import CACHE
from lab.python_images import PythonRecipe

BUSYBOX = Path("/bin/busybox")
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_PAUSE = """#include <signal.h>
#include <unistd.h>
static void stop(int signal_number) { _exit(0); }
int main(void) { signal(SIGTERM, stop); signal(SIGINT, stop); for (;;) pause(); }
"""


@dataclass(frozen=True)
class Recipe:
    """An image, the programs in it by their path there, and the nodes that need it."""

    image: Image
    programs: Mapping[str, Path] = field(default_factory=dict)
    with_shell: bool = False
    nodes: Sequence[Node] = tuple(WORKERS)


def _published(name: str, *paths: str, with_shell: bool = False, nodes: Sequence[Node] = tuple(WORKERS)) -> Recipe:
    """An image whose entry point is the first of the programs that it holds."""
    programs = {path: program_path(Path(path).name) for path in paths}
    return Recipe(Image(name, (paths[0],)), programs, with_shell, nodes)


def recipes() -> list[Recipe]:
    stand_ins = {f"/bin/{name}": stand_in_path(name) for name in STAND_INS}
    return [
        Recipe(Image("lab/pause:1", ("/pause",)), {"/pause": _pause_path()}, nodes=NODES),
        Recipe(Image("lab/pause:2", ("/pause",)), {"/pause": _pause_path()}),  # the same under a newer tag, to roll out
        Recipe(Image("lab/busybox:1", ("/bin/sh",)), with_shell=True, nodes=NODES),
        Recipe(Image("lab/stand-ins:1", ()), stand_ins),
        _published("registry.k8s.io/coredns/coredns:v1.12.1", "/coredns"),
        _published("docker.io/rancher/local-path-provisioner:v0.0.30", "/usr/bin/local-path-provisioner"),
        _published("quay.io/prometheus-operator/prometheus-operator:v0.85.0", "/bin/operator"),
        _published("quay.io/prometheus-operator/prometheus-config-reloader:v0.85.0", "/bin/prometheus-config-reloader"),
        _published("quay.io/prometheus/prometheus:v3.4.2", "/bin/prometheus", with_shell=True),
        _published("quay.io/prometheus/alertmanager:v0.28.1", "/bin/alertmanager", "/bin/amtool", with_shell=True),
        _published("docker.io/bitnami/sealed-secrets-controller:0.27.1", "/usr/local/bin/controller"),
        _published("registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.15.0", "/kube-state-metrics"),
        _published("docker.io/library/traefik:v3.4.1", "/usr/local/bin/traefik"),
        _published("docker.io/grafana/loki:3.5.0", "/usr/bin/loki"),
        _published("docker.io/grafana/promtail:3.5.0", "/usr/bin/promtail", with_shell=True, nodes=NODES),
    ]


def python_recipes() -> list[PythonRecipe]:
    services = Path(__file__).parent / "services"
    return [
        PythonRecipe(
            Image("lab/fastapi:1", ("python3", "-m", "churn.service")), services / "fastapi", prepare=("python3", "-m", "churn.training")
        ),
        product_image.recipe(),
        # The databases are made with the images: migrating an empty one takes longer than starting the server.
        PythonRecipe(
            Image("docker.io/apache/airflow:3.3.2", ("airflow",)),
            services / "airflow",
            prepare=("/bin/sh", "-c", "AIRFLOW_HOME=/opt/app/home AIRFLOW__CORE__LOAD_EXAMPLES=False airflow db migrate"),
            nodes=WORKERS[:1],
        ),
        PythonRecipe(
            Image("ghcr.io/mlflow/mlflow:v3.17.2", ("mlflow",)),
            services / "mlflow",
            prepare=("mlflow", "db", "upgrade", "sqlite:////opt/app/mlflow.db"),
            nodes=WORKERS[:1],
        ),
    ]


def pack_images() -> None:
    """Pack what is not in the cache yet."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_archive_of, [*recipes(), *python_recipes()]))


def import_images() -> None:
    """Import every image where it is needed."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(bring_image, [*recipes(), *python_recipes()]))


def bring_image(recipe: Recipe | PythonRecipe) -> None:
    """Import one image on the nodes that need it, packed first if it is not."""
    import_image(_archive_of(recipe), recipe.nodes)


def _archive_of(recipe: Recipe | PythonRecipe) -> Path:
    return python_images.archive(recipe) if isinstance(recipe, PythonRecipe) else _archive(recipe)


def _archive(recipe: Recipe) -> Path:
    """The packed image in the cache, named after all that goes into it."""
    ingredients = [recipe.image, *((path, source, source.stat()[6:9:2]) for path, source in recipe.programs.items())]
    digest = hashlib.sha256(repr((ingredients, recipe.with_shell)).encode()).hexdigest()[:16]
    archive = CACHE / "images" / f"{recipe.image.name.replace('/', '_').replace(':', '_')}-{digest}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            _fill_root(recipe, root)
            pack_image(recipe.image, root, archive)
    return archive


def _fill_root(recipe: Recipe, root: Path) -> None:
    for folder in ("bin", "etc/ssl/certs", "tmp"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nnobody:x:65534:\n")
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    if _AUTHORITIES.exists():
        shutil.copyfile(_AUTHORITIES, root / "etc/ssl/certs/ca-certificates.crt")
    if recipe.with_shell:
        _add_shell(root)
    for path, source in recipe.programs.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755)


def _add_shell(root: Path) -> None:
    shutil.copy(BUSYBOX, root / "bin/busybox")
    for applet in run(BUSYBOX, "--list").stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")


def _pause_path() -> Path:
    """What holds a pod's namespaces: it does nothing until it is told to end."""
    path = CACHE / "pause"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        run("gcc", "-static", "-O2", "-x", "c", "-", "-o", f"{path}.unfinished", text=_PAUSE)
        path.with_name("pause.unfinished").rename(path)
    return path
