"""Options mean the same everywhere."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest

from tests.golden.conftest import Runner
from tests.golden.sample import FakeSession
from unidbg.cli import opening, out
from unidbg.cli.options import Settings
from unidbg.cli.root import COMMANDS, root

SHARED = {"json", "watch", "timeout", "color", "images"}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, unidbg: Runner, session: FakeSession) -> list[tuple[str, Settings]]:
    """What sessions were opened with."""
    opened: list[tuple[str, Settings]] = []

    def open_session(target: str, settings: Settings) -> FakeSession:
        opened.append((target, settings))
        return session

    monkeypatch.setattr(opening, "open_session", open_session)
    return opened


def load(name: str) -> click.Command:
    with click.Context(root) as ctx:
        command = root.get_command(ctx, name)
    assert command is not None
    return command


def commands() -> dict[str, click.Command]:
    """What can be run; of a command with parts, these."""
    loaded = {name: load(name) for group in COMMANDS.values() for name in group}
    parts = {
        f"{name} {part}": command
        for name, group in loaded.items()
        if isinstance(group, click.Group)
        for part, command in group.commands.items()
    }
    return {name: one for name, one in loaded.items() if not isinstance(one, click.Group)} | parts


@pytest.mark.parametrize("name", [name for group in COMMANDS.values() for name in group])
def test_every_command_has_help_an_example_and_the_line_of_the_table(name: str) -> None:
    command = load(name)
    short = next(group[name] for group in COMMANDS.values() if name in group)
    assert (command.help or "").splitlines()[0] == short
    assert f"unidbg {name}" in (command.epilog or "")


def test_shared_options_are_the_same_objects() -> None:
    texts: dict[str, set[str | None]] = {}
    for command in commands().values():
        for one in command.params:
            if isinstance(one, click.Option) and one.name in SHARED:
                texts.setdefault(str(one.name), set()).add(one.help)
    assert {name: len(found) for name, found in texts.items()} == dict.fromkeys(SHARED, 1)


def test_what_reads_a_guest_takes_target_first_and_all_shared_options() -> None:
    for name, command in commands().items():
        first = next((one for one in command.params if isinstance(one, click.Argument)), None)
        options = {str(one.name) for one in command.params}
        if (
            first is not None
            and first.name == "target"
            and name
            not in (
                "stop",
                "doctor",
                "conform",
                "dump",
                "check",
            )
        ):
            assert options >= SHARED, name
        assert "json" in options, name


def test_images_with_and_without_bias(unidbg: Runner, seen: list[Any], tmp_path: Path) -> None:
    for file in ("a.elf", "b@home.elf", "c@0x10"):
        (tmp_path / file).touch()
    arguments = [
        "--image",
        "a.elf@0x1000",
        "--image",
        "b@home.elf",
        "--image",
        "c@0x10",
        "--image",
        "a.elf@-16",
    ]
    assert unidbg("heap", ":1", *arguments).code == 0
    assert seen[0][1].images == (("a.elf", 0x1000), ("b@home.elf", None), ("c@0x10", None), ("a.elf", -16))


def test_an_image_that_is_not_there(unidbg: Runner) -> None:
    ran = unidbg("heap", ":1", "--image", "gone.elf")
    assert ran.code == 2
    assert "there is no file 'gone.elf'" in ran.err


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
def test_times_are_times(unidbg: Runner, value: str) -> None:
    assert unidbg("heap", ":1", f"--timeout={value}").code == 2
    assert unidbg("heap", ":1", f"--watch={value}").code == 2


def test_timeout_from_option_environment_and_project(
    unidbg: Runner, seen: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unidbg("heap", ":1")
    (tmp_path / "unidbg.toml").write_text('[target]\ntimeout = 7\nurl = "@configured"\n')
    unidbg("heap", ":1")
    monkeypatch.setenv("UNIDBG_TIMEOUT", "8")
    unidbg("heap", ":1")
    unidbg("heap", ":1", "--timeout=9")
    unidbg("heap")
    assert [one.timeout for _, one in seen] == [5, 7, 8, 9, 8]
    assert seen[-1][0] == "@configured"


def test_no_target_at_all(unidbg: Runner) -> None:
    ran = unidbg("heap")
    assert ran.code == 2
    assert "give a TARGET" in ran.err


@pytest.fixture
def three_times(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Naps that were asked for; the third one ends the watch as Ctrl-C does."""
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) % 3 == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    return naps


def test_watch_prints_one_object_per_line(unidbg: Runner, three_times: list[float]) -> None:
    ran = unidbg("heap", ":1", "--json", "--watch")
    assert ran.code == 130
    assert [json.loads(line)["view"] for line in ran.out.splitlines()] == ["heap"] * 3
    assert all(0.5 < nap <= 1 for nap in three_times)


def test_watch_takes_its_value_by_equals_sign_only(unidbg: Runner, three_times: list[float]) -> None:
    assert unidbg("heap", "--watch", ":1").code == 130
    assert unidbg("heap", "--watch=30", ":1", "--color=never").out.count("allocated  ") == 3
    assert three_times[-1] > 29


def test_watch_goes_on_while_a_view_is_absent(
    unidbg: Runner, three_times: list[float], session: FakeSession
) -> None:
    from tests.golden.sample import NO_LOG

    session.views = {"log": NO_LOG}
    ran = unidbg("log", ":1", "--watch")
    assert ran.out.count("absent  log: the guest exports no log probe") == 3


def test_watch_draws_over_the_last_and_stays_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "5")
    monkeypatch.setenv("COLUMNS", "80")
    short, long = (out._over_the_last("x\n" * count) for count in (3, 9))
    assert short == "\x1b[H" + "x\x1b[K\n" * 3 + "\x1b[J"
    assert long == "\x1b[H" + "x\x1b[K\n" * 3 + "... and 6 more lines\x1b[K\n\x1b[J"


def test_colour(unidbg: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in unidbg("heap", ":1").out
    assert "\x1b[" in unidbg("heap", ":1", "--color=always").out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert out.colored("always")
    monkeypatch.setenv("NO_COLOR", "1")
    assert out.colored("always")
    assert not out.colored("auto")
    assert not out.colored("never")
