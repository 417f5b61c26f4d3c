"""Probes of modes of a session, each ended again: what a client may change, reads while the guest runs."""

from __future__ import annotations

from unidbg.conform.guest import Guest
from unidbg.conform.outcome import YES, Outcome, no, probe, untested, wrong
from unidbg.rsp.replies import as_text, is_error

MODES = "modes"


@probe(MODES, "QAllow: a client forbids itself to write")
def allow(guest: Guest) -> Outcome:
    if guest.scratch is None:
        return untested("no memory below the stack")
    reply = guest.ask(b"QAllow:WriteMem:0")
    if reply != b"OK":
        return no()
    before = guest.peek(guest.scratch, 1) or b"\0"
    refused = is_error(guest.poke(guest.scratch, before))
    guest.ask(b"QAllow:WriteMem:1")
    again = guest.poke(guest.scratch, before) == b"OK"
    return YES if refused and again else wrong("memory was written all the same" if again else "for ever")


@probe(MODES, "non-stop: memory is read while the guest runs")
def non_stop(guest: Guest) -> Outcome:
    if "QNonStop" not in guest.features:
        return no()
    if not guest.may_run or guest.readable is None:
        return untested("the guest stood when we came")
    if guest.ask(b"QNonStop:1") != b"OK":
        return wrong("offered, but refused")
    runs = guest.ask(b"?") == b"OK"
    read = guest.peek(guest.readable, 8) is not None
    back = guest.ask(b"QNonStop:0") == b"OK"
    stands = guest.ask(b"?")[:1] in (b"T", b"S")
    guest.moved()
    if not back or not stands:
        return wrong("it does not end")
    if not runs:  # all threads were reported as stopped, which is right for a stub that had stopped them
        return YES if read else wrong("memory cannot be read")
    return YES if read else wrong("memory cannot be read while the guest runs")


@probe(MODES, "tables for info os")
def tables(guest: Guest) -> Outcome:
    if "qXfer:osdata:read" not in guest.features:
        return no()
    reply = guest.ask(b"qXfer:osdata:read::0,400")
    return YES if reply[:1] in (b"l", b"m") and b"<osdata" in reply else wrong(as_text(reply, 30))
