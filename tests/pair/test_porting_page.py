"""docs/porting.md, done as it says: its code is compiled, booted, and debugged with gdb."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.stub_host import STUBS
from unidbg.conform import conform

PAGE = ROOT / "docs" / "porting.md"
KERNEL = Path(__file__).with_name("porting")
QEMU = shutil.which("qemu-system-x86_64")
GDB = shutil.which("gdb")
FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-O2", "-ffreestanding", "-mno-red-zone"]
FLAGS += ["-fno-pie", "-fno-stack-protector", "-mgeneral-regs-only", "-fcf-protection=none"]

CPLUSPLUS = """
static struct unidbg_stub stub;
static struct unidbg_port port;
static struct unidbg_uart16550 line;
static char buffer[UNIDBG_BUFFER_QUEUED(16384)];
struct unidbg_heap heap{};
UNIDBG_PROBE(heap, kernel, &heap);
UNIDBG_PROBE(stub, kernel, &stub);
static void ping(const char *words, struct unidbg_text *out) { unidbg_write(out, words); }
UNIDBG_COMMAND(ping, "ping WORDS: say them again", ping);
extern "C" void unidbg_x86_64_handler(struct unidbg_frame *frame) { unidbg_trap(&stub, frame); }
void debug_init() {
    unidbg_x86_64_port(&port);
    unidbg_uart16550_init(&line, 0x2f8, &port);
    UNIDBG_COMMANDS(&port);
    unidbg_init(&stub, &port, buffer, sizeof buffer);
}
"""

pytestmark = [
    pytest.mark.skipif(not (QEMU and GDB), reason="needs QEMU and gdb"),
    pytest.mark.timeout(180),
]


def c_code() -> str:
    """The C blocks of the page, one after the other: a file."""
    blocks = re.findall(r"^```c\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    return "\n".join(blocks)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel with the page's code in it."""
    folder = tmp_path_factory.mktemp("porting")
    made = subprocess.run(
        ["make", "-C", str(STUBS), f"BUILD={folder}"], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    (folder / "debug.c").write_text(c_code(), encoding="utf-8")
    sources = [str(folder / "debug.c"), str(KERNEL / "boot.S"), str(KERNEL / "kernel.c")]
    objects = [str(folder / "x86_64" / name) for name in ("unidbg.o", "entry.o", "note.o")]
    out = folder / "kernel.elf"
    link = ["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", f"-Wl,-T,{KERNEL / 'kernel.ld'}"]
    compiled = subprocess.run(
        ["gcc", *FLAGS, f"-I{STUBS / 'include'}", *link, "-o", str(out), *sources, *objects],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr
    return out


@pytest.fixture
def line(image: Path, tmp_path: Path) -> Iterator[Path]:
    """The stub of the booted kernel, as a socket."""
    path = tmp_path / "stub"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)
    command = [str(QEMU), "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", "64M", "-nodefaults"]
    command += ["-display", "none", "-no-reboot", "-kernel", str(image), "-serial", "null"]
    command += ["-chardev", f"socket,id=dbg,fd={listener.fileno()},server=on,wait=off"]
    process = subprocess.Popen([*command, "-serial", "chardev:dbg"], pass_fds=[listener.fileno()])
    listener.close()
    yield path
    process.kill()
    process.wait()


def gdb(image: Path, line: Path, *commands: str) -> str:
    """What gdb prints."""
    words = [word for one in (f"target remote {line}", *commands) for word in ("-ex", one)]
    done = subprocess.run(
        [str(GDB), "-nx", "-batch", "-ex", "set confirm off", *words, str(image)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_port_by_the_page_can_be_debugged(image: Path, line: Path) -> None:
    said = gdb(
        image,
        line,
        "break add",
        "continue",
        "backtrace",
        "stepi",
        "finish",
        "delete",
        "print add(20, 22)",
        "x/1xb 0x7fffffff0000",
        "print heap.allocated",
        "print $before = counter",
        "detach",
    )
    assert re.search(r"Breakpoint 1, add \(one=.*1, other=.*2\)", said), said
    assert re.search(r"#1 .* kernel_main", said), said
    assert "Value returned is $1 = 3" in said
    assert "= 42" in said
    assert "Cannot access memory at address 0x7fffffff0000" in said
    assert "= 4096" in said
    before = int(re.findall(r"= (\d+)$", said, re.MULTILINE)[-1])
    later = gdb(image, line, "print counter", "set var crash = 1", "continue", "monitor reason", "detach")
    assert int(re.findall(r"= (\d+)$", later, re.MULTILINE)[0]) > before, "it ran on"
    assert "received signal SIGSEGV" in later
    assert "page fault: write to 0x7fffffff0000, not mapped" in later


def test_a_port_by_the_page_conforms(line: Path) -> None:
    """Whatever the page's port does not give is absent, and nothing is wrong."""
    report = conform(f"unix:{line}", timeout=10.0)
    assert report.conforms
    absent = {one.name for one in report.capabilities if one.verdict != "yes"}
    assert absent <= {
        "memory map",
        "tracepoints",
        "qMemoryRegionInfo",
        "m: what is readable of a range",
        "the image's file (qXfer:exec-file)",
        "programs it has loaded (qXfer:libraries)",
    }


def test_the_headers_are_cplusplus_too(tmp_path: Path) -> None:
    """What the page shows of them, in a kernel that is written in C++."""
    source = tmp_path / "debug.cc"
    names = ("stub", "uart16550", "x86_64", "probe", "views", "command", "hosted")
    includes = "".join(f"#include <unidbg/{name}.h>\n" for name in names)
    source.write_text(includes + CPLUSPLUS)
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-mno-red-zone"]
    done = subprocess.run(
        ["g++", *flags, f"-I{STUBS / 'include'}", "-c", "-o", str(tmp_path / "debug.o"), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(
        ["nm", str(tmp_path / "debug.o")], capture_output=True, text=True, check=True
    ).stdout
    assert "T unidbg_x86_64_handler" in listed
    assert "U unidbg_trap" in listed
