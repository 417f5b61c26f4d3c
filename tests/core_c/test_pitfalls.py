"""What breaks clients in the field: the 25 pitfalls of other stubs, a test for each. Numbers and names
are those of the list that the stub was designed with."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from tests.core_c.conftest import Start
from tests.support.stub_host import Host, escape, frame, unescape

REGISTERS = 66
BYTES_OF_G = 24 * 8 - 7 * 4 + 8 * 10 + 8 * 4 + 16 * 16 + 4 + 9 * 8


def document(host: Host, name: bytes) -> bytes:
    """A whole qXfer document, part by part."""
    whole = b""
    while True:
        part = host.ask(b"qXfer:%b:%x,400" % (name, len(whole)))
        assert part[:1] in (b"m", b"l"), part
        whole += unescape(part[1:])
        if part[:1] == b"l":
            return whole


def target_registers(host: Host) -> list[tuple[str, int]]:
    """Name and bits of each register of target.xml, in order."""
    root = ET.fromstring(document(host, b"features:read:target.xml"))
    return [(reg.attrib["name"], int(reg.attrib["bitsize"])) for reg in root.iter("reg")]


def to_breakpoint(host: Host, address: int) -> bytes:
    assert host.ask(b"Z0,%x,1" % address) == b"OK"
    return host.ask(b"c")


def le(value: int) -> bytes:
    return value.to_bytes(8, "little").hex().encode()


def test_01_lldb_asks_for_no_acknowledgements_first(start: Start) -> None:
    host = start()
    host.send(b"+" + frame(b"QStartNoAckMode"))
    assert host.read_byte() == b"+"
    assert host.read_packet() == b"OK"
    for _ in range(3):  # and goes on sending acknowledgements all the same
        host.send(b"+" + frame(b"qC"))
        assert host.read_byte() == b"$"
        host.pending = b"$" + host.pending
        assert host.read_packet() == b"QC1"


def test_02_the_two_styles_of_x_do_not_collide(start: Start, names: dict[str, int]) -> None:
    gdb = start().no_ack()
    assert b"binary-upload+" in gdb.ask(b"qSupported:binary-upload+")
    assert gdb.ask(b"x%x,5" % names["text"]) == b"bhello"
    lldb = start().no_ack()
    assert lldb.ask(b"x0,0") == b"OK"
    assert lldb.ask(b"x%x,5" % names["text"]) == b"hello"


def test_03_g_is_as_long_as_target_xml_says(host: Host) -> None:
    registers = target_registers(host)
    assert len(registers) == REGISTERS
    assert len(host.ask(b"g")) == 2 * sum(bits // 8 for _, bits in registers) == 2 * BYTES_OF_G


def test_04_the_register_set_is_whole_also_for_a_parked_thread(start: Start) -> None:
    host = start("--threads").no_ack()
    names = {name for name, _ in target_registers(host)}
    assert names >= {"rax", "rip", "eflags", "cs", "st0", "fctrl", "xmm0", "xmm15", "mxcsr", "fs_base", "cr3"}
    host.ask(b"Hg2")
    reply = host.ask(b"g")
    assert len(reply) == 2 * BYTES_OF_G
    assert reply[:16] == b"x" * 16
    assert reply[16 * 16 : 16 * 17] == le(0x200010)


def test_05_vcont_with_thread_zero_and_no_default(host: Host, names: dict[str, int]) -> None:
    to_breakpoint(host, names["count"])
    assert host.ask(b"vCont;s:0").startswith(b"T05")
    assert b"swbreak" in host.ask(b"vCont;c:0")


def test_06_a_thread_that_vcont_does_not_name_stays(start: Start) -> None:
    host = start("--threads").no_ack()
    assert host.ask(b"vCont;c:2").startswith(b"E")
    assert host.ask(b"vCont;c:2;t:1").startswith(b"E")
    assert host.ask(b"qC") == b"QC1"


def test_07_no_tracepoints_no_answer(host: Host) -> None:
    assert host.ask(b"qTStatus") == b""


def test_08_quitting_does_not_kill(host: Host) -> None:
    assert host.ask(b"qAttached") == b"1"


def test_09_asking_why_does_not_delete_breakpoints(host: Host, names: dict[str, int]) -> None:
    host.ask(b"Z0,%x,1" % names["count"])
    host.ask(b"?")
    assert b"swbreak" in host.ask(b"c")


@pytest.mark.parametrize("resume", [b"?", b"c", b"s"])
def test_10_keys_of_a_stop_reply_are_no_register_numbers(
    start: Start, names: dict[str, int], resume: bytes
) -> None:
    host = start("--threads").no_ack()
    host.ask(b"QListThreadsInStopReply")
    host.ask(b"Z0,%x,1" % names["count"])
    reply = host.ask(resume)
    keys = [pair.split(b":")[0] for pair in reply[3:].split(b";") if pair]
    numbers = [key for key in keys if re.fullmatch(rb"[0-9a-f]+", key)]
    assert numbers == [b"06", b"07", b"10"]


def test_11_thread_lists_have_no_trailing_comma_and_are_not_empty(start: Start) -> None:
    assert start().ask(b"qfThreadInfo") == b"m1"
    assert start("--threads").ask(b"qfThreadInfo") == b"m1,2,1234567"


def test_12_binary_data_may_look_like_a_packet(host: Host, names: dict[str, int]) -> None:
    data = b",:#}$*;+-"
    assert host.ask(b"X%x,0:" % names["buffer"]) == b"OK"
    assert host.ask(b"X%x,%x:" % (names["buffer"], len(data)) + escape(data)) == b"OK"
    assert host.ask(b"m%x,%x" % (names["buffer"], len(data))) == data.hex().encode()


@pytest.mark.parametrize(
    "address", [0, 8, 0x7FFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF, 0xFEE00000]
)
def test_13_a_backtrace_may_read_anywhere(host: Host, address: int) -> None:
    for packet in (b"m%x,8", b"x%x,8", b"m%x,1"):
        assert host.ask(packet % address) == b"E0e"
    assert host.ask(b"MultiMemRead:ranges:%x,8;" % address) == b"0;"
    assert host.ask(b"qRcmd," + b"device reads".hex().encode()) == b"0\n".hex().encode()
    assert host.ask(b"qRcmd," + b"device 0xfee00000".hex().encode()) == b"0x0\n".hex().encode()
    assert host.ask(b"qRcmd," + b"device reads".hex().encode()) == b"1\n".hex().encode()


def test_14_a_register_that_is_not_there(host: Host) -> None:
    """GDB writes only what target.xml has; there is no orig_rax in ours, and no operating system."""
    text = document(host, b"features:read:target.xml")
    assert b"orig_rax" not in text
    assert b"<osabi>none</osabi>" in text
    assert host.ask(b"P%x=00" % REGISTERS).startswith(b"E")


def test_15_swbreak_means_that_the_pc_is_on_the_breakpoint(host: Host, names: dict[str, int]) -> None:
    reply = to_breakpoint(host, names["count"])
    assert b"swbreak:;" in reply
    assert b"10:" + le(names["count"]) in reply


def test_16_a_step_holds_interrupts_off_unless_told_otherwise(host: Host, names: dict[str, int]) -> None:
    to_breakpoint(host, names["count"])
    host.ask(b"z0,%x,1" % names["count"])
    flags = host.ask(b"p11")
    host.ask(b"s")
    assert host.ask(b"p11") == flags, "and leaves no trace of it"
    assert host.ask(b"qRcmd," + b"step-irqs on".hex().encode()) != b""
    host.ask(b"s")
    assert host.ask(b"p11") == flags


def test_17_a_breakpoint_stays_in_while_it_is_stepped_over(host: Host, names: dict[str, int]) -> None:
    """Its instruction runs elsewhere: nothing is removed that another CPU could miss."""
    to_breakpoint(host, names["count"])
    for _ in range(5):
        assert b"swbreak" in host.ask(b"c"), "not missed by the CPU that stepped, either"


def test_18_no_interrupt_right_after_continue(host: Host) -> None:
    host.send(b"\x03")  # came late: the guest stands already
    host.send(frame(b"c"))
    assert host.quiet()
    host.send(b"\x03")
    assert host.read_packet().startswith(b"T02")


def test_19_a_long_stop_is_no_reason_to_give_up(host: Host) -> None:
    """No time-out of the stub's ends a session without a lease; tests of leases are in test_session.py."""
    assert host.ask(b"qC") == b"QC1"
    assert host.quiet(2.5)
    assert b"kind:attach" in host.ask(b"qUnidbgStop")
    assert b"stops:1" in host.ask(b"qUnidbgStop")


