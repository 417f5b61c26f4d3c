"""The panes of the network stack and of the rings under it."""

from __future__ import annotations

from collections import Counter

from unidbg.render import units
from unidbg.views.network import (
    Chain,
    Connection,
    Interface,
    Listener,
    NetView,
    Protocol,
    Ring,
    RingSlot,
    RingsView,
)
from unidbg_tui import words
from unidbg_tui.cells import (
    ABSENT,
    Cell,
    Chart,
    Column,
    Fact,
    Line,
    Page,
    Role,
    Row,
    Span,
    Table,
    columns,
    distinct,
    guest,
    line,
    number_cell,
    text_cell,
)
from unidbg_tui.pages.past import Past, top_rate

_CONNECTIONS = columns(
    "state", "remote", "local", ">received", ">sent", ">unacknowledged", ">unsent", ">resent", "handler+"
)
_LISTENERS = columns("protocol", ">port", ">accepted", "handler+")
_PROTOCOLS = columns("protocol", ">received", ">sent", ">dropped", "handler+")
CONNECTION_ROLES: dict[str, Role] = {
    "ESTABLISHED": "good",
    "LISTEN": "accent",
    "TIME-WAIT": "dim",
    "CLOSED": "dim",
}


def net(view: NetView, past: Past) -> Page:
    """Interfaces, what goes through them, connections, who listens, protocols."""
    facts = tuple(fact for interface in view.interfaces for fact in _interface(interface))
    connections = distinct(_connection(connection) for connection in view.connections)
    return Page(
        facts,
        (_traffic("received", "net.rx.packets", past), _traffic("sent", "net.tx.packets", past)),
        (
            Table("connections", _CONNECTIONS, connections, "no connection"),
            Table("listeners", _LISTENERS, distinct(map(_listener, view.listeners)), "no port is served"),
            Table("protocols", _PROTOCOLS, distinct(map(_protocol, view.protocols)), "no protocol"),
        ),
    )


def _interface(interface: Interface) -> list[Fact]:
    name = guest(interface.name).text
    up = Span("up", "good") if interface.up else Span("down", "bad")
    masks = guest(f"  netmask {interface.netmask}  gateway {interface.gateway}  mac {interface.mac}", "dim")
    moved = line(
        _direction("received", interface.rx.packets, interface.rx.bytes, interface.rx.dropped),
        Span("   "),
        _direction("sent", interface.tx.packets, interface.tx.bytes, interface.tx.dropped),
    )
    return [
        Fact(name, line(up, "  ", guest(interface.address, "strong"), masks), (1, f"{interface.up}")),
        Fact(f"{name} frames", moved, (0, interface.rx.packets + interface.tx.packets)),
    ]


def _direction(word: str, packets: int, size: int, dropped: int) -> Span:
    lost = f", {units.count(dropped)} dropped" if dropped else ""
    return Span(f"{word} {units.count(packets)} ({units.size(size)}{lost})")


def _traffic(title: str, path: str, past: Past) -> Chart:
    rates = past.rates(path)
    now = words.rate(rates[-1] if rates else None)
    return Chart(f"frames {title}", rates, line(Span(now, "strong")), top_rate(rates))


def _connection(connection: Connection) -> Row:
    remote = f"{connection.remote_address}:{connection.remote_port}"
    local = f"{connection.local_address}:{connection.local_port}"
    cells = (
        text_cell(connection.state, CONNECTION_ROLES.get(connection.state, "warn")),
        text_cell(remote, "strong"),
        text_cell(local, "dim"),
        _bytes(connection.received_bytes),
        _bytes(connection.sent_bytes),
        _bytes(connection.unacknowledged_bytes),
        _bytes(connection.unsent_bytes),
        number_cell(connection.retransmits),
        words.place_cell(connection.handler),
    )
    return Row(f"{remote}-{local}", cells)


def _bytes(count: int) -> Cell:
    return number_cell(count, units.size(count), "" if count else "dim")


def _listener(listener: Listener) -> Row:
    cells = (
        text_cell(listener.protocol, "strong"),
        number_cell(listener.port, str(listener.port)),
        number_cell(listener.accepted),
        words.place_cell(listener.handler),
    )
    return Row(f"{listener.protocol}:{listener.port}", cells)


def _protocol(protocol: Protocol) -> Row:
    cells = (
        text_cell(protocol.name, "strong"),
        number_cell(protocol.received),
        number_cell(protocol.sent),
        number_cell(protocol.dropped, role="warn" if protocol.dropped else ""),
        words.place_cell(protocol.handler),
    )
    return Row(protocol.name, cells)


