"""Dumps of guests that were driven to where a check is to look; each made once, and damaged for one look."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from unidbg.session import ImageSpec, Session
from unidbg.testing.guest import Guest, boot
from unidbg.testing.session import GuestSession
from unidbg.transport.qmp import Qmp
from unidbg.views.system import MemoryView

MEMORY = "24M"
LARGE = 0x80
FRAME = 0x000F_FFFF_FFFF_F000
NOTES = 8192
"""Bytes of the file in which the notes are."""
NOWHERE = 0xDEAD_0000_0000_0000


def nothing(session: GuestSession) -> object:
    """Ready is enough."""
    return True


def stuck(session: GuestSession) -> bool:
    return any(session.values("rings.*.stuck").values())


def spins(session: GuestSession) -> bool:
    return session.session.evaluate("spins").value.text != "0"


def served(session: GuestSession) -> bool:
    return int(session.value("net.protocols.tcp.received") or 0) > 0


class Setting(NamedTuple):
    """A guest, and how far it must have come before it is dumped."""

    sample: str
    append: str
    ready: str
    until: Callable[[GuestSession], object] = nothing
    forward: tuple[int, ...] = ()
    turns: bool = False
    """Whether the loop must have turned between the two moments."""


SETTINGS = {
    "httpd": Setting("httpd", "", "port:80", served, (80,), True),
    "sick": Setting("httpd", "health=fail", "serving", lambda s: s.value("orchestration.health.failed")),
    "weak": Setting("hello", "security=-no_execute,-write_xor_execute,-guard_pages", "heartbeat 1"),
    "leaky": Setting("leaky", "callsites", "leaky: made"),
    "corrupt": Setting("corrupt", "corrupt", "corrupt: planted"),
    "ring": Setting("stuck", "stuck=ring", "stuck: ring", stuck),
    "spin": Setting("stuck", "stuck=spin", "stuck: spin", spins),
    "assert": Setting("crash", "crash=assert", "assertion"),
    "full": Setting("crash", "crash=out-of-memory", "out of memory"),
    "overflow": Setting("crash", "crash=stack-overflow", "page fault"),
}


def make(name: str, folder: Path, sample: Callable[[str], Path]) -> tuple[Dump, Dump]:
    """Two dumps of one guest: the second is of a moment at which its clock has gone on."""
    setting = SETTINGS[name]
    image = sample(setting.sample)
    with boot(
        image=image, append=setting.append, ready=setting.ready, memory=MEMORY, forward=setting.forward
    ) as guest:
        for port in setting.forward:
            urllib.request.urlopen(f"http://127.0.0.1:{guest.port(port)}/", timeout=20).read()
        with guest.session() as session:
            session.wait_until(setting.until, timeout=60)
            turns = session.value("loop.iterations") if setting.turns else None
        first = write(guest, folder / f"{name}.core", image)
        with guest.session() as session:
            session.wait_until(lambda now: turns is None or now.value("loop.iterations") != turns)
        return first, write(guest, folder / f"{name}-later.core", image)


def write(guest: Guest, path: Path, image: Path) -> Dump:
    """As QEMU dumps it."""
    with Qmp(guest.qmp.removeprefix("qmp:")) as qmp:
        qmp.command("dump-guest-memory", paging=False, protocol=f"file:{path}", timeout=60)
    path.chmod(0o600)
    return Dump(path, image)


class Dump(NamedTuple):
    """A core of QEMU, of an image that runs where it was linked: virtual addresses are physical ones."""

    path: Path
    image: Path

    @contextmanager
    def open(self) -> Iterator[Session]:
        with Session.open(str(self.path), images=[ImageSpec(str(self.image))]) as session:
            yield session

    @contextmanager
    def planted(self, pokes: Sequence[Poke]) -> Iterator[None]:
        """The core with other bytes in it, for the length of a block."""
        with self.open() as session:
            changes = [change for poke in pokes for change in poke.changes(self, session)]
        old = []
        with self.path.open("r+b") as file:
            for at, data in changes:
                file.seek(at)
                old.append((at, file.read(len(data))))
                file.seek(at)
                file.write(data)
        try:
            yield
        finally:
            with self.path.open("r+b") as file:
                for at, data in reversed(old):
                    file.seek(at)
                    file.write(data)

    def offset(self, session: Session, address: int) -> int:
        """Where in the file the byte of a physical address lies: found by the program headers."""
        with self.path.open("rb") as file:
            head = file.read(64)
            file.seek(int.from_bytes(head[32:40], "little"))
            count = int.from_bytes(head[56:58], "little")
            for _ in range(count):
                row = file.read(56)
                kind, at, start, size = (
                    int.from_bytes(row[a:b], "little") for a, b in ((0, 4), (8, 16), (24, 32), (32, 40))
                )
                if kind == 1 and start <= address < start + size:
                    return at + address - start
        raise AssertionError(f"{address:#x} is not in {self.path}")


class Poke:
    """What is written over in a dump: (offset in the file, bytes)."""

    def changes(self, dump: Dump, session: Session) -> Iterator[tuple[int, bytes]]:
        raise NotImplementedError


def lvalue(where: str) -> str:
    """`PROBE.member` as C."""
    kind, _, member = where.removeprefix("*").partition(".")
    found = f"unidbg_probe_{PROBES[kind]}.object->{member}" if kind in PROBES else where
    return f"*{found}" if where.startswith("*") and kind in PROBES else found


class Put(Poke):
    """A number or bytes in place of an lvalue in C: `PROBE.member` is a member of what a probe leads to."""

    def __init__(self, where: str, value: int | bytes) -> None:
        self.where, self.value = where, value

    def changes(self, dump: Dump, session: Session) -> Iterator[tuple[int, bytes]]:
        expression = lvalue(self.where)
        node = session.evaluate(expression).value
        assert node.address is not None, expression
        size = session.evaluate(f"sizeof({expression})").value
        data = self.value
        if isinstance(data, int):
            data = (data & (1 << 64) - 1).to_bytes(8, "little")[: int(size.text, 0)]
        yield dump.offset(session, node.address), data


PROBES = {
    "devices": "devices_machine",
    "boot": "boot_info",
    "rings": "rings_network",
    "memory": "memory_layout",
    "heap": "heap_kernel",
    "log": "log_console",
    "orchestration": "orchestration_main",
    "loop": "loop_main",
    "security": "security_config",
}


class Lost(Poke):
    """A probe that leads to where no memory is."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def changes(self, dump: Dump, session: Session) -> Iterator[tuple[int, bytes]]:
        record = session.evaluate(f"&unidbg_probe_{PROBES[self.kind]}.object").value
        yield dump.offset(session, int(record.text.split()[0], 0)), NOWHERE.to_bytes(8, "little")


