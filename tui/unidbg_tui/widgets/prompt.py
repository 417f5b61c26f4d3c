"""The line at the foot where a command or a filter is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input


class Prompt(Input):
    """What is typed after `:` or `/`. Esc leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave", show=False)]

    class Typed(Message):
        """The text of a filter while it is typed, or of a command when entered (`done`)."""

        def __init__(self, mark: str, text: str, done: bool) -> None:
            super().__init__()
            self.mark = mark
            self.text = text
            self.done = done

    class Left(Message):
        """Esc was pressed."""

        def __init__(self, mark: str) -> None:
            super().__init__()
            self.mark = mark

    def __init__(self) -> None:
        super().__init__(id="prompt", compact=True, select_on_focus=False)
        self.mark = ""

    def ask(self, mark: str, text: str, suggestions: list[str]) -> None:
        """Show the line for a command (`:`) or a filter (`/`)."""
        self.mark = mark
        self.suggester = SuggestFromList(suggestions) if suggestions else None
        self.placeholder = "view or command" if mark == ":" else "regular expression, ! in front inverts"
        with self.prevent(Input.Changed):
            self.value = text
        self.cursor_position = len(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """A filter acts while it is typed."""
        event.stop()
        if self.mark == "/":
            self.post_message(self.Typed(self.mark, event.value, False))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Entered."""
        event.stop()
        self.post_message(self.Typed(self.mark, event.value, True))

    def action_leave(self) -> None:
        """Leave the line."""
        self.post_message(self.Left(self.mark))
