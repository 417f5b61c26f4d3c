"""The made-up guest's heap blocks, leaks, and what lies where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.golden.findings import DIAGNOSIS
from tests.golden.head import PROVENANCE, at, span
from unidbg.profiles.find import Pattern
from unidbg.views import forensics
from unidbg.views.base import Absent, Address, Fault, View

SESSION_NEW = at(0x102214, "session_new", 0x24, "/src/samples/httpd/httpd.c", 77)
NAME_COPY = at(0x10301C, "name_copy", 0x1C, "/src/samples/libos/string.c", 12)

BLOCKS = forensics.BlocksView(
    PROVENANCE,
    (
        Fault(
            "damage[0]",
            "the header at 0x2000c0 is broken: its check word is wrong; before it lies the used block "
            "0x2000a0 of 24 bytes, allocated at name_copy",
            Address(0x2000C0),
        ),
    ),
    start=Address(0x200000),
    end=Address(0x240000),
    header_bytes=32,
    used=1204,
    used_bytes=228_416,
    free=12,
    free_bytes=2048,
    damaged=1,
    unknown_bytes=64,
    groups=(
        forensics.BlockGroup(128, SESSION_NEW, 1200, 153_600),
        forensics.BlockGroup(24, NAME_COPY, 4, 96),
    ),
    blocks=(
        forensics.Block(Address(0x200020), "used", 128, 160, SESSION_NEW),
        forensics.Block(Address(0x2000A0), "used", 24, 64, NAME_COPY),
        forensics.Block(Address(0x200120), "free", 0, 96, None),
    ),
)

LEAKS = forensics.LeaksView(
    PROVENANCE,
    (),
    leaked=1201,
    leaked_bytes=153_624,
    reachable=3,
    reachable_bytes=74_792,
    groups=(
        forensics.LeakGroup(128, "struct session", SESSION_NEW, 1200, 153_600, Address(0x200020)),
        forensics.LeakGroup(24, "", None, 1, 24, Address(0x2000A0)),
    ),
    roots=(
        forensics.LeakRoot("registers", None, 208),
        forensics.LeakRoot("data", span(0x10B000, 0x110000), 20_480),
        forensics.LeakRoot("stack", span(0x117000, 0x118000), 4096),
    ),
)

WHATIS = forensics.WhatisView(
    PROVENANCE,
    (),
    Address(0x200028),
    (
        forensics.Meaning("heap", "used block of 128 bytes, 8 bytes in", Address(0x200020), 128, SESSION_NEW),
        forensics.Meaning(
            "page",
            "heap: mapped writable, not executable, at physical 0x200028",
            Address(0x200000),
            4 << 20,
        ),
    ),
)

FOUND = forensics.FindView(
    PROVENANCE,
    (Fault("searched", "data is unreadable at 0x10d000", Address(0x10D000)),),
    pattern="'GET /'",
    searched=(span(0x10B000, 0x110000), span(0x200000, 0x240000)),
    searched_bytes=282_624,
    matches=(
        forensics.Match(at(0x10B420, "request", 0x20), "data"),
        forensics.Match(at(0x200030), "heap"),
    ),
    more=True,
)


class Taken(NamedTuple):
    """As much of a snapshot as commands look at."""

    views: dict[str, View | Absent]


class Forensics:
    """The part of the made-up session that answers these questions."""

    VIEWS = ("heap", "app")
    views: Mapping[str, View | Absent]

    def address(self, where: str | int) -> int:
        return 0x200020

    def blocks(self, limit: int) -> View | Absent:
        return BLOCKS

    def leaks(self) -> View | Absent:
        return LEAKS

    def whatis(self, where: str | int) -> View | Absent:
        return WHATIS

    def diagnosis(self) -> View:
        return DIAGNOSIS

    def find(self, pattern: Pattern, limit: int, everything: bool = False) -> View | Absent:
        return FOUND

    def snapshot(self, names: Sequence[str]) -> Taken:
        """Each one differs from the one before, as those of a guest do."""
        from dataclasses import replace

        from unidbg.views.system import HeapView

        heap = self.views["heap"]
        self._snapshots = getattr(self, "_snapshots", -1) + 1
        if isinstance(heap, HeapView):
            heap = replace(heap, count=heap.count + self._snapshots)
        return Taken({"heap": heap})


DIFF = forensics.DiffView(
    PROVENANCE,
    (),
    before="before.core",
    after="after.core",
    differences=(
        forensics.Difference("heap", "count", "1204", "1304", 100),
        forensics.Difference("net", "interfaces.eth0.up", "true", "false", None),
    ),
    growth=(forensics.GroupGrowth(128, SESSION_NEW, 100, 12_800),),
)
