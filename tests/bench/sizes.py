"""How large the stub is in a kernel: text and read-only data of unidbg.o for x86_64, by what is in it.

Relocated tables count as read-only data; the state is what a kernel gives besides buffers.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.bench.harness import Row

STUBS = Path(__file__).resolve().parents[2] / "stubs"
VARIANTS = (
    ("minimal: registers, memory, breakpoints, stepping", "MINIMAL=1", "<= 8"),
    ("observe only", "OBSERVE=1", ""),
    ("without LLDB, non-stop, agent and tracepoints", "WITHOUT=lldb nonstop agent trace", ""),
    ("the same with LLDB and non-stop", "WITHOUT=agent trace", ""),
    ("the same with the agent", "WITHOUT=trace", ""),
    ("all", "WITHOUT=", "<= 24"),
)
STATE = "#include <unidbg/stub.h>\nchar state[sizeof(struct unidbg_stub)];\n"


def run(quick: bool) -> list[Row]:
    """Sizes do not vary: one build each."""
    del quick
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            Row(what, code_size(Path(folder) / str(index), argument) / 1024, None, "", None, goal, "KiB")
            for index, (what, argument, goal) in enumerate(VARIANTS)
        ]
        return [
            *rows,
            Row("state, without buffers", state_size(Path(folder)) / 1024, None, "", None, "<= 4", "KiB"),
        ]


def code_size(folder: Path, argument: str) -> int:
    """Bytes of text and read-only data of one variant."""
    subprocess.run(["make", "-s", "-C", STUBS, f"BUILD={folder}", argument], check=True, capture_output=True)
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
