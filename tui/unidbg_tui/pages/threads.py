"""The pane of threads: a table, and below it the backtrace of the one under the cursor."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.views.system import Frame, Thread, ThreadsView, Variable
from unidbg_tui import words
from unidbg_tui.cells import (
    Cell,
    Page,
    Role,
    Row,
    Span,
    Table,
    columns,
    distinct,
    guest,
    line,
    line_cell,
    number_cell,
    text_cell,
)
from unidbg_tui.pages.past import Past

_THREADS = columns("thread", "name", ">cpu", "state", "where", "reason+")
_FRAMES = columns(">frame", "where", ">sp", "found by+")

SURE: dict[str, Role] = {
    "guess": "warn",
    "pc": "dim",
    "cfi": "dim",
    "frame-pointer": "dim",
    "return-address": "dim",
    "inline": "dim",
}


def threads(view: ThreadsView, past: Past) -> Page:
    """vCPUs and threads."""
    return Page(tables=(Table("threads", _THREADS, distinct(map(_thread, view.threads)), "no threads"),))


def _thread(thread: Thread) -> Row:
    where = thread.frames[words.standpoint(thread)].pc if thread.frames else None
    state = line(words.dot(thread), " ", guest(thread.state, words.state_role(thread.state)))
    cells = (
        text_cell(thread.id, "strong"),
        text_cell(thread.name),
        number_cell(thread.cpu),
        line_cell(state, (1, thread.state)),
        words.place_cell(where),
        text_cell(thread.reason),
    )
    return Row(thread.id, cells, _backtrace(thread))


def _backtrace(thread: Thread) -> Table:
    rows = [row for frame in thread.frames for row in _frame_rows(frame, frame.index == thread.culprit)]
    rows += [_broken(number, text) for number, text in enumerate(thread.faults)]
    title = f"backtrace of {guest(thread.name or thread.id).text}"
    return Table(title, _FRAMES, distinct(rows), "no frame could be read")


def _frame_rows(frame: Frame, blamed: bool = False) -> Iterator[Row]:
    how = guest(frame.how, SURE.get(frame.how, ""))
    number = number_cell(frame.index, f"{'▶ ' if blamed else ''}#{frame.index}", "bad" if blamed else "")
    cells = (
        number,
        words.place_cell(frame.pc),
        words.address_cell(frame.sp),
        Cell((how,), (1, frame.how)),
    )
    yield Row(f"{frame.index}", cells)
    for variable in frame.variables:
        yield _variable(frame, variable)


def _variable(frame: Frame, variable: Variable) -> Row:
    said = line(
        "  ",
        guest(variable.name, "accent"),
        Span(" = ", "dim"),
        guest(variable.value),
        guest(f"  {variable.type}", "dim"),
    )
    blank = Cell((), (0, frame.index))
    return Row(f"{frame.index}.{variable.name}", (blank, Cell(said, (1, variable.value)), blank, blank))


def _broken(number: int, text: str) -> Row:
    blank = Cell((), (0, 1 << 30))
    return Row(
        f"fault {number}", (Cell((Span("!", "bad"),), (0, 1 << 30)), text_cell(text, "bad"), blank, blank)
    )
