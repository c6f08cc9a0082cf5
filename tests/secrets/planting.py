"""Plants secrets into what a cluster answers, wherever somebody may have written one, and looks for them in what comes out."""

from __future__ import annotations

import base64
import functools
import html
import itertools
import json
import urllib.parse
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import re2

from tests.faults.recording import Exchange, Recording
from tests.secrets.corpus import SHAPES, Shape, parts

LEAST = 16  # characters of Base64 that tell one text from another

WRITTEN: dict[str, Callable[[str], str]] = {
    "raw": str,
    "json": lambda text: json.dumps({"m": text}),
    "url": urllib.parse.quote,
    "form": urllib.parse.quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}
# What people, programs and controllers write freely.
TEXTS = frozenset(
    [
        "message",
        "error",
        "lastError",
        "last_error",
        "said",
        "text",
        "lines",
        "examples",
        "stored_error",
        "reason_text",
        "stack_trace",
        "stackTrace",
        "query",
        "client",
        "location",
        "note",
        "description",
        "summary",
        "runbook_url",
        "lastErr",
        "detail",
    ]
)
STAMP = "2026-01-01T00:00:00.000000000Z"


def written(shapes: Iterable[Shape] = SHAPES) -> Iterator[str]:
    """Every shape in every way in which a text is passed on."""
    for shape in shapes:
        for way, write in WRITTEN.items():
            text = write(shape.text)
            yield text if shape.ends or way == "base64" else f"before {text} after"


def planted(value: Any, texts: Iterator[str]) -> Any:
    """The JSON with a secret in every text, and in what surrounds containers."""
    if isinstance(value, list):
        return [planted(one, texts) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: planted(one, texts) for key, one in value.items()}
    for key in TEXTS & found.keys():
        if isinstance(found[key], str):
            found[key] = next(texts)
        elif isinstance(found[key], list) and all(isinstance(one, str) for one in found[key]):
            found[key] = [next(texts) for _ in range(20)]
    if "image" in found and "name" in found and "ready" not in found:
        found["args"] = [*(found.get("args") or []), next(texts), next(texts)]
        found["command"] = [*(found.get("command") or []), next(texts)]
        found["env"] = [{"name": "X", "value": next(texts)}, {"name": "DB_PASSWORD", "value": next(texts)}]
    if isinstance(found.get("metadata"), dict):
        notes = found["metadata"].get("annotations") or {}
        found["metadata"]["annotations"] = {
            **notes,
            "example.org/note": next(texts),
            "kubectl.kubernetes.io/last-applied-configuration": next(texts),
        }
    return found


def planted_recording(recording: Recording, shapes: Iterable[Shape] = SHAPES) -> Recording:
    """A recorded cluster whose every answer has secrets in it; lists, logs and the systems' own answers alike."""
    texts = itertools.cycle(list(written(shapes)))
    found = {}
    for key, one in recording.exchanges.items():
        body = one.body
        if "/log?" in key:
            body += "".join(f"{STAMP} {next(texts)}\n".replace("\n", "\\n")[:-2] + "\n" for _ in range(40)).encode()
        elif "json" in one.content_type and not key.startswith("GET /apis ") and "/version" not in key:
            body = json.dumps(planted(json.loads(body), texts)).encode()
        found[key] = Exchange(one.status, one.content_type, body)
    return Recording(recording.clock, found)


def planted_bundle(original: Path, target: Path, shapes: Iterable[Shape] = SHAPES) -> None:
    """A bundle as an earlier version might have written it, with secrets in every text."""
    texts = itertools.cycle(list(written(shapes)))
    with zipfile.ZipFile(original) as read, zipfile.ZipFile(target, "w") as write:
        for name in read.namelist():
            tree = json.loads(read.read(name))
            write.writestr(name, json.dumps(planted(tree, texts) if name.startswith("readings/") else tree))


def contents(folder: Path) -> dict[str, str]:
    """Everything under a folder as text; what is zipped as well."""
    found: dict[str, str] = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found |= {f"{path.relative_to(folder)}:{name}": archive.read(name).decode() for name in archive.namelist()}
        else:
            found[str(path.relative_to(folder))] = path.read_text(errors="replace")
    return found


def leaks(out: str, shapes: Iterable[Shape] = SHAPES) -> list[str]:
    """The shapes of which a piece is in the output, however it is written there."""
    readings = {out, html.unescape(out), urllib.parse.unquote(out), out.replace("\\", ""), urllib.parse.unquote(html.unescape(out))}
    whole = "\0".join(readings)
    if shapes is SHAPES and _any_piece().search(whole.encode(errors="replace")) is None:
        return []
    return [f"{one.name}: {part}" for one in shapes for part in [*one.leaks(whole), *_encoded(one, whole)]]


@functools.cache
def _any_piece() -> Any:
    """One expression for every piece of every shape: an output is read once for all of them, and not once for each."""
    pieces = {part for one in SHAPES for planted in one.planted for part in parts(planted)}
    pieces |= {text for one in SHAPES if len(text := WRITTEN["base64"](one.text)) >= LEAST}
    options = re2.Options()
    options.max_mem = 512 * 1024 * 1024
    return re2.compile("|".join(re2.escape(one) for one in sorted(pieces)).encode(), options)


def _encoded(shape: Shape, out: str) -> list[str]:
    text = WRITTEN["base64"](shape.text)
    return [text] if len(text) >= LEAST and text in out else []
