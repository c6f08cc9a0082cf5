"""What a system of the lab is: one record says all that building, installing, judging and removing it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lab import api
from lab.build.images import AnyRecipe
from lab.build.modules import Module
from lab.command import wait_until
from lab.platform.definitions import are_installed, definitions_of, install_definitions, remove_definitions
from lab.platform.manifests import ENVIRONMENTS, Environment, render
from lab.platform.workloads import Workload, workloads_of

_PATIENCE_SECONDS = 120


def _nothing() -> None:
    """For a system that needs no such step."""


@dataclass(frozen=True, kw_only=True)
class System:
    """One system, whether it is part of the healthy platform or runs for as long as a stage lasts."""

    name: str
    modules: tuple[Module, ...] = ()
    definitions: tuple[str, ...] = ()  # the files to take of its modules' definitions, if not all
    images: tuple[AnyRecipe, ...] = ()
    manifests: tuple[str, ...] = ()  # files of manifests/, each applied once
    per_environment: tuple[str, ...] = ()  # and those applied once for each environment
    environments: tuple[Environment, ...] = ENVIRONMENTS  # which these are
    objects: tuple[str, ...] = ()  # files with objects of its own kinds, which need that it runs, and that it still runs as they go
    besides: tuple[Workload, ...] = ()  # what is to run of it that no manifest says
    prepare: Callable[[], None] = _nothing  # makes what its manifests need; can be repeated
    finish: Callable[[], None] = _nothing  # makes what needs its manifests, and starts its processes; can be repeated
    end: Callable[[], None] = _nothing  # ends its processes, of which some may not run
    problems: Callable[[], Iterable[str]] = tuple  # what keeps it from being well once its workloads are ready

    def install(self) -> None:
        """Hand everything to the API server. Can be repeated, also in a lab that is up; the images are on the nodes already."""
        if files := self._definition_files():
            install_definitions(*files)
        self.prepare()
        if rendered := self._rendered():
            api.apply("\n---\n".join(rendered))
        self.finish()
        if self.objects:
            wait_until(f"{self.name} to take its objects", self._takes_objects, _PATIENCE_SECONDS)

    def remove(self) -> None:
        """Take away what `install` made, and every object of its definitions; works on one that is half installed, too."""
        rendered, files = self._rendered(), self._definition_files()
        there = are_installed(*files)
        if self.objects and there:
            api.remove(self._objects(), _PATIENCE_SECONDS)
        self.end()
        if rendered and there:  # else `install` did not come to the manifests, and kubectl would refuse their kinds
            api.remove("\n---\n".join(rendered))
        remove_definitions(*files)

    def expected(self) -> list[Workload]:
        """What is to run of it: the workloads of its manifests, and those besides."""
        return [*(workload for manifest in self._rendered() for workload in workloads_of(manifest)), *self.besides]

    def _objects(self) -> str:
        return "\n---\n".join(map(render, self.objects))

    def _takes_objects(self) -> bool:
        """A webhook of its own refuses them for as long as it does not run."""
        api.apply(self._objects())
        return True

    def _rendered(self) -> list[str]:
        once = [render(name) for name in self.manifests]
        return [*once, *(render(name, environment) for environment in self.environments for name in self.per_environment)]

    def _definition_files(self) -> list[Path]:
        found = [file for module in self.modules if module.definitions for file in definitions_of(module)]
        return [file for file in found if not self.definitions or file.name in self.definitions]