def test_20_the_memory_map_is_complete_and_all_ram(host: Host, names: dict[str, int]) -> None:
    """GDB takes what it leaves out for inaccessible, and sets no memory breakpoints in ROM."""
    root = ET.fromstring(document(host, b"memory-map:read:"))
    regions = [
        (int(memory.attrib["start"], 16), int(memory.attrib["length"], 16)) for memory in root.iter("memory")
    ]
    assert {memory.attrib["type"] for memory in root.iter("memory")} == {"ram"}
    for address in (names["count"], names["ticks"], 0x303FF8):
        assert any(0 <= address - start < length for start, length in regions)
    assert not any(0 <= 0xFEE00000 - start < length for start, length in regions)


def test_21_a_breakpoint_where_there_is_no_memory_yet(host: Host) -> None:
    assert host.ask(b"Z0,400000,1") == b"E0e"
    assert host.ask(b"Z1,400000,1") == b"OK", "the hardware does not mind"


def test_22_the_stub_needs_no_hypervisor(host: Host, names: dict[str, int]) -> None:
    """All run control is the guest's own: it works where a virtual machine monitor has no debug support."""
    assert b"swbreak" in to_breakpoint(host, names["tick"])
    assert host.ask(b"s").startswith(b"T05")


def test_23_relocated_kernels_are_the_clients_business(host: Host) -> None:
    """Addresses are run-time addresses everywhere; nothing pretends to know a link address."""
    assert host.ask(b"qOffsets") == b""


def test_24_no_notification_is_ever_sent_in_all_stop(host: Host, names: dict[str, int]) -> None:
    host.send(frame(b"vStopped"))
    assert host.read_packet() == b""
    host.send(frame(b"c"))
    host.send(b"\x03")
    assert host.read_byte() == b"$"


def test_25_one_byte_at_a_time_through_a_whole_session(host: Host, names: dict[str, int]) -> None:
    def slowly(payload: bytes) -> bytes:
        for byte in frame(payload):
            host.send(bytes((byte,)))
        return host.read_packet()

    assert slowly(b"qSupported:swbreak+").startswith(b"PacketSize=4000")
    assert slowly(b"Z0,%x,1" % names["count"]) == b"OK"
    assert b"swbreak" in slowly(b"vCont;c")
    assert slowly(b"X%x,8:" % names["buffer"] + escape(b"#$}*abcd")) == b"OK"
    assert slowly(b"D") == b"OK"
