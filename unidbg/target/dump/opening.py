"""Opening a dump: what it is, its first bytes tell."""

from __future__ import annotations

import os
from collections.abc import Callable

from unidbg.errors import ConfigError
from unidbg.target.dump import elf, flattened, kdump, packed, raw, xen
from unidbg.target.dump.elfcore import read_core
from unidbg.target.dump.source import FileSource, Source, bad
from unidbg.target.dump.target import Contents, DumpTarget

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
    if beginning != packed.MAGIC and beginning[:2] != packed.GZIP_MAGIC:
        return source
    source.close()
    unpack = packed.unpacked_file if beginning == packed.MAGIC else packed.gunzipped_file
    descriptor, _ = unpack(path)
    return FileSource(path, descriptor)


def _recognise(source: Source) -> tuple[Source, Contents]:
    beginning = source.read(0, 16)
    if beginning == flattened.SIGNATURE:
        unflat = flattened.Flattened(source)
        found = kdump.read_kdump(unflat) if unflat.read(0, 8) == kdump.SIGNATURE else read_core(unflat)
        cut = () if unflat.complete else ("the flattened dump does not end as it should: it was cut off",)
        return unflat, found._replace(notes=(*cut, *found.notes))
    if beginning[:8] == kdump.SIGNATURE:
        return source, kdump.read_kdump(source)
    if beginning[:4] == elf.ELF_MAGIC:
        return source, xen.read_xen(source) if xen.is_xen(source) else read_core(source)
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
    path, base, options = raw.split(rest)
    root = raw.root_from(options, url, ("cr3",))
    return _finish(url, _file(path), lambda source: (source, raw.read_raw(source, base, root, machine)))


def _open_firecracker(url: str, rest: str) -> DumpTarget:
    path, base, options = raw.split(rest)
    if base:
        raise ConfigError(
            f"{url}: a Firecracker memory file begins where Firecracker says; leave out @ADDRESS"
        )
    root = raw.root_from(options, url, ("cr3", "state"))
    machine = _machine_of_state(options["state"]) if "state" in options else "x86_64"
    return _finish(url, _file(path), lambda source: (source, raw.read_memory_file(source, machine, root)))


def _machine_of_state(path: str) -> str:
    state = FileSource(path)
    try:
        machine = raw.snapshot_machine(state.read(0, 8))
    finally:
        state.close()
    if machine is None:
        raise bad(path, "no Firecracker state file: it does not begin as one")
    return machine
