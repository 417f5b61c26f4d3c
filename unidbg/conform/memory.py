"""Probes of memory."""

from __future__ import annotations

from collections.abc import Callable

from unidbg.conform.guest import NOWHERE, Guest
from unidbg.conform.outcome import YES, Outcome, judged, no, probe, untested, wrong, yes
from unidbg.errors import RemoteProtocolError
from unidbg.rsp.framing import escape
from unidbg.rsp.memory import memory_sum, parse_read_many
from unidbg.rsp.replies import as_text, is_error, is_hex

MEMORY = "memory"
AWKWARD = bytes(range(0x20, 0x50)) + b"#$}*"
"""Data with everything that has to be escaped."""


def _escaped(data: bytes) -> bytes:
    """As in a request. `*` need not be escaped there, but QEMU expands runs in requests, too."""
    return escape(data, reply=True)


@probe(MEMORY, "m: read", required=True)
def read(guest: Guest) -> Outcome:
    if guest.pc is None:
        return untested("no address is known")
    return YES if guest.readable is not None else no("neither at the pc nor at the stack pointer")


@probe(MEMORY, "m: an error where nothing is", required=True)
def bad_address(guest: Guest) -> Outcome:
    reply = guest.ask(b"m%x,8" % NOWHERE)
    if is_error(reply):
        return YES if guest.ask(b"?") else wrong("the stub did not survive it")
    return wrong("an empty reply means that m is unknown" if not reply else f"{as_text(reply, 20)}")


@probe(MEMORY, "m: what is readable of a range")
def prefix(guest: Guest) -> Outcome:
    border = next((end for end in _ends(guest) if _is_border(guest, end)), None)
    if border is None:
        return untested("no end of a region is known")
    reply = guest.ask(b"m%x,10" % (border - 8))
    return judged(reply, is_hex(reply) and len(reply) == 16, "8 bytes")


def _ends(guest: Guest) -> list[int]:
    return [region.end for region in guest.target.memory_map()]


def _is_border(guest: Guest, end: int) -> bool:
    return guest.peek(end - 8, 8) is not None and guest.peek(end, 1) is None


@probe(MEMORY, "M: write", required=True)
def write(guest: Guest) -> Outcome:
    return _written(guest, lambda at, data: b"M%x,%x:%b" % (at, len(data), data.hex().encode()))


@probe(MEMORY, "X: write binary, escapes")
def write_binary(guest: Guest) -> Outcome:
    return _written(guest, lambda at, data: b"X%x,%x:%b" % (at, len(data), _escaped(data)))


def _written(guest: Guest, packet: Callable[[int, bytes], bytes]) -> Outcome:
    if guest.scratch is None:
        return untested("no memory below the stack")
    with guest.kept(guest.scratch, len(AWKWARD)):
        reply = guest.ask(packet(guest.scratch, AWKWARD))
        return judged(reply, reply == b"OK" and guest.peek(guest.scratch, len(AWKWARD)) == AWKWARD, "OK")


@probe(MEMORY, "x: read binary")
def read_binary(guest: Guest) -> Outcome:
    if guest.scratch is None:
        return untested("no memory below the stack")
    with guest.kept(guest.scratch, len(AWKWARD)):
        guest.poke(guest.scratch, AWKWARD)
        reply = guest.ask(b"x%x,%x" % (guest.scratch, len(AWKWARD)))
    styles = [style for style in (b"b", b"") if reply == style + AWKWARD]
    if styles and "binary-upload" in guest.features and styles != [b"b"]:
        return wrong("binary-upload promises a b before the data")
    return judged(reply, bool(styles), "the data")


@probe(MEMORY, "MultiMemRead: many ranges at once")
def read_many(guest: Guest) -> Outcome:
    if "MultiMemRead" not in guest.features or guest.readable is None:
        return no()
    ranges = [(guest.readable, 8), (NOWHERE, 4), (guest.readable + 8, 4)]
    words = b",".join(b"%x,%x" % pair for pair in ranges)
    try:
        got = parse_read_many(guest.ask(b"MultiMemRead:ranges:%b;" % words), ranges)
    except RemoteProtocolError as error:
        return wrong(str(error))
    expected = [guest.peek(address, length) or b"" for address, length in ranges]
    return YES if got == expected else wrong("the data are not those of m")


@probe(MEMORY, "qSearch:memory")
def search(guest: Guest) -> Outcome:
    if guest.scratch is None:
        return untested("no memory below the stack")
    with guest.kept(guest.scratch, 64):
        guest.poke(guest.scratch + 40, AWKWARD[-8:])
        question = b"qSearch:memory:%x;%x;%b" % (guest.scratch, 64, _escaped(AWKWARD[-8:]))
        reply = guest.ask(question)
    return judged(reply, reply == b"1,%x" % (guest.scratch + 40), "the place")


@probe(MEMORY, "qCRC")
def checksum(guest: Guest) -> Outcome:
    data = guest.peek(guest.readable, 32) if guest.readable is not None else None
    if data is None or guest.readable is None:
        return untested("nothing can be read")
    reply = guest.ask(b"qCRC:%x,20" % guest.readable)
    return judged(reply, reply[:1] == b"C" and reply[1:].lstrip(b"0") == b"%x" % memory_sum(data), "the sum")


@probe(MEMORY, "memory map")
def memory_map(guest: Guest) -> Outcome:
    if "qXfer:memory-map:read" not in guest.features:
        return no()
    regions = guest.target.memory_map()
    if not regions:
        return wrong("it is empty: debuggers take everything for unreadable")
    if guest.sp is not None and not any(region.start <= guest.sp <= region.end for region in regions):
        return wrong("the stack is not in it: debuggers will not read it")
    return yes(f"{len(regions)} regions")
