"""Lines of source files around places of code, found on this machine.

A file is looked for where the image says it is, where the path map of `[paths] sources` leads, and by the end
of its path beside the image and in the working directory, and above both. What the image says is not trusted:
only regular files of bounded size are read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from unidbg.views.base import SourceText

if TYPE_CHECKING:
    from unidbg.views.base import Location

MAX_BYTES = 4 << 20
MAX_LINE = 400
MAX_ABOVE = 12
"""Folders above the image and the working directory in which files are looked for."""


class Sources:
    """Finds source files and keeps what it read. `mapping` is prefix to prefix, the longest counts."""

    def __init__(self, mapping: Mapping[str, str], images: Sequence[str], here: str) -> None:
        self._mapping = sorted(mapping.items(), key=lambda pair: len(pair[0]), reverse=True)
        self._folders = list(dict.fromkeys([here, *(os.path.dirname(os.path.abspath(p)) for p in images)]))
        self._built = max((_changed(path) for path in images), default=0.0)
        self._found: dict[str, str | None] = {}
        self._lines: dict[str, list[str] | None] = {}

    def around(self, location: Location, before: int, after: int) -> SourceText | None:
        """The line of a place with its neighbours; without lines and with a `note` where it is not to be had.

        `None` where no line is known.
        """
        if location.file is None or not location.line:
            return None
        path = self.find(location.file)
        lines = None if path is None else self._read(path)
        if path is None or lines is None:
            note = "not found; say where it is under [paths] sources in unidbg.toml"
            return SourceText(location.file, location.line, location.line, (), note)
        first = max(location.line - before, 1)
        shown = tuple(lines[first - 1 : location.line + after])
        if location.line > len(lines):
            return SourceText(path, first, location.line, (), f"it has {len(lines)} lines only")
        note = "newer than the image" if self._built and _changed(path) > self._built else ""
        return SourceText(path, first, location.line, shown, note)

    def find(self, file: str) -> str | None:
        """Where a file of the image is on this machine."""
        if file not in self._found:
            self._found[file] = next((path for path in self._candidates(file) if _is_file(path)), None)
        return self._found[file]

    def _candidates(self, file: str) -> Iterator[str]:
        file = os.path.normpath(file)
        for prefix, place in self._mapping:
            if file == prefix or file.startswith(prefix.rstrip("/") + "/"):
                yield os.path.join(place, file[len(prefix.rstrip("/")) :].lstrip("/"))
        if os.path.isabs(file):
            yield file
        parts = [part for part in file.split("/") if part not in ("", "..")]
        # One name alone proves little (`main.c`), unless the image says no more.
        for start in range(max(len(parts) - 1, min(len(parts), 1))):
            end = os.path.join(*parts[start:])
            for folder in self._folders:
                yield from (os.path.join(above, end) for above in _above(folder))

    def _read(self, path: str) -> list[str] | None:
        if path not in self._lines:
            self._lines[path] = _read_lines(path)
        return self._lines[path]


def _above(folder: str) -> Iterator[str]:
    """A folder and those above it, but for the root."""
    for _ in range(MAX_ABOVE):
        if folder == os.path.dirname(folder):
            return
        yield folder
        folder = os.path.dirname(folder)


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _read_lines(path: str) -> list[str] | None:
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_BYTES)
    except OSError:
        return None
    text = data.decode("utf-8", "surrogateescape")
    return [line.removesuffix("\r")[:MAX_LINE] for line in text.removesuffix("\n").split("\n")]
