"""Net and rings over a planted guest: its stack, its rings, the queue under them, the frames in memory."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden import traffic
from tests.support.kernel import SOURCE, Guest, kernel
from unidbg.profiles.frames import MAX_FRAME
from unidbg.session import ImageSpec, Session
from unidbg.views.base import Absent, View
from unidbg.views.network import NetView, RingsView, Virtqueue
from unidbg.views.system import OverviewView

NETWORK = r"""
void arp(void *d) { (void)d; }
void http(void *d) { (void)d; }
struct counters { unsigned long packets, bytes, dropped; };
static struct {
    struct { const char *name; bool up; unsigned char mac[6]; unsigned char address[4];
             unsigned netmask, gateway; unsigned short mtu;
             struct counters rx, tx; } interfaces[2]; unsigned interface_count;
    struct { char name[8]; void (*handler)(void *); unsigned received, sent, dropped; } protocols[2];
    int protocol_count;
    struct { unsigned char protocol; unsigned short port; void (*handler)(void *); unsigned long accepted; }
        listeners[4]; unsigned listener_count;
    struct connection { unsigned state, local_address; unsigned short local_port;
             unsigned remote_address; unsigned short remote_port; unsigned long received_bytes, sent_bytes;
             unsigned unacknowledged_bytes, unsent_bytes; } *connections; unsigned connection_count;
} stack = {
    .interfaces = {{"eth0", 1, {0x52, 0x54, 0, 0x12, 0x34, 0x56}, {10, 0, 2, 15}, 0x00ffffff, 0x0202000a,
                    1500, {7, 700, 1}, {5, 500, 0}}}, .interface_count = 1,
    .protocols = {{"arp", arp, 3, 2, 1}, {"none", NULL, 0, 0, 0}}, .protocol_count = 2,
    .listeners = {{0}, {6, 80, http, 9}, {17, 7, NULL, 4}}, .listener_count = 3,
    .connections = (struct connection[]){{0}, {4, 0x0f02000a, 80, 0x0202000a, 40000, 12, 34, 5, 6}},
    .connection_count = 2};
UNIDBG_PROBE(net, stack, &stack);

static struct { unsigned long address; unsigned length; unsigned short flags, next; }
    desc[4] __attribute__((aligned(16))) = {{0x5000, 2048, 2, 0}, {0x6000, 12, 1, 2}, {0x7000, 90, 0, 0}};
static unsigned short avail[8] = {0, 3, 1, 0, 1, 0, 2, 0};
static unsigned used[10] __attribute__((aligned(4))) = {2u << 16, 1, 0, 0, 60};
static unsigned char frame[128];
struct slot { void *data; unsigned length; unsigned long time_ns; };
static struct slot slots[4] = {{frame, 91, 300}, {frame, 60, 100}, {frame, 60, 200}, {0}};
static struct { unsigned short size, last_used, free_count; void *desc, *avail, *used; bool event_idx;
                unsigned long notifications, completions, progress_ns; }
    queue = {4, 1, 1, desc, avail, used, 1, 11, 22, 1000};
