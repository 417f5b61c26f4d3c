"""The views of the network: net (interfaces, protocols, connections) and rings (packet rings and
virtqueues).
"""

from __future__ import annotations

from unidbg.views.base import Address, Location, View
from unidbg.views.record import Record, record


@record
class Traffic(Record):
    """One direction of an interface: frames and their bytes; `dropped` frames were not understood or found
    no room.
    """

    packets: int
    bytes: int
    dropped: int


@record
class Interface(Record):
    """A network interface.

    `mac` is `52:54:00:12:34:56`, addresses are dotted; `mtu_bytes` is `None` where not told.
    """

    name: str
    up: bool
    mac: str
    address: str
    netmask: str
    gateway: str
    mtu_bytes: int | None
    rx: Traffic
    tx: Traffic


@record
class Protocol(Record):
    """A protocol and who handles it. Counts are packets; `dropped` ones were damaged or for nobody."""

    name: str
    handler: Location | None
    received: int
    sent: int
    dropped: int


@record
class Listener(Record):
    """A port that is served. `protocol` is `tcp` or `udp`; `accepted` counts connections or datagrams."""

    protocol: str
    port: int
    handler: Location | None
    accepted: int


@record
class Connection(Record):
    """A TCP connection, as netstat shows it.

    `state` is named as in RFC 9293 (`ESTABLISHED`, `TIME-WAIT` ...); addresses are dotted.
    `unacknowledged_bytes` were sent and wait for the peer's word, `unsent_bytes` wait to be sent;
    `retransmits` counts segments sent again.
    """

    state: str
    local_address: str
    local_port: int
    remote_address: str
    remote_port: int
    handler: Location | None
    received_bytes: int
    sent_bytes: int
    unacknowledged_bytes: int
    unsent_bytes: int
    retransmits: int | None


@record
class NetView(View):
    """The network stack."""

    interfaces: tuple[Interface, ...]
    protocols: tuple[Protocol, ...]
    listeners: tuple[Listener, ...]
    connections: tuple[Connection, ...]


@record
class PacketField(Record):
    """A field of a header, as text."""

    name: str
    value: str


@record
class PacketLayer(Record):
    """A decoded header: `ethernet`, `arp`, `ipv4`, `icmp`, `udp`, `tcp`; or `payload`."""

    name: str
    fields: tuple[PacketField, ...]


@record
class Packet(Record):
    """What lies in a slot: the frame as hexadecimal text, its headers, and one line for people."""

    frame_hex: str
    layers: tuple[PacketLayer, ...]
    summary: str


@record
class RingSlot(Record):
    """A slot that holds, or held, a packet.

    `state` is `in flight` (between tail and head) or `done` (an older packet that still lies in memory).
    `address` is that of the frame; `time_ns` is the guest's clock when it was received or given to the
    device. `packet` is `None` unless packets were asked for.
    """

    index: int
    state: str
    address: Address
    length_bytes: int
    time_ns: int | None
    packet: Packet | None


@record
class Descriptor(Record):
    """A descriptor of a chain.

    `address` is physical; `device_writes` says who fills it; `indirect`: a table of more.
    """

    index: int
    address: Address
    length_bytes: int
    device_writes: bool
    indirect: bool


@record
class Chain(Record):
    """A chain of descriptors that is not the driver's own.

    `state` is `available` (the device has it) or `used` (given back, not yet taken; `written_bytes` by the
    device).
    """

    head: int
    state: str
    written_bytes: int | None
    descriptors: tuple[Descriptor, ...]


@record
class Virtqueue(Record):
    """A split virtqueue (Virtual I/O Device 1.1, section 2.6). Indexes are of 16 bits and wrap there.

    `in_flight` chains are with the device (`avail_index - used_index`), `untaken` ones came back and the
    driver has not looked (`used_index - last_used`). With `event_idx`, `used_event` is the index at which the
    driver wants an interrupt and `avail_event` the one at which the device wants a notification; without,
    `no_interrupt` and `no_notify` tell.
    """

    size: int
    descriptors: Address
    avail: Address
    used: Address
    avail_index: int
    used_index: int
    last_used: int
    in_flight: int
    untaken: int
    free_descriptors: int | None
    event_idx: bool
    used_event: int | None
    avail_event: int | None
    no_interrupt: bool
    no_notify: bool
    notifications: int | None
    completions: int | None
    stalled_ns: int
    chains: tuple[Chain, ...]


@record
class Ring(Record):
    """A driver's packet ring. `head` and `tail` count on for ever; `in_flight` is their difference, in slots.

    `direction` is `rx` or `tx`. `stuck` is a sentence where the ring does not move though it should, else
    empty. `slots` are those in flight, then the older ones that still lie in memory, newest first.
    """

    name: str
    direction: str
    size: int
    head: int
    tail: int
    in_flight: int
    stuck: str
    slots: tuple[RingSlot, ...]
    queue: Virtqueue | None


@record
class RingsView(View):
    """Packet rings and the virtqueues under them. `now_ns`: the guest's clock when the driver last looked."""

    now_ns: int
    rings: tuple[Ring, ...]
