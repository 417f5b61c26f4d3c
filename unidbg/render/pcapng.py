"""Packets of a rings view as a pcapng file, for Wireshark and its kind, by python-pcapng.

One interface for each ring; each packet has a comment that says in which ring and slot it lay, and whether it
was in flight. Times are the guest's own clock, which began when it was booted.
"""

from __future__ import annotations

import io
from typing import Any

from unidbg.render.escape import escape
from unidbg.views.base import Provenance
from unidbg.views.network import Ring, RingSlot, RingsView

ETHERNET = 1
"""LINKTYPE_ETHERNET."""
NANOSECONDS = b"\x09"
"""if_tsresol: 10^-9 s."""
INBOUND, OUTBOUND = 1, 2
"""epb_flags, bits 0 and 1."""
DIRECTIONS = {"rx": INBOUND, "tx": OUTBOUND}
CLOCK = "times are the guest's clock, which began at 0 when it was booted"


def pcapng(view: RingsView, application: str) -> bytes:
    """The file, packets in the order of their times. `application` is who made it: `unidbg 1.0`."""
    import warnings

    with warnings.catch_warnings():
        # The library writes if_tsresol by a form of its own that it calls deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return _file(view, application)


def _file(view: RingsView, application: str) -> bytes:
    from pcapng import FileWriter
    from pcapng.blocks import EnhancedPacket, InterfaceDescription, SectionHeader

    options = {"shb_userappl": application, "opt_comment": f"{_origin(view.provenance)}; {CLOCK}"}
    section = SectionHeader(options=options)
    for ring in view.rings:
        section.new_member(InterfaceDescription, link_type=ETHERNET, options=_interface(ring))
    out = io.BytesIO()
    writer = FileWriter(out, section)
    for interface, ring, slot in sorted(_found(view), key=lambda found: found[2].time_ns or 0):
        block = section.new_member(EnhancedPacket, **_packet(interface, ring, slot))
        writer.write_block(block)
    return out.getvalue()


def packet_count(view: RingsView) -> int:
    """How many packets the file has."""
    return len(_found(view))


def _found(view: RingsView) -> list[tuple[int, Ring, RingSlot]]:
    """(interface, ring, slot) of every frame that is there."""
    return [
        (number, ring, slot)
        for number, ring in enumerate(view.rings)
        for slot in ring.slots
        if slot.packet is not None and slot.packet.frame_hex
    ]


def _origin(provenance: Provenance) -> str:
    images = ", ".join(escape(image.path.rsplit("/", 1)[-1]) for image in provenance.images)
    return f"{escape(provenance.target)}, {images}" if images else escape(provenance.target)


def _interface(ring: Ring) -> dict[str, Any]:
    said = f"{escape(ring.direction)} ring of {ring.size} slots, {ring.in_flight} in flight"
    return {"if_name": escape(ring.name), "if_description": said, "if_tsresol": NANOSECONDS}


def _packet(interface: int, ring: Ring, slot: RingSlot) -> dict[str, Any]:
    assert slot.packet is not None
    time = slot.time_ns or 0
    options: dict[str, Any] = {"opt_comment": f"{escape(ring.name)}, slot {slot.index}, {escape(slot.state)}"}
    if ring.direction in DIRECTIONS:
        options["epb_flags"] = DIRECTIONS[ring.direction]
    return {
        "interface_id": interface,
        "timestamp_high": time >> 32 & 0xFFFF_FFFF,
        "timestamp_low": time & 0xFFFF_FFFF,
        "packet_data": bytes.fromhex(slot.packet.frame_hex),
        "packet_len": slot.length_bytes,
        "options": options,
    }
