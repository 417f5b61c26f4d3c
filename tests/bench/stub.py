"""What runs in the guest: bytecode, false conditions, and how many round trips our client makes.

A false condition is asked of a loop of three instructions in a guest under TCG; gdb's figure is the same
condition, evaluated by gdb, over the same stub.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.bench.harness import Row
from tests.e2e.guests import ROOT, Booted, boot_guest
from tests.support.stub_host import HostBuild, Served, build_host, symbols
from unidbg.rsp.memory import parse_read_many, read_many_request
from unidbg.rsp.unidbgstub import lease_request
from unidbg.target import open_target
from unidbg.target.guests import launch, stop
from unidbg.target.rsptarget import RspTarget

STUBS = ROOT / "stubs"
LOOP = bytes.fromhex("48ffc090ebfa")
"""inc rax; nop; jmp back to the inc: the breakpoint is on the nop."""
NOP = 3
NEVER = b"Xe,260000" + b"25" + b"f" * 16 + b"13" + b"27"
"""reg rax, const64 -1, equal, end."""


def run(quick: bool) -> list[Row]:
    """The goals of the stub."""
    seconds = 1.0 if quick else 4.0
    return [bytecode(), conditions(seconds), hosted(seconds), *round_trips(build_host())]


def bytecode() -> Row:
    """Evaluations per second of an expression with eight operations."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "agent"
        core = [path for path in STUBS.glob("core/*.c") if path.name != "lib.c"]
        arch = [
            path
            for path in STUBS.glob("arch/x86_64/*.[cS]")
            if path.stem not in ("machine", "change", "entry")
        ]
        host = [ROOT / "tests/core_c/host" / name for name in ("machine.c", "cpu.c")]
        flags = ["-std=gnu11", "-Os", f"-I{STUBS}/include"]
        command: list[str | Path] = [
            "cc",
            *flags,
            "-o",
            program,
            *core,
            *arch,
            *host,
            ROOT / "tests/bench/agent.c",
        ]
        subprocess.run(command, check=True)
        runs = [float(subprocess.check_output([program])) for _ in range(3)]
    figure = statistics.median(runs) / 1e6
    return Row("bytecode, 8 operations", figure, None, "", None, ">= 1", "M/s")


def conditions(seconds: float) -> Row:
    """Hits per second of a breakpoint whose condition is false."""
    with boot_guest(ROOT / "samples/build/x86_64/hello.elf", ready="libos: ") as guest:
        ours = in_guest(guest, seconds)
        theirs = in_gdb(guest, int(300 * seconds))
    return Row(
        "false condition, TCG",
        ours,
        theirs,
        "gdb, same stub",
        ours / theirs,
        ">= 100",
        "hits/s",
    )


def hosted(seconds: float) -> Row:
    """The same in a Linux process, where each hit is a signal of the host's kernel."""
    image = ROOT / "samples/build/hosted/hello.elf"
    record = launch(str(image), port=0)
    try:
        hits = in_guest(Booted(record, image), seconds)
    finally:
        stop(record.name)
    return Row("false condition, hosted", hits, None, "", None, "", "hits/s")


def place_loop(guest: Booted) -> int:
    """Run in the loop, which lies over a function that only a panic calls; gives its address."""
    address = symbols(guest.image)["debug_stop"]
    with closing(attach(guest)) as target, target.run.stopped():
        target.memory.write(address, LOOP)
        target.registers.write("", "rip", address)
        target.registers.write("", "rax", 0)
    return address


def attach(guest: Booted) -> RspTarget:
    """Our client on our stub."""
    target = open_target(guest.stub)
    assert isinstance(target, RspTarget)
    return target


def in_guest(guest: Booted, seconds: float) -> float:
    """The condition is in the stub."""
    address = place_loop(guest)
    with closing(attach(guest)) as target:
        with target.run.stopped():
            target.registers.write("", "rax", 0)
            reply = target.link.request(b"Z0,%x,1;" % (address + NOP) + NEVER)
            assert reply == b"OK", reply
            assert target.link.request(lease_request(0)) == b"OK"  # nobody speaks for longer than a lease
        start = time.perf_counter()
        time.sleep(seconds)
        with target.run.stopped():
            spent = time.perf_counter() - start
            hits = target.registers.read("")["rax"]
            assert f"{address + NOP:#x}" in target.run.monitor("breakpoints")
            assert target.link.request(b"z0,%x,1" % (address + NOP)) == b"OK"
    assert hits
    return hits / spent


def in_gdb(guest: Booted, hits: int) -> float:
    """gdb is told to evaluate it itself; it holds at last, after so many hits."""
    address = place_loop(guest)
    lines = (
        f"target remote {guest.stub}",
        "set breakpoint condition-evaluation host",
        f"break *{address + NOP:#x} if $rax == {hits}",
        "set var $rax = 0",
        "echo GOING\\n",
        "continue",
        'printf "HITS %lu\\n", $rax',
        "delete",
        "detach",
    )
    command = ["gdb", "-nx", "-batch", str(guest.image), *(word for line in lines for word in ("-ex", line))]
    gdb = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert gdb.stdout is not None
    start, spent = 0.0, 0.0
    for line in gdb.stdout:
        if "GOING" in line:
            start = time.perf_counter()
        if "HITS" in line and start:
            spent = time.perf_counter() - start
    gdb.wait(60)
    assert spent, "gdb did not get as far as the hits"
    return hits / spent


def round_trips(build: HostBuild) -> list[Row]:
    """Counted, not timed: the same on every machine."""
    names = symbols(build.image)
    ranges = [(names["text"] + index % 5, 1) for index in range(64)]

    def reads(target: RspTarget) -> None:
        assert None not in target.memory.read_many(ranges)

    def reads_running(target: RspTarget) -> None:
        assert parse_read_many(target.link.request(read_many_request(ranges)), ranges)

    def nonstop(target: RspTarget) -> None:
        assert target.link.request(b"QNonStop:1") == b"OK"

    return [
        Row("attach and list threads", attaching(build), None, "", None, "<= 8", "round trips"),
        Row("stop, read 64 ranges, go on", counted(build, reads), None, "", None, "<= 2", "round trips"),
        Row(
            "read 64 ranges as it runs",
            counted(build, reads_running, nonstop),
            None,
            "",
            None,
            "<= 1",
            "round trips",
        ),
    ]


def attaching(build: HostBuild) -> int:
    """From the first packet to the list."""
    with Served(build, "--threads") as served, closing(open_target(served.address)) as target:
        assert isinstance(target, RspTarget)
        with target.run.stopped():
            assert len(target.threads()) == 3
            return target.link.round_trips


def counted(
    build: HostBuild, what: Callable[[RspTarget], None], before: Callable[[RspTarget], None] | None = None
) -> int:
    """Round trips of `what` on a running guest."""
    with Served(build) as served, closing(open_target(served.address)) as target:
        assert isinstance(target, RspTarget)
        if before:
            before(target)
        first = target.link.round_trips
        what(target)
        spent = target.link.round_trips - first
        if before:
            assert target.link.request(b"QNonStop:0") == b"OK"
        return spent
