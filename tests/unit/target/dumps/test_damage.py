"""Damaged dumps: each ends in views with faults or in a named error, soon and in little memory."""

from __future__ import annotations

import os
import random
import struct
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import dumps
from tests.support.dead import FORMATS, Dead
from tests.support.dumps import Load
from unidbg.errors import DumpError, UnidbgError
from unidbg.session import ImageSpec, Session

# 40 damaged dumps of each format; `make test-long` looks at 10,000 in all.
EXAMPLES = 1300 if os.environ.get("UNIDBG_LONG") else 40
SECONDS = 2.0
MEGABYTES = 500
WORDS = [0, 1, 0x7F, 0xFFF, 1 << 12, 1 << 31, (1 << 32) - 1, 1 << 40, 1 << 50, 1 << 63, (1 << 64) - 1]


@lru_cache(maxsize=1)
def dead() -> Dead:
    return Dead()


@lru_cache(maxsize=16)
def whole(form: str) -> bytes:
    return FORMATS[form](dead())


def damaged(data: bytes, chance: random.Random) -> bytes:
    """One to four wounds, mostly where the headers are."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        room = chance.choice([64, 512, 4096, 16384, len(out)])
        at = chance.randrange(max(1, min(room, len(out) - 8)))
        how = chance.randrange(6)
        if how == 0:
            out[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            out[at : at + 8] = chance.choice(WORDS).to_bytes(8, chance.choice(["little", "big"]))
        elif how == 2:
            out[at & ~7 : (at & ~7) + 8] = struct.pack(
                "<Q", chance.getrandbits(chance.choice([8, 16, 32, 64]))
            )
        elif how == 3:
            out[at : at + 200] = out[-200:]
        elif how == 4:
            del out[at : at + chance.randint(1, 64)]
        else:
            del out[chance.randrange(1, len(out)) :]
            out = out.ljust(16, b"\0")
    return bytes(out)


def look(file: Path) -> None:
    """All views with the image, registers and memory; only errors of ours may come out."""
    opened = None
    with suppress(UnidbgError):
        opened = Session.open(str(file), images=[ImageSpec(dead().guest.path)])
    if opened is None:
        return
    with opened:
        opened.snapshot(opened.VIEWS)
        opened.target.memory.regions()
        for question in (opened.registers, opened.backtrace, lambda: opened.examine("$rsp", "x", 64)):
            with suppress(UnidbgError):
                question()


@pytest.mark.parametrize("form", FORMATS)
def test_damage_is_borne(form: str, tmp_path: Path) -> None:
    data, chance = whole(form), random.Random(form)
    file = tmp_path / "dump"
    for number in range(EXAMPLES):
        file.write_bytes(damaged(data, chance))
        began = time.process_time()
        look(file)
        assert time.process_time() - began < SECONDS, f"{form}, damaged dump {number}"
    assert peak_megabytes() < MEGABYTES + 200  # the process of the tests itself has some


def peak_megabytes() -> float:
    """Most memory that this process ever had; 0 where the system does not tell."""
    resource: Any = pytest.importorskip("resource")
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


def bounded(file: Path) -> Session:
    """Opened and looked at, in time."""
    began = time.process_time()
    opened = Session.open(str(file))
    opened.snapshot(opened.VIEWS)
    opened.target.memory.regions()
    assert time.process_time() - began < 2 * SECONDS
    return opened


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "dump").touch()
    with pytest.raises(DumpError, match="empty"):
        Session.open(str(tmp_path / "dump"))


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DumpError, match="a folder"):
        Session.open(f"dump:{tmp_path}")


def test_a_big_endian_core(tmp_path: Path) -> None:
    data = bytearray(dumps.core([Load(0, b"x")]))
    data[5] = 2
    (tmp_path / "dump").write_bytes(data)
    with pytest.raises(DumpError, match="big-endian"):
        Session.open(str(tmp_path / "dump"))


def test_petabytes_are_not_believed(tmp_path: Path) -> None:
    data = bytearray(dumps.core([Load(0x1000, bytes(8192), 0x1000), Load(1 << 40, b"end", 1 << 40)]))
    struct.pack_into("<QQ", data, 64 + 56 + 32, 1 << 50, 1 << 50)
    (tmp_path / "dump").write_bytes(data)
    with bounded(tmp_path / "dump") as opened:
        assert all(r.end - r.start < 1 << 20 for r in opened.target.memory.regions())
        assert opened.target.memory.read_many([(0x1000, 1 << 49), (0x1000, 4096)]) == [None, bytes(4096)]


def test_a_million_segments(tmp_path: Path) -> None:
    """More than fit the header's 16 bits, so their number stands in section 0; each overlaps the next."""
    count = 1_000_000
    head = bytearray(dumps.core([], b""))[:64]
    rows = b"".join(struct.pack("<IIQQQQQQ", 1, 7, 64, n << 11, n << 11, 4096, 4096, 0) for n in range(count))
    sections_at = 64 + len(rows)
    struct.pack_into("<Q", head, 40, sections_at)
    struct.pack_into("<H", head, 56, 0xFFFF)
    struct.pack_into("<H", head, 60, 1)
    file = tmp_path / "dump"
    file.write_bytes(bytes(head) + rows + bytes(44) + struct.pack("<I", count) + bytes(16))
    began = time.process_time()
    with Session.open(str(file)) as opened:
        assert len(opened.target.memory.read((count - 1) << 11, 2048)) == 2048
        assert opened.target.memory.read(0x800, 8) == opened.target.memory.read(0, 0x808)[-8:]
    assert time.process_time() - began < 4 * SECONDS


