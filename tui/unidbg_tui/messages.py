"""The messages that reach the screen."""

from __future__ import annotations

from textual.message import Message

from unidbg_tui.source import Event, Taken


class ViewUpdated(Message):
    """A snapshot was taken. A newer one that waits behind it takes its place: the screen never lags."""

    def __init__(self, event: Taken) -> None:
        super().__init__()
        self.event = event

    def can_replace(self, message: Message) -> bool:
        """Only snapshots replace each other."""
        return isinstance(message, ViewUpdated)


class LinkChanged(Message):
    """The line was opened or lost, or the thread that owns it broke."""

    def __init__(self, event: Event) -> None:
        super().__init__()
        self.event = event


class ShowView(Message):
    """A view was chosen, by its name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class RowChosen(Message):
    """The cursor of a table stands on another row."""

    def __init__(self, key: str | None) -> None:
        super().__init__()
        self.key = key


def message_of(event: Event) -> Message:
    """The message that carries `event`."""
    return ViewUpdated(event) if isinstance(event, Taken) else LinkChanged(event)
