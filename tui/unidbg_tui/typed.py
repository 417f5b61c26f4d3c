"""What the commands typed after `:` do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unidbg_tui.commands import CommandError
from unidbg_tui.widgets.grid import Grid

if TYPE_CHECKING:
    from unidbg_tui.app import UnidbgApp

SLOWEST_HZ, FASTEST_HZ = 0.05, 20.0


def run_command(app: UnidbgApp, verb: str, argument: str) -> None:
    """Do it. Raises `CommandError` or `PatternError` where the argument is wrong."""
    match verb:
        case "view":
            app.open_view(argument)
        case "quit":
            app.action_leave()
        case "help":
            app.action_help()
        case "pause" | "resume":
            if app.model.link.paused is (verb == "resume"):
                app.action_pause()
        case "refresh":
            app.action_reread()
        case "rate":
            _set_rate(app, argument)
        case "filter":
            app.apply_filter(argument, True)
        case "sort":
            _sort(app, argument)
        case "theme":
            _set_theme(app, argument)
        case "screenshot":
            app.save_picture(argument)


def _set_rate(app: UnidbgApp, text: str) -> None:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise CommandError(f"rate: give readings per second, from {SLOWEST_HZ:g} to {FASTEST_HZ:g}")
    app.model.refresh_hz = rate
    app.reader.set_period(1.0 / rate)
    app.show_link()


def _sort(app: UnidbgApp, name: str) -> None:
    widget = app.pane.searchable if app.pane is not None else None
    if not isinstance(widget, Grid):
        raise CommandError("sort: there is no table here")
    if not widget.sort_by_name(name):
        columns = ", ".join(column.name for column in widget.table.columns if column.name)
        raise CommandError(f"sort: no such column; columns: {columns}")


def _set_theme(app: UnidbgApp, name: str) -> None:
    if name not in app.available_themes:
        raise CommandError(f"theme: no such theme; themes: {', '.join(sorted(app.available_themes))}")
    app.theme = name
