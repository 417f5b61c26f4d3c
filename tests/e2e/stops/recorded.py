"""Has gdb stop a guest at random, and holds our backtraces against its."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unidbg_symbols import Image

from tests.support.fake_target import FakeMemory, FakeTarget
from unidbg.program.module import Module
from unidbg.program.program import Program
from unidbg.program.unwind import Trace, backtrace
from unidbg.target.guests import launch, stop
from unidbg.views.system import Frame, Variable

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("inside_gdb.py")
SUFFIX = re.compile(r"\.(?:cold|part|isra|constprop|lto_priv)(?:\.\d+)*")
"""What gcc appends to symbols of parts of functions; DWARF has the name of the source."""


@dataclass(frozen=True)
class Stop:
    """What gdb knew of a stop."""

    registers: dict[str, int]
    memory: dict[str, str]
    frames: list[dict[str, Any]]

    def ours(self, image: Image) -> Trace:
        """Our backtrace of it, from the same registers and memory."""
        memory = FakeMemory({int(at, 16): bytes.fromhex(data) for at, data in self.memory.items()})
        return backtrace(Program(FakeTarget(memory), [Module(image)]), self.registers, variables=True)


def build(sample: str, flags: Sequence[str], folder: Path) -> Path:
    """The sample with other optimisation: `flags` take the place of -O2."""
    make = ["make", "-s", "--no-print-directory", "-C", str(ROOT / "samples")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    told = subprocess.run(
        [*make, "--eval", "told: ; @echo $(CFLAGS)", "told"],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    usual = told.stdout.strip()
    assert " -O2 " in usual
    done = subprocess.run(
        [*make, sample, f"BUILD={folder}", f"CFLAGS={usual.replace('-O2', ' '.join(flags))}"],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / f"{sample}.elf"


def record(path: Path, count: int, seed: int, folder: Path, *, timeout: float) -> list[Stop]:
    """Boot the image, and stop it `count` times.

    Assembler gets no breakpoints: in the 32-bit entry gdb takes the code for 64-bit.
    """
    with Image.open(path) as image:
        code = (symbol for symbol in image.symbols() if symbol.kind == "func" and symbol.size)
        functions = sorted({symbol.address for symbol in code if image.function_at(symbol.address)})
    out = folder / f"stops-{seed}.json"
    guest = launch(str(path), accelerator="tcg", port=0, paused=True)
    try:
        asked = {
            "out": str(out),
            "count": count,
            "seed": seed,
            "target": guest.lines["gdbstub"].removeprefix("unix:"),
            "functions": functions,
        }
        done = subprocess.run(
            ["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-x", str(SCRIPT), str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "UNIDBG_STOPS": json.dumps(asked), "LC_ALL": "C"},
            check=False,
        )
    finally:
        stop(guest.name)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    stops = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(stops) == count, done.stderr[-2000:]
    return [Stop(one["registers"], one["memory"], one["frames"]) for one in stops]


def names(stop: Stop) -> list[tuple[str | None, int, bool]]:
    """gdb's frames as (function, program counter, whether inlined)."""
    return [(frame["name"], frame["pc"], frame["inline"]) for frame in stop.frames]


def our_names(frames: Sequence[Frame]) -> list[tuple[str | None, int, bool]]:
    """Ours, with the names of the source."""
    return [
        (_plain(frame.pc.symbol), frame.pc.address, inlined)
        for frame, inlined in zip(frames, _inlined(frames), strict=True)
    ]


def _inlined(frames: Sequence[Frame]) -> Iterator[bool]:
    """Whether a frame is that of an inlined call, as gdb says: not where it stands for a jump."""
    following = [*frames[1:], None]
    for frame, after in zip(frames, following, strict=True):
        yield frame.how == "inline" and after is not None and after.pc.address == frame.pc.address


def _plain(symbol: str | None) -> str | None:
    return None if symbol is None else SUFFIX.sub("", symbol)


def differences(stop: Stop, image: Image) -> Iterator[str]:
    """What is not the same, in words."""
    trace = stop.ours(image)
    frames = list(_as_gdb_has_them(trace.frames, image))
    theirs, ours = names(stop), our_names(frames)
    if _gdb_goes_astray(theirs):
        if ours != theirs[: len(ours)] or not trace.faults:
            yield f"frames: ours {ours}, and no word of what is wrong; gdb's {theirs}"
        return
    if ours != theirs:
        yield f"frames: ours {ours} {trace.faults}, gdb's {theirs}"
        return
    for frame, known in zip(frames, stop.frames, strict=True):
        for variable in frame.variables:
            if variable.name in known["variables"]:
                value = known["variables"][variable.name]
                if not _alike(variable.value, value) and not _is_constant(variable, frame, image):
                    yield f"{variable.name} in {frame.pc.symbol}: ours {variable.value}, gdb's {value}"


def _is_constant(ours: Variable, frame: Frame, image: Image) -> bool:
    """gdb takes constants of inlined calls (DW_AT_const_value) for optimised out."""
    looked_up = (frame.pc.address, frame.pc.address - 1)
    known = (variable for pc in looked_up for each in image.locals_at(pc) for variable in each)
    return any(one.name == ours.name and one.constant is not None for one in known)


def _as_gdb_has_them(frames: Sequence[Frame], image: Image) -> Iterator[Frame]:
    """Without what gdb does not show of functions that ended in a jump.

    It knows calls by DWARF alone, and assembler has none there, while we read the instruction. And of a
    function that was inlined and ended in a jump it leaves out those around it.
    """
    jumps = {frame.pc.address for frame in frames if frame.how == "tail-call"}
    seen: set[int] = set()
    for number, frame in enumerate(frames):
        address = frame.pc.address
        if address not in jumps:
            yield frame
            continue
        caller = next(other for other in frames[number:] if other.pc.address not in jumps)
        sites = image.call_sites(caller.pc.address - 1)
        if address not in seen and any(site.return_pc == caller.pc.address for site in sites):
            seen.add(address)
            yield frame


def _gdb_goes_astray(frames: Sequence[tuple[str | None, int, bool]]) -> bool:
    """Where inline assembler has pushed a word that no CFI tells of, gdb shows it as a program counter.

    What follows is what lies on the stack by chance. We end there, and say why.
    """
    return any(name is None for name, _, _ in frames)


def compared(stop: Stop, image: Image) -> int:
    """How many variables both can tell: what the comparison rests on."""
    trace = stop.ours(image)
    return sum(variable.value[:1] != "<" for frame in trace.frames for variable in frame.variables)


def _alike(ours: str, theirs: object) -> bool:
    """Whether our text and gdb's number, null (optimised out) or words of an error are the same value."""
    if theirs == "twice" or "read" in ours:
        return True  # shadowed, or outside of what was recorded
    if theirs is None or ours.startswith("<"):
        return theirs is None and ours.startswith("<")
    number = re.match(r"-?(?:0x[0-9a-f]+|[0-9]+)", ours)
    if not isinstance(theirs, int) or number is None:
        return True  # shadowed, or an enumerator by its name
    return int(number.group(), 0) == theirs
