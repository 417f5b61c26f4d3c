"""A guest that is damaged, or means ill: every plant is a fault that names where, in time; and what it calls
itself reaches no terminal as a control sequence and no renderer as markup.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.guests import Boot, Booted
from tests.e2e.test_tui import Open, Terminal, attach
from unidbg.session import VIEWS
from unidbg.views.base import Absent

__all__ = ["attach"]

IN_TIME_S = 1.0


class Plant(NamedTuple):
    """`command` shows it as a fault at `where`, for `reason`; `key` opens the view in the interface."""

    name: str
    command: tuple[str, ...]
    where: str
    reason: str
    key: str


PLANTS = (
    Plant("cycle", ("rings",), "rings[0].queue.chains[0]", "runs in a circle, back to descriptor 0", "6"),
    Plant("pointer", ("devices",), "devices[4].name", "unreadable memory at 0xdead000000000000", "8"),
    Plant("pointer", ("devices",), "devices[4].handler", "not in the code of any module", "8"),
    Plant("length", ("log",), "size_bytes", "1152921504606846976 bytes are more than", "9"),
    Plant("pages", ("heap",), "pages.total", "1152921504606846976 pages are more than", "3"),
    Plant("block", ("heap", "--blocks"), "damage[0]", "its span of 0x0 bytes is none", ""),
    Plant("timers", ("loop",), "timers", "`timer_count` says 1000000", "4"),
)
NAMES = (
    r"\x1b]0;owned\x07\x1b[2J",
    r"\x9b31mred",
    r"\u009b31mred",
    r"\u202etxt.exe",
    "[/oops]",
    "[@click=app.quit]quit[/]",
)
"""As people see them."""
SENT = ("\x1b]0;owned", "\x1b[2J\x1b[H\x1b]", "\x9b", "\u202e")
"""What must never arrive at a terminal."""


def planted(boot: Boot, name: str = "") -> Booted:
    append = f"corrupt={name}" if name else "corrupt"
    return boot("corrupt", append=append, ready="corrupt: planted")


def test_every_plant_is_a_fault_on_paper_and_in_json(boot: Boot) -> None:
    guest = planted(boot)
    for plant in PLANTS:
        found = json.loads(shown(guest, *plant.command, "--json"))
        assert is_told(found["faults"], plant), found["faults"]
        text = " ".join(shown(guest, *plant.command).split())
        assert f"! {plant.where}" in text, text
        assert plant.reason in text, text


def test_every_view_is_there_in_time(boot: Boot) -> None:
    guest = planted(boot)
    for line in (guest.stub, guest.gdbstub):
        with guest.session(line) as session:
            session.view("overview")  # the image is read
            for name in VIEWS:
                started = time.monotonic()
                view = session.view(name)
                assert time.monotonic() - started < IN_TIME_S, name
                assert not isinstance(view, Absent) or name not in {plant.command[0] for plant in PLANTS}


def test_no_name_of_the_guest_is_more_than_text(boot: Boot) -> None:
    guest = planted(boot)
    for command in ("overview", "devices", "log"):
        for color in ("always", "never"):
            text = shown(guest, command, f"--color={color}")
            lines = unstyled(text)
            assert all(name[:10] in lines for name in NAMES), text  # a narrow table folds the rest
            assert not [c for c in lines if not c.isprintable() and c != "\n"], text
        printed = shown(guest, command, "--json")
        assert printed.isascii()
        assert not [c for c in printed if not c.isprintable() and c != "\n"]
    devices = [device["name"] for device in json.loads(printed_devices(guest))["data"]["devices"]]
    assert devices[-6:] == [
        "\x1b]0;owned\x07\x1b[2J",
        "\\x9b31mred",
        "\x9b31mred",
        "\u202etxt.exe",
        "[/oops]",
        "[@click=app.quit]quit[/]",
    ]


@pytest.mark.long
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.where)
@pytest.mark.parametrize("machine", ["q35", "microvm"])
def test_each_plant_alone(boot: Boot, plant: Plant, machine: str) -> None:
    guest = boot("corrupt", machine=machine, append=f"corrupt={plant.name}", ready="corrupt: planted")
    if machine == "microvm":  # it has one device more
        plant = plant._replace(where=plant.where.replace("devices[4]", "devices[5]"))
    found = json.loads(shown(guest, *plant.command, "--json"))
    assert is_told(found["faults"], plant), found["faults"]
    if plant.name != "block":
        overview = json.loads(shown(guest, "overview", "--json"))
        others = [fault for fault in overview["faults"] if not fault["where"].startswith(plant.command[0])]
        assert others == []


def test_the_interface_shows_every_plant_as_text(boot: Boot, attach: Open, tmp_path: Path) -> None:
    guest = planted(boot)
    terminal: Terminal = attach(guest, size=(120, 50))
    raw = tmp_path / "raw"
    terminal.record(raw)
    for plant in PLANTS:
        if plant.key:
            terminal.press(plant.key)
            terminal.wait_for(rf"{re.escape(plant.where)} .*{re.escape(plant.reason)}")
    for key in ("8", "9", "1"):
        terminal.press(key)
        for name in NAMES:
            terminal.wait_for(re.escape(name))
    assert "owned" not in terminal.title()
    terminal.press("q")
    terminal.wait_for("left with 0")
    sent = raw.read_bytes().decode("utf-8", "surrogateescape")
    assert len(sent) > 1000
    assert not [bad for bad in (*SENT, "\udc9b", "\x07") if bad in sent]


def shown(guest: Booted, *words: str) -> str:
    """What a command prints; it answers, whatever it thinks of the guest."""
    command, *rest = words
    done = guest.unidbg(command, guest.stub, *rest)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def printed_devices(guest: Booted) -> str:
    return shown(guest, "devices", "--json")


def is_told(faults: list[dict[str, Any]], plant: Plant) -> bool:
    return any(fault["where"] == plant.where and plant.reason in fault["reason"] for fault in faults)


def unstyled(text: str) -> str:
    """Without our own colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
