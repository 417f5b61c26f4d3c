"""A stub without a guest: a small machine behind RSP that behaves like whichever stub of the field."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from unidbg.rsp.commands import find
from unidbg.rsp.connection import Connection
from unidbg.rsp.framing import Damaged, Mark, Packet, Role, escape
from unidbg.target.link import Link
from unidbg.target.rsptarget import RspTarget, attach
from unidbg.transport.sockets import SocketLine

TARGET_XML = (
    b'<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>'
    b"<architecture>i386:x86-64</architecture>"
    b'<xi:include href="core.xml"/></target>'
)
CORE_XML = (
    b'<feature name="org.gnu.gdb.i386.core"><reg name="rax" bitsize="64"/><reg name="rip" bitsize="64"/>'
    b'<reg name="cr3" bitsize="64" group="system"/></feature>'
)
BASE = 0x1000


@dataclass(frozen=True)
class Flavour:
    """How a stub behaves. The fields are the quirks of docs on stubs in the field."""

    supported: bytes = b"PacketSize=400;qXfer:features:read+;QStartNoAckMode+"
    runs_at_first: bool = False
    stops_on_connect: bool = False
    """QEMU: a connection stops the guest and yields a stop reply unasked."""
    greets: bytes = b""
    """Sent at once, framed as a packet."""
    unknown_is_silence: bool = False
    unmapped: bytes = b"E14"
    longest_read: int = 0x400
    repeats_until_ack: bytes = b""
    """Solo5: this packet again for each byte that is no `+`, until there is one."""
    packet_breaks_in: bool = False
    """Our stub: any packet stops a running guest."""
    interruptible: bool = True
    physical_mode: bool = False
    detach: bytes = b"OK"
    registers: bytes = b"0100000000000000" + b"3412000000000000" + b"xxxxxxxxxxxxxxxx"
    extra: dict[bytes, bytes] = field(default_factory=dict)


PLAIN = Flavour()
QEMU = Flavour(
    supported=b"PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+",
    runs_at_first=True,
    stops_on_connect=True,
    physical_mode=True,
    longest_read=2048,
    extra={b"vCont?": b"vCont;c;C;s;S"},
)
SOLO5 = Flavour(
    supported=b"",
    greets=b"S00",
    repeats_until_ack=b"S00",
    unmapped=b"E01",
    longest_read=2047,
    interruptible=False,
    registers=b"00" * 276,
)
UNIKRAFT = Flavour(
    supported=b"PacketSize=800;qXfer:features:read+", unmapped=b"", detach=b"", longest_read=0x3F8
)
TORO = Flavour(supported=b"", unknown_is_silence=True, detach=b"")
UNIDBG = Flavour(
    supported=b"PacketSize=4000;unidbg-abi=1;QStartNoAckMode+;vContSupported+;binary-upload+;MultiMemRead+;"
    b"qUnidbgStop+;qXfer:features:read+;QUnidbgLease+",
    runs_at_first=True,
    packet_breaks_in=True,
    unmapped=b"E0e",
    extra={b"vCont?": b"vCont;c;C;s;S;t;r"},
)


class FakeStub:
    """The machine and its server. `log` is every packet that came, `running` the state of the guest."""

    def __init__(self, sock: socket.socket, flavour: Flavour = PLAIN) -> None:
        self.flavour = flavour
        self.log: list[bytes] = []
        self.raw = bytearray()
        self.running = flavour.runs_at_first
        self.ran_when_found = flavour.runs_at_first
        self.memory = bytearray(range(256)) * 64
        self.breakpoints: set[int] = set()
        self.physical = False
        self.leases: list[int] = []
        self.stop_kind = "attach"
        self.exits = False
        self._due = False
        self._sock = sock
        self._connection = Connection(Role.SERVER)
        self._awaits_ack = bool(flavour.repeats_until_ack)
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    # -- what tests ask ----------------------------------------------------------------------------------

    def wait_for(self, what: Callable[[FakeStub], bool], timeout: float = 5.0) -> None:
        """Wait until the stub is in a state."""
        with self._changed:
            assert self._changed.wait_for(lambda: what(self), timeout), self.log

    def hit(self, reply: bytes = b"T05thread:01;swbreak:;") -> None:
        """The guest stops by itself."""
        with self._changed:
            self.running = False
            self.stop_kind = "breakpoint"
            self._due = False
            self._connection.send(reply)
            self._flush()

    def join(self) -> None:
        """Wait until the client has gone."""
        self._thread.join(5.0)
        assert not self._thread.is_alive()

    # -- line --------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        with self._sock:
            self._welcome()
            while data := self._receive():
                with self._changed:
                    self._take(data)
                    self._flush()
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _receive(self) -> bytes:
        try:
            return self._sock.recv(4096)
        except OSError:
            return b""

    def _welcome(self) -> None:
        if self.flavour.stops_on_connect and self.running:
            self.running = False
            self._connection.send(b"T02thread:01;")
        if self.flavour.greets:
            self._connection.send(self.flavour.greets)
        self._flush()

    def _flush(self) -> None:
        data = self._connection.data_to_send()
        try:
            self._sock.sendall(data)
        except OSError:
            return

    def _take(self, data: bytes) -> None:
        self.raw += data
        if self._awaits_ack:
            data = self._swallow(data)
        for event in self._connection.receive_data(data):
            if event is Mark.INTERRUPT:
                self._interrupt()
            elif isinstance(event, Packet):
                self._packet(event.payload)
            else:
                assert not isinstance(event, Damaged) or self._connection.acks

    def _swallow(self, data: bytes) -> bytes:
        while data and self._awaits_ack:
            if data[:1] == b"+":
                self._awaits_ack = False
            else:
                self._connection.send(self.flavour.repeats_until_ack)
            data = data[1:]
        return data

    def _interrupt(self) -> None:
        if self.running and self.flavour.interruptible:
            self.running, self._due, self.stop_kind = False, False, "interrupt"
            self._connection.send(b"T02thread:01;")

    # -- commands ----------------------------------------------------------------------------------------

    def _packet(self, payload: bytes) -> None:
        self.log.append(payload)
        if self.running:
            if not self.flavour.packet_breaks_in:
                return
            self.running, self._due, self.stop_kind = False, False, "attach"
        reply = self._reply(payload)
        if reply is not None:
            self._connection.send(reply)
        if payload == b"QStartNoAckMode" and reply == b"OK":
            self._flush()
            self._connection.stop_acks()

    def _reply(self, payload: bytes) -> bytes | None:
        if payload in self.flavour.extra:
            return self.flavour.extra[payload]
        handlers = self._handlers()
        command = find(payload)
        for prefix in sorted(handlers, key=len, reverse=True):
            if payload.startswith(prefix) and command is not None:
                return handlers[prefix](payload)
        return None if self.flavour.unknown_is_silence else b""

    def _handlers(self) -> dict[bytes, Callable[[bytes], bytes | None]]:
        handlers: dict[bytes, Callable[[bytes], bytes | None]] = {
            b"?": lambda _: b"T05thread:01;" if self.flavour is not SOLO5 else b"S00",
            b"g": lambda _: self.flavour.registers,
            b"m": self._read,
            b"M": self._write,
            b"Z0": self._breakpoint,
            b"z0": self._breakpoint,
            b"D": self._detach,
            b"c": self._run,
            b"s": lambda _: b"T05thread:01;",
            b"vCont;c": self._run,
            b"vCont;s": lambda _: b"T05thread:01;",
        }
        if self.flavour.supported:
            handlers |= {
                b"qSupported": self._supported,
                b"QStartNoAckMode": lambda _: b"OK" if b"NoAck" in self.flavour.supported else b"",
                b"qXfer:features:read:": self._document,
                b"H": lambda _: b"OK",
                b"qC": lambda _: b"QC01",
                b"qfThreadInfo": lambda _: b"m01,2",
                b"qsThreadInfo": lambda _: b"l",
                b"qThreadExtraInfo,": lambda _: b"CPU#0 [halted]".hex().encode(),
                b"qRcmd,": self._monitor,
            }
        if self.flavour.physical_mode:
            handlers |= {b"qqemu.PhyMemMode": self._physical_query, b"Qqemu.PhyMemMode:": self._set_physical}
        if b"unidbg-abi" in self.flavour.supported:
            handlers |= {
                b"QUnidbgLease:": self._lease,
                b"qUnidbgStop": lambda _: b"kind:%b;signal:02;fatal:0;stops:1;" % self.stop_kind.encode(),
                b"x": self._read_binary,
                b"MultiMemRead:ranges:": self._read_many,
            }
        return handlers

    def _bytes(self, address: int, length: int) -> bytes:
        offset = address - BASE
        return bytes(self.memory[offset : offset + length]) if offset >= 0 else b""

    def _read(self, payload: bytes) -> bytes:
        address, length = (int(part, 16) for part in payload[1:].split(b","))
        assert length <= self.flavour.longest_read, "the stub dies of reads of this length"
        data = self._bytes(address, length)
        return data.hex().encode() if len(data) == length else self.flavour.unmapped

    def _read_binary(self, payload: bytes) -> bytes:
        address, length = (int(part, 16) for part in payload[1:].split(b","))
        data = self._bytes(address, length)
        return b"b" + escape(data, reply=True) if data else self.flavour.unmapped

    def _read_many(self, payload: bytes) -> bytes:
        numbers = [int(part, 16) for part in payload.partition(b"ranges:")[2].rstrip(b";").split(b",")]
        pieces = [self._bytes(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
        return b",".join(b"%x" % len(piece) for piece in pieces) + b";" + escape(b"".join(pieces), reply=True)

    def _write(self, payload: bytes) -> bytes:
        place, _, digits = payload[1:].partition(b":")
        address = int(place.split(b",")[0], 16) - BASE
        data = bytes.fromhex(digits.decode())
        if not 0 <= address <= len(self.memory) - len(data):
            return b"E0e"
        self.memory[address : address + len(data)] = data
        return b"OK"

    def _breakpoint(self, payload: bytes) -> bytes:
        address = int(payload.split(b",")[1], 16)
        if payload[:1] == b"Z":
            self.breakpoints.add(address)
        else:
            self.breakpoints.discard(address)
        return b"OK"

    def _detach(self, payload: bytes) -> bytes:
        if self.flavour.detach:
            self.running = True
            self.breakpoints.clear()
        return self.flavour.detach

    def _run(self, payload: bytes) -> None:
        self.running, self._due = True, True

    def _document(self, payload: bytes) -> bytes:
        annex, place = payload.removeprefix(b"qXfer:features:read:").rsplit(b":", 1)
        document = {b"target.xml": TARGET_XML, b"core.xml": CORE_XML}.get(annex)
        if document is None:
            return b"E00"
        offset, length = (int(part, 16) for part in place.split(b","))
        piece = document[offset : offset + length]
        return (b"m" if offset + length < len(document) else b"l") + escape(piece, reply=True)

    def _monitor(self, payload: bytes) -> bytes:
        command = bytes.fromhex(payload.removeprefix(b"qRcmd,").decode())
        if command == b"reset":
            return b"E01"
        self._connection.send(b"O" + b"first\n".hex().encode())
        self._connection.send(b"O" + command.hex().encode())
        return b"OK"

    def _physical_query(self, payload: bytes) -> bytes:
        return b"1" if self.physical else b"0"

    def _set_physical(self, payload: bytes) -> bytes:
        self.physical = payload.endswith(b"1")
        return b"OK"

    def _supported(self, payload: bytes) -> bytes:
        self.leases += [
            int(word[13:], 16) for word in payload.split(b";") if word.startswith(b"unidbg-lease=")
        ]
        return self.flavour.supported

    def _lease(self, payload: bytes) -> bytes:
        self.leases.append(int(payload.rpartition(b":")[2], 16))
        return b"OK"


def pair(flavour: Flavour = PLAIN, **changes: object) -> tuple[FakeStub, SocketLine]:
    """A stub and a line to it."""
    ours, theirs = socket.socketpair()
    return FakeStub(theirs, replace(flavour, **changes)), SocketLine("the stub", ours)  # type: ignore[arg-type]


def attached(flavour: Flavour = PLAIN, **changes: object) -> tuple[FakeStub, RspTarget]:
    """A stub and a target on it."""
    stub, line = pair(flavour, **changes)
    return stub, attach("test", Link(line, timeout=2.0))
