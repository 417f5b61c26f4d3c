"""A guest of another architecture is booted, looked into, checked and dumped; images are parametrised."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.guests import UNIDBG

KERNEL = r"""
static volatile unsigned char *const uart = (unsigned char *)0x09000000;
unsigned long beats;
void kernel_main(void) {
    for (const char *text = "arm: hello\n"; *text; text++) {
        *uart = (unsigned char)*text;
    }
    for (;;) {
        beats++;
    }
}
__asm__(".globl _start\n_start: ldr x0, =0x41000000\n mov sp, x0\n bl kernel_main\n b .\n");
"""
TESTS = """\
import pytest

@pytest.mark.parametrize("unidbg_guest", [
    pytest.param({"image": "arm.elf", "ready": "arm: hello"}, id="aarch64"),
    pytest.param({"image": "hello.elf", "ready": "libos: hello"}, id="x86_64"),
], indirect=True)
def test_runs(unidbg_guest, unidbg_session, unidbg_dump):
    (thread,) = unidbg_session.view("threads").threads
    assert thread.frames[0].pc.symbol
    assert unidbg_dump().stat().st_size > 4096
"""


@pytest.fixture
def place(tmp_path: Path, sample: Callable[[str], Path]) -> Path:
    if shutil.which("qemu-system-aarch64") is None:
        pytest.skip("no qemu-system-aarch64: apt-get install qemu-system-arm")
    (tmp_path / "kernel.c").write_text(KERNEL)
    words = ["-O1", "-g", "-ffreestanding", "-nostdlib", "-static", "-Wl,-Ttext=0x40080000", "-o", "arm.elf"]
    subprocess.run(["aarch64-linux-gnu-gcc", *words, "kernel.c"], cwd=tmp_path, check=True)
    shutil.copy(sample("hello"), tmp_path)
    (tmp_path / "test_both.py").write_text(TESTS)
    return tmp_path


def run(place: Path, *words: str) -> str:
    done = subprocess.run(
        words, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return f"{done.stdout}{done.stderr}\nleft with {done.returncode}"


def test_both_under_one_test(place: Path) -> None:
    said = run(place, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_both.py")
    assert "2 passed" in said, said


def test_it_is_checked_as_far_as_it_tells(place: Path) -> None:
    said = run(place, UNIDBG, "check", "arm.elf", "--ready", "arm: hello", "-k", "text-changed")
    assert "1 check: 1 ok" in said, said
    assert "left with 0" in said
