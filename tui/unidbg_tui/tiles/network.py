"""The tiles of the network stack and of its rings."""

from __future__ import annotations

from unidbg.render import units
from unidbg.views.network import Connection, Interface, NetView, Ring, RingsView
from unidbg_tui import fit, words
from unidbg_tui.cells import Gauge, Line, Span, guest, line
from unidbg_tui.pages.network import CONNECTION_ROLES, states
from unidbg_tui.pages.past import Past
from unidbg_tui.tiles.room import Room, gauge_line, spark_lines


def net(view: NetView, past: Past, room: Room) -> list[Line]:
    """Who the guest is, what comes and goes, and its connections by state; each of them if there is room."""
    head = [_interface(interface, room) for interface in view.interfaces]
    moved = fit.either(
        room.width,
        (_rate("received", past.rate("net.rx.packets")), _rate("sent", past.rate("net.tx.packets"))),
        (_rate("in", past.rate("net.rx.packets")), _rate("out", past.rate("net.tx.packets"))),
    )
    counts = _states(view)
    left = room.height - len(head) - 2
    height = max(0, min(left, max(1, left - len(view.connections))))
    chart = spark_lines(past.rates("net.rx.packets"), room.width, height)
    return [*head, moved, *chart, counts, *(_connection(each, room) for each in view.connections)]


def _interface(interface: Interface, room: Room) -> Line:
    shape = Span("● ", "good") if interface.up else Span("○ ", "bad")
    name = (shape, guest(interface.name))
    return fit.sides(name, (guest(interface.address, "strong"),), room.width)


def _rate(word: str, rate: float | None) -> Line:
    return line(Span(words.rate(rate), "strong"), Span(f" {word}", "dim"))


def _states(view: NetView) -> Line:
    if not view.connections:
        return (Span("no connection", "dim"),)
    spans: list[Span] = []
    for state, count in states(view):
        spans += [
            Span(f"{count:,} ", "strong"),
            guest(state.lower(), CONNECTION_ROLES.get(state, "warn")),
            Span("  "),
        ]
    return tuple(spans)


def _connection(connection: Connection, room: Room) -> Line:
    remote = (guest(f"{connection.remote_address}:{connection.remote_port}"),)
    state = (guest(connection.state.lower(), CONNECTION_ROLES.get(connection.state, "warn")),)
    return fit.sides(remote, state, room.width)


def rings(view: RingsView, past: Past, room: Room) -> list[Line]:
    """Each ring: packets per second, and how full it is; a stuck one says so."""
    if not view.rings:
        return [(Span("no ring", "dim"),)]
    each = max(2, room.height // len(view.rings))
    lines = [_ring(number, ring, past, room, each) for number, ring in enumerate(view.rings)]
    return [spans for ring in lines for spans in ring]


def _ring(number: int, ring: Ring, past: Past, room: Room, height: int) -> list[Line]:
    rate = words.rate(past.rate(f"rings.{number}.head"))
    name = line(guest(ring.name, "strong"), "  ", Span(rate, "dim"))
    flight = line(units.count(ring.in_flight), Span(f" of {units.count(ring.size)}", "dim"))
    share = ring.in_flight / ring.size if ring.size > 0 else 0.0
    gauge = gauge_line(Gauge(share, role="bad" if ring.stuck else "accent"), room.width)
    stuck: list[Line] = [(guest(f"stuck: {ring.stuck}", "bad"),)] if ring.stuck else []
    chart = spark_lines(past.rates(f"rings.{number}.head"), room.width, height - 2 - len(stuck))
    return [fit.sides(name, flight, room.width), *stuck, gauge, *chart]
