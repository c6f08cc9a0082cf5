"""Builds what a release publishes, publishes it, and checks what a registry has of it: docs/release.md.

python -m deploy.release build [REGISTRY] [--tag TAG]    # dist/: wheel, sdist, chart, SBOM, SHA256SUMS
python -m deploy.release publish REGISTRY                # the image, then the chart
python -m deploy.release check REGISTRY VERSION          # by the registry's HTTP API
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from deploy.published import NotThere, Release, Repository, Wrong, check_chart, check_release, digest, locked

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
CHART = ROOT / "deploy/chart"
LOCK = ROOT / "deploy/image/requirements.txt"
VERSION_FILE = "src/clusterprobe/__init__.py"


def run(*command: str, given: str | None = None, **environment: str) -> str:
    """What the program said on its standard output. Its errors are seen as it writes them."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **environment}, input=given, stdout=subprocess.PIPE, text=True, check=False
        )
    except FileNotFoundError as error:
        raise Wrong(f"{command[0]} is not installed") from error
    if done.returncode:
        raise Wrong(f"{' '.join(command[:3])} ended with exit status {done.returncode}")
    return done.stdout.strip()


def version() -> str:
    found = re.search(r'^__version__ = "(\d+\.\d+\.\d+)"$', (ROOT / VERSION_FILE).read_text(), re.MULTILINE)
    if not found:
        raise Wrong(f"{VERSION_FILE} has no version of three numbers, which Python and Helm would both take")
    return found[1]


def commit() -> tuple[str, str]:
    """The commit that is released, and its time in epoch seconds, which everything that is built carries."""
    if run("git", "status", "--porcelain"):
        raise Wrong("there are changes that are not committed, and what is released is a commit")
    revision, epoch = run("git", "log", "-1", "--format=%H %ct").split()
    return revision, epoch


# --- build -------------------------------------------------------------------------------------------------------------


def build(registry: str, tag: str, helm: str) -> None:
    """Make dist/ anew. The same commit, tools and registry give the same bytes."""
    number = version()
    if tag and tag != f"v{number}":
        raise Wrong(f"the tag is {tag}, and {VERSION_FILE} says {number}")
    _, epoch = commit()
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(DIST), SOURCE_DATE_EPOCH=epoch)
    pack_chart(registry, number, int(epoch), helm)
    write_sbom(number, epoch)
    files = sorted(one for one in DIST.iterdir() if not one.name.startswith("."))
    (DIST / "SHA256SUMS").write_text("".join(f"{digest(one.read_bytes()).removeprefix('sha256:')}  {one.name}\n" for one in files))
    print(f"dist/ has {', '.join(one.name for one in files)}")


def pack_chart(registry: str, number: str, epoch: int, helm: str) -> None:
    """The chart, whose default image is the one that is published with it."""
    with tempfile.TemporaryDirectory() as folder:
        chart = Path(shutil.copytree(CHART, Path(folder) / "chart"))
        if registry:
            values = chart / "values.yaml"
            values.write_text(with_image(values.read_text(), f"{registry}/clusterprobe"))
        run(helm, "package", str(chart), "--version", number, "--app-version", number, "--destination", folder)
        name = f"clusterprobe-{number}.tgz"
        (DIST / name).write_bytes(repacked((Path(folder) / name).read_bytes(), epoch))


def with_image(values: str, repository: str) -> str:
    text, count = re.subn(r'^  repository: "".*$', f'  repository: "{repository}" # published with this chart', values, flags=re.MULTILINE)
    if count != 1:
        raise Wrong("deploy/chart/values.yaml has no line with an empty image.repository")
    return text


def repacked(chart: bytes, epoch: int) -> bytes:
    """The same chart with the commit's time: helm writes that of packing into it."""
    made = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(chart)) as source,
        gzip.GzipFile("", "wb", fileobj=made, mtime=epoch) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as target,
    ):
        for entry in source:
            entry.mtime = epoch
            target.addfile(entry, source.extractfile(entry))
    return made.getvalue()


