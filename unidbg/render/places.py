"""Where in the repository a finding is shown: its line of source, else the file of checks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from unidbg.views.findings import Finding

Place = tuple[str, int]
"""A file relative to the repository, with `/`, and a line from 1 on."""


def nowhere(file: str) -> str | None:
    """For those who cannot look for files of an image that was built elsewhere."""
    return None


class Places:
    """`root` is the repository's folder. `find` gives where a file of the image is on this machine.

    `declared` has (file, line) of checks by their names; `fallback` is for what is declared nowhere.
    """

    def __init__(
        self,
        root: str,
        *,
        find: Callable[[str], str | None] = nowhere,
        declared: Mapping[str, Place] | None = None,
        fallback: str = "",
    ) -> None:
        self._root = os.path.realpath(root)
        self._find = find
        self._declared = declared or {}
        self._fallback = fallback

    def of(self, finding: Finding) -> Place | None:
        """`None` where all that is known lies outside of the repository."""
        at = finding.location
        if at is not None and at.file is not None and at.line:
            found = self._find(at.file)
            if found is not None and (inside := self._inside(found)):
                return inside, max(at.line, 1)
            if inside := self._inside(at.file):
                return inside, max(at.line, 1)
        file, line = self._declared.get(finding.check, (self._fallback, 1))
        inside = self._inside(file) if file else None
        return (inside, max(line, 1)) if inside else None

    def _inside(self, path: str) -> str | None:
        """Relative to the repository; `None` for what is not in it."""
        full = os.path.join(self._root, path)
        for spelling in (os.path.realpath(full), os.path.abspath(full)):
            found = os.path.relpath(spelling, self._root)
            if found != os.pardir and not found.startswith(os.pardir + os.sep):
                return found.replace(os.sep, "/")
        return None


def repository(folder: str) -> str:
    """The folder of the repository that `folder` is in; itself where it is in none."""
    at = os.path.abspath(folder)
    while not os.path.exists(os.path.join(at, ".git")):
        above = os.path.dirname(at)
        if above == at:
            return os.path.abspath(folder)
        at = above
    return at
