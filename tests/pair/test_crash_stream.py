"""A dead guest sends its core: over lines that are good, bad and broken, to who has it whole in the end."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.pair import dead
from tests.support.stub_host import PROMPTLY, HostBuild, Line, Served, frame
from unidbg.cli import crashing, dumping
from unidbg.errors import TargetGone
from unidbg.session import ImageSpec, Session
from unidbg.target.dump.crashframes import FLAG, Announcement, Frames, encode, go, hello, parse
from unidbg.transport.line import Line as TransportLine
from unidbg.views.base import View
from unidbg.views.host import DumpReport

VIEWS = ("threads", "heap", "loop", "boot", "app", "log")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashing, "PAUSE", 0.0)


def take(
    open_line: Callable[[], TransportLine],
    path: Path,
    *,
    full: bool = False,
    tries: int = 3,
    said: list[str] | None = None,
    images: Sequence[ImageSpec] = (),
) -> DumpReport:
    told = said if said is not None else []
    return crashing.receive(
        open_line,
        str(path),
        full=full,
        pack=False,
        tries=tries,
        images=images,
        say=told.append,
        tick=lambda done, of: None,
    )


def facts(url: str, image: Path) -> list[object]:
    """What the views of a target show, but for where they have it from."""
    found: list[object] = []
    with Session.open(url, images=[ImageSpec(str(image))]) as session:
        for name in VIEWS:
            view = session.view(name)
            assert isinstance(view, View), view
            found.append({key: getattr(view, key) for key in view.__match_args__ if key != "provenance"})
        found.append({one.name: one for one in session.registers().registers})
    return found


GOOD: dict[str, int] = {}


@pytest.mark.parametrize("full", [False, True], ids=["minimal", "full"])
def test_a_core_shows_what_the_guest_shows(
    full: bool, build: HostBuild, names: dict[str, int], tmp_path: Path
) -> None:
    with dead.dead(build, names) as served:
        core = tmp_path / "x.core"
        report = take(dead.lines(served, [GOOD]), core, full=full)
        assert (report.vcpus, report.access, report.intact) == (3, "stream", True)
        assert dumping.check_core(str(core)).intact
        assert facts(str(core), build.image) == facts(served.address, build.image)
        with Session.open(str(core), images=[ImageSpec(str(build.image))]) as session:
            stop = session.target.stop_reason
            assert stop is not None
            assert stop.kind == "exception"
            assert "read of 0x1000" in stop.text
            assert not getattr(session.target, "notes", ())
        assert list(tmp_path.iterdir()) == [core]


def test_a_core_names_the_image_that_fits(build: HostBuild, names: dict[str, int], tmp_path: Path) -> None:
    core, said = tmp_path / "x.core", list[str]()
    with dead.dead(build, names) as served:
        take(dead.lines(served, [GOOD]), core, images=[ImageSpec(str(build.image))])
        with Session.open(str(core)) as session:
            assert session.program.modules[0].verified == "build-id"
        assert dumping.check_core(str(core)).intact
        core.unlink()
        take(dead.lines(served, [GOOD]), core, images=[ImageSpec(str(build.program))], said=said)
    assert "it names none" in said[-1] or "names no image" in said[-1]


def test_full_cores_have_all_memory(build: HostBuild, names: dict[str, int], tmp_path: Path) -> None:
    with dead.dead(build, names) as served:
        core = tmp_path / "x.core"
        take(dead.lines(served, [GOOD]), core, full=True)
        with Session.open(str(core)) as held, Session.open(served.address) as alive:
            for start, length in ((0x200000, 0x1000), (0x202000, 0x1000), (0x300000, 0x4000)):
                assert held.target.memory.read(start, length) == alive.target.memory.read(start, length)


@pytest.mark.parametrize("damage", [2000, 400])
def test_a_bad_line_makes_no_bad_core(
    damage: int, build: HostBuild, names: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unidbg.target.dump.crashstream.RETRY", 0.1)
    monkeypatch.setattr("unidbg.target.dump.crashstream.HELLO", 0.1)
    monkeypatch.setattr(crashing, "TICK", 0.05)
    with dead.dead(build, names) as served:
        good, bad = tmp_path / "good.core", tmp_path / "bad.core"
        take(dead.lines(served, [GOOD]), good, full=True)
        take(dead.lines(served, [{"damage": damage}]), bad, full=True)
        assert good.read_bytes() == bad.read_bytes()


def test_a_broken_transfer_goes_on_where_it_was(
    build: HostBuild, names: dict[str, int], tmp_path: Path
) -> None:
    with dead.dead(build, names) as served:
        good, broken, said = tmp_path / "good.core", tmp_path / "broken.core", list[str]()
        take(dead.lines(served, [GOOD]), good, full=True)
        take(dead.lines(served, [{"cut": 1500}, {"cut": 700}, GOOD]), broken, full=True, said=said)
        assert good.read_bytes() == broken.read_bytes()
        arrived = [int(line.split("; ")[1].split()[0]) for line in said if "trying again" in line]
        assert arrived[0] > 0
        assert arrived == sorted(arrived)


def test_what_arrived_is_kept_and_opens(build: HostBuild, names: dict[str, int], tmp_path: Path) -> None:
    core, partial = tmp_path / "x.core", tmp_path / "x.core.partial"
    with dead.dead(build, names) as served:
        with pytest.raises(TargetGone, match=r"what arrived is in .*x\.core\.partial"):
            take(dead.lines(served, [{"cut": 1900}, {"cut": 1}]), core, tries=0)
        assert not core.exists()
        with Session.open(str(partial), images=[ImageSpec(str(build.image))]) as session:
            assert session.registers().registers
            assert any("cut off" in note for note in session.target.notes)  # type: ignore[attr-defined]
        before, said = partial.stat().st_size, list[str]()
        take(dead.lines(served, [GOOD]), core, said=said)
        assert f"{before} of them are here already" in said[0]
    assert dumping.check_core(str(core)).intact
    assert not partial.exists()


def test_another_death_is_another_core(build: HostBuild, names: dict[str, int], tmp_path: Path) -> None:
    core, partial = tmp_path / "x.core", tmp_path / "x.core.partial"
    with dead.dead(build, names) as served, pytest.raises(TargetGone):
        take(dead.lines(served, [{"cut": 1900}, {"cut": 1}]), core, tries=0)
    old = partial.read_bytes()
    with dead.dead(build, names) as served:
        take(dead.lines(served, [GOOD]), core)
    assert dumping.check_core(str(core)).intact
    [aside] = [path for path in tmp_path.iterdir() if path != core]
    assert aside.read_bytes() == old


def test_who_sends_nothing_is_told_apart(
    build: HostBuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crashing, "ANSWER", 0.3)
    with Served(build) as served:
        with pytest.raises(crashing.NoStream):
            take(dead.lines(served, [GOOD]), tmp_path / "x.core")
        with dead.connect(served) as sock:
            assert b"stops:0;" in Line(sock.fileno(), sock.fileno()).ask(b"qUnidbgStood")
    assert list(tmp_path.iterdir()) == []


# -- the line ------------------------------------------------------------------------------------------------


def announcements(line: Line, count: int) -> list[Announcement]:
    """What the guest says of itself, unasked or not."""
    frames, found = Frames(), list[Announcement]()
    while len(found) < count:
        data = line.read_some(PROMPTLY)
        assert data
        found += [what for what in map(parse, frames.feed(data)) if isinstance(what, Announcement)]
    return found


def test_a_dead_guest_says_so_by_itself(build: HostBuild, names: dict[str, int]) -> None:
    with dead.dead(build, names) as served, dead.connect(served) as sock:
        first, second = announcements(Line(sock.fileno(), sock.fileno()), 2)
        assert first == second
        assert first.dead
        assert "read of 0x1000" in first.text
        assert 0 < first.sizes[0] < first.sizes[1]


def test_a_guest_that_lives_is_not_stopped(build: HostBuild, names: dict[str, int]) -> None:
    with Served(build, *dead.options(names)) as served:
        with dead.connect(served) as sock:
            line = Line(sock.fileno(), sock.fileno())
            line.send(hello())
            [found] = announcements(line, 1)
            assert (found.dead, found.sizes) == (False, (0, 0))
            line.send(go(found.identity, 0, 0, 16))
            [found] = announcements(line, 1)
            assert not found.dead
        with dead.connect(served) as sock:
            line = Line(sock.fileno(), sock.fileno())
            assert b"stops:0;" in line.ask(b"qUnidbgStood")


def test_a_guest_that_nobody_waits_for_says_nothing_while_it_lives(
    build: HostBuild, names: dict[str, int]
) -> None:
    with Served(build, *dead.options(names)) as served, dead.connect(served) as sock:
        assert Line(sock.fileno(), sock.fileno()).quiet(1.5)


def test_a_debugger_comes_instead(build: HostBuild, names: dict[str, int]) -> None:
    """Also in the middle of a frame; and then the line is its own."""
    with dead.dead(build, names) as served, dead.connect(served) as sock:
        line = Line(sock.fileno(), sock.fileno())
        [found] = announcements(line, 1)
        line.send(go(found.identity, 1, 0, 4))
        line.send(b"+")
        sock.settimeout(PROMPTLY)
        sock.sendall(frame(b"qUnidbgStop"))
        said = b""
        while b"#" not in said.partition(b"$kind:exception")[2]:
            said += sock.recv(4096)
        line.pending = b""
        line.send(b"+")
        assert line.quiet(1.5)
        assert line.ask(b"m%x,5" % names["text"]) == b"hello".hex().encode()
        line.send(b"+" + encode(b"H"))  # nobody can be there but one that wants the dump
        assert announcements(line, 1)[0].dead


def test_gdb_attaches_to_a_guest_that_announces(build: HostBuild, names: dict[str, int]) -> None:
    with dead.dead(build, names) as served:
        words = ["gdb", "-nx", "-batch", "-ex", f"target remote {served.address}", "-ex", "backtrace 1"]
        said = subprocess.run(
            [*words, str(build.image)], capture_output=True, text=True, timeout=60, check=True
        )
        assert "crash_read" in said.stdout, said.stdout + said.stderr
        assert served.alive()


def test_nobody_comes_within_the_patience(build: HostBuild, names: dict[str, int]) -> None:
    served = dead.dead(build, names, "--patience", "300", "--after")
    assert served.process.wait(PROMPTLY) == 5
    assert served.process.stdout is not None
    served.process.stdout.close()


def test_the_guest_learns_that_all_was_taken(build: HostBuild, names: dict[str, int], tmp_path: Path) -> None:
    served = dead.dead(build, names, "--after")
    take(dead.lines(served, [GOOD]), tmp_path / "x.core")
    assert served.process.wait(PROMPTLY) == 0
    assert served.process.stdout is not None
    served.process.stdout.close()


def test_whatever_is_said_the_stub_lives(build: HostBuild, names: dict[str, int]) -> None:
    """Requests beyond the core, of no form, of another death, in the middle of frames; and noise."""
    with dead.dead(build, names) as served, dead.connect(served) as sock:
        line = Line(sock.fileno(), sock.fileno())
        [found] = announcements(line, 1)
        identity = found.identity
        for at in (0, 5, found.sizes[1] - 1, found.sizes[1], 1 << 40, 2**64 - 1):
            for form in (0, 1, 2, 255):
                for window in (0, 1, 255):
                    line.send(go(identity, form, at, window))
                    line.send(encode(b"K" + struct.pack("<Q", at)))
        for odd in (b"G", b"B", b"K", b"X", b"H" * 35, b"H" * 60, bytes(36), b"B\0", go(1, 0, 0, 1)[1:-1]):
            line.send(encode(odd))
        line.send(bytes((FLAG, FLAG, 0x7D, FLAG, 0x7D, 0x7D)) + os.urandom(0) + b"\x7e\x7d")
        while not line.quiet(0.5):
            line.read_some(0)
        line.send(hello())
        assert announcements(line, 1)[-1].identity == identity
        assert served.alive()
