"""Probes of threads and documents."""

from __future__ import annotations

from unidbg.conform.guest import Guest
from unidbg.conform.outcome import YES, Outcome, judged, no, probe, untested, wrong, yes
from unidbg.rsp.replies import as_text, is_error, is_hex
from unidbg.rsp.xml import XmlError, parse_xml
from unidbg.target.handshake import fetch_document

THREADS = "threads"
DOCUMENTS = "documents"
NO_THREAD = b"7ffffffe"


@probe(THREADS, "qfThreadInfo lists them", required=True)
def listed(guest: Guest) -> Outcome:
    reply = guest.ask(b"qfThreadInfo")
    for _ in range(256):
        if guest.ask(b"qsThreadInfo") in (b"l", b""):
            break
    else:
        return wrong("the list does not end")
    return judged(reply, reply[:1] == b"m" and len(reply) > 1, "a list")


@probe(THREADS, "qC names the one that stopped")
def current(guest: Guest) -> Outcome:
    reply = guest.ask(b"qC")
    return judged(reply, reply.startswith(b"QC") and len(reply) > 2, "a thread")


@probe(THREADS, "T: alive or not")
def alive(guest: Guest) -> Outcome:
    if not guest.thread:
        return untested("no thread has an id")
    reply = guest.ask(b"T" + guest.thread.encode())
    prefix = b"p1." if guest.thread.startswith("p") else b""
    return judged(
        reply, reply == b"OK" and is_error(guest.ask(b"T" + prefix + NO_THREAD)), "OK, and an error"
    )


@probe(THREADS, "H selects one, or any", required=True)
def selected(guest: Guest) -> Outcome:
    asked = [b"Hg0", *([b"Hg" + guest.thread.encode()] if guest.thread else [])]
    replies = [guest.ask(packet) for packet in asked]
    refused = [packet.decode() for packet, reply in zip(asked, replies, strict=True) if reply != b"OK"]
    return no(f"not {', '.join(refused)}") if refused else YES


@probe(THREADS, "qThreadExtraInfo describes one")
def extra(guest: Guest) -> Outcome:
    if not guest.thread:
        return untested("no thread has an id")
    reply = guest.ask(b"qThreadExtraInfo," + guest.thread.encode())
    return judged(reply, is_hex(reply) and len(reply) % 2 == 0, "hexadecimal text")


@probe(THREADS, "all in one document (qXfer:threads)")
def document(guest: Guest) -> Outcome:
    if "qXfer:threads:read" not in guest.features:
        return no()
    found = fetch_document(guest.target.link, guest.target.stub, "threads")
    if found is None:
        return wrong("offered, but not there")
    try:
        parse_xml(found)
    except XmlError as error:
        return wrong(str(error))
    return YES


@probe(DOCUMENTS, "the image's file (qXfer:exec-file)")
def exec_file(guest: Guest) -> Outcome:
    found = _offered(guest, "exec-file", "the port does not tell it")
    if isinstance(found, Outcome):
        return found
    return yes(as_text(found, 40)) if found else wrong("no name")


@probe(DOCUMENTS, "programs it has loaded (qXfer:libraries)")
def libraries(guest: Guest) -> Outcome:
    found = _offered(guest, "libraries", "there is nothing but the image")
    if isinstance(found, Outcome):
        return found
    try:
        return yes(str(len(parse_xml(found).children)))
    except XmlError as error:
        return wrong(str(error))


def _offered(guest: Guest, kind: str, otherwise: str) -> bytes | Outcome:
    """The document; what to say of it where there is none: ours leaves out what a port does not give."""
    if f"qXfer:{kind}:read" not in guest.features:
        return untested(otherwise) if guest.kind == "unidbg" else no()
    found = fetch_document(guest.target.link, guest.target.stub, kind)
    return wrong("offered, but not there") if found is None else found
