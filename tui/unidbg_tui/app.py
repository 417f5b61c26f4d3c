"""The application: keys and messages on one side, the model and the worker on the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import ContentSwitcher, Footer

from unidbg_tui import commands
from unidbg_tui.bindings import OURS, bindings
from unidbg_tui.cells import Span, guest
from unidbg_tui.commands import CommandError
from unidbg_tui.messages import LinkChanged, ShowView, ViewUpdated, message_of
from unidbg_tui.model import Model
from unidbg_tui.pattern import Pattern, PatternError, compile_pattern
from unidbg_tui.signals import leave_on_signals
from unidbg_tui.source import Broken, Event, Reader
from unidbg_tui.status import about_lines, banner, status_line
from unidbg_tui.themes import THEMES
from unidbg_tui.typed import run_command
from unidbg_tui.widgets.bars import Said, Tabs
from unidbg_tui.widgets.box import Box, help_lines
from unidbg_tui.widgets.grid import Grid
from unidbg_tui.widgets.loglines import LogLines
from unidbg_tui.widgets.overview import Overview
from unidbg_tui.widgets.pane import Pane
from unidbg_tui.widgets.prompt import Prompt


class UnidbgApp(App[None]):
    """The TUI of unidbg. It only reads: nothing here changes the guest."""

    TITLE = "unidbg"
    CSS_PATH = "app.tcss"
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(),
        *(Binding(f"{(n + 1) % 10}", f"view_number({n})", show=False, priority=True) for n in range(10)),
        Binding("ctrl+c", "interrupt", "leave", show=False, system=True),
    ]

    def __init__(
        self,
        model: Model,
        reader: Reader,
        *,
        clock: Callable[[], float] = time.monotonic,
        theme: str | None = None,
        view: str = "overview",
        pictures: Path | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.reader = reader
        self._clock = clock
        self._first_view = view if view in model.names else model.names[0]
        self._pictures = pictures
        self._tabs = Tabs(model.names)
        self._banner = Said(id="banner")
        self._views = ContentSwitcher(id="views", initial=_switch_id(self._first_view))
        self._status = Said(id="status")
        self._asking = Horizontal(id="asking")
        self._mark = Said(id="mark")
        self._prompt = Prompt()
        self._footer = Footer(show_command_palette=False)
        self._has_mouse = True
        self.broken: BaseException | None = None
        self._last_view = self._first_view
        self.view_name = self._first_view
        for ours in THEMES:
            self.register_theme(ours)
        self.theme = theme if theme in self.available_themes else THEMES[0].name

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are letters while a line is typed, and a box has its own."""
        if action in OURS and (self._asking.display or len(self.screen_stack) > 1):
            return False
        return super().check_action(action, parameters)

    def compose(self) -> ComposeResult:
        """Tabs, the views, status bar, keys."""
        yield self._tabs
        yield self._banner
        with self._views:
            for name in self.model.names:
                yield Overview(self.model.names) if name == "overview" else Pane(name)
        yield self._status
        with self._asking:
            yield self._mark
            yield self._prompt
        yield self._footer

    def on_mount(self) -> None:
        """Begin to read once there is a screen to show it."""
        self.open_view(self._first_view)
        self.reader.connect(self._post)
        if not self.is_headless:
            leave_on_signals(self.exit)
        self.set_interval(1.0, self.show_link)

    def _post(self, event: Event) -> None:
        """Called on the worker's thread."""
        self.post_message(message_of(event))

    # What the worker tells.

    def on_view_updated(self, message: ViewUpdated) -> None:
        """A snapshot: show it, unless an earlier one is being looked at."""
        self.model.apply(message.event)
        self.show_link()
        if self.model.looking_back is None:
            self._show_view()

    def on_link_changed(self, message: LinkChanged) -> None:
        """The line was opened or lost. A bug ends the screen, and is raised once the terminal is back."""
        if isinstance(message.event, Broken):
            self.broken = message.event.error
            self.exit(return_code=70)
            return
        self.model.apply(message.event)
        self.show_link()
        self._show_view()

    def _show_view(self) -> None:
        current = self._views.visible_content
        if isinstance(current, Overview | Pane):
            current.show(self.model)

    def show_link(self) -> None:
        """Say how the line stands: in the status bar, and across the screen where it is lost."""
        now = self._clock()
        lost = self.model.link.word == "lost"
        said = banner(self.model, now)
        self._banner.set_class(bool(said), "-shown")
        self._banner.say(*said)
        self._views.set_class(lost, "-stale")
        self._status.set_class(lost, "-lost")
        self._status.say(status_line(self.model, now, max(20, self.size.width)))

    def on_resize(self) -> None:
        """The status bar says as much as fits."""
        self.call_after_refresh(self.show_link)

    # Views.

    @property
    def pane(self) -> Pane | None:
        """The open pane; `None` on the overview."""
        current = self._views.visible_content
        return current if isinstance(current, Pane) else None

    def open_view(self, name: str) -> None:
        """Show the view `name`, and have it read."""
        if name != self.view_name:
            self._last_view = self.view_name
        self.view_name = name
        self._views.current = _switch_id(name)
        self._tabs.activate(name, self.model.names)
        self.reader.watch(self.model.wanted(name))
        self._show_view()
        self._focus_view()

    def _focus_view(self) -> None:
        """Put the focus where keys act."""
        current = self._views.visible_content
        target = current.searchable if isinstance(current, Pane) else current
        self.screen.set_focus(target)

    def on_show_view(self, message: ShowView) -> None:
        """A tab or tile was clicked."""
        self.open_view(message.name)

    def action_view_number(self, number: int) -> None:
        """Open the view with that number."""
        if number < len(self.model.names):
            self.open_view(self.model.names[number])

    def action_beside(self, step: int) -> None:
        """Open the next view, or the one before."""
        names = self.model.names
        self.open_view(names[(names.index(self.view_name) + step) % len(names)])

    def action_last_view(self) -> None:
        """Open the view that was open before."""
        self.open_view(self._last_view)

    @property
    def _searchable(self) -> Grid | LogLines | None:
        """The table or log of the open pane that keys act on."""
        return self.pane.searchable if self.pane is not None else None

    # Reading.

    def action_pause(self) -> None:
        """Stop reading, or go on. The guest is not touched."""
        self.model.link = self.model.link.toggled()
        self.reader.pause(self.model.link.paused)
        if not self.model.link.paused:
            self.model.to_now()
        self.show_link()
        self._show_view()

    def action_reread(self) -> None:
        """Read once now."""
        self.model.to_now()
        self.reader.refresh()

    def action_rate(self, steps: int) -> None:
        """Read more or less often."""
        self.reader.set_period(1.0 / self.model.faster(steps))
        self.show_link()

    def action_step(self, count: int) -> None:
        """Step through the snapshots that were taken."""
        self.model.step(count)
        self.show_link()
        self._show_view()

    # Finding.

    def action_command(self) -> None:
        """Ask for a command."""
        self._ask(":", "", commands.suggestions(self.model.names))

    def action_filter(self) -> None:
        """Ask for a filter."""
        if self.pane is None:
            self._say("nothing to filter here: open a view first")
        else:
            self._ask("/", self.pane.pattern.text, [])

    def _ask(self, mark: str, text: str, suggestions: list[str]) -> None:
        """Open the line at the foot, where the keys were."""
        self._mark.say((Span(mark),))
        self._asking.display = True
        self._footer.display = False
        self._prompt.ask(mark, text, suggestions)
        # At once: keys that wait already are meant for the prompt.
        self.screen.set_focus(self._prompt)

    def action_hide(self) -> None:
        """Hide what does not match, or show it with the matches marked."""
        if self.pane is not None:
            self.pane.filter(self.pane.pattern, not self.pane.hiding)
            self._say("hiding what does not match" if self.pane.hiding else "marking what matches")

    def action_match(self, step: int) -> None:
        """Go to the next match."""
        widget = self._searchable
        if widget is not None and not widget.next_match(step):
            self._say("no match" if widget.pattern.text else "no filter: / sets one")

    def action_clear(self) -> None:
        """End the filter and the looking back."""
        if self.pane is not None:
            self.pane.filter(Pattern(), self.pane.hiding)
        self.model.to_now()
        self.show_link()
        self._show_view()

    def on_prompt_typed(self, message: Prompt.Typed) -> None:
        """A filter while it is typed, or what was entered."""
        if message.mark == "/":
            self.apply_filter(message.text, message.done)
        else:
            self._close_prompt()
            self._command(message.text)

    def on_prompt_left(self, message: Prompt.Left) -> None:
        """Esc in the prompt: an unfinished filter is dropped."""
        if message.mark == "/" and self.pane is not None:
            self.pane.filter(Pattern(), self.pane.hiding)
        self._close_prompt()

    def apply_filter(self, text: str, done: bool) -> None:
        """Filter the open view; what is no regular expression yet is told only once it is `done`."""
        try:
            pattern = compile_pattern(text)
        except PatternError as error:
            if done:
                self._say(str(error), bad=True)
            return
        if self.pane is not None:
            self.pane.filter(pattern, self.pane.hiding)
        if done:
            self._close_prompt()

    def _close_prompt(self) -> None:
        self._asking.display = False
        self._footer.display = True
        self._focus_view()

    def _command(self, text: str) -> None:
        try:
            command = commands.parse(text, self.model.names)
            run_command(self, command.verb, command.argument)
        except (CommandError, PatternError) as error:
            self._say(str(error), bad=True)

    # The log.

    def _log_lines(self) -> LogLines | None:
        widget = self._searchable
        return widget if isinstance(widget, LogLines) else None

    def action_follow(self) -> None:
        """Follow the newest line, or stay."""
        if (log := self._log_lines()) is not None:
            self._say("following" if log.toggle_follow() else "staying here")

    def action_wrap(self) -> None:
        """Wrap long lines, or not."""
        if (log := self._log_lines()) is not None:
            log.toggle_wrap()

    # Taking along.

    def action_copy(self) -> None:
        """Copy the row under the cursor."""
        widget = self._searchable
        self._copy(widget.copy_text() if widget is not None else "")

    def action_copy_all(self) -> None:
        """Copy the whole view."""
        self._copy(self.pane.copy_all() if self.pane is not None else "")

    def _copy(self, text: str) -> None:
        if text:
            self.copy_to_clipboard(text)
            self._say("copied")
        else:
            self._say("nothing to copy here: open a view first")

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Save a picture of the screen."""
        self.save_picture(filename or "")

    def save_picture(self, name: str) -> None:
        """Save a picture of the screen in the working directory, or where `name` says."""
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        path = (self._pictures or Path.cwd()) / (name or f"unidbg-{self.view_name}-{stamp}.svg")
        try:
            path.write_text(self.export_screenshot(), encoding="utf-8")
        except OSError as error:
            self._say(f"cannot write {path}: {error.strerror}", bad=True)
        else:
            self._say(f"saved {path}")

    # The rest.

    def action_next_theme(self) -> None:
        """The next of our themes; `:theme NAME` takes any."""
        names = [theme.name for theme in THEMES]
        here = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(here + 1) % len(names)]

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(Box("keys", help_lines()))

    def action_about(self) -> None:
        """Show where the facts come from."""
        self.push_screen(Box("where these facts come from", about_lines(self.model)))

    def action_mouse(self) -> None:
        """Let the terminal select text with the mouse, or take the mouse again."""
        self._has_mouse = not self._has_mouse
        verb = "enable" if self._has_mouse else "disable"
        switch = getattr(self._driver, f"_{verb}_mouse_support", None)
        if switch is not None:
            switch()
        self._say("the mouse is ours" if self._has_mouse else "the mouse is the terminal's: m takes it back")

    def action_leave(self) -> None:
        """Leave; the guest runs on."""
        self.exit()

    def action_interrupt(self) -> None:
        """Ctrl-C: copy what is selected; where nothing is, leave."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
        else:
            self.exit()

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.notify(guest(text).text, severity="error" if bad else "information", timeout=4.0, markup=False)


def _switch_id(name: str) -> str:
    return name if name == "overview" else f"pane-{name}"
