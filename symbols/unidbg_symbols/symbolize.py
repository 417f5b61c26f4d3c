"""Puts names to the addresses in a text: a crash log, the output of a guest's own backtrace.

    0xffffffff80012345  ->  0xffffffff80012345 (tcp_input+0x25 at net/tcp.c:88, in net_poll at net/net.c:31)

Everything else in the text stays as it is. What follows a call is looked up as a return address, so that its
line is that of the call, unless the text names it as a program counter.
"""

from __future__ import annotations

import re

from unidbg_symbols.calls import follows_call
from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Final

    from unidbg_symbols.image import Image

_ADDRESS = re.compile(r"(?<![\w.])(?:0[xX][0-9a-fA-F]{3,16}|[0-9a-fA-F]{8,16})(?!\w|\.\w)")
_COUNTER = re.compile(r"\b(?:rip|eip|ip|pc|elr\w*|epc|mepc)\W{0,3}$", re.IGNORECASE)
_NAMED = re.compile(r"(?P<name>[A-Za-z_]\w*)\+0x(?P<offset>[0-9a-fA-F]{1,8})\b")
_PAGE = 0x1000
_MOST_BIASES = 1 << 16
_MOST_JUDGED = 64
_MOST_KNOWN = 1 << 16


class Placed(Record):
    """An image and its bias: run address minus link address."""

    __slots__ = ("image", "bias")

    def __init__(self, image: Image, bias: int) -> None:
        self.image: Final = image
        self.bias: Final = bias


class Site(Record):
    """One of the frames at an address: the function, for a stack frame with the offset into it, and the line.

    `file` is "" and `line` 0 where unknown; `offset` is None for inlined frames. Data has its name alone.
    """

    __slots__ = ("function", "offset", "file", "line")

    def __init__(self, function: str, offset: int | None, file: str = "", line: int = 0) -> None:
        self.function: Final = function
        self.offset: Final = offset
        self.file: Final = file
        self.line: Final = line


class Symbolizer:
    """Annotates text. `show` makes names fit for where the text goes; `path` shortens file names."""

    def __init__(
        self,
        images: Sequence[Placed],
        show: Callable[[str], str] = str,
        path: Callable[[str], str] = str,
    ) -> None:
        self._images = images
        self._show = show
        self._path = path
        self._known: dict[tuple[int, bool], tuple[Site, ...]] = {}

    def annotate(self, text: str) -> str:
        """The text with what is known of each address behind it."""
        return _ADDRESS.sub(lambda match: match.group() + self._note(match), text)

    def describe(self, address: int, *, exact: bool = False) -> str:
        """What is at a run address; empty where no image knows. `exact`: no return address."""
        return ", in ".join(self._spelled(site) for site in self.sites(address, exact=exact))

    def sites(self, address: int, *, exact: bool = False) -> tuple[Site, ...]:
        """The frames at a run address, innermost first; none where no image knows it."""
        key = (address, exact)
        if key not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = (tuple(_sites(placed, address, exact)) for placed in self._images)
            self._known[key] = next((sites for sites in found if sites), ())
        return self._known[key]

    def found(self, text: str) -> Iterator[tuple[int, tuple[Site, ...]]]:
        """(address, frames) of each address in a text that an image knows."""
        for match in _ADDRESS.finditer(text):
            address = int(match.group(), 16)
            sites = self.sites(address, exact=_is_counter(match))
            if sites:
                yield address, sites

    def _note(self, match: re.Match[str]) -> str:
        note = self.describe(int(match.group(), 16), exact=_is_counter(match))
        return f" ({note})" if note else ""

    def _spelled(self, site: Site) -> str:
        offset = f"+{site.offset:#x}" if site.offset is not None else ""
        line = f" at {self._show(self._path(site.file))}:{site.line}" if site.line else ""
        return self._show(site.function) + offset + line


def names_addresses(text: str) -> bool:
    """Whether something in the text is written like an address."""
    return _ADDRESS.search(text) is not None


def _is_counter(match: re.Match[str]) -> bool:
    """Whether the text calls the address a program counter, so that it is no return address."""
    return _COUNTER.search(match.string, max(match.start() - 16, 0), match.start()) is not None


