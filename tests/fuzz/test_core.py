"""The stub's core under libFuzzer with ASan and UBSan: framing, commands, bytecode, dumps, some 20 s each.

`corpus/NAME.txt` holds what earlier runs found worth keeping, an input a line in hexadecimal; the golden
transcripts are seeds of the commands. `UNIDBG_FUZZ_SECONDS=86400 pytest tests/fuzz/test_core.py` runs each
for a day, and `python -m tests.fuzz.test_core FOLDER NAME` then writes what is short and worth keeping of
the corpus in FOLDER into corpus/NAME.txt.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core_c.test_transcripts import TRANSCRIPTS, fill
from tests.support.stub_host import STUBS, build_host, symbols

CORPUS = Path(__file__).with_name("corpus")
SECONDS = int(os.environ.get("UNIDBG_FUZZ_SECONDS", "20"))
NAMES = ("line", "commands", "bytecode", "crash")
LONGEST = {"line": 4096, "commands": 4096, "bytecode": 512, "crash": 512}
BREAK_IN = b"\x03"
SHORT = 160
"""Bytes of an input that is kept."""


def sanitizers_are_there() -> bool:
    """Whether this clang has libFuzzer and the sanitizers' runtime."""
    if shutil.which("clang") is None:
        return False
    done = subprocess.run(
        ["clang", "-fsanitize=fuzzer,address", "-x", "c", "-", "-o", os.devnull],
        input="int LLVMFuzzerTestOneInput(const char *d, long n); "
        "int LLVMFuzzerTestOneInput(const char *d, long n) { return d == 0 && n == 1; }",
        text=True,
        capture_output=True,
    )
    return done.returncode == 0


@pytest.fixture(scope="session")
def fuzzers() -> Path:
    """The folder of the built ones."""
    if not sanitizers_are_there():
        pytest.skip("needs clang with libFuzzer")
    build_host()
    with (STUBS / "build" / "fuzz.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(["make", "-C", str(STUBS), "fuzz"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return STUBS / "build" / "fuzz"


@pytest.mark.timeout(SECONDS + 180)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_is_sent_breaks_the_core(fuzzers: Path, name: str, tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    unpack(name, seeds)
    done = fuzz(fuzzers, name, f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/", str(seeds))
    assert done.returncode == 0, done.stderr[-6000:]
    assert "DONE" in done.stderr


def fuzz(folder: Path, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """One run of a fuzzer, over the guest of the host build."""
    return subprocess.run(
        [
            folder / f"fuzz-{name}",
            f"-max_len={LONGEST[name]}",
            "-timeout=10",
            "-print_final_stats=1",
            *options,
        ],
        env={**os.environ, "UNIDBG_FUZZ_GUEST": str(STUBS / "build" / "host" / "guest.elf")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def unpack(name: str, folder: Path) -> None:
    """The kept corpus and the seeds as files, as libFuzzer wants them."""
    folder.mkdir()
    kept = (bytes.fromhex(line) for line in (CORPUS / f"{name}.txt").read_text().split())
    for number, data in enumerate([*kept, *(transcripts() if name == "commands" else ())]):
        (folder / f"{number:04}").write_bytes(data)


def transcripts() -> Iterator[bytes]:
    """What the golden transcripts send, a line each."""
    names = symbols(STUBS / "build" / "host" / "guest.elf")
    for path in sorted(TRANSCRIPTS.glob("*.txt")):
        lines = [line for line in path.read_text().splitlines() if line[:2] in ("> ", "= ")]
        sent = [fill(line[2:], names) for line in lines]
        yield b"\n".join(BREAK_IN if one == BREAK_IN else one.replace(b"\n", b"") for one in sent)


def keep(folder: Path, name: str) -> None:
    """Merge a corpus with the kept one, and write down what is left."""
    merged = folder.with_name(f"{folder.name}-merged")
    merged.mkdir()
    kept = folder.with_name(f"{folder.name}-kept")
    unpack(name, kept)
    done = fuzz(STUBS / "build" / "fuzz", name, "-merge=1", str(merged), str(kept), str(folder))
    assert done.returncode == 0, done.stderr
    inputs = sorted((path.read_bytes() for path in merged.iterdir()), key=lambda one: (len(one), one))
    kept_now = [data.hex() for data in inputs if 0 < len(data) <= SHORT]
    (CORPUS / f"{name}.txt").write_text("".join(f"{line}\n" for line in kept_now))


if __name__ == "__main__":
    keep(Path(sys.argv[1]), sys.argv[2])
