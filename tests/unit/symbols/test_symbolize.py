"""Naming the addresses in a log, and finding the bias from it."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from unidbg_symbols import Image
from unidbg_symbols.calls import follows_call
from unidbg_symbols.symbolize import Placed, Symbolizer, find_bias

from tests.unit.symbols import reference
from tests.unit.symbols.builds import build, have, image, run

GCC = ("gcc", "-g", "-O2")


def calls(opened: Image) -> list[tuple[int, int]]:
    """(address of a call, address it returns to) by objdump."""
    tool = "aarch64-linux-gnu-objdump" if opened.machine == "aarch64" else "objdump"
    shown = run([tool, "-d", "--no-show-raw-insn", opened.path])
    rows = re.findall(r"(?m)^ +([0-9a-f]+):\s+(\w+)", shown)
    found = [(int(a, 16), op, int(b, 16)) for (a, op), (b, _) in pairwise(rows)]
    return [(at, after) for at, op, after in found if op in ("call", "bl", "blr")]


@pytest.mark.parametrize("compiler", ["gcc", "clang", "aarch64-linux-gnu-gcc"])
def test_what_follows_a_call_equals_objdump(compiler: str) -> None:
    if not have(compiler):
        pytest.skip(f"no {compiler}")
    opened = image(compiler, "-g", "-O2")
    returns = {after for _, after in calls(opened)}
    assert len(returns) > 3
    assert all(follows_call(opened, address) for address in returns)
    starts = {symbol.address for symbol in opened.symbols() if symbol.kind == "func" and symbol.size}
    assert not any(follows_call(opened, address) for address in starts - returns)
    assert not follows_call(opened, 0)


def test_an_address_gets_function_file_line_and_inlined_frames() -> None:
    opened = image(*GCC)
    names = Symbolizer([Placed(opened, 0)], path=lambda path: path.rsplit("/", 1)[-1])
    at, after = calls(opened)[0]
    line = f"  #1 0x{after:016x} in guest, rsp=0x7ffe00001234, flags 0x246\n"
    text = names.annotate(line)
    frames = opened.frames_at(at)
    function = opened.symbol_at(at)
    assert function is not None
    expected = ", in ".join(f"{f.function} at {f.file.rsplit('/', 1)[-1]}:{f.line}" for f in frames)
    expected = expected.replace(
        f"{frames[-1].function} at", f"{frames[-1].function}+{after - function.address:#x} at"
    )
    assert text == line.replace(f"0x{after:016x}", f"0x{after:016x} ({expected})")


def test_inlined_frames_equal_addr2line() -> None:
    opened = image(*GCC)
    names = Symbolizer([Placed(opened, 0)])
    walk = opened.symbol("walk")
    for address in range(walk.address, walk.address + walk.size, 5):
        shown = re.sub(r"\+0x[0-9a-f]+", "", names.describe(address, exact=True))
        lines = [line.split(" (disc")[0] for line in reference.addr2line(build(*GCC), [address], "-i")[0]]
        expected = [f"{lines[n]} at {lines[n + 1]}" for n in range(0, len(lines), 2)]
        assert shown == ", in ".join(expected)


def test_a_program_counter_is_no_return_address() -> None:
    opened = image("gcc", "-g", "-O0")
    names = Symbolizer([Placed(opened, 0)])
    for _, after in calls(opened):
        exact, caller = opened.line_at(after), opened.line_at(after - 1)
        assert exact is not None
        assert caller is not None
        assert f":{exact.line})" in names.annotate(f"rip=0x{after:x}")
        assert f":{exact.line})" in names.annotate(f"PC: {after:016x}")
        assert f":{caller.line})" in names.annotate(f"0x{after:x}")


def test_data_and_what_is_unknown() -> None:
    opened = image(*GCC)
    names = Symbolizer([Placed(opened, 0x10000)])
    root = opened.symbol("root").address + 0x10000
    assert names.annotate(f"at {root + 8:#x}!") == f"at {root + 8:#x} (root+0x8)!"
    for text in ("0x12", "0x7fff12345678", "deadbeef", "v1.2.3 12345678 a.0x401000", "", "\x1b[1m0xffff\x00"):
        assert names.annotate(text) == text


def test_names_go_through_what_the_caller_gives() -> None:
    opened = image(*GCC)
    names = Symbolizer([Placed(opened, 0)], show=str.upper)
    assert names.describe(opened.symbol("walk").address).startswith("WALK+0x0 at /")


@pytest.mark.parametrize("bias", [0, 0x200000, 0xFFFFFFFF80000000 - 0x400000, -0x100000])
def test_the_bias_is_found_from_the_log(bias: int) -> None:
    opened = image(*GCC)
    returns = [after for _, after in calls(opened)][:6]
    log = [f"[{number}] {(address + bias) & (1 << 64) - 1:#018x}" for number, address in enumerate(returns)]
    found = find_bias(opened, ["booting", *log])
    assert found is not None
    assert found.bias & (1 << 64) - 1 == bias & (1 << 64) - 1
    walk = opened.symbol("walk").address + 0x20
    named = find_bias(opened, [f"<0x{(walk + 0x7000) & (1 << 64) - 1:x}> walk+0x20/0x100"])
    assert named is not None
    assert named.bias == 0x7000
    assert "names" in named.evidence


def test_a_log_that_does_not_tell() -> None:
    opened = image(*GCC)
    assert find_bias(opened, []) is None
    assert find_bias(opened, ["nothing at 0xffffffff80000000"]) is None
