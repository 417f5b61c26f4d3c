"""The first packets of a session: find out what answers, and whether the guest stood already.

Order matters. Solo5 wants a `+` before anything else; QEMU sends a stop reply of its own accord when the
connection stopped the guest; Toro answers unknown packets with silence; `?` deletes QEMU's breakpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from unidbg.errors import RemoteProtocolError, TargetError, TargetTimeout
from unidbg.rsp import qxfer
from unidbg.rsp.layouts import named_layout
from unidbg.rsp.memory import BinaryStyle, binary_style, read_binary_request
from unidbg.rsp.registers import RegisterLayout, architecture_of, includes, parse_description
from unidbg.rsp.replies import lists_features, parse_features
from unidbg.rsp.stop import is_stop_reply
from unidbg.rsp.unidbgstub import LEASE_FEATURE, STOP_QUERY
from unidbg.target.breakin import LEASE
from unidbg.target.identify import not_rsp
from unidbg.target.link import Link
from unidbg.target.stub import PHYSICAL_OFF, QEMU_WINDOW, RELIABLE_WINDOW, Stub

SUPPORTED = b"qSupported:swbreak+;hwbreak+;vContSupported+;error-message+;xmlRegisters=i386"
LEASED = SUPPORTED + b";" + LEASE_FEATURE + b"=%x" % int(1000 * LEASE)
"""Our own stub takes the lease in its first packet: from the moment when it stops the guest."""

NO_ACKS = b"QStartNoAckMode"

BINARY_PROBE = read_binary_request(0, 0)

AHEAD = 8192
"""Bytes of a document that are asked for at a time, in as many pieces as that takes."""
FIRST_PIECE = 256
"""Bytes of the register description that are read at once: they tell the architecture."""

FIRST_REPLY = 0.4
"""Share of the time-out that the first reply may take; the rest is for finding out what is wrong."""
PROBE = 0.1
LEFT_OVER = 64
"""Replies meant for a client before us that may come before ours."""
WAKES = 3
"""NMIs that are tried."""
ECHO = 0.2
"""Seconds of silence after which a guest that was woken has answered what it found."""
WAKING = 1.0
"""Seconds that the answer to one may take at least."""


def shake_hands(link: Link, stub: Stub) -> None:
    """Find out what the stub can do, and write it down in `stub`. The guest stands afterwards."""
    link.acknowledge()
    reply = _first_reply(link, stub)
    stub.features = parse_features(reply)
    _name_kind(link, stub)
    _agree_on_acks(link, stub)
    _set_window(link, stub)
    _ask_abilities(link, stub)


def _first_reply(link: Link, stub: Stub) -> bytes:
    if stub.deaf:
        _swallow(link)
    try:
        packet = SUPPORTED if stub.deaf else LEASED
        return _own(link, packet, link.request(packet, FIRST_REPLY * link.timeout), lists_features)
    except TargetTimeout:
        return _wake(link, stub) or _silence(link, stub)
    except RemoteProtocolError:
        raise RemoteProtocolError(not_rsp(link.line.name, bytes(link.head)), data=bytes(link.head)) from None


def _own(link: Link, packet: bytes, reply: bytes, fits: Callable[[bytes], bool]) -> bytes:
    """Our reply to `packet`. What a client before us asked may be answered to us, if it left in between."""
    for _ in range(LEFT_OVER):
        if fits(reply):
            break
        later = link.another(packet, PROBE * link.timeout)
        if later is None:
            break
        reply = later
    return reply


def _wake(link: Link, stub: Stub) -> bytes:
    """The reply of a guest that did not hear us, once an NMI has stopped it; empty where that is no use.

    What stands on the line before our packets may be the farewell of a client that gave up: the guest then
    goes on at once. Whoever has nothing to say but noise is not asked in this way.
    """
    if stub.nmi is None or (link.head and not stub.deaf):
        return b""
    for _ in range(WAKES):
        try:
            stub.nmi()
        except (TargetError, RemoteProtocolError):
            return b""
        with suppress(TargetError, RemoteProtocolError):
            stub.deaf = True
            _swallow(link)
            reply = link.request(SUPPORTED, max(WAKING, PROBE * link.timeout))
            _swallow(link)
            return reply
    return b""


def _swallow(link: Link) -> None:
    """A guest that was woken answers all that stood on the line, a dead client's packets too."""
    link.abandon()
    link.drain(ECHO)
    link.stray_stops.clear()


def _silence(link: Link, stub: Stub) -> bytes:
    """No reply to qSupported: a stub that is silent where others answer "unsupported", or no stub at all."""
    if link.junk and not link.stray_stops:
        raise RemoteProtocolError(not_rsp(link.line.name, bytes(link.head)), data=bytes(link.head))
    link.abandon()
    try:
        link.stray_stops.append(link.request(b"?", PROBE * link.timeout))
    except TargetTimeout:
        raise _nobody_there(link) from None
    stub.silent = True
    return b""


