"""How large the stub is in a kernel: text and read-only data of unidbg.o for x86_64, by what is in it.

Relocated tables count as read-only data, and so would unwind tables if it had any; the state is what a
kernel gives besides buffers. As the Makefile builds it (the smallest that the compiler can, all as one unit),
and by plain -Os.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.harness import Row
from unidbg.cli.kit.sources import features

STUBS = Path(__file__).resolve().parents[2] / "stubs"
VARIANTS = (
    ("minimal: registers, memory, breakpoints, stepping", ("MINIMAL=1",), "<= 8"),
    ("observe only", ("OBSERVE=1",), ""),
    ("without LLDB, non-stop, agent and tracepoints", ("WITHOUT=lldb nonstop agent trace",), ""),
    ("the same with LLDB and non-stop", ("WITHOUT=agent trace",), ""),
    ("the same with the agent", ("WITHOUT=trace",), ""),
    ("all", (), "<= 24"),
    ("minimal, by plain -Os", ("MINIMAL=1", "OPTIMIZE=-Os"), "<= 8"),
    ("all, by plain -Os", ("OPTIMIZE=-Os",), "<= 24"),
)
STATE = "#include <unidbg/stub.h>\nchar state[sizeof(struct unidbg_stub)];\n"


def run(quick: bool) -> list[Row]:
    """Sizes do not vary: one build each. In full, also what each feature takes of all, with what needs it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rows = [
            row(what, code_size(root / str(index), arguments), goal)
            for index, (what, arguments, goal) in enumerate(VARIANTS)
        ]
        rows.append(row("state, without buffers", state_size(root), "<= 4"))
        return rows if quick else [*rows, *shares(root)]


def row(what: str, size: int, goal: str) -> Row:
    """A figure that there is nothing to compare with."""
    return Row(what, size / 1024, None, "", None, goal, "KiB")


def shares(root: Path) -> list[Row]:
    """What all loses without a feature and those that need it, largest first."""
    whole = code_size(root / "whole", ())
    found = [(whole - code_size(root / name, (f"WITHOUT={name}",)), name) for name in features()]
    return [
        row(f"of all: {name}, with what needs it", size, "") for size, name in sorted(found, reverse=True)
    ]


def code_size(folder: Path, arguments: Sequence[str]) -> int:
    """Bytes of text and read-only data of one variant."""
    command: list[str | Path] = ["make", "-s", "-C", STUBS, f"BUILD={folder}", "CC=gcc", *arguments]
    subprocess.run(command, check=True, capture_output=True)
    text, data, _ = sizes(folder / "x86_64" / "unidbg.o")
    return text + data


def state_size(folder: Path) -> int:
    """Bytes of a struct unidbg_stub."""
    made = folder / "state.o"
    command: list[str | Path] = ["cc", f"-I{STUBS}/include", "-x", "c", "-c", "-o", made, "-"]
    subprocess.run(command, input=STATE, text=True, check=True)
    _, data, bss = sizes(made)
    return data + bss


def sizes(path: Path) -> tuple[int, int, int]:
    """Text with read-only data, data, bss."""
    said = subprocess.run(["size", path], capture_output=True, text=True, check=True).stdout
    text, data, bss = (int(word) for word in said.splitlines()[1].split()[:3])
    return text, data, bss
