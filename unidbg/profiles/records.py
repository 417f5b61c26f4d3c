"""The probe records of an image: which structures the guest exports, where they are and of which type.

docs/abi.md, "The note" and "The records". Found through the note, the symbols `__start_unidbg_probes` and
`__stop_unidbg_probes`, or the section itself; read from the guest, because the addresses are relocated there.
"""

from __future__ import annotations

import struct
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from unidbg_symbols import types as t

from unidbg.errors import MemoryFault, SymbolError
from unidbg.program.module import Module
from unidbg.program.program import Program
from unidbg.program.value import Value
from unidbg.structures.faults import Faults
from unidbg.structures.strings import decode, until_nul

if TYPE_CHECKING:
    from unidbg_symbols import Image

ABI = 1
SECTION = "unidbg_probes"
NOTE_OWNER, NOTE_TYPE = "unidbg", 1
RECORD = struct.Struct("<II16s24sQQ")
MAX_RECORDS_BYTES = 64 << 10
MAX_RECORD_BYTES = 4096


class Record(NamedTuple):
    """A probe: what it exports.

    `address` is the record's, `object_address` the object's, both in the guest.
    """

    kind: str
    name: str
    address: int
    object_address: int
    object_bytes: int


def records_range(image: Image) -> tuple[int, int] | None:
    """Link addresses (first record, end of the records), `None` for an image without probes."""
    for found in (_by_note, _by_symbols, _by_section):
        bounds = found(image)
        if bounds is not None and 0 <= bounds[1] - bounds[0] <= MAX_RECORDS_BYTES:
            return bounds
    return None


def _by_note(image: Image) -> tuple[int, int] | None:
    for note in image.notes():
        if note.owner == NOTE_OWNER and note.type == NOTE_TYPE and len(note.desc) >= 24:
            start, stop = struct.unpack_from("<qq" if image.little_endian else ">qq", note.desc, 8)
            return note.address + 8 + start, note.address + 16 + stop
    return None


def _by_symbols(image: Image) -> tuple[int, int] | None:
    start = image.symbols_named(f"__start_{SECTION}")
    stop = image.symbols_named(f"__stop_{SECTION}")
    return (start[0].address, stop[0].address) if start and stop else None


def _by_section(image: Image) -> tuple[int, int] | None:
    found = [s for s in image.sections if s.name == SECTION and s.addr]
    return (found[0].addr, found[0].addr + found[0].size) if found else None


def read_records(program: Program, module: Module, faults: Faults) -> list[Record]:
    """The records of one module as they stand in the guest; faults have the path `probes`."""
    bounds = records_range(module.image)
    if bounds is None or bounds[0] == bounds[1]:
        return []
    start = module.run_address(bounds[0])
    try:
        data = program.read(start, bounds[1] - bounds[0])
    except MemoryFault as fault:
        faults.add("probes", f"the probe records are unreadable: {fault.reason}", fault.address)
        return []
    known = _PARSED.get(module.image)
    if known is not None and known[:2] == (start, data):
        return known[2]
    before, found = len(faults), list(parse(data, start, faults))
    if len(faults) == before:
        _PARSED[module.image] = (start, data, found)
    return found


_PARSED: weakref.WeakKeyDictionary[Image, tuple[int, bytes, list[Record]]] = weakref.WeakKeyDictionary()
"""The sound records of an image as they were read last: every view of a refresh asks for them."""


def parse(data: bytes, address: int, faults: Faults) -> Iterator[Record]:
    """Records in `data`, which lies at `address`.

    Longer ones are of a newer ABI: their start means the same.
    """
    at = 0
    while at + RECORD.size <= len(data):
        size, _, kind, name, object_bytes, object_address = RECORD.unpack_from(data, at)
        if not RECORD.size <= size <= MAX_RECORD_BYTES or size % 8:
            faults.add("probes", f"a probe record claims {size} bytes: the records end here", address + at)
            return
        yield Record(
            decode(until_nul(kind)), decode(until_nul(name)), address + at, object_address, object_bytes
        )
        at += size


def object_of(program: Program, module: Module, record: Record) -> Value:
    """The exported object, typed by its record; SymbolError where that type is not to be had."""
    type_ = object_type(module, record.kind, record.name, module.link_address(record.address))
    return program.value_at(type_, record.object_address, module)


def object_type(module: Module, kind: str, name: str, link: int) -> t.Type:
    """What the record variable `unidbg_probe_<kind>_<name>` at a link address points to, by DWARF."""
    known = _TYPES.setdefault(module.image, {})
    key = (kind, name, link)
    if key not in known:
        known[key] = _find_type(module, kind, name, link)
    return known[key]


_TYPES: weakref.WeakKeyDictionary[Image, dict[tuple[str, str, int], t.Type]] = weakref.WeakKeyDictionary()
"""Types of records by image: they go with it."""


def _find_type(module: Module, kind: str, name: str, link: int) -> t.Type:
    variable_name = f"unidbg_probe_{kind}_{name}"
    found = module.image.variables_named(variable_name)
    variable = next((v for v in found if v.address == link), None) or (found[0] if found else None)
    if variable is None:
        variable = module.image.variable(variable_name)
    plain = t.strip(variable.type)
    member = plain.members[-1] if isinstance(plain, t.StructType) and plain.members else None
    pointer = t.strip(member.type) if member is not None else None
    if not isinstance(pointer, t.PointerType):
        path = module.image.path
        raise SymbolError(f"`{variable_name}` in {path} is no probe record: its last member is no pointer")
    return pointer.target