def _nobody_there(link: Link) -> Exception:
    """Provoke an answer that tells what is there: servers of text protocols answer an empty line."""
    link.abandon()
    with suppress(TargetTimeout, RemoteProtocolError):
        link.provoke(b"\r\n\r\n", 2 * PROBE * link.timeout)
    if link.junk:
        return RemoteProtocolError(not_rsp(link.line.name, bytes(link.head)), data=bytes(link.head))
    with suppress(TargetTimeout):
        link.last_will(b"D")
    return TargetTimeout(
        f"{link.line.name} took the connection and stays silent: the guest hangs with interrupts off, "
        "runs no stub on this line, or another client holds it; look at the guest's console"
    )


def _name_kind(link: Link, stub: Stub) -> None:
    abi = stub.features.values.get("unidbg-abi")
    if abi is not None and abi.isascii() and abi.isdigit():
        stub.kind, stub.abi = "unidbg", int(abi)
        stub.layout = named_layout(stub.features.values.get("unidbg-registers", ""))
    elif "QStartNoAckMode" not in stub.features and stub.packet_size and _is_qemu(link):
        stub.kind, stub.physical = "qemu", True


def _is_qemu(link: Link) -> bool:
    """QEMU alone knows this query. A client that died in the middle of a physical read left the mode on."""
    mode = link.request(b"qqemu.PhyMemMode")
    if mode == b"1":
        link.request(PHYSICAL_OFF)
    return mode in (b"0", b"1")


def _agree_on_acks(link: Link, stub: Stub) -> None:
    if (
        "QStartNoAckMode" in stub.features
        and link.line.reliable
        and _own(link, NO_ACKS, link.request(NO_ACKS), lambda reply: reply in (b"", b"OK")) == b"OK"
    ):
        link.stop_acks()


def _set_window(link: Link, stub: Stub) -> None:
    """Pipelining needs a line that loses nothing; in acknowledge mode only QEMU is known to bear it."""
    if not link.line.reliable:
        return
    if stub.kind == "qemu":
        link.window, link.early_acks = QEMU_WINDOW, True
    elif not link.acks:
        link.window = RELIABLE_WINDOW


def _ask_abilities(link: Link, stub: Stub) -> None:
    """vCont, the style of `x` and the register description, in one round trip where that is possible."""
    if stub.silent:
        return
    wanted = [STOP_QUERY, b"?"] if stub.kind == "unidbg" else []
    wanted.append(b"vCont?")
    if stub.kind == "rsp":
        wanted.append(b"Hg0")  # gdbserver aborts when asked for its description before a thread is selected
    if "binary-upload" in stub.features:
        stub.binary = BinaryStyle.GDB
    elif stub.kind == "rsp" and not link.acks:
        wanted.append(BINARY_PROBE)
    if "qXfer:features:read" in stub.features and stub.layout is None:
        stub.description = qxfer.Document("features", "target.xml", stub.document_size)
        wanted += stub.description.next_requests(1, FIRST_PIECE)
    replies = dict(zip(wanted, link.request_many(wanted), strict=True))
    stub.vcont = _vcont_letters(replies[b"vCont?"])
    if STOP_QUERY in replies:
        stub.found = (replies[STOP_QUERY], replies[b"?"])
    if BINARY_PROBE in replies:
        stub.binary = binary_style(replies[BINARY_PROBE])
    if stub.description is not None:
        stub.description.feed(replies[wanted[-1]])
        stub.architecture = architecture_of(stub.description.data or b"")


def _vcont_letters(reply: bytes) -> frozenset[str]:
    if not reply.startswith(b"vCont"):
        return frozenset()
    return frozenset(letter for letter in reply.decode("latin-1").split(";")[1:] if letter)


def fetch_layout(link: Link, stub: Stub) -> RegisterLayout | None:
    """The stub's register description, read to its end; `None` where it has none."""
    document = _rest_of(link, stub.description) if stub.description else None
    if document is None:
        return None
    annexes = {name: fetch_document(link, stub, "features", name) for name in includes(document)[:16]}
    layout = parse_description(
        document,
        lambda name: annexes[name] if name in annexes else fetch_document(link, stub, "features", name),
    )
    return layout if layout.registers else None


def fetch_document(link: Link, stub: Stub, kind: str, annex: str = "") -> bytes | None:
    """A qXfer document, `None` where the stub does not have it."""
    return _rest_of(link, qxfer.Document(kind, annex, stub.document_size))


def _rest_of(link: Link, document: qxfer.Document) -> bytes | None:
    while not document.done:
        requests = document.next_requests(max(1, min(AHEAD // document.piece, link.window)))
        for reply in link.request_many(requests):
            document.feed(reply)
    return document.data


def pending_stop(link: Link) -> bytes | None:
    """The stop reply that came unasked, if any: the last one, when a stub floods us with them."""
    found = [payload for payload in link.stray_stops if is_stop_reply(payload)]
    link.stray_stops.clear()
    return found[-1] if found else None
