"""Probes of the wire and of the session."""

from __future__ import annotations

from unidbg.conform.guest import Guest
from unidbg.conform.outcome import YES, Outcome, judged, no, probe, untested, wrong, yes
from unidbg.rsp.replies import as_text, is_error

WIRE, SESSION = "wire", "session"
SLOW_LINE = 20.0
"""Seconds that a long packet may take: UARTs of machines that are emulated swallow a few KiB a second."""


def _from_raw(guest: Guest, name: str) -> Outcome:
    found = guest.raw.get(name)
    if found is None:
        return untested("the line does not allow it")
    return wrong(found) if found else YES


@probe(WIRE, "packets in fragments of one byte", required=True)
def fragments(guest: Guest) -> Outcome:
    return _from_raw(guest, "fragments")


@probe(WIRE, "refuses a packet with a wrong sum", required=True)
def damage(guest: Guest) -> Outcome:
    return _from_raw(guest, "damage")


@probe(WIRE, "repeats a reply that is refused", required=True)
def repeats(guest: Guest) -> Outcome:
    return _from_raw(guest, "repeats")


@probe(WIRE, "QStartNoAckMode")
def no_acks(guest: Guest) -> Outcome:
    if "QStartNoAckMode" not in guest.features:
        return no()
    return wrong("offered, but not granted") if guest.target.link.acks else YES


@probe(WIRE, "empty replies to unknown packets", required=True)
def unknown(guest: Guest) -> Outcome:
    for payload in (b"vMustReplyEmpty", b"qNoSuchThing:1", b"vNoSuchThing", b"QNoSuchThing:1"):
        reply = guest.ask(payload)
        if reply:
            return wrong(f"{payload.decode()} is answered by {as_text(reply, 20)}")
    return YES


@probe(WIRE, "PacketSize")
def packet_size(guest: Guest) -> Outcome:
    size = guest.features.packet_size
    return no() if size is None else yes(f"{size} bytes")


@probe(WIRE, "packets as long as it says")
def longest(guest: Guest) -> Outcome:
    size = guest.features.packet_size
    if size is None:
        return untested("it tells no size")
    head = b"vNoSuchThing;"
    reply = guest.ask(head + b"a" * (size - len(head)), SLOW_LINE if guest.kind == "unidbg" else None)
    return wrong("a packet of that length is answered wrongly") if reply else YES


@probe(SESSION, "qSupported", required=True)
def supported(guest: Guest) -> Outcome:
    count = len(guest.features.yes) + len(guest.features.values)
    return yes(f"{count} features") if count else no()


@probe(SESSION, "error texts (error-message)")
def error_texts(guest: Guest) -> Outcome:
    if "error-message" not in guest.features:
        return no()
    reply = guest.ask(b"qRcmd," + b"no such command of any stub".hex().encode())
    return YES if reply.startswith(b"E.") else wrong(f"{as_text(reply, 30)} where a text was expected")


@probe(SESSION, "qAttached says 1: leaving does not kill")
def attached(guest: Guest) -> Outcome:
    return judged(guest.ask(b"qAttached"), guest.ask(b"qAttached") == b"1", "1")


@probe(SESSION, "? tells the stop", required=True)
def question(guest: Guest) -> Outcome:
    reply = guest.ask(b"?")
    return judged(reply, reply[:1] in b"TS" and len(reply) >= 3, "a stop reply")


@probe(SESSION, "? names the thread")
def question_thread(guest: Guest) -> Outcome:
    return YES if b"thread:" in guest.ask(b"?") else no()


@probe(SESSION, "qTStatus is quiet or true")
def tracing(guest: Guest) -> Outcome:
    reply = guest.ask(b"qTStatus")
    return YES if not reply or reply[:2] in (b"T0", b"T1") or is_error(reply) else wrong(as_text(reply, 30))


@probe(SESSION, "monitor commands (qRcmd)")
def monitor(guest: Guest) -> Outcome:
    guest.target.link.take_output()
    reply = guest.ask(b"qRcmd," + b"help".hex().encode())
    said = guest.target.link.take_output()
    if not reply:
        return no()
    return YES if reply == b"OK" or not is_error(reply) or said else wrong(as_text(reply, 30))
