"""The documentation as the tests see it: files, links, and the commands that readers are told to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Documented(NamedTuple):
    """A command line of a ```console block, and the page it stands on."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def pages() -> list[Path]:
    """Every page that readers see."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("s*/**/*.md")])


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCED.sub("", page.read_text())


def links(page: Path) -> Iterator[str]:
    """Where the page points to."""
    yield from LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The headings of a page as they are linked to."""
    return {
        re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-")
        for text in HEADING.findall(prose(page))
    }


def commands(program: str) -> list[Documented]:
    """Each documented command line of `program`, in the order of the pages."""
    found = []
    for page in pages():
        for block in CONSOLE.findall(page.read_text()):
            for line in block.splitlines():
                if line.startswith("$ "):
                    found.append(
                        Documented(str(page.relative_to(ROOT)), tuple(shlex.split(line[2:], comments=True)))
                    )
    return [command for command in found if command.words[0] == program or program == "*"]