def states(view: NetView) -> list[tuple[str, int]]:
    """How many connections are in each state, the most frequent first."""
    return Counter(connection.state for connection in view.connections).most_common()


_RINGS = columns(
    "ring", "direction", ">head", ">tail", ">in flight", ">of", Column("filled", bar=True), "stuck+"
)
_QUEUES = columns(
    "virtqueue", ">available", ">used", ">seen", ">in flight", ">untaken", ">free", "quiet", ">stalled"
)
_SLOTS = columns(">slot", "state", ">length", ">time", ">address", "packet+")
_CHAINS = columns(">chain", "state", ">written", "buffers+")


def rings(view: RingsView, past: Past) -> Page:
    """Driver rings, the virtqueues under them; the slots or chains of the one under the cursor."""
    charts = tuple(_ring_chart(number, ring, past) for number, ring in enumerate(view.rings))
    queues = distinct(_queue(ring) for ring in view.rings if ring.queue is not None)
    return Page(
        charts=charts[:4],
        tables=(
            Table("rings", _RINGS, distinct(map(_ring, view.rings)), "no ring"),
            Table("virtqueues", _QUEUES, queues, "no virtqueue under them"),
        ),
    )


def _ring_chart(number: int, ring: Ring, past: Past) -> Chart:
    rates = past.rates(f"rings.{number}.head")
    now = words.rate(rates[-1] if rates else None)
    return Chart(
        guest(ring.name).text,
        rates,
        line(Span(now, "strong")),
        top_rate(rates),
    )


def _ring(ring: Ring) -> Row:
    share = ring.in_flight / ring.size if ring.size > 0 else 0.0
    cells = (
        text_cell(ring.name, "strong"),
        text_cell(ring.direction),
        number_cell(ring.head),
        number_cell(ring.tail),
        number_cell(ring.in_flight),
        number_cell(ring.size),
        Cell((), (0, share), (0.0, max(0.0, min(1.0, share)))),
        text_cell(ring.stuck, "bad") if ring.stuck else Cell((Span("no", "dim"),), ABSENT),
    )
    return Row(f"{ring.name} {ring.direction}", cells, _slots(ring))


def _slots(ring: Ring) -> Table:
    return Table(
        f"slots of {guest(ring.name).text}", _SLOTS, distinct(map(_slot, ring.slots)), "no packet lies in it"
    )


def _slot(slot: RingSlot) -> Row:
    time = None if slot.time_ns is None else units.duration(slot.time_ns)
    cells = (
        number_cell(slot.index, str(slot.index)),
        text_cell(slot.state, "accent" if slot.state == "in flight" else "dim"),
        number_cell(slot.length_bytes),
        number_cell(slot.time_ns, time),
        words.address_cell(slot.address),
        text_cell(slot.packet.summary) if slot.packet is not None else Cell((words.NONE,), ABSENT),
    )
    return Row(f"{slot.index}", cells)


def _queue(ring: Ring) -> Row:
    queue = ring.queue
    assert queue is not None
    quiet = [
        word
        for word, flag in (("interrupts", queue.no_interrupt), ("notifications", queue.no_notify))
        if flag
    ]
    cells = (
        text_cell(ring.name, "strong"),
        number_cell(queue.avail_index),
        number_cell(queue.used_index),
        number_cell(queue.last_used),
        number_cell(queue.in_flight),
        number_cell(queue.untaken, role="warn" if queue.untaken else ""),
        number_cell(queue.free_descriptors),
        Cell(
            (Span("event index" if queue.event_idx else ", ".join(quiet) or "no", "dim"),),
            (1, ", ".join(quiet)),
        ),
        number_cell(
            queue.stalled_ns, units.duration(queue.stalled_ns), "warn" if queue.stalled_ns else "dim"
        ),
    )
    chains = distinct(map(_chain, queue.chains))
    return Row(
        ring.name, cells, Table(f"chains of {guest(ring.name).text}", _CHAINS, chains, "all are the driver's")
    )


def _chain(chain: Chain) -> Row:
    buffers: list[Span] = []
    for descriptor in chain.descriptors[:8]:
        arrow = "←" if descriptor.device_writes else "→"
        buffers.append(Span(f"{arrow} {descriptor.address:#x} {units.size(descriptor.length_bytes)}  "))
    if len(chain.descriptors) > 8:
        buffers.append(Span(f"and {len(chain.descriptors) - 8} more", "dim"))
    said: Line = tuple(buffers)
    cells = (
        number_cell(chain.head, str(chain.head)),
        text_cell(chain.state, "accent" if chain.state == "available" else ""),
        number_cell(chain.written_bytes),
        Cell(said, (0, len(chain.descriptors))),
    )
    return Row(f"{chain.head}", cells)
