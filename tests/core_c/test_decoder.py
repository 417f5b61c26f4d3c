"""The length decoder of the stub against two others: objdump over real code, capstone over noise."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import capstone
import pytest

from tests.conftest import LONG
from tests.support.stub_host import HostBuild

LIBC = Path("/lib/x86_64-linux-gnu/libc.so.6")
BIG = Path("/usr/bin/qemu-system-x86_64")
INSTRUCTION = re.compile(r"^\s+[0-9a-f]+:\t((?:[0-9a-f]{2} )+)\s*\t?(.*)$", re.MULTILINE)
LONGEST = 15
NOISE = 200_000 if LONG else 40_000
# capstone takes these for shorter or longer than the manual does.
CAPSTONE_ERRS = {"ud0", "ud1"}
NOT_OURS = re.compile(
    r"^(vp(com|rot|sh|mac|mad|perm|had|hsub|cmov)|vfrc|bextr|bl|t1mskc|tzmsk|llwpcb|slwpcb|lwp)"
)


def lengths(build: HostBuild, records: Sequence[bytes]) -> bytes:
    """What the stub's decoder says of each."""
    data = b"".join(bytes((len(record),)) + record.ljust(LONGEST, b"\0") for record in records)
    program = build.program.with_name("lengths")
    return subprocess.run([program], input=data, stdout=subprocess.PIPE, check=True).stdout


def disassembled(path: Path) -> list[tuple[bytes, str]]:
    """Bytes and text of the instructions of a file. fwait is one of its own, whatever objdump says."""
    text = subprocess.run(["objdump", "-dw", path], capture_output=True, text=True, check=True).stdout
    found = [(bytes.fromhex(match[1]), match[2]) for match in INSTRUCTION.finditer(text)]
    return [(code, name) for code, name in found if "(bad)" not in name and code[0] != 0x9B]


def check_file(build: HostBuild, path: Path) -> int:
    code = disassembled(path)
    answers = lengths(build, [(one + b"\x90" * LONGEST)[:LONGEST] for one, _ in code])
    wrong = [
        (one.hex(), name, got) for (one, name), got in zip(code, answers, strict=True) if got != len(one)
    ]
    assert not wrong, wrong[:10]
    return len(code)


@pytest.mark.skipif(not LIBC.exists(), reason="no libc.so.6 at the place where Debian has it")
def test_every_instruction_of_libc_has_the_length_that_objdump_gives(build: HostBuild) -> None:
    assert check_file(build, LIBC) > 100_000


@pytest.mark.long
@pytest.mark.skipif(not BIG.exists(), reason="no QEMU")
def test_every_instruction_of_qemu_has_the_length_that_objdump_gives(build: HostBuild) -> None:
    assert check_file(build, BIG) > 1_000_000


def noise(seed: int) -> list[bytes]:
    """Random bytes, some of them behind VEX and EVEX prefixes."""
    source = random.Random(seed)
    records = [source.randbytes(LONGEST) for _ in range(NOISE)]
    for _ in range(NOISE // 4):
        record = bytearray(source.randbytes(LONGEST))
        record[0] = source.choice((0xC4, 0xC5, 0x62))
        if record[0] != 0xC5:
            record[1] = record[1] & 0xE0 | source.choice((1, 2, 3))
        records.append(bytes(record))
    return records


def test_what_capstone_decodes_has_the_same_length(build: HostBuild) -> None:
    reader = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    records = noise(20)
    compared = 0
    for record, ours in zip(records, lengths(build, records), strict=True):
        theirs = next(reader.disasm_lite(record, 0, 1), None)
        if theirs is None or theirs[2] in CAPSTONE_ERRS or NOT_OURS.match(theirs[2]):
            continue
        if theirs[2].startswith("ret") and 0x66 in record[:4]:
            continue
        assert ours == theirs[1], (record.hex(), theirs)
        compared += 1
    assert compared > NOISE / 2


def test_what_is_cut_off_is_no_instruction(build: HostBuild) -> None:
    whole = bytes.fromhex("48c7842478563412efcdab89")  # movq $-1985229329, 0x12345678(%rsp)
    cut = [whole[:count] for count in range(len(whole))]
    assert lengths(build, [*cut, whole]) == bytes(len(cut)) + bytes((len(whole),))


def test_more_than_fifteen_bytes_are_no_instruction(build: HostBuild) -> None:
    assert lengths(build, [b"\x66" * LONGEST, b"\x66" * (LONGEST - 1) + b"\x90"]) == b"\0\x0f"