def test_segments_that_share_bytes_do_not_multiply_them(tmp_path: Path) -> None:
    """A hundred thousand segments of a megabyte over the same megabyte: 100 GB, says the file."""
    count, size = 60_000, 1 << 20
    data = bytearray(dumps.core([Load(n * size, b"") for n in range(count)]))
    for n in range(count):
        struct.pack_into("<Q", data, 64 + 56 * (n + 1) + 8, 0)
        struct.pack_into("<QQ", data, 64 + 56 * (n + 1) + 32, size, size)
    (tmp_path / "dump").write_bytes(data)
    with bounded(tmp_path / "dump") as opened:
        assert opened.target.memory.read_many([(0, count * size)]) == [None]


def test_what_lies_behind_the_file_is_not_searched(tmp_path: Path) -> None:
    data = bytearray(dumps.core([Load(0x1000, b"x" * 64)]))
    struct.pack_into("<Q", data, 64 + 56 + 8, (1 << 64) - 8)
    (tmp_path / "dump").write_bytes(data)
    with Session.open(str(tmp_path / "dump"), images=[]) as opened:
        assert list(opened.target.memory.find(b"needle")) == []  # type: ignore[attr-defined]


def test_zstd_that_is_cut_off_gives_what_it_has(tmp_path: Path) -> None:
    package = pytest.importorskip("zstandard")
    packed = package.ZstdCompressor().compress(os.urandom(1 << 20))
    file = tmp_path / "dump.zst"
    file.write_bytes(packed[: len(packed) // 2])
    with Session.open(f"raw:{file}@0x1000") as opened:
        assert len(opened.target.memory.read(0x1000, 4096)) == 4096
    file.write_bytes(packed[:5])
    with pytest.raises(DumpError, match="damaged at its beginning"):
        Session.open(str(file))


def test_a_sparse_file_is_read_as_zeros(tmp_path: Path) -> None:
    file = tmp_path / "ram"
    with file.open("wb") as out:
        out.truncate(1 << 34)
    with Session.open(f"raw:{file}") as opened:
        assert opened.target.memory.read((1 << 34) - 8, 8) == bytes(8)
