"""What a stub can do and how it wants to be spoken to: found out once, when a target is opened."""

from __future__ import annotations

from collections.abc import Callable

from unidbg.rsp.memory import HEADROOM, BinaryStyle
from unidbg.rsp.qxfer import Document
from unidbg.rsp.registers import RegisterLayout
from unidbg.rsp.replies import Features

UNADVERTISED_READ = 1024
"""Bytes of one `m` where the stub says nothing: Solo5's tender dies of 2048."""
QEMU_READ = 2048
PHYSICAL_ON = b"Qqemu.PhyMemMode:1"
PHYSICAL_OFF = b"Qqemu.PhyMemMode:0"
QEMU_DOCUMENT = 2040
QEMU_WINDOW = 16
RELIABLE_WINDOW = 16


Nmi = Callable[[], None]
"""Raises a non-maskable interrupt in the guest, past its stub's line; TargetError where it cannot."""


class Stub:
    """One stub. `kind` is `unidbg`, `qemu` or `rsp`; a `silent` one ignores what it does not know."""

    def __init__(self) -> None:
        self.kind = "rsp"
        self.features = Features()
        self.abi: int | None = None
        self.silent = False
        self.binary = BinaryStyle.NONE
        self.vcont: frozenset[str] = frozenset()
        self.architecture = ""
        self.description: Document | None = None
        """The beginning of the register description, where there is one: its rest is fetched when needed."""
        self.layout: RegisterLayout | None = None
        self.found: tuple[bytes, bytes] | None = None
        """What our stub answered to qUnidbgStop and `?` when we came."""
        self.physical = False
        """True where QEMU's PhyMemMode switches memory packets to guest-physical addresses."""

        self.nmi: Nmi | None = None
        """What stops a guest that runs with interrupts off and so does not hear the line."""
        self.deaf = False
        """True for such a guest, once it was stopped by NMI: there is no other way from then on."""

    @property
    def packet_size(self) -> int | None:
        """What the stub advertises, bytes."""
        return self.features.packet_size

    @property
    def read_size(self) -> int:
        """Bytes that one read may ask for."""
        size = self.packet_size
        if self.kind == "qemu":
            return QEMU_READ
        if size is None:
            return UNADVERTISED_READ
        return max(8, size - HEADROOM if self.binary is not BinaryStyle.NONE else (size - HEADROOM) // 2)

    @property
    def write_size(self) -> int:
        """Bytes that one `M` may carry (its header takes up to 32)."""
        return max(8, ((self.packet_size or 512) - HEADROOM - 32) // 2)

    @property
    def lease(self) -> bool:
        """Whether the guest goes on by itself when we fall silent. A deaf one would at once."""
        return "QUnidbgLease" in self.features and not self.deaf

    @property
    def multi_read(self) -> bool:
        """Whether `MultiMemRead` gathers ranges."""
        return "MultiMemRead" in self.features and self.packet_size is not None

    @property
    def document_size(self) -> int:
        """Bytes of a document to ask for at a time. QEMU never sends more than half a packet."""
        if self.kind == "qemu":
            return QEMU_DOCUMENT
        return max(64, (self.packet_size or 512) - HEADROOM)