static struct {
    unsigned long now_ns;
    struct { const char *name; int direction; unsigned size, head, tail; struct slot *slots; void *unused;
             typeof(queue) *queue; } rings[3];
    unsigned ring_count;
} rings = {3000000000, {{"eth0 rx", 0, 4, 5, 4, slots, 0, &queue}, {"eth0 tx", 1, 4, 0, 0, 0, 0, NULL}}, 2};
UNIDBG_PROBE(rings, stack, &rings);
"""
KERNEL = SOURCE.replace("void _start", NETWORK + "void _start")
FRAME = traffic.RECEIVED[0]


def guest() -> Guest:
    """A guest with a frame where its slots point to."""
    made = kernel(KERNEL)
    made.memory.plant(made.at("frame"), FRAME)
    return made


def session(made: Guest) -> Session:
    return Session.over(made.target, images=[ImageSpec(made.path)])


def net(made: Guest) -> NetView:
    view = session(made).view("net")
    assert isinstance(view, NetView), view
    return view


def rings(made: Guest, *, packets: bool = False) -> RingsView:
    opened = session(made)
    view = opened.packets() if packets else opened.view("rings")
    assert isinstance(view, RingsView), view
    return view


def queue(view: RingsView) -> Virtqueue:
    found = view.rings[0].queue
    assert found is not None
    return found


def corrupt(made: Guest, variable: str, member: str, data: bytes) -> Guest:
    made.memory.plant(made.member(variable, member), data)
    return made


def faults(view: View) -> list[str]:
    return [f"{fault.where}: {fault.reason}" for fault in view.faults]


def test_interfaces_with_addresses_in_either_spelling() -> None:
    view = net(guest())
    assert view.faults == ()
    (eth0,) = view.interfaces
    assert (eth0.name, eth0.up, eth0.mac, eth0.mtu_bytes) == ("eth0", True, "52:54:00:12:34:56", 1500)
    assert (eth0.address, eth0.netmask, eth0.gateway) == ("10.0.2.15", "255.255.255.0", "10.0.2.2")
    assert (eth0.rx.packets, eth0.rx.bytes, eth0.rx.dropped, eth0.tx.bytes) == (7, 700, 1, 500)


def test_handlers_by_symbol_and_used_slots_alone() -> None:
    view = net(guest())
    assert [(p.name, p.handler and p.handler.symbol, p.received) for p in view.protocols] == [
        ("arp", "arp", 3), ("none", None, 0),
    ]  # fmt: skip
    assert [(one.protocol, one.port, one.handler and one.handler.symbol) for one in view.listeners] == [
        ("tcp", 80, "http"), ("udp", 7, None),
    ]  # fmt: skip
    (one,) = view.connections
    assert (one.state, one.local_address, one.remote_address) == ("ESTABLISHED", "10.0.2.15", "10.0.2.2")
    assert (one.local_port, one.remote_port, one.unacknowledged_bytes, one.unsent_bytes) == (80, 40_000, 5, 6)
    assert (one.handler, one.retransmits) == (None, None)


@pytest.mark.parametrize(
    ("member", "data", "fault"),
    [
        ("interface_count", struct.pack("<I", 9), "interfaces: `interface_count` says 9"),
        ("protocol_count", struct.pack("<i", -1), "protocols: `protocol_count` is -1"),
        ("connections", struct.pack("<Q", 0xDEAD_0000), "connections[0]: unreadable"),
        ("connection_count", struct.pack("<I", 1 << 30), "connections: `connection_count` says"),
    ],
)
def test_a_corrupt_stack_is_told(member: str, data: bytes, fault: str) -> None:
    view = net(corrupt(guest(), "stack", member, data))
    assert any(said.startswith(fault) for said in faults(view)), faults(view)


@pytest.mark.parametrize("kind", ["unidbg", "qemu"])
def test_a_slow_line_brings_no_more_than_is_shown(kind: str) -> None:
    made = guest()
    made.target.kind = kind
    table = made.program.value("stack").connections.int_()
    view = net(made)
    assert (len(view.connections), view.faults) == (1, ())
    lengths = [length for address, length in made.memory.log if table <= address < table + 96]
    assert (4 in lengths) == (kind == "unidbg")


def test_states_and_protocols_that_do_not_exist() -> None:
    made = guest()
    at = made.member("stack", "listeners")
    made.memory.plant(made.program.value("stack").connections.int_(), struct.pack("<I", 99))
    made.memory.plant(at, b"\x63")
    view = net(made)
    assert [one.state for one in view.connections] == ["state 99", "ESTABLISHED"]
    assert view.listeners[0].protocol == "99"
    assert {fault.where for fault in view.faults} == {"connections[0].state", "listeners[0].protocol"}


def test_slots_in_flight_then_older_ones() -> None:
    view = rings(guest())
    assert view.faults == ()
    rx, tx = view.rings
    assert (rx.name, rx.direction, rx.size, rx.head, rx.tail, rx.in_flight) == ("eth0 rx", "rx", 4, 5, 4, 1)
    assert [(slot.index, slot.state, slot.length_bytes, slot.time_ns) for slot in rx.slots] == [
        (0, "in flight", 91, 300),
    ]  # fmt: skip
    assert (tx.slots, tx.queue, tx.stuck) == ((), None, "")


def test_a_queue_with_its_chains_and_events() -> None:
    found = queue(rings(guest()))
    assert (found.size, found.avail_index, found.used_index, found.last_used) == (4, 3, 2, 1)
    assert (found.in_flight, found.untaken, found.free_descriptors) == (1, 1, 1)
    assert (found.event_idx, found.used_event, found.notifications, found.completions) == (True, 2, 11, 22)
    assert [(chain.head, chain.state, chain.written_bytes) for chain in found.chains] == [
        (0, "used", 60), (1, "available", None),
    ]  # fmt: skip
    assert [each.length_bytes for each in found.chains[1].descriptors] == [12, 90]


def test_a_ring_that_nobody_serves_is_stuck() -> None:
    made = guest()
    assert queue(rings(made)).stalled_ns == 2_999_999_000
    assert rings(made).rings[0].stuck == "the driver has not taken 1 that came back, for 3.0 s"
    corrupt(made, "queue", "last_used", struct.pack("<H", 2))
    assert (queue(rings(made)).stalled_ns, rings(made).rings[0].stuck) == (0, "")
    made.memory.plant(made.at("rings") + 16, struct.pack("<I", 1))
    assert rings(made).rings[0].stuck == "the device has given back none of 1, for 3.0 s"


def test_a_receive_queue_without_buffers_is_stuck_at_once() -> None:
    made = corrupt(guest(), "queue", "last_used", struct.pack("<H", 3))
    made.memory.plant(made.at("used"), struct.pack("<HH", 0, 3))
    assert "no buffers" in rings(made).rings[0].stuck


def test_packets_are_read_only_when_they_are_wanted() -> None:
    made = guest()
    frame = made.at("frame")
    assert [slot.packet for slot in rings(made).rings[0].slots] == [None]
    assert not any(address == frame for address, _ in made.memory.log)
    (slot,) = rings(made, packets=True).rings[0].slots
    assert slot.packet is not None
    assert slot.packet.frame_hex == FRAME.hex()
    assert "GET" not in slot.packet.summary
    assert "10.0.2.15:80 tcp PSH ACK" in slot.packet.summary


def ring_member(made: Guest, member: str) -> int:
    address = made.program.value("rings").member_("rings").index_(0).member_(member).address_
    assert address is not None
    return address


@pytest.mark.parametrize(
    ("member", "data", "fault"),
    [
        ("head", struct.pack("<I", 99), "rings[0].in_flight: 95 packets do not fit a ring of 4"),
        ("direction", struct.pack("<i", 7), "rings[0].direction: 7 is neither"),
        ("slots", struct.pack("<Q", 0xDEAD_0000), "rings[0].slots[0]: unreadable"),
        ("size", struct.pack("<I", 1 << 31), "rings[0].slots: `size` says"),
        ("name", struct.pack("<Q", 0xDEAD_0000), "rings[0].name"),
        ("queue", struct.pack("<Q", 0xDEAD_0000), "rings[0].queue.size: unreadable"),
    ],
)
def test_a_corrupt_ring_is_told(member: str, data: bytes, fault: str) -> None:
    made = guest()
    made.memory.plant(ring_member(made, member), data)
    view = rings(made, packets=True)
    assert any(said.startswith(fault) for said in faults(view)), faults(view)
    assert view.rings[1].name == "eth0 tx"


@pytest.mark.parametrize(
    ("slot", "fault"),
    [
        (struct.pack("<QI", 0xDEAD_0000, 60), "rings[0].slots[0].packet: the 60 bytes of it are unreadable"),
        (struct.pack("<QI", 0x10_0000, MAX_FRAME + 1), "rings[0].slots[0].length_bytes: no frame has"),
    ],
)
def test_a_frame_that_cannot_be_is_told(slot: bytes, fault: str) -> None:
    made = guest()
    made.memory.plant(made.at("slots"), slot)
    assert any(said.startswith(fault) for said in faults(rings(made, packets=True)))


def test_counters_wrap_where_they_are_full() -> None:
    made = guest()
    made.memory.plant(ring_member(made, "head"), struct.pack("<II", 1, 0xFFFF_FFFE))
    (slot, *_) = rings(made).rings[0].slots
    assert rings(made).rings[0].in_flight == 3
    assert (slot.index, slot.state) == (2, "in flight")


def test_the_overview_has_counters_alone() -> None:
    made = guest()
    opened = session(made)
    overview = opened.view("overview")
    assert isinstance(overview, OverviewView)
    assert isinstance(overview.net, NetView)
    assert isinstance(overview.rings, RingsView)
    (brief, _), (usual, _) = overview.rings.rings, rings(made).rings
    assert (brief.slots, brief.head, brief.in_flight) == ((), usual.head, usual.in_flight)
    assert brief.queue is not None
    assert (brief.queue.chains, brief.queue.in_flight) == ((), 1)
    both = opened.snapshot(["overview", "rings"]).views["rings"]
    assert isinstance(both, RingsView)
    assert both.rings[0].slots == usual.slots


def test_a_guest_without_a_network_says_so() -> None:
    made = session(kernel())
    for view in (made.view("net"), made.view("rings"), made.packets()):
        assert isinstance(view, Absent)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["stack", "rings", "queue", "desc", "avail", "used", "slots"]), st.data())
def test_any_corruption_ends_in_a_view(variable: str, data: st.DataObject) -> None:
    made = guest()
    value: Any = made.program.value(variable)
    size = value.size_
    at, junk = data.draw(st.integers(0, size - 1)), data.draw(st.binary(min_size=1, max_size=16))
    made.memory.plant(made.at(variable) + at, junk[: size - at])
    assert isinstance(rings(made, packets=True), RingsView)
    assert isinstance(net(made), NetView)
