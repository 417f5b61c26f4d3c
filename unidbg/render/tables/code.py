"""Instructions, raw memory and symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from unidbg.render import cells, layout
from unidbg.render.cells import Page
from unidbg.views.base import Location
from unidbg.views.inspect import DisassemblyView, Instruction, MemoryDumpView, SymbolInfo, SymbolsView

_WORDS = {"t": "b", "o": "o", "x": "x", "z": "x", "a": "x", "u": "d", "d": "d", "c": "d"}
_PREFIX = {"x": "0x", "z": "0x", "a": "0x", "o": "0"}
_LINE_BYTES = 16


def disassembly(view: DisassemblyView, page: Page) -> Sequence[RenderableType]:
    drawn: list[RenderableType] = []
    for symbol, members in groupby(view.instructions, key=lambda one: one.location.symbol):
        if symbol is not None:
            drawn.append(Text.assemble(cells.guest(symbol, cells.SYMBOL), ":"))
        drawn.append(_instructions(members, page))
    return drawn


def _instructions(members: Iterable[Instruction], page: Page) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right")
    if page.wide:
        grid.add_column(no_wrap=True, style=cells.DIM)
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    line: tuple[str | None, int | None] = (None, None)
    for one in members:
        place = (one.location.file, one.location.line)
        source = Text() if place == line else cells.source(one.location)
        line = place
        row = [
            _address(one),
            Text(f"+{one.location.offset}", style=cells.DIM) if one.location.symbol else Text(),
        ]
        row += [Text(_spaced(one.bytes_hex))] if page.wide else []
        grid.add_row(*row, _operation(one), source)
    return grid


def _address(one: Instruction) -> Text:
    mark = Text("=> ", style=cells.WARN) if one.current else Text("   ")
    return Text.assemble(mark, cells.address(one.location.address))


def _operation(one: Instruction) -> Text:
    text = Text.assemble(cells.guest(one.mnemonic, cells.HEAD), " ", cells.guest(one.operands))
    if one.target is not None and one.target.symbol is not None:
        text = Text.assemble(text, "  ", ("# ", cells.DIM), cells.name(one.target))
    return text


def _spaced(bytes_hex: str) -> str:
    return " ".join(bytes_hex[at : at + 2] for at in range(0, len(bytes_hex), 2))


def dump(view: MemoryDumpView, page: Page) -> Sequence[RenderableType]:
    data = bytes.fromhex(view.data_hex)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for start, line in _lines(view, data):
        where = Location(view.start.address, view.start.symbol, view.start.offset + start)
        label = cells.name(where) if where.symbol is not None else Text()
        grid.add_row(cells.plain(hex(view.start.address + start), cells.ADDRESS), label, line)
    return [grid]


def _lines(view: MemoryDumpView, data: bytes) -> Iterator[tuple[int, Text]]:
    if view.format == "s":
        yield from _strings(data)
        return
    write = _unit_writer(view.format, view.unit_bytes)
    for start in range(0, len(data), _LINE_BYTES):
        chunk = data[start : start + _LINE_BYTES]
        units = [chunk[at : at + view.unit_bytes] for at in range(0, len(chunk), view.unit_bytes)]
        text = " ".join(write(unit) for unit in units)
        yield start, Text(text) if view.unit_bytes > 1 else _with_characters(text, chunk, len(write(b"\0")))


def _with_characters(text: str, chunk: bytes, unit_width: int) -> Text:
    """Bytes have their characters at the right, as in a hex dump."""
    width = _LINE_BYTES * (unit_width + 1) - 1
    letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in chunk)
    return Text.assemble(f"{text:<{width}}  ", (letters, cells.DIM))


def _strings(data: bytes) -> Iterator[tuple[int, Text]]:
    start = 0
    for piece in data.split(b"\0"):
        if piece or start < len(data):
            yield start, cells.guest('"' + piece.decode("utf-8", "surrogateescape") + '"')
        start += len(piece) + 1


def _unit_writer(letter: str, size: int) -> Callable[[bytes], str]:
    """How one little-endian unit is written in gdb's format `letter`, padded to a common width."""
    word, prefix = _WORDS.get(letter, "x"), _PREFIX.get(letter, "")
    widest = (1 << (8 * size)) - 1
    digits = len(format(widest, word)) + (1 if letter in "dc" else 0)

    def write(unit: bytes) -> str:
        value = int.from_bytes(unit, "little", signed=letter in "dc")
        padding = "0" if letter in "xzato" else " "
        return prefix + format(value, f"{padding}>{digits}{word}")

    return write


def symbols(view: SymbolsView, page: Page) -> Sequence[RenderableType]:
    rows = [_symbol(symbol) for symbol in view.symbols]
    return [layout.table((">!address", ">!size", "kind", "binding", "section", "symbol"), rows)]


def _symbol(symbol: SymbolInfo) -> Sequence[Text]:
    where = cells.place(symbol.location) if symbol.location.symbol else cells.guest(symbol.name, cells.SYMBOL)
    return (
        cells.address(symbol.address),
        cells.number(symbol.size_bytes),
        cells.guest(symbol.kind),
        cells.guest(symbol.binding),
        cells.guest(symbol.section),
        where,
    )
