"""Memory without a format: plain RAM from an address on, and Firecracker's memory files.

A Firecracker snapshot is two files: guest memory, region behind region without the holes between, and the
state of the microVM, whose encoding changes with each release. Of the state only the header is read: it says
which architecture it is. Source: Firecracker, src/vmm/src/arch/*/layout.rs and src/vmm/src/snapshot.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from unidbg.errors import ConfigError
from unidbg.target.base import ThreadInfo
from unidbg.target.dump.extents import Extent, Extents
from unidbg.target.dump.paged import Root
from unidbg.target.dump.source import FileSource, Source, bad
from unidbg.target.dump.space import FileSpace
from unidbg.target.dump.target import Contents, Cpu

GIB = 1 << 30
SNAPSHOT_MAGIC = {0x0710_1984_8664_0000: "x86_64", 0x0710_1984_AAAA_0000: "aarch64"}
LAYOUT = {
    "x86_64": ((0, 3 * GIB), (4 * GIB, 252 * GIB), (512 * GIB, 512 * GIB)),
    "aarch64": ((2 * GIB, 254 * GIB), (512 * GIB, 512 * GIB)),
}
"""(address, bytes) of the regions in the order in which they lie in the memory file."""
NO_STATE = (
    "the registers of a Firecracker snapshot are encoded differently by each release; "
    "`snapshot-editor info-vmstate vcpu-states` prints them, and cr3=ADDRESS behind the TARGET takes one over"
)
RAW_ONLY = "plain memory has no registers"
OPTIONS = re.compile(
    r"^(?P<file>.*?)(?:@(?P<base>0x[0-9a-fA-F]+|\d+))?(?P<rest>(?:,[a-z0-9_]+=[^,]*)*)$", re.DOTALL
)


def split(text: str) -> tuple[str, int, Mapping[str, str]]:
    """`FILE[@BASE][,key=value...]`: file, base and options."""
    match = OPTIONS.match(text)
    assert match is not None  # every part is optional
    rest = [part.partition("=") for part in match["rest"].split(",")[1:]]
    return match["file"], int(match["base"] or "0", 0), {key: value for key, _, value in rest}


def root_from(options: Mapping[str, str], url: str, known: tuple[str, ...]) -> Root | None:
    """The page table root of `cr3=ADDRESS`; ConfigError for an option that is not known."""
    for key in options:
        if key not in known:
            raise ConfigError(f"{url}: there is no option `{key}`; known: {', '.join(known)}")
    if "cr3" not in options:
        return None
    try:
        return Root(int(options["cr3"], 0))
    except ValueError:
        raise ConfigError(f"{url}: `{options['cr3']}` is no address; write cr3=0x1000") from None


def read_raw(source: Source, base: int, root: Root | None, machine: str) -> Contents:
    """The whole file at `base`: physical where a root is given, else as the guest's pointers see it."""
    if base >> 64:
        raise ConfigError(f"{source.path}: {base:#x} is no address of 64 bits")
    space = FileSpace(source, Extents([Extent(base, source.size, 0)]))
    return Contents("raw", machine, _known(root), space, no_registers=RAW_ONLY)


def _known(root: Root | None) -> list[Cpu]:
    """A vCPU of which nothing but its CR3 is known, for whoever walks the page tables."""
    if root is None:
        return []
    return [Cpu(ThreadInfo("1", "CPU#0", 0, "only cr3 is known"), {"cr3": root.physical})]


def read_memory_file(source: Source, machine: str, root: Root | None) -> Contents:
    """A Firecracker memory file."""
    extents, offset = [], 0
    for start, room in LAYOUT[machine]:
        length = min(room, source.size - offset)
        extents.append(Extent(start, length, offset))
        offset += length
        if offset >= source.size:
            break
    space = FileSpace(source, Extents(extents))
    return Contents("firecracker", machine, _known(root), space, no_registers=NO_STATE)


def snapshot_machine(beginning: bytes) -> str | None:
    """The architecture of a Firecracker state file, `None` where it is none."""
    return SNAPSHOT_MAGIC.get(int.from_bytes(beginning[:8], "little")) if len(beginning) >= 8 else None


def memory_beside(snapshot: str) -> FileSource:
    """The memory file that belongs to a state file; DumpError that says how to name it."""
    folder, name = os.path.split(os.path.abspath(snapshot))
    stem = name.removesuffix(".snap").removesuffix(".vmstate").removesuffix(".bin")
    swapped = [name.replace(word, "mem") for word in ("snapshot", "vmstate", "snap", "state") if word in name]
    for candidate in (*swapped, f"{stem}.mem", "mem", "memory", "mem_file", "mem.bin", "memory.bin"):
        path = os.path.join(folder, candidate)
        if candidate != name and os.path.isfile(path):
            return FileSource(path)
    raise bad(
        snapshot,
        "a Firecracker state file without its memory file beside it: give firecracker:MEMORY[,state=FILE]",
    )