class Code(Poke):
    """Bytes at the begin of a function."""

    def __init__(self, symbol: str, data: bytes) -> None:
        self.symbol, self.data = symbol, data

    def changes(self, dump: Dump, session: Session) -> Iterator[tuple[int, bytes]]:
        (found,) = session.symbol(self.symbol)
        yield dump.offset(session, found.address), self.data


class Tables(Poke):
    """The entry of the page tables that maps where an lvalue points: flags set, or all of it replaced."""

    def __init__(self, where: str, *, flags: int = 0, entry: int | None = None, top: bool = False) -> None:
        self.where, self.flags, self.entry, self.top = where, flags, entry, top

    def changes(self, dump: Dump, session: Session) -> Iterator[tuple[int, bytes]]:
        physical, memory = session.target.physical, session.view("memory")
        assert physical is not None
        assert isinstance(memory, MemoryView)
        assert memory.page_table_root is not None
        address = int(session.evaluate(lvalue(self.where)).value.text.split()[0], 0)
        table = int(memory.page_table_root)
        for shift in (39, 30, 21, 12):
            place = (table & FRAME) + (address >> shift & 511) * 8
            entry = int.from_bytes(physical.read(place, 8), "little")
            if self.top or shift == 12 or entry & LARGE:
                break
            table = entry
        new = entry | self.flags if self.entry is None else self.entry
        yield dump.offset(session, place), new.to_bytes(8, "little")


class Register(Poke):
    """Another value of a register wherever the notes have it."""

    def __init__(self, name: str, value: Callable[[Session], int]) -> None:
        self.name, self.value = name, value

    def changes(self, dump: Dump, session: Session) -> Iterator[tuple[int, bytes]]:
        old = session.program.registers(session.program.target.threads()[0].id)[self.name]
        assert old
        wanted = old.to_bytes(8, "little")
        notes = dump.path.read_bytes()[:NOTES]
        at = notes.find(wanted)
        assert at > 0
        while at > 0:
            yield at, self.value(session).to_bytes(8, "little")
            at = notes.find(wanted, at + 8)
