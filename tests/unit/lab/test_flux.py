"""Flux' repository is the one that Argo CD reads, served by HTTP for as long; what Flux deploys lies in a folder of it."""

from pathlib import Path
from typing import Any

import pytest

from lab.platform import argocd, flux
from lab.platform.manifests import document


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was done, in order, with a repository of its own."""
    done: list[Any] = []
    repository = tmp_path / "argocd" / "repository"
    monkeypatch.setattr(argocd, "REPOSITORY", repository)
    monkeypatch.setattr(flux, "_HOME", tmp_path / "git-server")
    monkeypatch.setattr(flux, "is_started", lambda name: False)
    monkeypatch.setattr(flux, "start", lambda name, *command, environment: done.append((name, environment["GIT_PROJECT_ROOT"])))
    monkeypatch.setattr(flux, "stop", lambda name: done.append(f"stop {name}"))
    monkeypatch.setattr(flux.api, "patch", lambda path, change: done.append(path))
    argocd.make_repository()
    return done


def deployed_folder() -> Path:
    """What the Kustomization names."""
    return argocd.REPOSITORY / document("flux-objects", "Kustomization", "loyalty")["spec"]["path"]


def test_the_repository_is_served_with_the_folder_that_is_deployed(done: list[Any]) -> None:
    flux.SYSTEM.prepare()
    assert [each.name for each in deployed_folder().iterdir()] == ["loyalty.yaml"]
    assert done == [("git-server", str(argocd.REPOSITORY.parent))]
    assert document("flux-objects", "GitRepository", "platform")["spec"]["url"].endswith(f"/cgi-bin/git/{argocd.REPOSITORY.name}")
    assert (flux._HOME / "cgi-bin" / "git").stat().st_mode & 0o111


def test_a_moved_folder_is_a_commit_at_which_flux_looks_at_once(done: list[Any]) -> None:
    flux.SYSTEM.prepare()
    before = argocd.head()
    flux.move_folder()
    assert not deployed_folder().exists()
    assert argocd.head() != before
    assert done[-1] == flux.GIT_REPOSITORY


@pytest.mark.parametrize("moved", [False, True])
def test_the_repository_is_as_before_once_flux_is_gone(done: list[Any], *, moved: bool) -> None:
    before = sorted(argocd.REPOSITORY.glob("*"))
    flux.SYSTEM.prepare()
    if moved:
        flux.move_folder()
    flux.SYSTEM.end()
    assert sorted(argocd.REPOSITORY.glob("*")) == before
    assert done[-1] == "stop git-server"
