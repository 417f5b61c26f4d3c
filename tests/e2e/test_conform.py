"""`unidbg conform` against our stub, booted and on the host, and against QEMU's and gdbserver's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.guests import Boot, Booted, boot_guest, run_unidbg
from tests.e2e.target.conftest import symbols
from tests.support.stub_host import Served, build_host
from unidbg.conform import conform
from unidbg.conform.outcome import PROBES
from unidbg.session import Session
from unidbg.target import open_target
from unidbg.views.conformance import ConformanceReport

QEMU_HAS_NOT = {
    "QStartNoAckMode",
    "error texts (error-message)",
    "steps through a range (vCont;r)",
    "x: read binary",
    "MultiMemRead: many ranges at once",
    "qSearch:memory",
    "qCRC",
    "memory map",
    "all in one document (qXfer:threads)",
    "conditions run in the stub",
    "commands run in the stub (dprintf)",
    "ABI",
    "the reason of a stop",
    "jThreadsInfo",
    "tables for info os",
    "QAllow: a client forbids itself to write",
    "non-stop: memory is read while the guest runs",
    "tracepoints",
    "qHostInfo",
}
"""Of QEMU's gdbstub, 7.2 to now: what is `no` for sure."""


def verdicts(report: ConformanceReport) -> dict[str, str]:
    return {one.name: one.verdict for one in report.capabilities}


PORTS = ("the image's file (qXfer:exec-file)", "programs it has loaded (qXfer:libraries)")
"""What this port has nothing to tell of."""


def others(report: ConformanceReport) -> list[str]:
    """The capabilities that are not simply there."""
    return [
        f"{one.name}: {one.verdict}, {one.detail}"
        for one in report.capabilities
        if one.verdict != "yes" and one.name not in PORTS
    ]


@pytest.fixture(scope="module")
def hello(sample: Callable[[str], Path]) -> Iterator[Booted]:
    with boot_guest(sample("hello"), ready="libos: ") as guest:
        yield guest


def test_our_stub_can_everything(hello: Booted) -> None:
    report = conform(hello.stub, timeout=10.0)
    assert others(report) == []
    assert (report.stub, report.architecture, report.conforms) == ("unidbg", "x86_64", True)
    assert len(report.capabilities) == len(PROBES) > 50
    hello.wait_for_life()


def test_our_stub_on_the_host_can_everything() -> None:
    with Served(build_host(), "--threads", "--trace", "--module", "program.so") as served:
        for _ in range(2):
            report = conform(served.address)
            assert {one.verdict for one in report.capabilities} == {"yes"}, others(report)
        assert served.alive()


def test_the_guest_is_as_it_was() -> None:
    """Memory and registers of a guest that does nothing but jump to where it is."""
    build = build_host()
    names = symbols(build.image)
    with Served(build) as served:
        with Session.open(served.address) as session, session.target.run.stopped():  # type: ignore[union-attr]
            session.target.registers.write("", "rip", names["spin"])  # type: ignore[union-attr]
        before = state(served, names)
        conform(served.address)
        assert state(served, names) == before


def state(served: Served, names: dict[str, int]) -> tuple[object, ...]:
    with Session.open(served.address) as session, session.target.run.stopped():  # type: ignore[union-attr]
        target = session.target
        assert target.registers is not None
        registers = target.registers.read("")
        code = target.memory.read(names["guest_start"], 256)
        stack = target.memory.read(0x303000, 0x1000)
        return registers, code, stack


def test_qemu_as_it_is(hello: Booted) -> None:
    report = conform(hello.gdbstub, timeout=10.0)
    found = verdicts(report)
    assert report.stub == "qemu"
    assert {name for name in QEMU_HAS_NOT if found[name] != "no"} == set()
    assert found["Z0: software"] == found["Z2: watches writes"] == found["0x03 breaks in"] == "yes"
    assert found["steps one instruction"] == found["M: write"] == "yes"
    hello.wait_for_life()
    assert others(conform(hello.stub, timeout=10.0)) == [], "the other line saw nothing of it"


def test_a_guest_that_stood_stays_as_it_stood() -> None:
    """At a crash: what runs the guest is not tried, and the reason is still told."""
    build = build_host()
    names = symbols(build.image)
    with Served(build) as served:
        with Session.open(served.address) as session:
            run = session.target.run
            assert run is not None
            run.stop()
            session.target.memory.write(  # type: ignore[attr-defined]
                names["crash"], names["crash_read"].to_bytes(8, "little")
            )
            run.resume()
            run.wait(10.0)
        report = conform(served.address)
        assert report.conforms
        assert {one.group for one in report.capabilities if one.verdict == "untested"} == {
            "running",
            "breakpoints",
            "modes",
            "documents",
        }
        target = open_target(served.address)
        try:
            assert target.stop_reason is not None
            assert target.stop_reason.kind == "exception"
        finally:
            target.close()


def test_exit_codes_and_json(hello: Booted) -> None:
    good = run_unidbg("conform", hello.stub, "--json")
    assert good.returncode == 0, good.stderr
    data = json.loads(good.stdout)["data"]
    assert data["conforms"] is True
    rest = {one["name"] for one in data["capabilities"] if one["verdict"] != "yes"}
    assert rest == set(PORTS)
    nobody = run_unidbg("conform", "127.0.0.1:1")
    assert (nobody.returncode, nobody.stdout) == (2, "")


def test_gdbserver(tmp_path: Path) -> None:
    """Another stub of the field: a process, which is not ended by it."""
    source, program = tmp_path / "loop.c", tmp_path / "loop"
    source.write_text("int main(void) { for (volatile long n = 0; n < 20000000000; n++); return 0; }")
    subprocess.run(["gcc", "-O0", "-static", "-no-pie", "-o", program, source], check=True)
    process = subprocess.Popen([program], process_group=0)  # gdbserver interrupts the group
    server = subprocess.Popen(
        ["gdbserver", "--attach", "127.0.0.1:0", str(process.pid)], stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr is not None
        port = next(line.split()[-1] for line in server.stderr if "Listening" in line)
        found = verdicts(conform(f"127.0.0.1:{port}"))
        assert found["Z0: software"] == found["steps one instruction"] == found["0x03 breaks in"] == "yes"
        assert found["qSearch:memory"] == "yes"
        assert process.poll() is None
    finally:
        server.kill()
        server.communicate()
        process.kill()
        process.wait()


def test_a_negative_verdict(boot: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stub that lacks what everybody needs."""
    from tests.support.stub import SOLO5, pair
    from unidbg.conform import suite
    from unidbg.target.link import Link
    from unidbg.target.rsptarget import attach

    stub, line = pair(SOLO5)
    monkeypatch.setattr(suite, "open_target", lambda url, **options: attach(url, Link(line, timeout=1.0)))
    report = conform("test")
    stub.join()
    assert not report.conforms
    assert verdicts(report)["qSupported"] == "no"
