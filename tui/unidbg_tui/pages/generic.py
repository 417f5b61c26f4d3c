"""A page for any view: its numbers and texts as facts, its tuples of records as tables.

A view that unidbg learns tomorrow is on the screen the same day; a page of its own only makes it nicer.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from unidbg.render import units
from unidbg.views.base import Absent, Location, Range, View
from unidbg_tui import words
from unidbg_tui.cells import (
    ABSENT,
    Cell,
    Column,
    Fact,
    Line,
    Page,
    Row,
    SortKey,
    Span,
    Table,
    distinct,
    guest,
    line,
)
from unidbg_tui.pages.past import Past

_HEAD = {field.name for field in fields(View)}
MAX_ITEMS = 8
"""Items of a plain list that are spelled out in one line."""


def generic(view: View, past: Past) -> Page:
    """Facts and tables of all fields but the common head."""
    facts: list[Fact] = []
    tables: list[Table] = []
    _collect(view, "", facts, tables)
    return Page(tuple(facts), tables=tuple(tables))


def _collect(record: Any, prefix: str, facts: list[Fact], tables: list[Table]) -> None:
    for field in fields(record):
        if isinstance(record, View) and field.name in _HEAD:
            continue
        name, value = f"{prefix}{_label(field.name)}", getattr(record, field.name)
        if isinstance(value, tuple) and value and is_dataclass(value[0]):
            tables.append(_table(name, value))
        elif is_dataclass(value) and not isinstance(value, Location | Range | Absent):
            _collect(value, f"{name} ", facts, tables)
        else:
            facts.append(Fact(name, *_said(field.name, value)))


def _table(name: str, records: tuple[Any, ...]) -> Table:
    names = [field.name for field in fields(records[0])]
    kind = type(records[0])
    rows = [_row(names, record) for record in records if isinstance(record, kind)]
    columns = [Column(_label(field), right=_is_number(getattr(records[0], field))) for field in names]
    columns[-1] = Column(columns[-1].name, columns[-1].right, grow=True)
    return Table(name, tuple(columns), distinct(rows))


def _row(names: list[str], record: Any) -> Row:
    cells = tuple(Cell(*_said(name, getattr(record, name))) for name in names)
    return Row(cells[0].text, cells)


def _label(name: str) -> str:
    for suffix in ("_bytes", "_ns"):
        name = name.removesuffix(suffix)
    return name.replace("_", " ")


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _said(name: str, value: Any) -> tuple[Line, SortKey]:
    """A value in words, by its type and by the unit in its field's name."""
    match value:
        case None:
            return (words.NONE,), ABSENT
        case bool():
            return line("yes" if value else Span("no", "dim")), (0, int(value))
        case int():
            return line(_number(name, value)), (0, value)
        case float():
            return line(f"{value:g}"), (0, value)
        case str():
            return (guest(value),), (1, value)
        case Location():
            return words.place(value), (0, value.address)
        case Range():
            return words.extent(value), words.range_key(value)
        case Absent():
            return line(guest(value.reason, "dim")), ABSENT
        case tuple():
            return _listed(name, value)
    return (guest(str(value)),), (1, str(value))


def _number(name: str, value: int) -> str:
    if name.endswith("_bytes"):
        return units.size(value)
    if name.endswith("_ns"):
        return units.duration(value)
    if name in ADDRESSES or name.endswith(("_base", "_address", "_root")):
        return words.address(value)
    return units.count(value)


ADDRESSES = frozenset({"address", "start", "end", "physical", "base", "data", "current", "pc", "sp"})
"""Fields of views that hold addresses: at run time an `Address` is an `int`."""


def _listed(name: str, values: tuple[Any, ...]) -> tuple[Line, SortKey]:
    said = [_said(name, value)[0] for value in values[:MAX_ITEMS]]
    spans: list[Span] = []
    for number, item in enumerate(said):
        spans += [Span(", ")] if number else []
        spans += item
    if len(values) > MAX_ITEMS:
        spans.append(Span(f" and {len(values) - MAX_ITEMS} more", "dim"))
    text = "".join(span.text for span in spans)
    return (tuple(spans), (1, text)) if spans else ((Span("none", "dim"),), ABSENT)
