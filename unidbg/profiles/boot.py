"""What the kernel was given at boot, and how long it took: a probe of kind `boot` (docs/abi.md)."""

from __future__ import annotations

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.views.base import Address, Location
from unidbg.views.system import BootPhase, BootView, Initializer, MemoryMapEntry

E820 = {1: "usable", 2: "reserved", 3: "acpi", 4: "nvs", 5: "unusable", 6: "disabled", 7: "persistent"}
"""ACPI specification, "Address Range Types"."""


def boot(fields: Fields, context: Context) -> BootView:
    """What the kernel got and how it came up. `total_ns` is the end of the last phase that ended."""
    memory_map = tuple(_entry(e.at(f"memory_map[{i}]")) for i, e in _listed(fields, "memory_map"))
    phases = [_phase(p) for p in fields.structs("phases", "phase_count")]
    return BootView(
        provenance=context.provenance,
        memory_map=memory_map,
        command_line=fields.text("command_line"),
        initrd=fields.range("initrd") if fields.has("initrd") else None,
        phases=tuple(phases),
        total_ns=max((p.start_ns + p.duration_ns for p in phases), default=0),
        initializers=_initializers(fields),
        preallocated=fields.range("preallocated") if fields.has("preallocated") else None,
        preallocated_free=_preallocated_free(fields),
        faults=fields.faults.all(),
    )


def _listed(fields: Fields, name: str) -> list[tuple[int, Fields]]:
    return list(enumerate(fields.structs(f"{name}s", f"{name}_count", name)))


def _entry(fields: Fields) -> MemoryMapEntry:
    kind = fields.unsigned("type")
    return MemoryMapEntry(
        start=Address(fields.unsigned("start")),
        length_bytes=fields.unsigned("length", "length_bytes"),
        type=E820.get(kind, f"type {kind}"),
    )


def _phase(fields: Fields) -> BootPhase:
    start, end = fields.unsigned("start_ns"), fields.unsigned("end_ns", "duration_ns")
    if 0 < end < start:
        fields.faults.add(
            fields.where("duration_ns"), f"ends at {end} ns, before its start", fields.value.address_
        )
    return BootPhase(fields.text("name", limit=256), start, max(0, end - start))


def _initializers(fields: Fields) -> tuple[Initializer, ...]:
    if not fields.has("initializers"):
        return ()
    return tuple(_initializer(each) for each in fields.structs("initializers", "initializer_count"))


def _initializer(fields: Fields) -> Initializer:
    function = fields.function("function")
    if function is None:
        fields.faults.add(fields.where("function"), "an initialiser has no function", fields.value.address_)
    done = bool(fields.integer("completed", "state"))
    took = fields.unsigned("duration_ns")
    return Initializer(function or Location(Address(0)), "done" if done else "pending", took if done else 0)


def _preallocated_free(fields: Fields) -> int | None:
    return fields.unsigned("preallocated_free") if fields.has("preallocated_free") else None
