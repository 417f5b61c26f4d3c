"""An image that did not run where it was linked: its bias is found, and what it was found by is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import dumps
from tests.support.dead import Dead
from tests.support.page_tables import TableBuilder
from unidbg.cli.running import run
from unidbg.program.paging import WRITABLE
from unidbg.session import ImageSpec, Session

MOVED = 0x7_0000


@pytest.fixture(scope="module")
def dead() -> Dead:
    return Dead()


def flat(dead: Dead) -> bytes:
    """From 1 MiB on, as the guest would have it at another place."""
    return dead.flat()[0x100000:]


def test_by_the_note_in_plain_memory(dead: Dead, tmp_path: Path) -> None:
    file = tmp_path / "ram"
    file.write_bytes(flat(dead))
    with Session.open(f"raw:{file}@{0x100000 + MOVED:#x}", images=[ImageSpec(dead.guest.path)]) as opened:
        [module] = opened.program.modules
        assert (module.bias, module.verified) == (MOVED, "build-id")
        assert module.evidence.startswith("build-id note at 0x17")


def test_by_the_code_at_the_program_counter(dead: Dead, tmp_path: Path) -> None:
    file = tmp_path / "core"
    loads = [load._replace(virtual=load.virtual + MOVED, physical=None) for load in dead.loads]
    status = dumps.prstatus({**dead.registers, "rip": dead.guest.image.symbol("tick").address + MOVED})
    file.write_bytes(dumps.core(loads, status))
    with Session.open(str(file), images=[ImageSpec(dead.guest.path)]) as opened:
        assert opened.program.modules[0].bias == MOVED
        assert opened.program.modules[0].evidence


def test_through_the_page_tables(dead: Dead, tmp_path: Path) -> None:
    """The kernel lies at physical 1 MiB and runs in the upper half; no program counter leads to it."""
    high = 0xFFFF_8000_0000_0000
    tables = TableBuilder(0x80_0000)
    memory = flat(dead)
    for at in range(0, len(memory), 4096):
        tables.map(high + 0x100000 + at, 0x100000 + at, WRITABLE)
    planted = tables.memory()
    whole = bytearray(0x100000) + bytearray(memory)
    whole = whole.ljust(0x90_0000, b"\0")
    for region in planted.regions():
        whole[region.start : region.end] = planted.read(region.start, region.end - region.start)
    file = tmp_path / "ram"
    file.write_bytes(whole)
    url = f"raw:{file},cr3={tables.root:#x}"
    with Session.open(url, images=[ImageSpec(dead.guest.path)]) as opened:
        [module] = opened.program.modules
        assert module.bias == high - (1 << 64) or module.bias == high
        assert module.evidence


def test_doctor_says_how_it_was_found(dead: Dead, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ram"
    file.write_bytes(flat(dead))
    run(["doctor", f"raw:{file}@{0x100000 + MOVED:#x}", "--image", dead.guest.path, "--json"])
    assert "at bias 0x70000, found by build-id note at 0x17" in capsys.readouterr().out


def test_a_copy_of_the_note_is_no_image(dead: Dead, tmp_path: Path) -> None:
    """A loader's copy, and a program counter at NULL: the image is where it was linked."""
    note = next(one for one in dead.guest.image.notes() if one.owner == "GNU")
    copy = (16 * b"\0" + b"GNU\0" + bytes(note.desc)).ljust(4096, b"\0")
    loads = [*dead.loads, dumps.Load(0x90_0000, copy, 0x90_0000)]
    file = tmp_path / "core"
    file.write_bytes(dumps.core(loads, dumps.prstatus({**dead.registers, "rip": 0})))
    with Session.open(str(file), images=[ImageSpec(dead.guest.path)]) as opened:
        assert opened.program.modules[0].bias == 0
