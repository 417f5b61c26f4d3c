"""What an address is: every part of the guest is asked whether it covers it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from unidbg.errors import TargetError
from unidbg.profiles.areas import STACK_POINTERS
from unidbg.profiles.base import Context
from unidbg.profiles.blocks import block_at, read_heap
from unidbg.profiles.inspect import address_of
from unidbg.profiles.probe import decode
from unidbg.profiles.threads import thread as show_thread
from unidbg.structures.faults import Faults
from unidbg.views.base import Absent, Address, Fault
from unidbg.views.forensics import Meaning, WhatisView
from unidbg.views.network import RingsView
from unidbg.views.system import DevicesView, Frame, MemoryView, Region

DEVICE_BYTES = 4096
"""How far the registers of a device are taken to reach from their base."""


def whatis(context: Context, where: str | int) -> WhatisView:
    """Symbol, stack frame, heap block, page, device, ring buffer: whatever covers the address."""
    address = address_of(context.program, where, None)
    faults: list[Fault] = []
    found = [
        *_symbol(context, address),
        *_stack(context, address),
        *_heap(context, address, faults),
        *_ring(context, address),
        *_device(context, address),
        *_page(context, address),
        *_register(context, address),
    ]
    if not found:
        text = "no symbol, stack, heap block, page or device covers it"
        found = [Meaning("nothing", text, None, None)]
    return WhatisView(context.provenance, tuple(faults), Address(address), tuple(found))


def _symbol(context: Context, address: int) -> Iterator[Meaning]:
    module = context.program.module_at(address)
    symbol = module.image.symbol_at(module.link_address(address)) if module is not None else None
    if module is None or symbol is None:
        return
    start = module.run_address(symbol.address)
    kind = {"func": "function", "object": "variable"}.get(symbol.kind, "symbol")
    offset = f", {address - start} bytes in" if address > start else ""
    location = context.program.locate(address)
    yield Meaning("symbol", f"{kind} {symbol.name}{offset}", Address(start), symbol.size, location)


def _stack(context: Context, address: int) -> Iterator[Meaning]:
    program = context.program
    memory = decode(context, "memory")
    for info in program.target.threads():
        try:
            values = program.registers(info.id)
            top = next((values[n] or 0 for n in STACK_POINTERS if values.get(n)), 0)
            frames = show_thread(context, info).frames
        except TargetError:
            continue
        stack = memory.stack if isinstance(memory, MemoryView) else None
        bounds = (stack.start, stack.end) if stack and stack.start <= top < stack.end else None
        frame = _frame(frames, address)
        if frame is not None and top <= address:
            inside = f"frame {frame.index} of thread {info.id}, in {frame.pc.symbol or hex(frame.pc.address)}"
            yield Meaning("stack", inside, Address(frame.sp), None, frame.pc)
        elif bounds is not None and bounds[0] <= address < bounds[1]:
            word = "below the stack pointer" if address < top else "above the last frame"
            text = f"stack of thread {info.id}, {word}"
            yield Meaning("stack", text, Address(bounds[0]), bounds[1] - bounds[0])


def _frame(frames: tuple[Frame, ...], address: int) -> Frame | None:
    """The frame whose part of the stack covers the address: from its stack pointer to its caller's."""
    for frame, caller in pairwise(frames):
        if frame.sp <= address < caller.sp:
            return frame
    return None


def _heap(context: Context, address: int, faults: list[Fault]) -> Iterator[Meaning]:
    import numpy as np

    noted = Faults()
    heap = read_heap(context, noted, "heap")
    faults += noted.all()
    if isinstance(heap, Absent) or not heap.start <= address < heap.end:
        return
    table = heap.blocks
    index = int(np.searchsorted(table.offsets, address - heap.start, side="right")) - 1
    if index < 0 or address - heap.start >= int(table.offsets[index]) + int(table.spans[index]):
        yield Meaning("heap", "heap, behind a broken header: see `heap --blocks`", Address(heap.start), None)
        return
    block = block_at(context, table, index)
    offset = address - block.address
    place = f"{offset} bytes in" if offset > 0 else "its start" if offset == 0 else "in its header"
    beyond = ", behind what was asked for" if block.size_bytes and offset >= block.size_bytes else ""
    text = f"{block.state} block of {block.size_bytes or block.span_bytes} bytes, {place}{beyond}"
    yield Meaning("heap", text, block.address, block.size_bytes, block.call_site)


def _ring(context: Context, address: int) -> Iterator[Meaning]:
    rings = decode(context, "rings")
    for ring in rings.rings if isinstance(rings, RingsView) else ():
        for slot in ring.slots:
            if slot.address <= address < slot.address + slot.length_bytes:
                text = f"frame in slot {slot.index} of ring {ring.name}, {slot.state}"
                yield Meaning("ring", text, slot.address, slot.length_bytes)


def _device(context: Context, address: int) -> Iterator[Meaning]:
    view = decode(context, "devices")
    for device in view.devices if isinstance(view, DevicesView) else ():
        base = device.mmio_base
        if base is not None and base <= address < base + DEVICE_BYTES:
            text = f"registers of device {device.name}, {address - base} bytes in"
            yield Meaning("device", text, base, None, device.handler)


def _page(context: Context, address: int) -> Iterator[Meaning]:
    view = decode(context, "memory")
    if not isinstance(view, MemoryView):
        return
    for guard in view.guards:
        if guard.start <= address < guard.end:
            yield Meaning("guard", "guard page below a stack", guard.start, guard.end - guard.start)
    region = next((r for r in view.regions if r.start <= address < r.end), None)
    if region is not None:
        yield Meaning("page", _rights(region, address), region.start, region.end - region.start)
    elif view.regions:
        yield Meaning("page", "not mapped", None, None)


def _rights(region: Region, address: int) -> str:
    writes = "writable" if region.writable else "read-only"
    runs = "not executable" if region.no_execute else "executable"
    physical = region.physical + address - region.start
    kind = f"{region.kind}: " if region.kind else ""
    return f"{kind}mapped {writes}, {runs}, at physical {physical:#x}"


def _register(context: Context, address: int) -> Iterator[Meaning]:
    program = context.program
    for info in program.target.threads():
        try:
            values = program.registers(info.id)
        except TargetError:
            continue
        names = [name for name, value in values.items() if value == address]
        if names and address:
            yield Meaning("register", f"value of {', '.join(names)} of thread {info.id}", None, None)
