"""Security: what a probe of kind `security` says is configured, and what looking finds (docs/abi.md).

A guest without that probe is looked at all the same: page tables and registers need no help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from unidbg.errors import MemoryFault, SymbolError, TargetError
from unidbg.profiles import protections
from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.memory import guards, image_layout
from unidbg.profiles.protections import CHECKS, Canary, Looked
from unidbg.profiles.roots import find_root
from unidbg.profiles.tables import walk_tables
from unidbg.program.module import PT_LOAD, Module
from unidbg.program.paging import PageWalk, PhysicalThroughVirtual
from unidbg.structures.faults import Faults
from unidbg.target.base import AddressSpace
from unidbg.views.base import Absent, Address, Location, Range
from unidbg.views.security import ControlRegisters, Protection, SecurityView, Tls

HANDLERS = {
    "stack_canaries": "canary_failed",
    "bounds_checks": "bounds_failed",
    "type_checks": "type_failed",
    "control_flow_checks": "control_flow_failed",
}
"""Protection to the member that says what is called when it fails."""
STUB = "unidbg"
MAX_PATH = 256


def security(fields: Fields, context: Context) -> SecurityView:
    """Configured by the probe, found by looking."""
    return _view(context, fields, fields.faults)


def generic_security(context: Context) -> SecurityView | Absent:
    """Found by looking alone; absent where there is nothing to look at."""
    view = _view(context, None, Faults())
    if all(protection.found is None for protection in view.protections):
        reason = "the guest exports no probe of this kind, and neither registers nor page tables can be had"
        return context.absent("security", reason, "attach through QEMU's gdbstub, or export the probe")
    return view


def _view(context: Context, fields: Fields | None, faults: Faults) -> SecurityView:
    looked = _look(context, fields)
    protections = tuple(_protection(name, fields, looked) for name in CHECKS)
    counts = _counts(looked)
    canary = looked.canary
    return SecurityView(
        provenance=context.provenance,
        protections=protections,
        weak=tuple(each.name for each in protections if is_weak(each)),
        canary=canary.value if canary is not None else None,
        canary_at=_locate(context, canary),
        slide_bytes=_slide(looked.module, fields),
        link_address=_link_address(looked.module, fields),
        registers=_control(looked.registers),
        writable_executable_pages=counts.writable_executable,
        writable_text_pages=counts.writable_text,
        executable_data_pages=counts.executable_data,
        guard_pages=counts.guards,
        debug_port_exposed=_exposed(context, fields),
        tls=_tls(fields),
        faults=faults.all(),
    )


def is_weak(protection: Protection) -> bool:
    """Looking decides; where it cannot tell, what is configured."""
    if protection.found is None:
        return protection.configured is False
    return not protection.found


def _protection(name: str, fields: Fields | None, looked: Looked) -> Protection:
    told = fields is not None and fields.has(name)
    configured = bool(fields.integer(name, "protections")) if fields is not None and told else None
    return Protection(name, configured, *CHECKS[name](looked))


def _look(context: Context, fields: Fields | None) -> Looked:
    layout = _Layout.of(context)
    walk, why = _walk(context, layout.physical)
    modules = context.program.modules
    return Looked(
        module=modules[0] if modules else None,
        registers=_registers(context),
        walk=walk,
        why_no_walk=why,
        layout=layout.ranges,
        guards=layout.guards,
        guards_told=layout.guards_told,
        canary=_canary(context, fields),
        handlers=_handlers(fields),
    )


class _Layout(NamedTuple):
    """What the probe `memory` says, else the image."""

    ranges: Mapping[str, Range | None]
    guards: Sequence[Range]
    guards_told: bool
    physical: AddressSpace | None

    @classmethod
    def of(cls, context: Context) -> _Layout:
        program = context.program
        root = find_root(context, "memory", Faults())
        if root is None or isinstance(root, Absent) or not root.is_struct_():
            return cls(image_layout(program), (), False, program.target.physical)
        fields = Fields(program, root, Faults())
        offset = fields.integer("physical_offset") if fields.has("physical_offset") else 0
        names = [name for name in ("code", *protections.DATA) if fields.has(name)]
        return cls(
            ranges={name: fields.range(name) for name in names},
            guards=guards(fields),
            guards_told=fields.has("guards"),
            physical=program.target.physical or PhysicalThroughVirtual(program.memory, offset),
        )


def _walk(context: Context, physical: AddressSpace | None) -> tuple[PageWalk | None, str]:
    """The walk, or why there is none."""
    if physical is None:
        return None, "the page tables lie in physical memory, which this target cannot read"
    faults = Faults()
    walk = walk_tables(context, physical, faults)
    reasons = [fault.reason for fault in faults.all()]
    return walk, "" if walk else reasons[0] if reasons else "there are no page tables"


def _registers(context: Context) -> Mapping[str, int | None]:
    """Of the first vCPU; empty where there are none."""
    try:
        threads = context.program.target.threads()
        return context.program.registers(threads[0].id) if threads else {}
    except TargetError:
        return {}


def _control(registers: Mapping[str, int | None]) -> ControlRegisters | None:
    cr0, cr4, efer = (registers.get(name) for name in ("cr0", "cr4", "efer"))
    return None if cr0 is None or cr4 is None or efer is None else ControlRegisters(cr0, cr4, efer)


def _canary(context: Context, fields: Fields | None) -> Canary | None:
    if fields is None or not fields.has("canary"):
        return None
    address = fields.address("canary")
    if not address:
        return None
    value: int | None = None
    try:
        value = int.from_bytes(context.program.read(address, 8), "little")
    except MemoryFault as fault:
        fields.faults.add("canary", f"unreadable: {fault.reason}", fault.address)
    module = context.program.module_at(address)
    return Canary(address, value, _linked(module, address))


def _linked(module: Module | None, address: int) -> int | None:
    """What the file has there."""
    try:
        data = module.image.read(module.link_address(address), 8) if module is not None else b""
    except SymbolError:
        return None
    return int.from_bytes(data, "little") if data else None


def _handlers(fields: Fields | None) -> dict[str, Address]:
    if fields is None:
        return {}
    return {
        name: fields.address(member, "protections") for name, member in HANDLERS.items() if fields.has(member)
    }


def _locate(context: Context, canary: Canary | None) -> Location | None:
    return context.program.locate(canary.address) if canary is not None else None


class _Counts(NamedTuple):
    writable_executable: int | None = None
    writable_text: int | None = None
    executable_data: int | None = None
    guards: int | None = None


def _counts(looked: Looked) -> _Counts:
    walk = looked.walk
    if walk is None:
        return _Counts()
    return _Counts(
        protections.writable_executable(walk),
        protections.text_writable(looked, walk),
        protections.data_executable(looked, walk),
        protections.guards_unmapped(looked, walk) if looked.guards_told else None,
    )


def _slide(module: Module | None, fields: Fields | None) -> int | None:
    """As found by us; the guest's word must agree."""
    told = fields.integer("slide", "slide_bytes") if fields is not None and fields.has("slide") else None
    if module is None or module.verified == "unverified":
        return told
    if fields is not None and told is not None and told != module.bias:
        reason = f"the guest says {told:#x}, but its image runs {module.bias:#x} from where it was linked"
        fields.faults.add("slide_bytes", reason, fields.value.address_)
    return module.bias


def _link_address(module: Module | None, fields: Fields | None) -> Address | None:
    if fields is not None and fields.has("link_address"):
        return fields.address("link_address")
    starts = [s.vaddr for s in module.image.segments if s.p_type == PT_LOAD and s.memsz] if module else []
    return Address(min(starts)) if starts else None


def _exposed(context: Context, fields: Fields | None) -> bool | None:
    """Whether a debugger can come in: our stub in the guest answers, or the guest says that it would."""
    if context.program.target.kind == STUB:
        return True
    if fields is None or not fields.has("debug_port_exposed"):
        return None
    return bool(fields.integer("debug_port_exposed"))


def _tls(fields: Fields | None) -> Tls | None:
    if fields is None or not fields.has("tls_enabled"):
        return None
    paths = [
        fields.text(name, f"tls.{name[4:]}", limit=MAX_PATH) if fields.has(name) else ""
        for name in ("tls_certificate", "tls_key")
    ]
    return Tls(bool(fields.integer("tls_enabled", "tls.enabled")), *paths)
