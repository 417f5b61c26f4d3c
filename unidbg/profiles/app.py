"""The application from a probe of kind `app` (docs/abi.md)."""

from __future__ import annotations

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.views.base import Address, Location
from unidbg.views.system import AppView

MAX_PORT = 65535


def app(fields: Fields, context: Context) -> AppView:
    """Entry point, heap, data, and what the application was configured with."""
    config = fields.struct("config", "")
    return AppView(
        provenance=context.provenance,
        entry=fields.function("entry") or Location(Address(0)),
        heap=fields.range("heap"),
        data=fields.range("data"),
        name=config.text("name", limit=256) if config else "",
        memory_bytes=config.unsigned("memory_bytes") if config else 0,
        needs_network=bool(config and config.integer("needs_network")),
        needs_storage=bool(config and config.integer("needs_storage")),
        ports=_ports(config) if config else (),
        faults=fields.faults.all(),
    )


def _ports(config: Fields) -> tuple[int, ...]:
    ports: list[int] = []
    for value in config.items("ports", "port_count"):
        port = config.number(value, f"ports[{len(ports)}]")
        if not 0 <= port <= MAX_PORT:
            config.faults.add(f"ports[{len(ports)}]", f"{port} is no port number", value.address_)
        ports.append(port)
    return tuple(ports)
