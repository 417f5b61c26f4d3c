"""Instructions, raw memory and symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from unidbg.render import cells, layout
from unidbg.render.cells import Page
from unidbg.render.source import colored
from unidbg.views.base import Address, Location
from unidbg.views.inspect import DisassemblyView, Instruction, MemoryDumpView, SymbolInfo, SymbolsView

_WORDS = {"t": "b", "o": "o", "x": "x", "z": "x", "a": "x", "u": "d", "d": "d", "c": "d"}
_PREFIX = {"x": "0x", "z": "0x", "a": "0x", "o": "0"}


def disassembly(view: DisassemblyView, page: Page) -> Sequence[RenderableType]:
    """Instructions under the names of their functions; the column before them is the source line."""
    drawn: list[RenderableType] = []
    offsets = max((len(_offset(one)) for one in view.instructions), default=0)
    code = max((len(_spaced(one.bytes_hex)) for one in view.instructions), default=0) if page.wide else 0
    for symbol, members in groupby(view.instructions, key=lambda one: one.location.symbol):
        together = list(members)
        file = _main_file(together)
        if symbol is not None:
            drawn.append(_heading(symbol, cells.source(Location(Address(0), file=file))))
        drawn.append(_instructions(together, file, offsets, code, page))
    return drawn


def _heading(symbol: str, source: Text) -> Text:
    name = cells.guest(symbol, cells.SYMBOL)
    return Text.assemble(name, " (", source, "):") if source.plain else Text.assemble(name, ":")


def _main_file(members: Sequence[Instruction]) -> str | None:
    """The file that most of a function comes from; the rest was inlined."""
    files = [one.location.file for one in members if one.location.file is not None]
    return max(files, key=files.count, default=None)


def _instructions(
    members: Sequence[Instruction], file: str | None, offsets: int, code: int, page: Page
) -> RenderableType:
    """`offsets` and `code` are widths that the functions of one view share; no code where that is 0."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    for least in (offsets, 3):
        grid.add_column(no_wrap=True, justify="right", style=cells.DIM, min_width=least)
    if code:
        grid.add_column(no_wrap=True, style=cells.DIM, min_width=code)
    grid.add_column(overflow="fold")
    line: tuple[str | None, int | None] = (None, None)
    for one in members:
        place = (one.location.file, one.location.line)
        source = Text() if place == line else _line_number(one.location, file)
        line = place
        bytes_ = [Text(_spaced(one.bytes_hex))] if code else []
        if one.source is not None:
            (text,) = colored((one.source.strip(),), one.location.file or "", page)
            grid.add_row(Text(), Text(), source, *([Text()] if code else []), text)
            source = Text()
        grid.add_row(_address(one), Text(_offset(one)), source, *bytes_, _operation(one))
    return grid


def _offset(one: Instruction) -> str:
    return f"+{one.location.offset}" if one.location.symbol else ""


def _line_number(location: Location, file: str | None) -> Text:
    """`112`, or `other.h:7` where the code of another file was inlined."""
    if location.line is None or location.file == file:
        return Text("" if location.line is None else str(location.line))
    return cells.source(location)


def _address(one: Instruction) -> Text:
    mark = Text("=> ", style=cells.WARN) if one.current else Text("   ")
    return Text.assemble(mark, cells.address(one.location.address))


def _operation(one: Instruction) -> Text:
    mnemonic = cells.guest(f"{one.mnemonic:<7}" if one.operands else one.mnemonic, cells.HEAD)
    text = Text.assemble(mnemonic, " ", cells.guest(one.operands)) if one.operands else mnemonic
    if one.target is not None and one.target.symbol is not None:
        text = Text.assemble(text, "  ", ("# ", cells.DIM), cells.name(one.target))
    return text


def _spaced(bytes_hex: str) -> str:
    return " ".join(bytes_hex[at : at + 2] for at in range(0, len(bytes_hex), 2))


def dump(view: MemoryDumpView, page: Page) -> Sequence[RenderableType]:
    """Raw memory: `start` named once, then 16 bytes a line, or 8 where the page is too narrow for them."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for start, line in _lines(view, bytes.fromhex(view.data_hex), page):
        grid.add_row(cells.address(view.start.address + start), line)
    named = [Text.assemble(cells.name(view.start), ":")] if view.start.symbol is not None else []
    return [*named, grid]


def _lines(view: MemoryDumpView, data: bytes, page: Page) -> Iterator[tuple[int, Text]]:
    if view.format == "s":
        yield from _strings(data)
        return
    if view.pointees:
        yield from _pointers(view)
        return
    write = _unit_writer(view.format, view.unit_bytes)
    room = page.width - len(hex(view.start.address + len(data))) - 2
    step = next((step for step in (16, 8) if _line_width(step, view, write) <= room), 8)
    for start in range(0, len(data), step):
        chunk = data[start : start + step]
        units = [chunk[at : at + view.unit_bytes] for at in range(0, len(chunk), view.unit_bytes)]
        text = " ".join(write(unit) for unit in units)
        yield start, Text(text) if view.unit_bytes > 1 else _with_characters(text, chunk, step, write)


def _line_width(step: int, view: MemoryDumpView, write: Callable[[bytes], str]) -> int:
    unit = len(write(bytes(view.unit_bytes)))
    return step // view.unit_bytes * (unit + 1) + (step + 1 if view.unit_bytes == 1 else 0)


def _with_characters(text: str, chunk: bytes, step: int, write: Callable[[bytes], str]) -> Text:
    """Bytes have their characters at the right, as in a hex dump."""
    width = step * (len(write(b"\0")) + 1) - 1
    letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in chunk)
    return Text.assemble(f"{text:<{width}}  ", (letters, cells.DIM))


def _pointers(view: MemoryDumpView) -> Iterator[tuple[int, Text]]:
    """One unit a line, and what it points to."""
    for index, pointee in enumerate(view.pointees):
        value = Text(f"{pointee.address:#0{2 + 2 * view.unit_bytes}x}")
        named = Text.assemble("  ", cells.place(pointee)) if pointee.symbol is not None else Text()
        yield index * view.unit_bytes, Text.assemble(value, named)


def _strings(data: bytes) -> Iterator[tuple[int, Text]]:
    start = 0
    for piece in data.split(b"\0"):
        if piece or start < len(data):
            yield start, cells.guest('"' + piece.decode("utf-8", "surrogateescape") + '"')
        start += len(piece) + 1


def _unit_writer(letter: str, size: int) -> Callable[[bytes], str]:
    """How one little-endian unit is written in gdb's format `letter`, padded to a common width."""
    word, prefix = _WORDS.get(letter, "x"), "" if size == 1 else _PREFIX.get(letter, "")
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
