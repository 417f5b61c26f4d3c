"""The RAM of a QEMU of this host, read past the guest: what is where QEMU's monitor tells, the bytes /proc.

Far faster than packets, and pages that were never touched need not be looked at. It needs the right to trace
the process; without it whoever asks reads by other ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from unidbg.errors import MemoryFault, ProtocolError, TargetError
from unidbg.target.host.space import Block, HostSpace
from unidbg.target.host.ways import best_way
from unidbg.target.registry import record_behind
from unidbg.transport.qmp import Qmp

Ask = Callable[[str], str]
"""Gives what QEMU's human monitor answers to a line."""

_VIEW = re.compile(r"^FlatView #\d+$(.*?)(?=^FlatView|\Z)", re.MULTILINE | re.DOTALL)
_RANGE = re.compile(r"^\s+([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (ram|rom)\)", re.MULTILINE)
_HOST = re.compile(r"Host virtual address for 0x[0-9a-f]+ \([^)]*\) is 0x([0-9a-f]+)")


def ram_ranges(tree: str) -> list[tuple[int, int]]:
    """(start, length) of RAM and ROM in the address space `memory`, from `info mtree -f`."""
    views = [
        view for view in _VIEW.findall(tree.replace("\r", "")) if '"memory"' in view or "cpu-memory" in view
    ]
    rows = _RANGE.findall(views[0]) if views else []
    return [(int(first, 16), int(last, 16) - int(first, 16) + 1) for first, last, _ in rows]


def host_ram_behind(url: str) -> HostSpace | None:
    """The RAM of the guest that `url` leads to, where it is a QEMU whose monitor we reach."""
    record = record_behind(url)
    path = record.lines.get("qmp", "") if record else url
    if not path.startswith("qmp:"):
        return None
    try:
        with Qmp(path.removeprefix("qmp:")) as qmp:
            pid = record.pid if record else qmp.peer()
            return host_ram(qmp.human, pid) if pid else None
    except (TargetError, ProtocolError):
        return None


def host_ram(ask: Ask, pid: int) -> HostSpace | None:
    """The RAM of the QEMU that `ask` asks; `None` where it cannot be read from here, or is not that QEMU."""
    try:
        blocks = host_blocks(ask)
        ram = host_space(pid, blocks) if blocks else None
    except (OSError, ValueError, TargetError, ProtocolError):
        return None
    if ram is not None and not _same(ask, ram, blocks[0]):
        ram.close()
        return None
    return ram


def host_space(pid: int, blocks: Sequence[Block]) -> HostSpace:
    """These blocks of a process by the best way; TargetError that says what would let us."""
    return HostSpace(best_way(pid, [(block.host, block.host + block.length) for block in blocks]), blocks)


def host_blocks(ask: Ask) -> list[Block]:
    """Where QEMU has the guest's memory, as its monitor tells; ValueError where it does not."""
    ranges = ram_ranges(ask("info mtree -f"))
    return _joined([Block(start, length, _host(ask, start)) for start, length in ranges])


def _joined(blocks: Sequence[Block]) -> list[Block]:
    """Neighbours in the guest that are neighbours in QEMU too are one."""
    found: list[Block] = []
    for block in sorted(blocks):
        last = found[-1] if found else None
        if last and block.start - last.start == block.host - last.host == last.length:
            found[-1] = last._replace(length=last.length + block.length)
        else:
            found.append(block)
    return found


def _host(ask: Ask, address: int) -> int:
    """Where QEMU has a guest-physical address."""
    found = _HOST.search(ask(f"gpa2hva {address:#x}"))
    if found is None:
        raise ValueError(f"QEMU does not tell where {address:#x} is")
    return int(found[1], 16)


def _same(ask: Ask, ram: HostSpace, block: Block) -> bool:
    """Whether QEMU says of the last bytes of a block what we read."""
    address = block.start + block.length - 16
    words = re.findall(r"0x([0-9a-f]{16})", ask(f"xp /2gx {address:#x}"))
    try:
        theirs = b"".join(int(word, 16).to_bytes(8, "little") for word in words[-2:])
        return theirs == ram.read(address, 16)
    except MemoryFault:
        return False