def write_sbom(number: str, epoch: str) -> None:
    """CycloneDX, of the locked packages with their versions, package URLs and hashes."""
    file = DIST / f"clusterprobe-{number}.cdx.json"
    options = ("--pyproject", "pyproject.toml", "--output-reproducible", "--output-file", str(file), str(LOCK))
    run(sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", *options, SOURCE_DATE_EPOCH=epoch)
    document = json.loads(file.read_text())
    document["metadata"]["component"] |= {"version": number, "purl": f"pkg:pypi/clusterprobe@{number}"}
    file.write_text(json.dumps(document, indent=1) + "\n")


# --- publish -----------------------------------------------------------------------------------------------------------


def publish(registry: str, helm: str, *, plain_http: bool) -> None:
    """Push the image, then the chart that asks for it: once there is the chart, the release is whole, and stays as it is."""
    number = version()
    revision, epoch = commit()
    chart = DIST / f"clusterprobe-{number}.tgz"
    if not chart.exists():
        raise Wrong(f"dist/ has no chart of {number}: build it first")
    check_chart(chart.read_bytes(), number, f"{registry}/clusterprobe")
    try:
        Repository(f"{registry}/charts/clusterprobe", plain_http).manifest(number)
    except NotThere:
        plain = ["--plain-http"] if plain_http else []
    else:
        raise Wrong(f"{registry} has a chart {number} already, and a release is not replaced: it gets another version")
    if user := os.environ.get("REGISTRY_USER"):
        options = (registry.partition("/")[0], "--username", user, "--password-stdin")
        run("docker", "login", *options, given=os.environ["REGISTRY_PASSWORD"])
        run(helm, "registry", "login", *options, *plain, given=os.environ["REGISTRY_PASSWORD"])
    arguments = ("--build-arg", f"VERSION={number}", "--build-arg", f"REVISION={revision}")
    kept = ("--sbom=true", "--provenance=mode=max", "--metadata-file", str(DIST / "image.json"))
    push = ("--tag", f"{registry}/clusterprobe:{number}", "--push")
    run("docker", "buildx", "build", "--file", "deploy/image/Dockerfile", *arguments, *kept, *push, ".", SOURCE_DATE_EPOCH=epoch)
    run(helm, "push", str(chart), f"oci://{registry}/charts", *plain)


# --- check -------------------------------------------------------------------------------------------------------------


def check(registry: str, number: str, *, plain_http: bool) -> None:
    """Compare what the registry has with dist/ and with this commit."""
    try:
        sums = {name: found for found, name in map(str.split, (DIST / "SHA256SUMS").read_text().splitlines())}
        pushed = json.loads((DIST / "image.json").read_text())["containerimage.digest"]
    except FileNotFoundError as error:
        raise Wrong(f"dist/{Path(error.filename).name} is not there, which build and publish write") from error
    chart = sums.get(f"clusterprobe-{number}.tgz")
    if not chart:
        raise Wrong(f"dist/SHA256SUMS names no chart of {number}")
    wanted = Release(number, commit()[0], f"sha256:{chart}", pushed, locked(LOCK.read_text()) | {("clusterprobe", number)})
    check_release(registry, wanted, plain_http=plain_http)
    print(f"{registry} has the chart {wanted.chart} and the image {wanted.image} of {number}, with SBOM and provenance")


def arguments() -> argparse.Namespace:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--helm", default="helm", help="the helm program")
    common.add_argument("--plain-http", action="store_true", help="the registry has no TLS")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("build", parents=[common])
    one.add_argument("registry", nargs="?", default="", help="where the image will be that the chart asks for by default")
    one.add_argument("--tag", default="", help="has to be v and the version")
    commands.add_parser("publish", parents=[common]).add_argument("registry")
    one = commands.add_parser("check", parents=[common])
    one.add_argument("registry")
    one.add_argument("version", type=lambda text: text.removeprefix("v"))
    return parser.parse_args()


def start(given: argparse.Namespace) -> None:
    optional = given.command == "build"
    if not re.fullmatch(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*", given.registry) and (given.registry or not optional):
        raise Wrong(f"{given.registry!r} is no registry: it is a host, host:port, or either with a /path")
    if given.command == "build":
        build(given.registry, given.tag, given.helm)
    elif given.command == "publish":
        publish(given.registry, given.helm, plain_http=given.plain_http)
    else:
        check(given.registry, given.version, plain_http=given.plain_http)


def main() -> None:
    given = arguments()
    try:
        start(given)
    except Wrong as wrong:
        sys.exit(f"{given.command}: {wrong}")


if __name__ == "__main__":
    main()
