"""Cores that we write, of a made-up guest: read back whole, by us and by readelf."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import dumps
from tests.support.dead import FORMATS, REGISTERS, Dead
from tests.support.fake_target import FakeMemory, FakeTarget
from tests.support.page_tables import TableBuilder
from unidbg.cli import dumping
from unidbg.cli.running import run
from unidbg.errors import DumpError, TargetError
from unidbg.program.paging import WRITABLE
from unidbg.session import ImageSpec, Session
from unidbg.target.base import StopReason
from unidbg.target.dump.sink import BLOCK, Digest, FileSink
from unidbg.target.dump.target import DumpTarget
from unidbg.target.dump.writing import Mapped, Plan, Run, write_core
from unidbg.views.base import Absent, View
from unidbg.views.host import DumpReport


@pytest.fixture(scope="module")
def dead() -> Dead:
    return Dead()


@pytest.fixture
def session(dead: Dead, tmp_path: Path) -> Iterator[Session]:
    """The guest as QEMU would dump it."""

    file = tmp_path / "qemu"
    file.write_bytes(FORMATS["qemu"](dead))
    with Session.open(str(file), images=[ImageSpec(dead.guest.path)]) as opened:
        yield opened


def dump(session: Session, path: Path, *, pack: bool = False) -> DumpReport:
    return dumping.dump(session, str(path), pack=pack, tick=lambda done, total: None)


def test_a_core_is_the_guest_again(session: Session, tmp_path: Path) -> None:
    core = tmp_path / "guest.core"
    dumped = dump(session, core)
    assert dumped.vcpus == 1
    with Session.open(str(core)) as again:  # the core names its image
        assert again.program.modules[0].verified == "build-id"
        for name in ("heap", "loop", "boot", "log"):
            ours, theirs = again.view(name), session.view(name)
            assert not isinstance(ours, Absent)
            assert isinstance(theirs, View)
            assert {**vars_of(ours), "provenance": None} == {**vars_of(theirs), "provenance": None}
        values = {one.name: one.value for one in again.registers().registers}
        assert {name: values[name] for name in REGISTERS} == REGISTERS
        assert again.target.physical is not None


def vars_of(view: View) -> dict[str, object]:
    return {name: getattr(view, name) for name in view.__match_args__}


def test_a_packed_core_opens_as_well(session: Session, tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    core = tmp_path / "guest.core.zst"
    dump(session, core, pack=True)
    assert core.read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    with Session.open(str(core)) as again:
        assert isinstance(again.view("heap"), View)


def test_a_core_streams_to_stdout(
    session: Session, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    dump(session, Path("-"))
    (tmp_path / "a.core").write_bytes(capfdbinary.readouterr().out)
    dump(session, tmp_path / "b.core")
    assert dumping.check_core(str(tmp_path / "a.core")).intact
    with (
        Session.open(str(tmp_path / "a.core")) as streamed,
        Session.open(str(tmp_path / "b.core")) as written,
    ):
        assert streamed.target.memory.regions() == written.target.memory.regions()


def test_the_digest_finds_a_flipped_bit(session: Session, tmp_path: Path) -> None:
    core = tmp_path / "guest.core"
    dump(session, core)
    offset = core.stat().st_size - 1000 & ~0xFFF
    assert run(["dump", str(core), "--check"]) == 0
    with core.open("r+b") as file:
        file.seek(offset + 5)
        file.write(b"\xff")
    assert not dumping.check_core(str(core)).intact
    assert run(["dump", str(core), "--check"]) == 1
    os.truncate(core, offset + 10)
    with pytest.raises(DumpError, match="no digest"):
        dumping.check_core(str(core))


def test_a_core_appears_whole_or_not_at_all(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tick(done: int, total: int) -> None:
        assert not core.exists()
        raise KeyboardInterrupt

    core = tmp_path / "guest.core"
    with pytest.raises(KeyboardInterrupt):
        dumping.dump(session, str(core), pack=False, tick=tick)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["qemu"]


def test_a_file_that_is_there_stays(
    session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    assert run(["dump", session.target.url, "-o", str(there)]) == 2
    assert "--force" in capsys.readouterr().err
    assert there.read_text() == "mine"
    assert run(["dump", session.target.url, "-o", str(there), "--force"]) == 0
    assert there.read_bytes()[:4] == b"\x7fELF"


class Planted:
    """Memory of one byte value per page; the second megabyte was never touched."""

    def untouched(self, address: int, length: int) -> bool:
        return address == 1 << 20

    def fetch(self, address: int, length: int) -> bytes:
        assert address != 1 << 20
        return b"".join(bytes([at >> 12 & 0xFF]) * 4096 for at in range(address, address + length, 4096))


def written(tmp_path: Path, plan: Plan) -> Path:
    core = tmp_path / "planted.core"
    fd = os.open(core, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        write_core(plan, Planted(), FileSink(fd))
    finally:
        os.close(fd)
    return core


HIGH = 0xFFFF_8000_0000_0000


def test_mappings_share_the_bytes_of_physical_memory(tmp_path: Path) -> None:
    runs = [Run(0, 3 << 20), Run(0xFFFC_0000, 0x5000)]
    mapped = [Mapped(0x1000, 0x1000, 0x4000), Mapped(HIGH, 0x1000, 0x200000), Mapped(1 << 40, 5 << 20, 4096)]
    core = written(tmp_path, Plan("x86_64", 64, b"", runs, mapped, physical=True))
    assert core.stat().st_size < 4 << 20
    assert core.stat().st_blocks * 512 < 3 << 20  # holes for zeros
    with Session.open(str(core)) as opened:
        target = opened.target
        assert isinstance(target, DumpTarget)
        assert target.memory.read(0x2000, 4) == target.memory.read(HIGH + 0x1000, 4) == b"\2\2\2\2"
        assert target.memory.read(HIGH + (1 << 20), 8) == bytes(8)
        assert target.memory.read_many([(1 << 40, 1), (0x5000, 1), (0, 1)]) == [None, None, None]
        assert target.physical is not None
        assert target.physical.read(0xFFFC_3000, 2) == b"\xc3\xc3"
        assert target.physical.read(0x0, 2) == b"\0\0"
    if shutil.which("readelf"):
        said = subprocess.run(["readelf", "-lW", core], capture_output=True, text=True, check=True)
        assert said.stdout.count("LOAD") == 2
        assert "Warning" not in said.stderr


def test_more_segments_than_a_header_counts(tmp_path: Path) -> None:
    mapped = [Mapped(n << 13, (n & 0xFF) << 12, 4096) for n in range(70_000)]
    core = written(tmp_path, Plan("x86_64", 64, b"", [Run(0, 1 << 20)], mapped, physical=True))
    with Session.open(str(core)) as opened:
        assert opened.target.memory.read(69_999 << 13, 1) == bytes([69_999 & 0xFF])


def test_page_tables_in_a_core_are_walked(tmp_path: Path) -> None:
    """A guest with another mapping than the identity: our core of it has both addresses."""
    tables = TableBuilder(0x10_0000)
    tables.map(HIGH, 0x20_0000, WRITABLE)
    blocks = {**tables_of(tables), 0x20_0000: b"high half".ljust(4096, b"\0")}

    registers = {"cr3": tables.root, "cr0": 1 << 31, "rip": HIGH, "rsp": HIGH + 0x800}
    loads = [dumps.Load(start, data, start) for start, data in blocks.items()]
    file = tmp_path / "qemu"
    file.write_bytes(dumps.core(loads, dumps.prstatus(registers) + dumps.qemu_note(registers)))
    with Session.open(str(file)) as opened:
        assert opened.target.memory.read(HIGH, 9) == b"high half"
        dump(opened, tmp_path / "ours")
    with Session.open(str(tmp_path / "ours")) as again:
        assert isinstance(again.target, DumpTarget)
        assert again.target.root is not None
        assert again.target.memory.read(HIGH, 9) == b"high half"
        assert (again.target.contents.headers or again.target.memory).read(HIGH, 9) == b"high half"
        assert again.target.stop_reason == StopReason("1", 0, "unknown", "the dump does not say why")


def tables_of(tables: TableBuilder) -> dict[int, bytes]:
    memory = tables.memory()
    return {r.start: memory.read(r.start, r.end - r.start) for r in memory.regions()}


def test_a_guest_of_which_nothing_is_known_is_not_dumped(dead: Dead) -> None:

    class Silent(FakeMemory):
        def regions(self) -> list[object]:  # type: ignore[override]
            return []

    with pytest.raises(TargetError, match="nothing tells which memory"):
        dumping.dump(
            Session.over(FakeTarget(Silent())), "/nowhere", pack=False, tick=lambda done, total: None
        )


def test_the_digest_goes_by_offset_and_contents() -> None:
    one, other = Digest(), Digest()
    one.add(0, b"x" * BLOCK)
    other.add(BLOCK, b"x" * BLOCK)
    assert one.digest() != other.digest()
