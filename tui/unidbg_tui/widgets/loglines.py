"""Lines of a log: follows the newest, wraps, filters, marks matches."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from unidbg.render import units
from unidbg_tui import paint
from unidbg_tui.cells import Span
from unidbg_tui.pattern import Pattern


class LogLines(ScrollView, can_focus=True):
    """Escaped lines, oldest first. A row is one line, or a piece of one where lines are wrapped."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"loglines--match", "loglines--cursor", "loglines--new"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "by(1)", "down", show=False),
        Binding("up,k", "by(-1)", "up", show=False),
        Binding("g,home", "top", "top", show=False),
        Binding("G,end", "end", "end, and follow", show=False),
        Binding("pagedown,ctrl+f", "page(2)", "page down", show=False),
        Binding("pageup,ctrl+b", "page(-2)", "page up", show=False),
        Binding("ctrl+d", "page(1)", "half a page down", show=False),
        Binding("ctrl+u", "page(-1)", "half a page up", show=False),
        Binding("l,right", "sideways(8)", "right", show=False),
        Binding("h,left", "sideways(-8)", "left", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: tuple[str, ...] = ()
        self.pattern = Pattern()
        self.hiding = True
        self.following = True
        self.wrapping = False
        self._new = 0
        self._rows: list[tuple[int, str]] = []
        self._match: int | None = None

    def show(self, lines: tuple[str, ...], new: int) -> None:
        """Show `lines`, of which the last `new` came since the snapshot before."""
        self.lines, self._new = lines, new
        self._lay_out()

    def filter(self, pattern: Pattern, hiding: bool) -> None:
        """Show the lines that `pattern` admits; without `hiding` all, with the matches marked."""
        self.pattern, self.hiding, self._match = pattern, hiding, None
        self._lay_out()

    def toggle_follow(self) -> bool:
        """Follow the newest line, or stay."""
        self.following = not self.following
        self._lay_out()
        return self.following

    def toggle_wrap(self) -> bool:
        """Wrap long lines, or let them be scrolled sideways."""
        self.wrapping = not self.wrapping
        self._lay_out()
        return self.wrapping

    def _lay_out(self) -> None:
        width = max(1, self.size.width)
        self._rows = [
            (index, piece)
            for index, text in enumerate(self.lines)
            if not self.hiding or self.pattern.admits(text)
            for piece in (chop_cells(text, width) if self.wrapping and text else (text,))
        ]
        widest = max((cell_len(piece) for _, piece in self._rows), default=0)
        self.virtual_size = Size(widest, len(self._rows))
        if self.following:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        self._entitle()
        self.refresh()

    def _entitle(self) -> None:
        """Say how many lines there are, and whether the newest is followed."""
        shown, whole = len({index for index, _ in self._rows}), len(self.lines)
        count = units.plural(whole, "line") if shown == whole else f"{shown:,} of {whole:,} lines"
        follows = Span("  follows the newest" if self.following else "  stays here, G follows", "dim")
        self.border_title = paint.content((Span("log", "strong"), Span(f"  {count}", "dim"), follows))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """However it came to be scrolled, the title tells."""
        super().watch_scroll_y(old_value, new_value)
        self._entitle()

    def on_resize(self, event: events.Resize) -> None:
        """Wrap to the new width."""
        self._lay_out()

    def _scroll_by(self, rows: int) -> None:
        top = round(self.scroll_offset.y) + rows
        self.following = top >= self.max_scroll_y
        self.scroll_to(y=top, animate=False)

    def action_by(self, rows: int) -> None:
        """Scroll by rows; at the end it follows again."""
        self._scroll_by(rows)

    def action_page(self, halves: int) -> None:
        """Scroll by half pages."""
        self._scroll_by(halves * max(1, self.size.height // 2))

    def action_top(self) -> None:
        """To the oldest line."""
        self.following = False
        self.scroll_to(y=0, animate=False)

    def action_end(self) -> None:
        """To the newest line, and follow it."""
        self.following = True
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def action_sideways(self, cells: int) -> None:
        """Scroll sideways."""
        self.scroll_relative(x=cells, animate=False)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Whoever scrolls up wants to read, not to follow."""
        self.following = False

    def next_match(self, step: int) -> bool:
        """Bring the next line that matches into sight, around the end; False where none does."""
        found = [row for row, (_, text) in enumerate(self._rows) if self.pattern.matches(text)]
        if not found:
            return False
        if self._match is None:
            ahead = [row for row in found if row >= round(self.scroll_offset.y)] or found
            self._match = ahead[0] if step > 0 else found[-1]
        elif step > 0:
            self._match = next((row for row in found if row > (self._match or 0)), found[0])
        else:
            self._match = next((row for row in reversed(found) if row < (self._match or 0)), found[-1])
        self.following = False
        self.scroll_to(y=max(0, self._match - self.size.height // 2), animate=False)
        self.refresh()
        return True

    def copy_text(self) -> str:
        """The line of the current match, or the newest one."""
        if not self._rows:
            return ""
        row = len(self._rows) - 1 if self._match is None else min(self._match, len(self._rows) - 1)
        return self.lines[self._rows[row][0]]

    def copy_all(self) -> str:
        """All lines that are shown."""
        return "\n".join(self.lines[index] for index in dict.fromkeys(index for index, _ in self._rows))

    def render_line(self, y: int) -> Strip:
        """One row."""
        row = round(self.scroll_offset.y) + y
        if row >= len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        index, text = self._rows[row]
        style = self.rich_style
        if row == self._match:
            style = self.get_component_rich_style("loglines--cursor")
        elif index >= len(self.lines) - self._new:
            style = self.get_component_rich_style("loglines--new")
        left = round(self.scroll_offset.x)
        segments: list[Segment] = []
        done = 0
        for start, end in self.pattern.matches(text):
            segments += [Segment(text[done:start], style)]
            segments += [Segment(text[start:end], self.get_component_rich_style("loglines--match"))]
            done = end
        segments.append(Segment(text[done:], style))
        return Strip(segments).crop_extend(left, left + self.size.width, style)
