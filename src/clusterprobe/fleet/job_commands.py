"""`clusterprobe fleet job` and `fleet secrets`: what runs a fleet on a hub. Heavy imports are inside the commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clusterprobe import streams

if TYPE_CHECKING:
    from clusterprobe.fleet.job import Wanted
    from clusterprobe.fleet.records import Record
    from clusterprobe.fleet.targets import Target

InventoryArgument = Annotated[
    str,
    typer.Argument(
        metavar="INVENTORY",
        help="A kubeconfig, a folder of them, or Secrets or ClusterProfiles as `kubectl get -o json` prints them; - is standard input.",
    ),
]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", metavar="<name>", help="A cluster's name, or a pattern; may be given again.")
]
NameOption = Annotated[str, typer.Option("--name", help="What the Job and what belongs to it are called.")]
NamespaceOption = Annotated[str, typer.Option("--namespace", help="Where they are.")]
ProvidersOption = Annotated[str, typer.Option("--providers", help="A file of access providers, for ClusterProfiles.")]
NAME, NAMESPACE = "clusterprobe-fleet", "clusterprobe"


def job(
    inventory: InventoryArgument,
    store: Annotated[str, typer.Option("--store", help="Where the runs are kept: s3://…, gs://… or az://….")],
    only: OnlyOption = None,
    environment: Annotated[
        list[str] | None,
        typer.Option(
            "--environment", metavar="<name=pattern>", help="Which clusters are to be alike, such as prod='prod-*'; may be given again."
        ),
    ] = None,
    schedule: Annotated[str, typer.Option("--schedule", help="As in cron, in UTC: a CronJob. (default: a Job that runs once)")] = "",
    parallelism: Annotated[int, typer.Option("--parallelism", min=1, max=1000, help="How many clusters at a time.")] = 10,
    timeout: Annotated[str, typer.Option("--timeout", help="The deadline of each cluster's run.")] = "5m",
    profile: Annotated[str, typer.Option("--profile", help="A profile's name, or a YAML file.")] = "nightly",
    image: Annotated[str, typer.Option("--image", help="(default: clusterprobe, of this version)")] = "",
    store_secret: Annotated[str, typer.Option("--store-secret", help="A Secret whose keys are the store's variables.")] = "",
    service_account: Annotated[str, typer.Option("--service-account", help="An account with the store's role; without a token.")] = "",
    name: NameOption = NAME,
    namespace: NamespaceOption = NAMESPACE,
    providers: ProvidersOption = "",
    pin: Annotated[bool, typer.Option("--pin", help="Hold each cluster to the UID that its newest run in the store has.")] = False,
    form: Annotated[str, typer.Option("-o", "--format", help="yaml, or values for the chart.")] = "yaml",
) -> int:
    """Print an Indexed Job with a pod for each cluster of an inventory; it holds no credentials."""
    from clusterprobe.errors import UsageError
    from clusterprobe.fleet import job as made
    from clusterprobe.fleet.inventory import pinned

    if form not in ("yaml", "values"):
        raise UsageError(f"-o {form}: expected yaml or values")
    given = {"store_secret": store_secret, "service_account": service_account, "name": name, "namespace": namespace}
    wanted = _wanted(store=store, schedule=schedule, parallelism=parallelism, timeout=timeout, profile=profile, image=image, **given)
    targets = _targets(inventory, wanted.namespace, providers, only, environment)
    if pin:
        targets = pinned(targets, *_kept(store))
    printed = made.documents(targets, wanted) if form == "yaml" else [made.values(targets, wanted)]
    streams.document(made.text(printed).removesuffix("\n"))
    return 0


def secrets(
    inventory: InventoryArgument,
    only: OnlyOption = None,
    name: NameOption = NAME,
    namespace: NamespaceOption = NAMESPACE,
    providers: ProvidersOption = "",
) -> int:
    """Print a Secret for each cluster of an inventory whose credentials are in none yet, for `kubectl apply --server-side -f -`."""
    from clusterprobe.errors import UsageError
    from clusterprobe.fleet import job as made

    if sys.stdout.isatty():
        raise UsageError("this prints credentials, and not to a terminal: clusterprobe fleet secrets … | kubectl apply --server-side -f -")
    found = made.secrets(
        _targets(inventory, namespace, providers, only), made.Wanted(store="", name=_checked("--name", name), namespace=namespace)
    )
    if not found:
        streams.say("the credentials of every cluster are in a Secret already")
        return 0
    streams.document(made.text(found).removesuffix("\n"))
    return 0


def _targets(inventory: str, namespace: str, providers: str, only: list[str] | None, environments: list[str] | None = None) -> list[Target]:
    from clusterprobe.fleet.inventory import chosen, read

    found, left_out = read(inventory, namespace, providers)
    targets = chosen(found, only or [], environments or [])
    for note in [*left_out, *(f"{one.name}: {note}" for one in targets for note in one.notes)]:
        streams.say(note)
    return targets


def _kept(store: str) -> tuple[list[Record], list[str]]:
    from clusterprobe.access.deadline import Deadline
    from clusterprobe.fleet.store import Store

    return Store(store).records("", Deadline.after(60))


def _wanted(*, store: str, timeout: str, profile: str, image: str, **given: Any) -> Wanted:
    from clusterprobe import __version__
    from clusterprobe.errors import UsageError
    from clusterprobe.fleet.job import Wanted
    from clusterprobe.fleet.store import place_of
    from clusterprobe.profile import seconds

    if place_of(store)[0] == "file":
        raise UsageError(f"--store {store}: a folder of the pod, which goes with it")
    try:
        limit = seconds(timeout)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None
    text = _profile_text(profile)
    for flag, key in (("--name", "name"), ("--namespace", "namespace")):
        _checked(flag, given[key])
    image = image or f"clusterprobe:{__version__}"
    return Wanted(store=store, timeout=timeout, seconds=limit, profile=profile, profile_text=text, image=image, **given)


def _checked(flag: str, name: str) -> str:
    """A name of an object. Raises `UsageError` for what is none."""
    import string

    from clusterprobe.errors import UsageError

    letters = set(string.ascii_lowercase + string.digits)
    if not 0 < len(name) <= 50 or set(name) - letters - {"-"} or name[0] not in letters or name[-1] not in letters:
        raise UsageError(f"{flag} {name}: expected small letters, digits and `-`, at most 50")
    return name


def _profile_text(name: str) -> str:
    """A profile's file as it is put into the cluster; empty for one of the image. Raises `UsageError` where it is not whole."""
    from clusterprobe.errors import UsageError
    from clusterprobe.profile import find_profile, load_profile
    from clusterprobe.shipped import shipped

    folder = shipped("profiles")
    profile, file = load_profile(name, folder), find_profile(name, folder)
    if file.parent == folder:
        return ""
    if profile.extends and (file.parent / profile.extends).is_file():
        raise UsageError(f"--profile {name}: it extends {profile.extends}, a file beside it that the pods do not have; put both into one")
    if profile.probes.paths:
        raise UsageError(f"--profile {name}: its probes.paths are folders that the pods do not have; put them into the image")
    return Path(file).read_text(encoding="utf-8")
