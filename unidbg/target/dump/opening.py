"""Opening a dump: what it is, its first bytes tell. What reads a format is loaded when a file has it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from unidbg.errors import ConfigError
from unidbg.target.dump.source import FileSource, Source, bad
from unidbg.target.dump.target import Contents, DumpTarget

if TYPE_CHECKING:
    from collections.abc import Callable

ELF, KDUMP, FLATTENED = b"\x7fELF", b"KDUMP   ", b"makedumpfile\0\0\0\0"
ZSTD, GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
KNOWN = "ELF core, kdump, Xen core, Firecracker state, each also packed by zstd or gzip"


def open_dump(url: str, *, image_machine: str | None = None) -> DumpTarget:
    """The dump that `url` names. DumpError for what is none, or damaged beyond reading."""
    scheme, _, rest = url.partition(":")
    if scheme == "raw" and rest:
        return _open_raw(url, rest, image_machine or "x86_64")
    if scheme == "firecracker" and rest:
        return _open_firecracker(url, rest)
    path = rest if scheme == "dump" and not os.path.isfile(url) else url
    return _finish(url, _file(path), _recognise)


def _finish(url: str, source: Source, read: Callable[[Source], tuple[Source, Contents]]) -> DumpTarget:
    try:
        source, contents = read(source)
        return DumpTarget(url, source, contents)
    except BaseException:
        source.close()
        raise


def _file(path: str) -> Source:
    """The file's bytes, unpacked where they are packed."""
    if os.path.isdir(path):
        raise bad(path, "a folder; give the dump in it")
    source = FileSource(path)
    beginning = source.read(0, 4)
    if beginning != ZSTD and beginning[:2] != GZIP:
        return source
    source.close()
    from unidbg.target.dump import packed

    unpack = packed.unpacked_file if beginning == ZSTD else packed.gunzipped_file
    descriptor, _ = unpack(path)
    return FileSource(path, descriptor)


def _recognise(source: Source) -> tuple[Source, Contents]:
    beginning = source.read(0, 16)
    if beginning == FLATTENED:
        return _unflattened(source)
    if beginning[:8] == KDUMP:
        return source, _kdump(source)
    if beginning[:4] == ELF:
        return source, _elf(source)
    return _snapshot(source, beginning)


def _unflattened(source: Source) -> tuple[Source, Contents]:
    from unidbg.target.dump.flattened import Flattened

    unflat = Flattened(source)
    found = _kdump(unflat) if unflat.read(0, 8) == KDUMP else _elf(unflat)
    cut = () if unflat.complete else ("the flattened dump does not end as it should: it was cut off",)
    return unflat, found._replace(notes=(*cut, *found.notes))


def _kdump(source: Source) -> Contents:
    from unidbg.target.dump.kdump import read_kdump

    return read_kdump(source)


def _elf(source: Source) -> Contents:
    """A core; that of Xen has sections and no segments."""
    if not any(source.read(56, 2)):
        from unidbg.target.dump import xen

        if xen.is_xen(source):
            return xen.read_xen(source)
    from unidbg.target.dump.elfcore import read_core

    return read_core(source)


def _snapshot(source: Source, beginning: bytes) -> tuple[Source, Contents]:
    """What is left: a Firecracker state file, and with it its memory."""
    from unidbg.target.dump import raw

    machine = raw.snapshot_machine(beginning)
    if machine is not None:
        memory = raw.memory_beside(source.path)
        source.close()
        return memory, raw.read_memory_file(memory, machine, None)
    raise bad(
        source.path,
        f"no dump that is known ({KNOWN}); plain memory is raw:FILE@ADDRESS-OF-ITS-FIRST-BYTE",
    )


def _open_raw(url: str, rest: str, machine: str) -> DumpTarget:
    from unidbg.target.dump import raw

    path, base, options = raw.split(rest)
    root = raw.root_from(options, url, ("cr3",))
    return _finish(url, _file(path), lambda source: (source, raw.read_raw(source, base, root, machine)))


def _open_firecracker(url: str, rest: str) -> DumpTarget:
    from unidbg.target.dump import raw

    path, base, options = raw.split(rest)
    if base:
        raise ConfigError(
            f"{url}: a Firecracker memory file begins where Firecracker says; leave out @ADDRESS"
        )
    root = raw.root_from(options, url, ("cr3", "state"))
    machine = _machine_of_state(options["state"]) if "state" in options else "x86_64"
    return _finish(url, _file(path), lambda source: (source, raw.read_memory_file(source, machine, root)))


def _machine_of_state(path: str) -> str:
    from unidbg.target.dump import raw

    state = FileSource(path)
    try:
        machine = raw.snapshot_machine(state.read(0, 8))
    finally:
        state.close()
    if machine is None:
        raise bad(path, "no Firecracker state file: it does not begin as one")
    return machine
