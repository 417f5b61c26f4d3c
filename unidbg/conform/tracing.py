"""A probe of tracepoints: one is hit on the code of `track`, and what it collected is found again."""

from __future__ import annotations

from unidbg.conform.guest import Guest
from unidbg.conform.outcome import YES, Outcome, no, probe, untested, wrong
from unidbg.conform.track import LAST, Track, tried
from unidbg.rsp.replies import as_text

TRACING = "tracing"
COLLECT = b"M-1,%x,8"
"""Eight bytes at an address."""


@probe(TRACING, "tracepoints")
def tracepoints(guest: Guest) -> Outcome:
    if guest.ask(b"qTStatus")[:1] != b"T":
        return no()
    return tried(guest, _traced_and_cleared)


def _traced_and_cleared(track: Track) -> Outcome:
    try:
        return _traced(track)
    finally:
        for packet in (b"QTStop", b"QTFrame:ffffffff", b"QTinit"):
            track.guest.ask(packet)


def _traced(track: Track) -> Outcome:
    ask, place = track.guest.ask, track.at + 1
    if ask(b"QTinit") != b"OK":
        return untested("another trace is under way")
    defined = (b"QTDP:1:%x:E:0:0-" % place, b"QTDP:-1:%x:%b" % (place, COLLECT % track.data), b"QTStart")
    for packet in defined:
        reply = ask(packet)
        if reply != b"OK":
            return wrong(f"{packet.decode()} is answered by {as_text(reply, 20)}")
    ask(b"Z0,%x,1" % (track.at + LAST))
    try:
        track.go()
    finally:
        ask(b"z0,%x,1" % (track.at + LAST))
    ask(b"QTStop")
    found = ask(b"QTFrame:0")
    return YES if found.startswith(b"F0T1") else wrong(f"no frame: {as_text(found, 20)}")
