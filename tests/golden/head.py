"""What all made-up views have in common: where they come from, places and ranges."""

from __future__ import annotations

from unidbg.views.base import Address, ImageIdentity, Location, Provenance, Range

PROVENANCE = Provenance(
    target="localhost:1234",
    access="rsp",
    images=(
        ImageIdentity("/home/me/build/hello.elf", "9f3ab1c2d4e5f60718293a4b5c6d7e8f90a1b2c3", 0, "build-id"),
    ),
    profile="probes",
    consistency="stopped",
    stop_number=7,
    stopped_ns=1_240_000,
)


def at(address: int, symbol: str | None = None, offset: int = 0, file: str = "", line: int = 0) -> Location:
    return Location(Address(address), symbol, offset, file or None, line or None)


def span(start: int, end: int) -> Range:
    return Range(Address(start), Address(end))
