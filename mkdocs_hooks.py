"""What MkDocs does besides: whole folders in the navigation, pages from beside `docs/`, and links that lead out of the site.

The pages are read on a code host as well, so their links are those of the repository: here those between pages lead to pages, and
what is no page (a manifest, a module) is named by its path.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent
DOCS = ROOT / "docs"
BESIDE = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")  # shown as project/NAME
HOME = "README.md"  # of the repository, which the site's own first page stands for

_LINK = re.compile(r"(?<!!)\[([^\[\]]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put each page of a folder into the navigation."""
    config.nav = filled(config.nav)
    return config


def filled(nav: Any) -> Any:
    """The navigation with all pages of a folder in place of it, the folder's README first."""
    if isinstance(nav, list):
        return [filled(one) for one in nav]
    if isinstance(nav, dict):
        return {name: filled(one) for name, one in nav.items()}
    if not nav.endswith("/"):
        return nav
    pages = sorted((DOCS / nav).glob("*.md"), key=lambda one: (one.name != "README.md", one.name))
    return [f"{nav}{one.name}" for one in pages]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand beside `docs/`."""
    from mkdocs.structure.files import File

    for name in BESIDE:
        files.append(File.generated(config, f"project/{name}", abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let its links lead to where the pages are here."""
    source = Path(page.file.abs_src_path or "")
    return with_links(markdown, source, page.file.src_uri)


def with_links(markdown: str, source: Path, address: str) -> str:
    """A page's text with links for the site. `source` is its file, `address` its place on the site."""
    parts = _FENCE.split(markdown)  # every second one is code
    return "".join(part if place % 2 else _LINK.sub(_replacing(source, address), part) for place, part in enumerate(parts))


def _replacing(source: Path, address: str) -> Callable[[re.Match[str]], str]:
    def replaced(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        file = Path(os.path.normpath(source.parent / target))
        place = _place(file)
        if place:
            return f"[{text}]({posixpath.relpath(place, posixpath.dirname(address) or '.')}{anchor})"
        path = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else target
        return f"`{path}`" if text.strip("`") in (path, file.name) else f"{text} (`{path}`)"

    return replaced


def _place(file: Path) -> str:
    """Where a file of the repository is on the site; empty where it is not."""
    if file.is_relative_to(DOCS):
        return file.relative_to(DOCS).as_posix()
    if file.parent == ROOT and file.name in BESIDE:
        return f"project/{file.name}"
    return "index.md" if file == ROOT / HOME else ""
