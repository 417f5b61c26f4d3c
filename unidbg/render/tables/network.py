"""The network stack: interfaces, connections as netstat shows them, who listens, protocols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.views.network import Connection, Interface, Listener, NetView, Protocol, Traffic

_STATES = {"ESTABLISHED": cells.GOOD, "TIME-WAIT": cells.DIM, "CLOSED": cells.DIM}


def net(view: NetView, page: Page) -> Sequence[RenderableType]:
    drawn: list[RenderableType] = [line for each in view.interfaces for line in _interface(each, page)]
    if not drawn:
        drawn.append(Text("no interfaces"))
    for table in (
        _connections(view.connections, page),
        _listeners(view.listeners),
        _protocols(view.protocols),
    ):
        drawn += [layout.BLANK, table]
    return drawn


def _head(one: Interface) -> Text:
    up = Text("up", style=cells.GOOD) if one.up else Text("down", style=cells.BAD)
    address = cells.guest(one.address + prefix(one.netmask), cells.ADDRESS)
    return Text.assemble(cells.guest(one.name, cells.HEAD), " ", up, "  ", address)


def _interface(one: Interface, page: Page) -> list[RenderableType]:
    """Who it is, and what it has moved."""
    more = [_said("gateway", one.gateway), _said("mac", one.mac)]
    if one.mtu_bytes is not None:
        more.append(_said("mtu", str(one.mtu_bytes)))
    return [layout.flow([_head(one), *more], page.width), _moved(one, page)]


def _moved(one: Interface, page: Page) -> Text:
    return layout.flow([_traffic("received", one.rx), _traffic("sent", one.tx)], page.width, head="  ")


def prefix(netmask: str) -> str:
    """`/24`, or the mask itself where it has holes."""
    try:
        bits = int.from_bytes(bytes(map(int, netmask.split("."))))
    except ValueError:
        return f" mask {netmask}"
    ones = bits.bit_count()
    return f"/{ones}" if bits == (1 << 32) - (1 << 32 - ones) else f" mask {netmask}"


def _said(word: str, value: str) -> Text:
    return Text.assemble((f"{word} ", cells.DIM), cells.guest(value))


def _traffic(word: str, traffic: Traffic) -> Text:
    text = Text(f"{word} {units.plural(traffic.packets, 'frame')} ({units.size(traffic.bytes)})")
    style = cells.WARN if traffic.dropped else cells.DIM
    return text.append(f", {units.count(traffic.dropped)} dropped", style=style)


def _connections(connections: Sequence[Connection], page: Page) -> RenderableType:
    if not connections:
        return Text("no connections", style=cells.DIM)
    return _all_of(connections) if page.wide else _most_of(connections)


def _all_of(connections: Sequence[Connection]) -> RenderableType:
    rows = [
        (
            *_ends(each),
            cells.size(each.received_bytes),
            cells.size(each.sent_bytes),
            _queued(each.unacknowledged_bytes),
            _queued(each.unsent_bytes),
            _resent(each.retransmits),
            cells.none() if each.handler is None else cells.name(each.handler),
        )
        for each in connections
    ]
    titles = (">!received", ">!sent", ">!unacked", ">!unsent", ">!resent", "handler")
    return layout.table(("!tcp", "!local", "!remote", *titles), rows)


def _most_of(connections: Sequence[Connection]) -> RenderableType:
    """What fits 80 columns: what is to be sent in one sum; the listeners below name the handlers."""
    rows = [
        (
            *_ends(each),
            cells.size(each.received_bytes),
            cells.size(each.sent_bytes),
            _queued(each.unacknowledged_bytes + each.unsent_bytes),
        )
        for each in connections
    ]
    return layout.table(("!tcp", "!local", "!remote", ">!in", ">!out", ">!send-q"), rows)


def _ends(one: Connection) -> tuple[Text, Text, Text]:
    return (
        cells.guest(one.state, _STATES.get(one.state, cells.WARN)),
        cells.guest(f"{one.local_address}:{one.local_port}"),
        cells.guest(f"{one.remote_address}:{one.remote_port}"),
    )


def _queued(count: int) -> Text:
    return Text(units.size(count), style="" if count else cells.DIM)


def _resent(count: int | None) -> Text:
    return (
        cells.none() if count is None else Text(units.count(count), style=cells.WARN if count else cells.DIM)
    )


def _listeners(listeners: Sequence[Listener]) -> RenderableType:
    if not listeners:
        return Text("nobody listens", style=cells.DIM)
    rows = [
        (
            cells.guest(each.protocol, cells.HEAD),
            Text(str(each.port)),
            cells.number(each.accepted),
            cells.place(each.handler),
        )
        for each in listeners
    ]
    return layout.table(("listener", ">!port", ">!accepted", "handler"), rows)


def _protocols(protocols: Sequence[Protocol]) -> RenderableType:
    if not protocols:
        return Text("no protocols", style=cells.DIM)
    rows = [
        (
            cells.guest(each.name, cells.HEAD),
            cells.number(each.received),
            cells.number(each.sent),
            Text(units.count(each.dropped), style=cells.WARN if each.dropped else ""),
            cells.place(each.handler),
        )
        for each in protocols
    ]
    return layout.table(("protocol", ">!received", ">!sent", ">!dropped", "handler"), rows)


def part(view: NetView, page: Page) -> Sequence[RenderableType]:
    """What the overview shows of it."""
    drawn = [line for each in view.interfaces for line in (_head(each), _moved(each, page))]
    states = Counter(each.state for each in view.connections).most_common()
    counts = [
        Text.assemble(f"{units.count(n)} ", cells.guest(state, _STATES.get(state, cells.WARN)))
        for state, n in states
    ]
    served = [cells.guest(f"{each.protocol} {each.port}") for each in view.listeners]
    connections = Text.assemble(
        units.plural(len(view.connections), "connection"), ": " if counts else "", Text(", ").join(counts)
    )
    serves = Text.assemble(("serves ", cells.DIM), Text(", ").join(served)) if served else Text()
    return [*drawn, layout.flow([connections, serves], page.width)]
