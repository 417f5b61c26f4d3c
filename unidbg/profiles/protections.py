"""The protections one by one: what looking at memory, page tables, registers and code says of each.

A check gives (found, evidence): `None` where it is not to be told, and the evidence then says why not. They
are independent, so that one protection that is off makes no other one look off.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from unidbg.errors import SymbolError
from unidbg.profiles.memory import overlap
from unidbg.program.module import Module
from unidbg.program.paging import EFER_NXE, PageWalk
from unidbg.program.references import references
from unidbg.views.base import Address, Range

if TYPE_CHECKING:
    from unidbg_symbols import Image

CR0_WP, CR4_SMEP, CR4_SMAP = 1 << 16, 1 << 20, 1 << 21
DATA = ("rodata", "data", "heap", "stack")

MAX_SEARCH = 16 << 20
"""Bytes of a segment in which the canary is looked for: it is done at each refresh."""

Verdict = tuple[bool | None, str]


class Canary(NamedTuple):
    """The word in memory: `value` is `None` where it is unreadable, `linked` what the image has there."""

    address: int
    value: int | None
    linked: int | None


class Looked(NamedTuple):
    """What was looked at. `why_...` say what kept us from it."""

    module: Module | None
    registers: Mapping[str, int | None]
    walk: PageWalk | None
    why_no_walk: str
    layout: Mapping[str, Range | None]
    guards: Sequence[Range]
    guards_told: bool
    canary: Canary | None
    handlers: Mapping[str, Address]
    """What is called when a check fails, by the name of the protection; 0: there is none."""


def writable_executable(walk: PageWalk) -> int:
    """Pages of 4 KiB that can be written and executed."""
    return sum((run.end - run.start) // 4096 for run in walk.mappings if run.writable and not run.no_execute)


def text_writable(looked: Looked, walk: PageWalk) -> int | None:
    """Pages of the code that can be written; `None` where nobody tells where it is."""
    code = looked.layout.get("code")
    runs = [run for run in walk.mappings if run.writable]
    return overlap(runs, code.start, code.end) if code is not None else None


def data_executable(looked: Looked, walk: PageWalk, names: Sequence[str] = DATA) -> int | None:
    """Pages of data, heap and stack that can be executed; `None` where nobody tells where they are."""
    parts = [part for name in names if (part := looked.layout.get(name)) is not None]
    runs = [run for run in walk.mappings if not run.no_execute]
    return sum(overlap(runs, part.start, part.end) for part in parts) if parts else None


def guards_unmapped(looked: Looked, walk: PageWalk) -> int:
    """Pages of the guards that are really not mapped."""
    whole = sum((guard.end + 4095) // 4096 - guard.start // 4096 for guard in looked.guards)
    return whole - sum(overlap(walk.mappings, guard.start, guard.end) for guard in looked.guards)


def _pages(count: int) -> str:
    return f"{count:,} page" if count == 1 else f"{count:,} pages"


# the processor


def _register_bit(looked: Looked, register: str, bit: int, name: str) -> Verdict:
    value = looked.registers.get(register)
    if value is None:
        return None, f"the target does not tell {register.upper()}"
    return bool(value & bit), f"{name} is {'set' if value & bit else 'clear'}: {register} {value:#x}"


def write_protect(looked: Looked) -> Verdict:
    """CR0.WP: the kernel itself cannot write to read-only pages."""
    return _register_bit(looked, "cr0", CR0_WP, "CR0.WP")


def smep(looked: Looked) -> Verdict:
    """CR4.SMEP: the kernel executes no user pages."""
    return _register_bit(looked, "cr4", CR4_SMEP, "CR4.SMEP")


def smap(looked: Looked) -> Verdict:
    """CR4.SMAP: the kernel touches no user pages unasked."""
    return _register_bit(looked, "cr4", CR4_SMAP, "CR4.SMAP")


# the page tables


def no_execute(looked: Looked) -> Verdict:
    """EFER.NXE, and what is only read cannot be executed. What can be written is `write_xor_execute`'s."""
    efer = looked.registers.get("efer")
    if efer is not None and not efer & EFER_NXE:
        return False, f"EFER.NXE is clear: every page that is mapped can be executed (efer {efer:#x})"
    if looked.walk is None:
        return None, looked.why_no_walk
    said = "EFER.NXE is set" if efer is not None else "the target does not tell EFER"
    executable = data_executable(looked, looked.walk, ("rodata",))
    if executable:
        return False, f"{said}, but {_pages(executable)} of read-only data can be executed"
    pages = sum((run.end - run.start) // 4096 for run in looked.walk.mappings if run.no_execute)
    return pages > 0, f"{said}, {_pages(pages)} cannot be executed"


def write_xor_execute(looked: Looked) -> Verdict:
    """No page outside the code can be written and executed."""
    if looked.walk is None:
        return None, looked.why_no_walk
    efer = looked.registers.get("efer")
    if efer is not None and not efer & EFER_NXE:
        return None, "without EFER.NXE no page can be kept from being executed"
    pages, of_text = writable_executable(looked.walk), text_writable(looked, looked.walk) or 0
    if of_text and pages == of_text:
        return True, f"only code can be written and executed, {_pages(of_text)}: see read_only_text"
    if pages == 0:
        return True, "no page can be written and executed"
    return False, f"{_pages(pages - of_text)} can be written and executed, code left out"


def read_only_text(looked: Looked) -> Verdict:
    """No page of code can be written."""
    if looked.walk is None:
        return None, looked.why_no_walk
    pages = text_writable(looked, looked.walk)
    if pages is None:
        return None, "nobody tells where the code is"
    if pages == 0:
        return True, "no page of code can be written"
    return False, f"{_pages(pages)} of code can be written"


def guard_pages(looked: Looked) -> Verdict:
    """There are guards, and none of them is mapped."""
    if not looked.guards_told:
        return None, "the guest does not tell its guard pages (docs/abi.md: memory, guards)"
    if not looked.guards:
        return False, "there are no guard pages"
    if looked.walk is None:
        return None, looked.why_no_walk
    unmapped = guards_unmapped(looked, looked.walk)
    mapped = sum(overlap(looked.walk.mappings, guard.start, guard.end) for guard in looked.guards)
    if mapped:
        return False, f"{_pages(mapped)} of {_pages(mapped + unmapped)} of guards are mapped"
    return True, f"{_pages(unmapped)} in {len(looked.guards)} places, none is mapped"


# the image


def aslr(looked: Looked) -> Verdict:
    """The image runs elsewhere than where it was linked."""
    module = looked.module
    if module is None:
        return None, "there is no image to compare with"
    if module.verified == "unverified":
        return None, "the image is not verified, so where it runs is not known"
    if module.bias == 0:
        return False, f"the image runs where it was linked, verified by {module.verified}"
    sign = "-" if module.bias < 0 else ""
    how = f"found by {module.evidence}, verified by {module.verified}"
    return True, f"the image runs {sign}{abs(module.bias):#x} from where it was linked: {how}"


def stack_canaries(looked: Looked) -> Verdict:
    """A canary that nobody could know beforehand, and functions that check it."""
    canary = looked.canary
    if canary is None:
        return None, "the guest does not tell where its canary is"
    if wrong := weakness(canary, looked.module):
        return False, f"the canary at {canary.address:#x} {wrong}"
    handler = looked.handlers.get("stack_canaries", Address(0))
    if looked.module is None or not handler:
        return None, "the canary is good; the guest does not tell what is called when it is damaged"
    bases = {
        name: looked.module.link_address(base)
        for name in ("fs_base", "gs_base")
        if (base := looked.registers.get(name)) is not None
    }
    found = references(looked.module.image, looked.module.link_address(canary.address), bases)
    callers = _callers(looked.module, handler)
    if found is None or callers is None:
        return None, f"the canary is good; the code of {looked.module.image.machine} is not understood"
    loaders = _functions(looked.module, found.loads)
    if loaders and callers:
        return True, f"random, loaded by {_number(loaders)}, checked by {_number(callers)}"
    return False, f"the canary is random, but loaded by {_number(loaders)} and checked by {_number(callers)}"


def weakness(canary: Canary, module: Module | None) -> str:
    """Why a canary can be guessed; empty where it looks random."""
    if canary.value is None:
        return "is unreadable"
    data = canary.value.to_bytes(8, "little")
    if canary.value == 0:
        return "is 0"
    if canary.value == canary.linked:
        return f"is the constant {canary.value:#x} of the image"
    steps = {(b - a) & 0xFF for a, b in pairwise(data)}
    if len(set(data)) < 4 or len(steps) < 3:
        return f"has a pattern: {canary.value:#x}"
    if module is not None and _stands_in(module, data):
        return f"is the constant {canary.value:#x}, which stands in the image"
    return ""


def _stands_in(module: Module, data: bytes) -> bool:
    """Whether the loaded bytes of the image have `data`."""
    for segment in module.image.segments:
        try:
            if 0 < segment.filesz <= MAX_SEARCH and data in bytes(
                module.image.read(segment.vaddr, segment.filesz)
            ):
                return True
        except SymbolError:
            continue
    return False


def _called(name: str, what: str) -> Callable[[Looked], Verdict]:
    """The check of a protection that calls a function when it fails."""

    def check(looked: Looked) -> Verdict:
        handler = looked.handlers.get(name)
        if handler is None or looked.module is None:
            return None, f"the guest does not tell what is called when a {what} is broken"
        if handler == 0:
            return False, f"nothing is called when a {what} is broken"
        callers = _callers(looked.module, handler)
        if callers is None:
            return None, f"the code of {looked.module.image.machine} is not understood"
        place = looked.module.locate(handler)
        return bool(callers), f"{place.symbol or hex(handler)} is called by {_number(callers)}"

    return check


_CALLERS: weakref.WeakKeyDictionary[Image, dict[int, set[str] | None]] = weakref.WeakKeyDictionary()
"""By image and link address of the handler: code does not change, and a view is asked for again and again."""


def _callers(module: Module, handler: Address) -> set[str] | None:
    """The functions that call `handler`; of one named by the compiler (`__...`) those that call it."""
    known, link = _CALLERS.setdefault(module.image, {}), module.link_address(handler)
    if link not in known:
        known[link] = _find_callers(module, handler)
    return known[link]


def _find_callers(module: Module, handler: Address) -> set[str] | None:
    direct = _callers_of(module, module.link_address(handler))
    if direct is None:
        return None
    found: set[str] = set()
    for name, address in direct.items():
        around = _callers_of(module, address) if name.startswith("__") and address else None
        found |= {name} if around is None else set(around)
    return found


def _callers_of(module: Module, link: int) -> dict[str, int] | None:
    found = references(module.image, link)
    if found is None:
        return None
    callers: dict[str, int] = {}
    for call in found.calls:
        symbol = module.image.symbol_at(call)
        callers[symbol.name if symbol else hex(call)] = symbol.address if symbol else 0
    return callers


def _functions(module: Module, places: Sequence[int]) -> set[str]:
    found = set()
    for place in places:
        symbol = module.image.symbol_at(place)
        found.add(symbol.name if symbol else hex(place))
    return found


def _number(functions: set[str]) -> str:
    if not functions:
        return "no function"
    return "1 function" if len(functions) == 1 else f"{len(functions):,} functions"


CHECKS: Mapping[str, Callable[[Looked], Verdict]] = {
    "stack_canaries": stack_canaries,
    "no_execute": no_execute,
    "write_xor_execute": write_xor_execute,
    "read_only_text": read_only_text,
    "aslr": aslr,
    "guard_pages": guard_pages,
    "write_protect": write_protect,
    "smep": smep,
    "smap": smap,
    "bounds_checks": _called("bounds_checks", "bound"),
    "type_checks": _called("type_checks", "type"),
    "control_flow_checks": _called("control_flow_checks", "rule of control flow"),
}
"""By the names of docs/abi.md, in its order."""