def _sites(placed: Placed, address: int, exact: bool) -> Iterator[Site]:
    image, link = placed.image, address - placed.bias & (1 << 64) - 1
    if not _in_code(image, link):
        yield from _data(image, link)
        return
    symbol = image.symbol_at(link)
    looked_up = link
    if not exact and (symbol is None or link != symbol.address) and follows_call(image, link):
        looked_up = link - 1
    function = image.symbol_at(looked_up)
    frames = image.frames_at(looked_up)
    for number, frame in enumerate(frames):
        outermost = number == len(frames) - 1 and function is not None
        offset = link - function.address if function is not None and outermost else None
        yield Site(frame.function or "?", offset, frame.file, frame.line)


def _data(image: Image, link: int) -> Iterator[Site]:
    symbol = image.symbol_at(link)
    if symbol is not None and symbol.kind == "object" and symbol.size:
        yield Site(symbol.readable, link - symbol.address or None)


def _in_code(image: Image, link: int) -> bool:
    return any(start <= link < end for start, end in image.text_ranges)


class FoundBias(Record):
    """A bias and how it was found, in words; `guessed`: more of the log may tell another one."""

    __slots__ = ("bias", "evidence", "guessed")

    def __init__(self, bias: int, evidence: str, guessed: bool = False) -> None:
        self.bias: Final = bias
        self.evidence: Final = evidence
        self.guessed: Final = guessed


def find_bias(image: Image, lines: Iterable[str]) -> FoundBias | None:
    """The bias at which the addresses of a log are those of the image; None where the log does not tell.

    By names beside addresses (`tcp_input+0x25`); else 0 if addresses lie in the code; else by trying at which
    bias the most addresses are such as calls return to.
    """
    text = list(lines)
    by_name = _bias_by_names(image, text)
    if by_name is not None:
        return FoundBias(by_name, "by the functions that the log names beside addresses")
    addresses = sorted({int(match.group(), 16) for line in text for match in _ADDRESS.finditer(line)})
    here = [address for address in addresses if _in_code(image, address)]
    if here:
        solid = image.elf_type == "exec" or any(follows_call(image, address) for address in here)
        return FoundBias(0, f"{len(here)} addresses of the log lie in the code of the image", not solid)
    return _bias_by_calls(image, addresses)


def _bias_by_names(image: Image, text: list[str]) -> int | None:
    votes: dict[int, int] = {}
    for line in text:
        addresses = [int(match.group(), 16) for match in _ADDRESS.finditer(line)]
        for match in _NAMED.finditer(line):
            for symbol in image.symbols_named(match.group("name")):
                for address in addresses:
                    bias = address - int(match.group("offset"), 16) - symbol.address
                    if bias % _PAGE == 0:
                        votes[bias] = votes.get(bias, 0) + 1
    return max(votes, key=lambda bias: votes[bias]) if votes else None


def _bias_by_calls(image: Image, addresses: list[int]) -> FoundBias | None:
    """Whole pages only. The best must beat the next best, and rest on two addresses at least."""
    if not image.text_ranges:
        return None
    low = min(start for start, _ in image.text_ranges)
    high = max(end for _, end in image.text_ranges)
    scores: dict[int, int] = {}
    for run in _clusters(addresses, high - low):
        first = (run[-1] - high) // _PAGE * _PAGE + _PAGE
        for bias in range(first, min(run[0] - low, first + _MOST_BIASES * _PAGE) + 1, _PAGE):
            score = sum(follows_call(image, address - bias) for address in run[:_MOST_JUDGED])
            if score > 1:
                scores[bias] = max(score, scores.get(bias, 0))
    ranked = sorted(scores, key=lambda bias: scores[bias], reverse=True)
    if not ranked or (len(ranked) > 1 and scores[ranked[0]] == scores[ranked[1]]):
        return None
    return FoundBias(ranked[0], f"a guess: there {scores[ranked[0]]} addresses of the log follow calls", True)


def _clusters(addresses: list[int], width: int) -> Iterator[list[int]]:
    """Runs of addresses that fit into one image."""
    run: list[int] = []
    for address in addresses:
        if run and address - run[0] > width:
            if len(run) > 1:
                yield run
            run = []
        run.append(address)
    if len(run) > 1:
        yield run
