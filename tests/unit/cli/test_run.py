"""`run`, `ls` and `stop`, without QEMU: what is asked of `unidbg.target.guests`, and what is said."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.golden.conftest import Runner
from tests.unit.cli.test_start import completions
from unidbg.cli import attaching, guests
from unidbg.errors import ConfigError
from unidbg.target import guests as registry
from unidbg.target import registry as records
from unidbg.target.registry import GuestRecord

Launched = list[dict[str, Any]]
LINES = {"stub": "127.0.0.1:1234", "gdbstub": "unix:/run/g.sock", "qmp": "qmp:/run/q.sock"}
REPORT = guests.report


def record(name: str, **said: Any) -> GuestRecord:
    made = GuestRecord(name, "/k/app.elf", 2**22, "1", "q35", "tcg", 1.7e9, "/run/c.log", "/run", LINES)
    for key, value in said.items():
        object.__setattr__(made, key, value)
    return made


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch, unidbg: Runner, tmp_path: Path) -> Launched:
    """What was launched; `app.elf` is there."""
    calls: Launched = []

    def launch(**wishes: Any) -> GuestRecord:
        calls.append(wishes)
        return record("app", image=wishes["image"])

    monkeypatch.setattr(registry, "launch", launch)
    monkeypatch.setattr(guests, "report", REPORT)
    (tmp_path / "app.elf").touch()
    return calls


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, launched: Launched) -> list[str]:
    """Names that were stopped; `@a` and `@b` are there."""
    names: list[str] = []

    def stop(name: str) -> GuestRecord:
        if name not in "ab":
            raise ConfigError(f"no guest @{name} runs here; these do: @a, @b")
        names.append(name)
        return record(name)

    monkeypatch.setattr(registry, "registered", lambda: [record("a"), record("b")])
    monkeypatch.setattr(registry, "stop", stop)
    return names


def test_run_without_a_terminal_shows_the_overview(unidbg: Runner, launched: Launched) -> None:
    ran = unidbg("run", "app.elf")
    assert (ran.code, ran.out) == (0, unidbg("overview", "@app").out)
    assert ran.err.splitlines() == [
        "@app runs: stub 127.0.0.1:1234, console in /run/c.log",
        "@app runs on; end it with: unidbg stop @app",
    ]
    (wishes,) = launched
    assert {key: value for key, value in wishes.items() if value} == {"image": "app.elf"}


def test_run_passes_what_was_asked_for(unidbg: Runner, launched: Launched, tmp_path: Path) -> None:
    (tmp_path / "rd").touch()
    options = (
        "--name n --machine microvm --memory 1G --cpus 2 --append x=1 --initrd rd --port 0 --paused --detach"
    )
    ran = unidbg("run", "app.elf", *options.split(), "--", "-device", "virtio-rng-pci")
    assert (ran.code, ran.out) == (0, "")
    assert "attach: unidbg attach @app" in ran.err
    assert launched == [
        {
            "image": "app.elf", "name": "n", "machine": "microvm", "memory": "1G", "cpus": 2, "append": "x=1",
            "initrd": "rd", "paused": True, "port": 0, "network": None,
            "arguments": ("-device", "virtio-rng-pci"),
        }
    ]  # fmt: skip


def test_the_project_fills_in(unidbg: Runner, launched: Launched, tmp_path: Path) -> None:
    (tmp_path / "unidbg.toml").write_text(
        '[run]\nimage = "app.elf"\nmachine = "microvm"\nmemory = "32M"\ncpus = 2\n'
        'append = "quiet"\ninitrd = "rd"\narguments = ["-snapshot"]\n'
    )
    unidbg("run", "--memory=1G", "--append=", "--detach")
    (wishes,) = launched
    assert Path(wishes["image"]) == tmp_path / "app.elf"
    assert Path(wishes["initrd"]) == tmp_path / "rd"
    assert (wishes["machine"], wishes["memory"], wishes["cpus"]) == ("microvm", "1G", 2)
    assert (wishes["append"], wishes["arguments"]) == ("", ("-snapshot",))


@pytest.mark.parametrize(
    ("options", "network"),
    [
        (("--net",), ()),
        (("--forward", "80"), (("tcp", 0, 80),)),
        (("--net", "--forward", "8080:80", "--forward", "udp:7"), (("tcp", 8080, 80), ("udp", 0, 7))),
    ],
)
def test_run_gives_a_network(
    unidbg: Runner, launched: Launched, options: tuple[str, ...], network: tuple[object, ...]
) -> None:
    unidbg("run", "app.elf", "--detach", *options)
    (wishes,) = launched
    assert wishes["network"] == network


@pytest.mark.parametrize(
    "forward", ["0", "80:", "8080:80:1", "65536", "70000:80", "icmp:80", "\u0663:80", ""]
)
def test_what_is_no_forward_is_refused(unidbg: Runner, launched: Launched, forward: str) -> None:
    ran = unidbg("run", "app.elf", "--forward", forward)
    assert (ran.code, launched) == (2, [])
    assert "[tcp:|udp:][HOST_PORT:]GUEST_PORT" in ran.err


def test_the_project_gives_a_network(unidbg: Runner, launched: Launched, tmp_path: Path) -> None:
    for said, network in (
        ("net = true", ()),
        ('forward = ["tcp:8080:80"]', (("tcp", 8080, 80),)),
        ("", None),
    ):
        (tmp_path / "unidbg.toml").write_text(f"[run]\n{said}\n")
        unidbg("run", "app.elf", "--detach")
        assert launched.pop()["network"] == network


def test_ports_that_lead_to_the_guest_are_told(
    unidbg: Runner, launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    led = record("app", pid=os.getpid(), birth="", forwards=[["tcp", 8080, 80]])
    monkeypatch.setattr(registry, "launch", lambda **wishes: led)
    ran = unidbg("run", "app.elf", "--forward", "8080:80", "--detach")
    assert "127.0.0.1:8080 leads to its tcp port 80" in ran.err.splitlines()
    monkeypatch.setattr(registry, "registered", lambda: [led])
    assert "  tcp 80    127.0.0.1:8080" in unidbg("ls").out.splitlines()
    (guest,) = json.loads(unidbg("ls", "--json").out)["data"]["guests"]
    assert guest["forwards"] == [{"protocol": "tcp", "host": "127.0.0.1:8080", "guest_port": 80}]


def test_no_image_anywhere(unidbg: Runner, launched: Launched) -> None:
    ran = unidbg("run")
    assert ran.code == 2
    assert "which image?" in ran.err
    assert unidbg("run", "gone.elf").code == 2
    assert launched == []


def test_run_says_that_the_guest_stays_even_when_attaching_fails(
    unidbg: Runner, launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def attach(target: str, settings: object) -> int:
        raise ConfigError("cannot")

    monkeypatch.setattr(attaching, "attach", attach)
    ran = unidbg("run", "app.elf")
    assert ran.code == 2
    assert ran.err.splitlines()[1:] == [
        "@app runs on; end it with: unidbg stop @app",
        "unidbg: error: cannot",
    ]


def test_detached_json_is_the_guest(unidbg: Runner, launched: Launched) -> None:
    ran = unidbg("run", "app.elf", "--detach", "--json")
    (guest,) = json.loads(ran.out)["data"]["guests"]
    assert (guest["name"], guest["lines"][0]) == ("app", {"kind": "stub", "url": "127.0.0.1:1234"})


def test_ls(unidbg: Runner, ended: list[str]) -> None:
    assert [one["name"] for one in json.loads(unidbg("ls", "--json").out)["data"]["guests"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "names"), [(("@a",), "a"), (("a",), "a"), (("@b", "@a"), "ba"), (("--all",), "ab")]
)
def test_stop(unidbg: Runner, ended: list[str], arguments: tuple[str, ...], names: str) -> None:
    ran = unidbg("stop", *arguments)
    assert (ran.code, "".join(ended)) == (0, names)
    assert ran.out.count("ended") == len(names)


def test_stop_of_none_or_of_a_stranger(unidbg: Runner, ended: list[str]) -> None:
    assert unidbg("stop").code == 2
    assert unidbg("stop", "@a", "--all").code == 2
    assert "these do: @a, @b" in unidbg("stop", "@c").err
    assert ended == []


def test_names_complete(state_folder: Path) -> None:
    """The registry is that of this process's own state folder."""
    import os

    folder = records.claim("completed")
    assert folder is not None
    birth = records.birth_of(os.getpid())
    records.write(record("completed", pid=os.getpid(), birth=birth, folder=folder))
    try:
        assert completions("unidbg heap @", 2) == ["@completed"]
        assert completions("unidbg stop @com", 2) == ["@completed"]
        assert completions("unidbg heap @x", 2) == []
    finally:
        records.remove(folder)


def test_everything_that_is_asked_for_can_be_launched() -> None:
    """Here, because the launcher of the other tests takes anything."""
    import inspect

    from unidbg.cli.launching import Wishes

    real: Callable[..., Any] = registry.launch
    assert set(Wishes._fields) <= set(inspect.signature(real).parameters)
