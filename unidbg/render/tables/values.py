"""Values, types and what `monitor` answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.render.declaration import declare
from unidbg.render.escape import escape_lines
from unidbg.views.inspect import MemberInfo, MonitorView, TypeInfo, TypesView, ValueNode, ValueView


def value(view: ValueView, page: Page) -> Sequence[RenderableType]:
    root = view.value
    head = Text.assemble(cells.guest(view.expression, cells.SYMBOL), " = ", ("(", cells.DIM))
    head = Text.assemble(head, cells.guest(root.type, cells.DIM), (") ", cells.DIM), cells.guest(root.text))
    if root.address is not None:
        head = Text.assemble(head, (" at ", cells.DIM), cells.address(root.address))
    if not root.children:
        return [head]
    grid = Table.grid(padding=(0, 2, 0, 0))
    for fold in (False, True, True):
        grid.add_column(overflow="fold", no_wrap=not fold)
    for depth, node in _walk(root.children, 1):
        label = Text.assemble("  " * depth, cells.guest(node.name, cells.SYMBOL))
        grid.add_row(label, cells.guest(node.text), cells.guest(node.type, cells.DIM))
    return [head, grid]


def _walk(nodes: Sequence[ValueNode], depth: int) -> Iterator[tuple[int, ValueNode]]:
    for node in nodes:
        yield depth, node
        yield from _walk(node.children, depth + 1)


def types(view: TypesView, page: Page) -> Sequence[RenderableType]:
    return [part for info in view.types for part in _type(info)]


def _type(info: TypeInfo) -> Sequence[RenderableType]:
    if not info.members:
        lines = [Text(line) for line in escape_lines(info.declaration)]
        return [Group(*lines), _size_line(info)]
    opening, *_ = info.declaration.split("{", 1)
    head = Text.assemble(cells.guest(opening.strip(), cells.HEAD), " {")
    return [head, _members(info), Text("}"), _size_line(info)]


def _size_line(info: TypeInfo) -> Text:
    holes = [member for member in info.members if member.kind == "hole"]
    bits = sum(member.bit_size or 8 * member.size_bytes for member in holes)
    text = Text(units.plural(info.size_bytes, "byte"))
    if bits:
        unused = units.plural(bits // 8, "byte") if bits % 8 == 0 else units.plural(bits, "bit")
        text.append(f", {unused} of them in {units.plural(len(holes), 'hole')}", style=cells.WARN)
    if info.file is not None:
        text = Text.assemble(text, ", ", cells.guest(f"{info.file}:{info.line}" if info.line else info.file))
    text.stylize(cells.DIM)
    return text


def _members(info: TypeInfo) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", no_wrap=True, style=cells.ADDRESS)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text("offset", style=cells.HEAD), Text("size", style=cells.HEAD), Text())
    for member in info.members:
        grid.add_row(Text(_offset(member)), Text(_extent(member)), _declaration(member))
    return grid


def _offset(member: MemberInfo) -> str:
    if member.bit_size is None:
        return str(member.offset_bytes)
    first = 8 * member.offset_bytes + (member.bit_offset or 0)
    return f"{first // 8}:{first % 8}"


def _extent(member: MemberInfo) -> str:
    return units.plural(member.bit_size, "bit") if member.bit_size else str(member.size_bytes)


def _declaration(member: MemberInfo) -> Text:
    if member.kind == "hole":
        return Text("  hole", style=cells.WARN)
    bits = f" : {member.bit_size}" if member.bit_size else ""
    return Text.assemble("  ", cells.guest(declare(member.type, member.name)), f"{bits};")


def monitor(view: MonitorView, page: Page) -> Sequence[RenderableType]:
    if not view.output:
        return [Text("(no output)", style=cells.DIM)]
    return [layout.unfolded(Text(line)) for line in escape_lines(view.output)]
