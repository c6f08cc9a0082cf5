"""The commands about profiles: `clusterprobe profile init`, `check`, `show` and `schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clusterprobe import streams
from clusterprobe.command_help import application
from clusterprobe.command_options import takes
from clusterprobe.exits import Exit
from clusterprobe.request import Request

SCHEMA_NAME = "clusterprobe.schema.json"

app = application(name="profile", help="Begin, check and show profiles, which say what your platform is like.")


@app.command()
@takes("kubeconfig", "context", "bundle", "timeout")
def init(
    request: Request,
    file: Annotated[str, typer.Argument(help="The file to write.")] = "clusterprobe.yaml",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> int:
    """Write a commented profile from what is found: environments, expected systems, and what is yours to decide."""
    from clusterprobe.errors import UsageError
    from clusterprobe.files import write_whole
    from clusterprobe.profile_draft import SOURCES, draft
    from clusterprobe.profile_schema import schema_text
    from clusterprobe.survey import read

    path = Path(file)
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{file}: name a file that ends in .yaml")
    if path.exists() and not force:
        raise UsageError(f"{file} is there already; --force replaces it")
    text, unread = draft(read(request, SOURCES), SCHEMA_NAME)
    if not text:
        streams.say(f"no profile was written: {unread[0]}")
        return Exit.INCOMPLETE
    try:
        write_whole(path, text.encode())
        write_whole(path.parent / SCHEMA_NAME, schema_text().encode())
    except OSError as error:
        raise UsageError(f"{error.filename or file}: {error.strerror}") from None
    streams.say(
        f"{file} is written, and {SCHEMA_NAME} beside it, by which editors check it; read it, then: clusterprobe run --profile {file}"
    )
    for one in unread:
        streams.say(f"not all was read: {one}")
    return Exit.INCOMPLETE if unread else Exit.HEALTHY


@app.command()
def check(profile: Annotated[str, typer.Argument(help="A profile's file, or the name of one that comes with the package.")]) -> int:
    """Whether a profile is right: every key and value, and every probe and code that it names."""
    from clusterprobe.own_probes import check_names, entries
    from clusterprobe.profile import load_profile
    from clusterprobe.shipped import shipped
    from clusterprobe.words import number

    found = load_profile(profile, shipped("profiles"))
    known = entries(Request(profile=profile))
    check_names(found, known)
    for note in found.notes:
        streams.say(note)
    selected = sum(found.wants(one.id) for one in known)
    streams.out(f"{profile} is right: it selects {selected} of {number(len(known), 'probe')} and fails on {found.fail_on}")
    return Exit.HEALTHY


@app.command()
def show(
    profile: Annotated[str, typer.Argument(help="A profile's file, or the name of one that comes with the package.")] = "default",
) -> int:
    """Print a profile with all that it extends, and every default."""
    import yaml

    from clusterprobe.profile import load_profile
    from clusterprobe.shipped import shipped

    found = load_profile(profile, shipped("profiles"))
    whole = found.model_dump(mode="json", exclude={"extends"}, exclude_none=True)
    streams.document(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120).removesuffix("\n"))
    return Exit.HEALTHY


@app.command()
def schema() -> int:
    """Print the JSON schema of profiles, for editors: `# yaml-language-server: $schema=FILE` in a profile's first line."""
    from clusterprobe.profile_schema import schema_text

    streams.document(schema_text().removesuffix("\n"))
    return Exit.HEALTHY
