"""The network stack from a probe of kind `net` (docs/abi.md)."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.errors import MemoryFault
from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.tables import SLOW
from unidbg.program.value import WrongType
from unidbg.structures import packets
from unidbg.structures.arrays import Marked
from unidbg.views.network import Connection, Interface, Listener, NetView, Protocol, Traffic

STATES = (
    "CLOSED",
    "LISTEN",
    "SYN-SENT",
    "SYN-RECEIVED",
    "ESTABLISHED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "CLOSE-WAIT",
    "CLOSING",
    "LAST-ACK",
    "TIME-WAIT",
)
"""By the numbers of docs/abi.md."""
CONNECTION = (
    "local_address",
    "local_port",
    "remote_address",
    "remote_port",
    "handler",
    "received_bytes",
    "sent_bytes",
    "unacknowledged_bytes",
    "unsent_bytes",
    "retransmits",
)
"""Members of a connection that are shown."""
LISTENED = {6: "tcp", 17: "udp"}
MAX_NAME = 256


def net(fields: Fields, context: Context) -> NetView:
    """Interfaces, protocols, who listens, and the connections, in the order of their slots."""
    wanted = Marked("state", CONNECTION) if context.program.target.kind in SLOW else None
    parts = {
        "interfaces": tuple(_interface(each) for each in fields.structs("interfaces", "interface_count")),
        "protocols": tuple(_protocol(each) for each in fields.structs("protocols", "protocol_count")),
        "listeners": tuple(_listener(each) for each in used(fields, "listener", "protocol")),
        "connections": tuple(_connection(each) for each in used(fields, "connection", "state", wanted)),
    }
    return NetView(context.provenance, fields.faults.all(), **parts)  # type: ignore[arg-type]


def used(fields: Fields, noun: str, mark: str, wanted: Marked | None = None) -> Iterator[Fields]:
    """The slots whose `mark` is not 0, with the paths they have in the view; `wanted`: no more is read."""
    shown = 0
    for slot in fields.structs(f"{noun}s", f"{noun}_count", wanted=wanted):
        renamed = slot.at(f"{fields.where(f'{noun}s')}[{shown}]")
        if renamed.integer(mark):
            shown += 1
            yield renamed


def _interface(fields: Fields) -> Interface:
    return Interface(
        name=fields.text("name", limit=MAX_NAME),
        up=bool(fields.integer("up")),
        mac=packets.mac(_octets(fields, "mac", 6)),
        address=_ipv4(fields, "address"),
        netmask=_ipv4(fields, "netmask"),
        gateway=_ipv4(fields, "gateway"),
        mtu_bytes=fields.unsigned("mtu", "mtu_bytes") if fields.has("mtu") else None,
        rx=_traffic(fields, "rx"),
        tx=_traffic(fields, "tx"),
    )


def _traffic(fields: Fields, direction: str) -> Traffic:
    counters = fields.struct(direction, fields.where(direction))
    if counters is None:
        return Traffic(0, 0, 0)
    return Traffic(*(counters.unsigned(name) for name in ("packets", "bytes", "dropped")))


def _protocol(fields: Fields) -> Protocol:
    return Protocol(
        name=fields.text("name", limit=MAX_NAME),
        handler=fields.function("handler"),
        received=fields.unsigned("received"),
        sent=fields.unsigned("sent"),
        dropped=fields.unsigned("dropped"),
    )


def _listener(fields: Fields) -> Listener:
    number = fields.integer("protocol")
    if number not in LISTENED:
        fields.faults.add(fields.where("protocol"), f"{number} is neither 6 (TCP) nor 17 (UDP)")
    return Listener(
        protocol=LISTENED.get(number, str(number)),
        port=_port(fields, "port"),
        handler=fields.function("handler"),
        accepted=fields.unsigned("accepted"),
    )


def _connection(fields: Fields) -> Connection:
    state = fields.integer("state")
    if not 0 <= state < len(STATES):
        fields.faults.add(fields.where("state"), f"{state} is no state of TCP")
    return Connection(
        state=STATES[state] if 0 <= state < len(STATES) else f"state {state}",
        local_address=_ipv4(fields, "local_address"),
        local_port=_port(fields, "local_port"),
        remote_address=_ipv4(fields, "remote_address"),
        remote_port=_port(fields, "remote_port"),
        handler=fields.function("handler") if fields.has("handler") else None,
        received_bytes=fields.unsigned("received_bytes"),
        sent_bytes=fields.unsigned("sent_bytes"),
        unacknowledged_bytes=fields.unsigned("unacknowledged_bytes"),
        unsent_bytes=fields.unsigned("unsent_bytes"),
        retransmits=fields.unsigned("retransmits") if fields.has("retransmits") else None,
    )


def _port(fields: Fields, member: str) -> int:
    port = fields.unsigned(member)
    if port > 0xFFFF:
        fields.faults.add(fields.where(member), f"{port} is no port number")
    return port


def _ipv4(fields: Fields, member: str) -> str:
    return packets.dotted(_octets(fields, member, 4))


def _octets(fields: Fields, member: str, count: int) -> bytes:
    """The bytes of an address as they lie in memory; zeros with a fault where there are none."""
    where = fields.where(member)
    try:
        data = fields.value.member_(member).bytes_()
    except MemoryFault as fault:
        fields.faults.add(where, f"unreadable: {fault.reason}", fault.address)
        return bytes(count)
    except WrongType as wrong:
        fields.faults.add(where, str(wrong))
        return bytes(count)
    if len(data) != count:
        fields.faults.add(where, f"an address of {len(data)} bytes, not {count}")
    return data[:count].ljust(count, b"\0")
