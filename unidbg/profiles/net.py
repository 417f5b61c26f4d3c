"""The network stack from a probe of kind `net` (docs/abi.md)."""

from __future__ import annotations

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.slots import ipv4, mac, port, used
from unidbg.program.refresh import SLOW
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


def _interface(fields: Fields) -> Interface:
    return Interface(
        name=fields.text("name", limit=MAX_NAME),
        up=bool(fields.integer("up")),
        mac=mac(fields, "mac"),
        address=ipv4(fields, "address"),
        netmask=ipv4(fields, "netmask"),
        gateway=ipv4(fields, "gateway"),
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
        port=port(fields, "port"),
        handler=fields.function("handler"),
        accepted=fields.unsigned("accepted"),
    )


def _connection(fields: Fields) -> Connection:
    state = fields.integer("state")
    if not 0 <= state < len(STATES):
        fields.faults.add(fields.where("state"), f"{state} is no state of TCP")
    return Connection(
        state=STATES[state] if 0 <= state < len(STATES) else f"state {state}",
        local_address=ipv4(fields, "local_address"),
        local_port=port(fields, "local_port"),
        remote_address=ipv4(fields, "remote_address"),
        remote_port=port(fields, "remote_port"),
        handler=fields.function("handler") if fields.has("handler") else None,
        received_bytes=fields.unsigned("received_bytes"),
        sent_bytes=fields.unsigned("sent_bytes"),
        unacknowledged_bytes=fields.unsigned("unacknowledged_bytes"),
        unsent_bytes=fields.unsigned("unsent_bytes"),
        retransmits=fields.unsigned("retransmits") if fields.has("retransmits") else None,
    )
