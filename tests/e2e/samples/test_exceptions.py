"""A fatal exception stops the guest in the stub; without a stub it is logged, and the machine goes off."""

from __future__ import annotations

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.elf import symbols
from tests.e2e.samples.rsp import Stub

RIP = 0x10
"""Number of the register in gdb's numbering."""
DEBUG_EXIT = ("-device", "isa-debug-exit")


def test_nmi_stops_in_the_stub(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    guest.qmp.execute("inject-nmi")
    stub = Stub(guest.stub)
    assert "non-maskable" in stub.monitor("reason")
    stub.resume()
    guest.wait_for(r"heartbeat 1,")


def test_jump_to_data_stops_in_the_stub(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    stub = Stub(guest.stub)
    data = symbols(guest.elf)["manager"]
    stub.ask("?")
    assert stub.ask(f"P{RIP:x}=" + data.to_bytes(8, "little").hex()) == "OK"
    assert stub.ask("vCont;c").startswith("T0b")
    assert "page fault" in stub.monitor("reason")


def test_nmi_without_a_stub_ends_the_machine(boot: Boot) -> None:
    guest = boot("hello", stub=False, extra=DEBUG_EXIT)
    guest.wait_for(r"hello, world$")
    guest.qmp.execute("inject-nmi")
    guest.wait_for(r"exception 2, ")
    assert guest.wait_exit() == 3


def test_httpd_without_a_network_says_so(boot: Boot) -> None:
    guest = boot("httpd")
    guest.wait_for(r"httpd needs a network, and there is no virtio-net device$")
    guest.wait_for(r"serving port 80$")
    assert Stub(guest.stub).stats("net")["net.listeners.0.port"] == "80"
