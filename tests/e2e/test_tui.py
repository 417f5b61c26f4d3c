"""The terminal interface on a real terminal (tmux), against a real guest."""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.guests import UNIDBG, Boot, Booted, boot_guest
from unidbg.target.guests import Forward, launch, stop

DEADLINE_S = 60.0
POLL_S = 0.1


class Terminal:
    """A tmux server of its own with one window; `attach` runs in it, then its exit code is shown."""

    def __init__(self, socket: Path, size: tuple[int, int]) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        self._size = size

    def run(self, *words: str) -> None:
        """Start the command of `words`."""
        command = " ".join(f"'{word}'" for word in words) + '; echo "left with $?"; exec sleep 600'
        width, height = map(str, self._size)
        self._do("new-session", "-d", "-x", width, "-y", height, command)

    def _do(self, *words: str) -> str:
        # Whoever set these meant another terminal than this one.
        env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        done = subprocess.run(
            [*self._tmux, *words], capture_output=True, text=True, timeout=20, check=False, env=env
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def press(self, *keys: str) -> None:
        self._do("send-keys", *keys)

    def screen(self) -> str:
        return self._do("capture-pane", "-p")

    def record(self, path: Path) -> None:
        """Keep from now on every byte that the program sends to its terminal."""
        self._do("pipe-pane", "-o", f"exec cat >'{path}'")

    def title(self) -> str:
        """What programs have called this terminal."""
        return self._do("display-message", "-p", "#{pane_title}")

    def resize(self, width: int, height: int) -> None:
        self._do("resize-window", "-x", str(width), "-y", str(height))

    def wait_for(self, pattern: str, unlike: str | None = None) -> str:
        """What matches on the screen; with `unlike` something else than that."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            found = re.search(pattern, self.screen())
            if found is not None and found.group() != unlike:
                return found.group()
            time.sleep(POLL_S)
        raise AssertionError(f"no {pattern!r} on the screen, but:\n{self.screen()}")

    def end(self) -> None:
        """End this server, and no other."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, timeout=20, check=False)


Open = Callable[..., Terminal]


@pytest.fixture
def attach(tmp_path: Path, state_folder: Path) -> Iterator[Open]:
    """Attaches to a guest in a terminal of the size."""
    terminals: list[Terminal] = []

    def start(guest: Booted, size: tuple[int, int] = (120, 40), arguments: Sequence[str] = ()) -> Terminal:
        terminal = Terminal(state_folder / f"{tmp_path.name}.tmux", size)
        terminals.append(terminal)
        terminal.run(UNIDBG, "attach", guest.stub, "--image", str(guest.image), *arguments)
        terminal.wait_for(r"● live")
        return terminal

    yield start
    for terminal in terminals:
        terminal.end()


def test_it_shows_a_guest_live_and_leaves_it_running(boot: Boot, attach: Open) -> None:
    guest = boot("hello")
    terminal = attach(guest)
    terminal.wait_for(r"✓ build-id [0-9a-f]{8}")
    terminal.wait_for(r"stood still [\d.]+ [µm]?s")
    terminal.wait_for(r"W\^X holds")
    terminal.wait_for(r"READ-ONLY")
    terminal.press("4")
    terminal.wait_for(r"heartbeat \w+\.c:\d+")
    first = terminal.wait_for(r"iterations +[\d,]+")
    terminal.wait_for(r"iterations +[\d,]+", unlike=first)
    terminal.press("q")
    terminal.wait_for("left with 0")
    guest.wait_for_life()


def test_every_view_is_reached_by_name_at_any_size(boot: Boot, attach: Open) -> None:
    terminal = attach(boot("hello"), size=(80, 24))
    shows = {
        "memory": "page tables",
        "boot": "command line",
        "threads": "backtrace of",
        "log": "hello, world",
    }
    for view, sight in shows.items():
        terminal.press(":")
        terminal.press("-l", view)
        terminal.press("Enter")
        terminal.wait_for(sight)
    terminal.resize(200, 60)
    terminal.wait_for(r"stood still [\d.]+ [µm]?s")
    terminal.press("q")
    terminal.wait_for("left with 0")


def test_a_guest_that_ends_is_shown_as_lost_with_its_last_data(
    sample: Callable[[str], Path], attach: Open
) -> None:
    image = sample("hello")
    guest = Booted(launch(str(image), accelerator="tcg", port=0), image)
    try:
        terminal = attach(guest)
        terminal.wait_for(r"W\^X holds")
    finally:
        stop(guest.record.name)
    terminal.wait_for("✖ lost")
    terminal.wait_for("Lost the guest: ")
    terminal.wait_for(r"W\^X holds")
    terminal.press("q")
    terminal.wait_for("left with 0")


CONNECTIONS = 8
REQUESTS = 15
"""Of each connection."""


def test_a_server_under_load_is_watched_and_no_request_fails(
    sample: Callable[[str], Path], attach: Open
) -> None:
    forwards = [Forward("tcp", 0, 80)]
    with boot_guest(sample("httpd"), ready="serving port 80", network=forwards) as guest:
        [(_, port, _)] = guest.record.forwards
        terminal = attach(guest, arguments=("--watch=0.25",))
        terminal.wait_for(r"10\.0\.2\.15")
        with ThreadPoolExecutor(CONNECTIONS) as clients:
            statuses = list(clients.map(lambda _: fetch(port), range(CONNECTIONS * REQUESTS)))
        assert set(statuses) == {200}
        terminal.press("5")
        terminal.wait_for(rf"tcp +80 +{len(statuses)} ")
        terminal.press("6")
        terminal.wait_for(r"slots of .*rx")
        terminal.press("q")
        terminal.wait_for("left with 0")


def fetch(port: int) -> int:
    """The status of one request over a connection of its own."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
        answer.read()
        return int(answer.status)


@pytest.mark.parametrize("how", ["C-c", "hangup"])
def test_a_guest_outlives_ctrl_c_and_a_closed_terminal(boot: Boot, attach: Open, how: str) -> None:
    guest = boot("hello")
    terminal = attach(guest)
    terminal.wait_for(r"W\^X holds")
    if how == "C-c":
        terminal.press("C-c")
        terminal.wait_for("left with 0")
    else:
        terminal.end()
    guest.wait_for_life()


def test_a_dump_is_shown_and_does_not_move(tmp_path: Path, state_folder: Path) -> None:
    """The one that comes with unidbg: no guest, so nothing is live and nothing can be paused."""
    terminal = Terminal(state_folder / f"{tmp_path.name}.tmux", (120, 40))
    try:
        terminal.run(UNIDBG, "demo")
        terminal.wait_for(r"◆ dump")
        terminal.wait_for("crash_null_write")
        terminal.wait_for("page fault: write to 0x10")
        terminal.press("q")
        terminal.wait_for("left with 0")
    finally:
        terminal.end()
