"""`unidbg symbolize`: a log through the symbolizer, line by line, so that it works at the end of a pipe.

The text is bytes in and the same bytes out: what is no UTF-8 passes through as it came. While the bias is
not known, lines are held back from the first address on, until the log has told it.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from unidbg.cli.exits import Unanswered
from unidbg.cli.options import Settings
from unidbg.cli.out import present, write_bytes
from unidbg.views.base import Address, Location
from unidbg.views.files import LoggedAddress, SymbolizedView

if TYPE_CHECKING:
    from unidbg_symbols import Image
    from unidbg_symbols.symbolize import FoundBias, Site, Symbolizer

MAX_LINE = 1 << 20
MAX_HELD = 10_000
"""Lines that are held back for want of the bias; then what they tell must do."""


def run(path: str, log: str, bias: int | None, settings: Settings) -> None:
    """Annotate `log` (`-`: standard input) on standard output, or print what was found as JSON."""
    from unidbg_symbols import Image

    with Image.open(path) as image, _opened(log) as stream:
        if not image.has_symbols and not image.has_dwarf:
            image.symbol("main")  # its error says which file has them
        if settings.json:
            view = symbolized_view(image, stream, bias)
            present(lambda: view, settings)
            return
        for line in annotated(image, _lines(stream), bias, say=_say):
            write_bytes(line.encode("utf-8", "surrogateescape"))


def _opened(log: str) -> BinaryIO:
    if log == "-":
        if sys.stdin is None:
            raise Unanswered("there is no standard input to read a log from", "name a file: LOG")
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    return open(log, "rb")


def _lines(stream: BinaryIO) -> Iterator[str]:
    """The lines with their ends; one that is too long comes in parts."""
    while data := stream.readline(MAX_LINE):
        yield data.decode("utf-8", "surrogateescape")


def _say(text: str) -> None:
    from unidbg.render.escape import escape

    print(f"unidbg: {escape(text)}", file=sys.stderr, flush=True)


def annotated(
    image: Image, lines: Iterator[str], bias: int | None, say: Callable[[str], None]
) -> Iterator[str]:
    """The lines with what is known of their addresses; `say` is told how the bias was found."""
    names = None if bias is None else symbolizer(image, bias)
    if names is None:
        held: list[str] = []
        found: FoundBias | None = None
        for line in _until_known(image, lines):
            if isinstance(line, str):
                yield line
            else:
                held, found = line
        _tell(image, held, found, say)
        names = symbolizer(image, found.bias if found else 0)
        yield from map(names.annotate, held)
    yield from map(names.annotate, lines)


def _until_known(image: Image, lines: Iterator[str]) -> Iterator[str | tuple[list[str], FoundBias | None]]:
    """Lines without an address as they come; in the end those that are held back, and what they tell."""
    from unidbg_symbols.symbolize import find_bias, names_addresses

    held: list[str] = []
    tries_at = 1
    for line in lines:
        if not held and not names_addresses(line):
            yield line
            continue
        held.append(line)
        if len(held) >= tries_at:
            tries_at *= 2
            found = find_bias(image, held)
            if (found is not None and not found.guessed) or len(held) >= MAX_HELD:
                yield held, found
                return
    yield held, find_bias(image, held)


def _tell(image: Image, held: list[str], found: FoundBias | None, say: Callable[[str], None]) -> None:
    if found is not None and found.bias:
        say(f"bias {found.bias:#x}: {found.evidence}")
    elif found is None and held:
        say(
            f"no address of the log is one of {image.path}; "
            "if the guest ran elsewhere than it was linked for, give --bias N"
        )


def symbolizer(image: Image, bias: int) -> Symbolizer:
    """Names fit for a terminal, and files of the working directory by their short names."""
    from unidbg_symbols.symbolize import Placed, Symbolizer

    from unidbg.render.escape import escape

    here = os.path.join(os.getcwd(), "")
    shorter = functools.cache(lambda path: os.path.normpath(path).removeprefix(here))
    return Symbolizer([Placed(image, bias)], show=escape, path=shorter)


def symbolized_view(image: Image, stream: BinaryIO, bias: int | None) -> SymbolizedView:
    """The addresses of a log that the image knows."""
    from unidbg_symbols.symbolize import find_bias

    from unidbg.cli.images import image_provenance

    lines = list(_lines(stream))
    found = find_bias(image, lines) if bias is None else None
    used = bias if bias is not None else found.bias if found else 0
    names = symbolizer(image, used)
    addresses = tuple(
        LoggedAddress(number, Address(address), tuple(_location(address, site) for site in sites))
        for number, line in enumerate(lines, 1)
        for address, sites in names.found(line)
    )
    return SymbolizedView(image_provenance(image), (), used, found.evidence if found else "", addresses)


def _location(address: int, site: Site) -> Location:
    return Location(Address(address), site.function, site.offset or 0, site.file or None, site.line or None)
