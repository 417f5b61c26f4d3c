"""Threads with their backtraces, and registers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unidbg.render import cells, layout
from unidbg.render.cells import Page
from unidbg.render.escape import escape
from unidbg.render.source import source_lines
from unidbg.views.inspect import Register, RegistersView
from unidbg.views.system import Frame, Thread, ThreadsView, Variable


def threads(view: ThreadsView, page: Page) -> Sequence[RenderableType]:
    if not view.threads:
        return [Text("no threads")]
    return [part for thread in view.threads for part in _thread(thread, page)]


def _thread(thread: Thread, page: Page) -> Iterable[RenderableType]:
    yield thread_line(thread)
    if thread.frames:
        yield Padding(frames(thread.frames, page, thread.culprit), (0, 0, 0, 2))
    for fault in thread.faults:
        yield Text.assemble(("  ! ", cells.WARN), cells.guest(fault))


def thread_line(thread: Thread) -> Text:
    """`thread 1  vCPU 0  stopped: interrupt`."""
    label = cells.guest(f"thread {thread.id}", cells.HEAD)
    cpu = "" if thread.cpu is None else f"vCPU {thread.cpu}"
    name = "" if _names_cpu(thread.name, thread.cpu) else thread.name
    return layout.sequence([label, cells.guest(name), Text(cpu), cells.state(thread.state, thread.reason)])


def _names_cpu(name: str, cpu: int | None) -> bool:
    """Whether the name only repeats the number of the vCPU: `cpu0`, `CPU#0`."""
    return name.lower().replace("#", "").replace(" ", "").removeprefix("v") == f"cpu{cpu}"


def culprit(threads: Sequence[Thread]) -> Frame | None:
    """The frame to blame, where the guest has died."""
    blamed = (thread.frames[thread.culprit] for thread in threads if thread.culprit is not None)
    return next(blamed, None)


def frames(items: Sequence[Frame], page: Page, blamed: int | None = None) -> RenderableType:
    """Innermost first, that with the index `blamed` marked; how a frame was found is told where it is no more
    than a guess.
    """
    mark = "\N{BLACK RIGHT-POINTING TRIANGLE}" if page.unicode else ">"
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=cells.DIM, justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for frame in items:
        number = Text(f"#{frame.index}")
        if frame.index == blamed:
            number = Text(f"{mark} #{frame.index}", style=cells.BAD)
        grid.add_row(number, cells.address(frame.pc.address), _frame(frame, page))
    return grid


def _frame(frame: Frame, page: Page) -> Text:
    what = Text("?", style=cells.DIM) if frame.pc.symbol is None else cells.place(frame.pc)
    if frame.how in ("guess", "inline", "tail-call"):
        what = Text.assemble(
            what, cells.guest(f" [{frame.how}]", cells.WARN if frame.how == "guess" else cells.DIM)
        )
    elif page.wide and frame.how != "pc":
        what = Text.assemble(what, cells.guest(f" [{frame.how}]", cells.DIM))
    lines = [] if frame.source is None else source_lines(frame.source, page)
    return Text("\n").join([what, *_variables(frame.variables), *lines])


def _variables(variables: Sequence[Variable]) -> Iterable[Text]:
    """The arguments in one line, as they are called; a line for each other variable."""
    arguments = [_variable(one) for one in variables if one.parameter]
    if arguments:
        yield Text.assemble("  (", Text(", ").join(arguments), ")")
    for one in variables:
        if not one.parameter:
            yield Text.assemble("  ", _variable(one))


def _variable(one: Variable) -> Text:
    missing = one.value.startswith("<") and one.value.endswith(">")
    value = cells.guest(one.value, cells.DIM if missing else "")
    return Text.assemble(cells.guest(one.name or "?", cells.SYMBOL), " = ", value)


def registers(view: RegistersView, page: Page) -> Sequence[RenderableType]:
    groups: dict[str, list[Register]] = {}
    for register in view.registers:
        groups.setdefault(register.group, []).append(register)
    drawn: list[RenderableType] = [cells.guest(f"thread {view.thread}", cells.HEAD)]
    for group, members in groups.items():
        drawn.append(cells.guest(group, cells.DIM))
        drawn.append(_register_group(members, page))
    return drawn


def _register_group(registers: Sequence[Register], page: Page) -> RenderableType:
    """As many columns as fit, filled downwards; a register with a note has a line of its own."""
    name_width = max(len(escape(register.name)) for register in registers)
    short = [_register(one, name_width) for one in registers if not one.note]
    long = [_register(one, name_width) for one in registers if one.note]
    return Text("\n").join([*_columns(short, page.width), *long])


def _columns(items: Sequence[Text], width: int) -> list[Text]:
    if not items:
        return []
    cell = max(item.cell_len for item in items) + 2
    across = max(1, (width + 2) // cell)
    down = -(-len(items) // across)
    lines = []
    for row in range(down):
        line = Text()
        for item in items[row::down]:
            line = Text.assemble(line, item, " " * (cell - item.cell_len))
        line.rstrip()
        lines.append(line)
    return lines


def _register(register: Register, name_width: int) -> Text:
    label = cells.guest(f"{register.name:<{name_width}} ", cells.SYMBOL)
    if register.value is None:
        return Text.assemble(label, ("not available", cells.DIM))
    value = Text(f"{register.value:#0{2 + 2 * register.size_bytes}x}", style=cells.ADDRESS)
    note = Text.assemble("  ", cells.guest(register.note)) if register.note else Text()
    return Text.assemble(label, value, note)
