"""A table that draws only the rows in sight, so that thousands of rows cost nothing between refreshes."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from unidbg_tui import fit
from unidbg_tui.cells import Cell, Line, Role, Row, Span, Table
from unidbg_tui.changes import RowChange
from unidbg_tui.columns import GAP, GUTTER, Placed, place_columns
from unidbg_tui.messages import RowChosen
from unidbg_tui.order import Order, letters
from unidbg_tui.pattern import Pattern
from unidbg_tui.spark import span_bar

EMPTY = Table("", (), ())
MARK_ROLES: dict[str, str] = {"+": "good", "▲": "accent", "▼": "accent", "•": "accent"}


class Grid(ScrollView, can_focus=True):
    """One `Table` with cursor, order, filter and marks of what changed."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--header",
        "grid--sorted",
        "grid--letter",
        "grid--cursor",
        "grid--changed",
        "grid--match",
        "grid--dim",
        "grid--strong",
        "grid--good",
        "grid--warn",
        "grid--bad",
        "grid--accent",
        "grid--code",
        "grid--data",
        "grid--heap",
        "grid--stack",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False),
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("g,home", "to_row(0)", "top", show=False),
        Binding("G,end", "to_row(-1)", "end", show=False),
        Binding("pagedown,ctrl+f", "page(2)", "page down", show=False),
        Binding("pageup,ctrl+b", "page(-2)", "page up", show=False),
        Binding("ctrl+d", "page(1)", "half a page down", show=False),
        Binding("ctrl+u", "page(-1)", "half a page up", show=False),
        Binding("l,right", "sideways(8)", "right", show=False),
        Binding("h,left", "sideways(-8)", "left", show=False),
        Binding("less_than_sign", "sort_beside(-1)", "sort by the column to the left", show=False),
        Binding("greater_than_sign", "sort_beside(1)", "sort by the column to the right", show=False),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.table = EMPTY
        self.order = Order()
        self.pattern = Pattern()
        self.hiding = True
        self.rows: list[Row] = []
        self._changes: dict[str, RowChange] = {}
        self._placed: list[Placed] = []
        self._cursor = 0
        self._styles: dict[str, Style] = {}

    # What is shown.

    def show(self, table: Table, changes: dict[str, RowChange]) -> None:
        """Show `table`; the cursor stays on its row, order and filter stay as they are."""
        if table.columns != self.table.columns:
            self.order = Order()
        self.table = table
        self._changes = changes
        self._lay_out()

    def filter(self, pattern: Pattern, hiding: bool) -> None:
        """Show the rows that `pattern` admits; without `hiding` all of them, with the matches marked."""
        self.pattern, self.hiding = pattern, hiding
        self._lay_out()

    def sort(self, order: Order) -> None:
        """Show the rows in `order`."""
        self.order = order
        self._lay_out()

    def sort_by_name(self, name: str) -> bool:
        """Sort by the column whose name begins with `name`; False where there is none."""
        for index, column in enumerate(self.table.columns):
            if name and column.name.lower().startswith(name.lower()):
                self.sort(self.order.by(index))
                return True
        return False

    def _lay_out(self) -> None:
        key = self.cursor_key
        rows = [row for row in self.table.rows if not self.hiding or self.pattern.admits(row.text)]
        self.rows = self.order.arrange(rows)
        self._place()
        self._cursor = next((i for i, row in enumerate(self.rows) if row.key == key), self._cursor)
        self._cursor = max(0, min(self._cursor, len(self.rows) - 1))
        if self.cursor_key != key:
            self._tell()
        self.refresh()

    def _place(self) -> None:
        width = self.size.width
        self._placed = place_columns(self.table, self.rows, width)
        right = self._placed[-1].x + self._placed[-1].width if self._placed else width
        self.virtual_size = Size(right if right > width else 0, len(self.rows) + 1)

    def on_resize(self, event: events.Resize) -> None:
        """Give the growing column its share."""
        self._place()
        self.refresh()

    # The cursor.

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self.rows[self._cursor].key if self._cursor < len(self.rows) else None

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self._cursor] if self._cursor < len(self.rows) else None

    def _go(self, index: int) -> None:
        index = max(0, min(index, len(self.rows) - 1))
        if index == self._cursor:
            return
        self._cursor = index
        height = max(1, self.size.height - 1)
        top = round(self.scroll_offset.y)
        if index < top:
            self.scroll_to(y=index, animate=False)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False)
        self._tell()
        self.refresh()

    def _tell(self) -> None:
        if self.is_attached:
            self.post_message(RowChosen(self.cursor_key))

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self._go(self._cursor + rows)

    def action_to_row(self, index: int) -> None:
        """Move the cursor to the first row, or with -1 to the last."""
        self._go(index if index >= 0 else len(self.rows) - 1)

    def action_page(self, halves: int) -> None:
        """Move the cursor by half pages."""
        self._go(self._cursor + halves * max(1, (self.size.height - 1) // 2))

    def action_sideways(self, cells: int) -> None:
        """Scroll what does not fit the width into sight."""
        self.scroll_relative(x=cells, animate=False)

    def action_sort_beside(self, step: int) -> None:
        """Sort by the column beside the present one."""
        self.sort(self.order.beside(step, len(self.table.columns)))

    def next_match(self, step: int) -> bool:
        """Put the cursor on the next row that matches, around the end; False where none does."""
        count = len(self.rows)
        for distance in range(1, count + 1):
            index = (self._cursor + step * distance) % count
            if self.pattern.matches(self.rows[index].text):
                self._go(index)
                return True
        return False

    def copy_text(self) -> str:
        """The row under the cursor as text."""
        row = self.cursor_row
        return "" if row is None else row.text

    def copy_all(self) -> str:
        """The table as text, columns separated by tabs."""
        head = "\t".join(column.name for column in self.table.columns)
        return "\n".join([head, *("\t".join(cell.text for cell in row.cells) for row in self.rows)])

    def on_key(self, event: events.Key) -> None:
        """A capital sorts by its column."""
        character = event.character or ""
        if len(character) == 1 and character.isupper():
            found = letters(self.table.columns)
            if character in found:
                event.stop()
                self.sort(self.order.by(found.index(character)))

    def on_click(self, event: events.Click) -> None:
        """A click on the header sorts, one on a row puts the cursor there."""
        at = event.get_content_offset(self)
        if at is None:
            return
        x, y = at.x + round(self.scroll_offset.x), at.y - 1 + round(self.scroll_offset.y)
        if at.y > 0:
            self._go(y if y < len(self.rows) else self._cursor)
            return
        for index, placed in enumerate(self._placed):
            if placed.x <= x < placed.x + placed.width + GAP:
                self.sort(self.order.by(index))
                return

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """The header at the top, then the rows in sight."""
        offset = self.scroll_offset
        index = round(offset.y) + y - 1
        if y == 0:
            segments = self._header()
        elif index < len(self.rows):
            segments = self._row(index)
        elif y == 1:
            says = self.table.empty if not self.table.rows else "nothing matches the filter"
            segments = [Segment("  " + says, self._style("dim"))]
        else:
            segments = []
        left = round(offset.x)
        base = self._style("") if not (y and index == self._cursor and self.rows) else self._cursor_style()
        strip = Strip(segments).crop_extend(left, left + self.size.width, base)
        return self._hint(strip, self.size.width) if y == 0 else strip

    def notify_style_update(self) -> None:
        """The theme or the state of the widget changed: look its styles up anew."""
        self._styles.clear()
        super().notify_style_update()

    def _style(self, role: Role | str) -> Style:
        style = self._styles.get(role)
        if style is None:
            style = self.get_component_rich_style(f"grid--{role}") if role else self.rich_style
            self._styles[role] = style
        return style

    def _cursor_style(self) -> Style:
        style = self._style("cursor")
        return style if self.has_focus else style + Style(bgcolor=self._style("").bgcolor)

    def _header(self) -> list[Segment]:
        base = self._style("header")
        segments = [Segment(" " * GUTTER, base)]
        marks = letters(self.table.columns)
        for index, (column, placed) in enumerate(zip(self.table.columns, self._placed, strict=True)):
            sorted_here = self.order.column == index
            arrow = (" ▼" if self.order.descending else " ▲") if sorted_here else ""
            style = self._style("sorted") if sorted_here else base
            pad = " " * max(0, placed.width - len(column.name) - len(arrow))
            name = self._lettered(column.name, marks[index], style)
            body = [*name, Segment(arrow, style)]
            blank = Segment(pad, base)
            segments += [blank, *body] if column.right else [*body, blank]
            segments.append(Segment(" " * GAP, base))
        segments.append(Segment(" " * self.size.width, base))
        return segments

    def _hint(self, strip: Strip, width: int) -> Strip:
        """An arrow at the right of the header where columns are out of sight there."""
        if round(self.scroll_offset.x) + width >= self.virtual_size.width:
            return strip
        return Strip([*strip.crop(0, width - 2), Segment(" ▸", self._style("sorted"))])

    def _lettered(self, name: str, letter: str | None, style: Style) -> list[Segment]:
        """The name with the letter that sorts by it underlined."""
        at = name.upper().find(letter) if letter else -1
        if at < 0:
            return [Segment(name, style)]
        mark = style + self._style("letter").without_color
        return [Segment(name[:at], style), Segment(name[at], mark), Segment(name[at + 1 :], style)]

    def _row(self, index: int) -> list[Segment]:
        row = self.rows[index]
        change = self._changes.get(row.key)
        over = self._cursor_style() if index == self._cursor else None
        segments = [self._gutter(change)]
        for number, (cell, placed) in enumerate(zip(row.cells, self._placed, strict=True)):
            changed = change is not None and number in change.cells
            spans = self._cell(cell, placed, self.table.columns[number].right)
            segments += self._segments(spans, changed)
            segments.append(Segment(" " * GAP, self._style("")))
        if over is None:
            return segments
        match = self._style("match")
        return [
            Segment(text, style if style == match else _under(style, over)) for text, style, _ in segments
        ]

    def _gutter(self, change: RowChange | None) -> Segment:
        if change is None:
            return Segment(" " * GUTTER, self._style(""))
        return Segment(f"{change.mark} ", self._style(MARK_ROLES[change.mark]))

    def _cell(self, cell: Cell, placed: Placed, right: bool) -> Line:
        if cell.bar is None:
            return fit.padded(cell.line, placed.width, right=right)
        first, last = span_bar(*cell.bar, placed.width) if cell.bar[1] > 0 else (0, 0)
        rest = placed.width - last
        return Span("─" * first, "dim"), Span("━" * (last - first), "accent"), Span("─" * rest, "dim")

    def _segments(self, spans: Line, changed: bool) -> list[Segment]:
        segments: list[Segment] = []
        for span in spans:
            style = self._style(span.role)
            if changed and span.text.strip():
                style += Style(bgcolor=self._style("changed").bgcolor)
            segments += self._matched(span.text, style)
        return segments

    def _matched(self, text: str, style: Style) -> list[Segment]:
        segments: list[Segment] = []
        done = 0
        for start, end in self.pattern.matches(text):
            segments.append(Segment(text[done:start], style))
            segments.append(Segment(text[start:end], self._style("match")))
            done = end
        segments.append(Segment(text[done:], style))
        return segments


def _under(style: Style | None, cursor: Style) -> Style:
    """The style of a cell in the cursor's row: its own colour on the cursor's background."""
    return cursor if style is None else style + Style(bgcolor=cursor.bgcolor, bold=cursor.bold)
