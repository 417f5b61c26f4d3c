"""Security over a planted guest: all that holds, then each protection off alone, named exactly."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_target import FakeTarget
from tests.support.kernel import SOURCE, Guest, kernel
from tests.support.page_tables import TableBuilder
from unidbg.profiles.protections import CHECKS
from unidbg.program.module import Module
from unidbg.program.paging import NO_EXECUTE, WRITABLE
from unidbg.session import ImageSpec, Session
from unidbg.views.base import Absent, View
from unidbg.views.security import SecurityView

SECURE = r"""
unsigned long canary;
unsigned long constant = 0x5ca1ab1e0ddba115;
__attribute__((noinline)) void canary_failed(void) { for (;;) ; }
__attribute__((noinline)) void bounds_failed(void) { for (;;) ; }
__attribute__((noinline)) void type_failed(void) { for (;;) ; }
__attribute__((noinline)) void control_flow_failed(void) { for (;;) ; }
__attribute__((noinline)) void unused_failed(void) { for (;;) ; }
__attribute__((noinline)) void __wrapper(void) { unused_failed(); }
void guarded(void) {
    unsigned long kept;
    __asm__ volatile("movq canary(%%rip), %0" : "=r"(kept));
    __asm__ volatile("" ::: "memory");
    if (kept != *(volatile unsigned long *)&canary) canary_failed();
}
void bounded(int n) { if (n > 3) bounds_failed(); }
void typed(int n) { if (n > 4) type_failed(); }
void controlled(int n) { if (n > 5) control_flow_failed(); }
static struct unidbg_range guards[] = {{0x2ff000, 0x300000}, {0x310000, 0x311000}};
static struct unidbg_memory secure_layout = {
    .code = {0x600000, 0x602000}, .rodata = {0x602000, 0x603000}, .data = {0x603000, 0x604000},
    .heap = {0x604000, 0x606000}, .stack = {0x300000, 0x310000}, .guards = guards, .guard_count = 2};
UNIDBG_PROBE(memory, secure, &secure_layout);
static struct unidbg_security security = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, &canary, 0, 0x400000,
    canary_failed, bounds_failed, type_failed, control_flow_failed, 1, "/tls/cert", 0};
UNIDBG_PROBE(security, main, &security);
"""
KERNEL = SOURCE.replace("UNIDBG_PROBE(memory, kernel, &layout);", "").replace(
    "void _start", SECURE + "void _start"
)
FLAGS = "-O1 -Wno-unused-variable"
U64 = struct.Struct("<Q")
CR0, CR4, EFER = 0x8001_0033, 0x30_0620, 0xD00
CANARY = 0xA1F0_2C77_5B3D_E900
SLIDE = 0x20_0000
RODATA = 0x60_2000

Pages = dict[int, int]


def pages() -> Pages:
    """Page to flags: two of code, one of rodata, data and heap, a stack."""
    found = {0x60_0000: 0, 0x60_1000: 0, RODATA: NO_EXECUTE}
    found |= dict.fromkeys((0x60_3000, 0x60_4000, 0x60_5000, 0x30_0000), WRITABLE | NO_EXECUTE)
    return found


class Secure:
    """The guest; what is changed before `view` shows in it."""

    def __init__(self) -> None:
        self.guest: Guest = kernel(KERNEL, flags=FLAGS)
        self.pages = pages()
        self.bias = SLIDE
        self.registers: dict[str, int | None] = {"cr0": CR0, "cr4": CR4, "efer": EFER}
        self.plant("canary", U64.pack(CANARY))
        self.member("slide", U64.pack(SLIDE))

    def plant(self, name: str, data: bytes) -> None:
        self.guest.memory.plant(self.guest.at(name), data)

    def member(self, member: str, data: bytes) -> None:
        self.guest.memory.plant(self.guest.member("security", member), data)

    def view(self) -> SecurityView:
        tables = TableBuilder(base=0x80_0000)
        for page, flags in self.pages.items():
            tables.map(page, page, flags)
        target = self.guest.target
        target.physical = tables.memory()
        target.fake_registers.values["1"].update(cr3=tables.root, **self.registers)
        found = self.session(target).view("security")
        assert isinstance(found, SecurityView), found
        return found

    def session(self, target: FakeTarget) -> Session:
        opened = Session.over(target, images=[ImageSpec(self.guest.path)])
        if self.bias:
            opened.program.modules = (Slid(self.guest.image, self.bias, "text", "planted"),)
        return opened


class Slid(Module):
    """Says that it was moved, though it was not: what is read of it stays where it is."""

    def link_address(self, run: int) -> int:
        return run

    def run_address(self, link: int) -> int:
        return link


def found(view: SecurityView) -> dict[str, bool | None]:
    return {each.name: each.found for each in view.protections}


def evidence(view: SecurityView, name: str) -> str:
    return next(each.evidence for each in view.protections if each.name == name)


def faults(view: View) -> list[str]:
    return [f"{fault.where}: {fault.reason}" for fault in view.faults]


def test_all_that_is_configured_is_found() -> None:
    view = Secure().view()
    assert view.faults == ()
    assert found(view) == dict.fromkeys(CHECKS, True), [each.evidence for each in view.protections]
    assert [each.configured for each in view.protections] == [True] * len(CHECKS)
    assert view.weak == ()
    assert (view.canary, view.canary_at and view.canary_at.symbol) == (CANARY, "canary")
    assert (view.slide_bytes, view.link_address) == (SLIDE, 0x400000)
    assert view.registers is not None
    assert (view.registers.cr0, view.registers.cr4, view.registers.efer) == (CR0, CR4, EFER)
    assert (view.writable_executable_pages, view.writable_text_pages, view.executable_data_pages) == (0, 0, 0)
    assert view.guard_pages == 2
    assert view.debug_port_exposed is True  # our stub answers, whatever the guest says of it
    assert view.tls is not None
    assert (view.tls.enabled, view.tls.certificate, view.tls.key) == (True, "/tls/cert", "")


def no_canaries(secure: Secure) -> None:
    secure.plant("canary", bytes(8))


def compiled_without(member: str) -> Callable[[Secure], None]:
    def change(secure: Secure) -> None:
        secure.member(member, U64.pack(secure.guest.at("unused_failed")))

    return change


def flags(page: int, bits: int) -> Callable[[Secure], None]:
    def change(secure: Secure) -> None:
        secure.pages[page] = bits

    return change


def without_bit(register: str, bit: int) -> Callable[[Secure], None]:
    def change(secure: Secure) -> None:
        secure.registers[register] = (secure.registers[register] or 0) & ~bit

    return change


def no_execute_off(secure: Secure) -> None:
    secure.registers["efer"] = EFER & ~(1 << 11)


def not_moved(secure: Secure) -> None:
    secure.bias = 0
    secure.member("slide", U64.pack(0))


def no_guards(secure: Secure) -> None:
    secure.guest.memory.plant(secure.guest.member("secure_layout", "guard_count"), struct.pack("<I", 0))


OFF: dict[str, tuple[str, Callable[[Secure], None]]] = {
    "no canary": ("stack_canaries", no_canaries),
    "canaries not compiled in": ("stack_canaries", compiled_without("canary_failed")),
    "EFER.NXE": ("no_execute", no_execute_off),
    "executable rodata": ("no_execute", flags(RODATA, 0)),
    "executable heap": ("write_xor_execute", flags(0x60_4000, WRITABLE)),
    "writable text": ("read_only_text", flags(0x60_1000, WRITABLE)),
    "no slide": ("aslr", not_moved),
    "no guards": ("guard_pages", no_guards),
    "a guard that is mapped": ("guard_pages", flags(0x31_0000, WRITABLE | NO_EXECUTE)),
    "CR0.WP": ("write_protect", without_bit("cr0", 1 << 16)),
    "CR4.SMEP": ("smep", without_bit("cr4", 1 << 20)),
    "CR4.SMAP": ("smap", without_bit("cr4", 1 << 21)),
    "bounds": ("bounds_checks", compiled_without("bounds_failed")),
    "types": ("type_checks", compiled_without("type_failed")),
    "control flow": ("control_flow_checks", compiled_without("control_flow_failed")),
}


@pytest.mark.parametrize("off", OFF)
def test_what_is_off_is_named_and_nothing_else(off: str) -> None:
    name, change = OFF[off]
    secure = Secure()
    change(secure)
    view = secure.view()
    assert view.weak == (name,), [each.evidence for each in view.protections]
    assert found(view)[name] is False


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "is 0"),
        (0x1111_1111_1111_1111, "has a pattern"),
        (0x0102_0304_0506_0708, "has a pattern"),
        (0x5CA1_AB1E_0DDB_A115, "which stands in the image"),
    ],
)
def test_canaries_that_can_be_guessed(value: int, said: str) -> None:
    secure = Secure()
    secure.plant("canary", U64.pack(value))
    assert said in evidence(secure.view(), "stack_canaries")


def test_a_canary_that_is_the_constant_of_the_image() -> None:
    secure = Secure()
    secure.member("canary", U64.pack(secure.guest.at("constant")))
    assert "is the constant 0x5ca1ab1e0ddba115 of the image" in evidence(secure.view(), "stack_canaries")


def test_a_canary_that_cannot_be_read_is_a_fault() -> None:
    secure = Secure()
    secure.member("canary", U64.pack(0xDEAD_0000))
    view = secure.view()
    assert view.canary is None
    assert view.canary_at is not None
    assert faults(view)[0].startswith("canary: unreadable")
    assert view.weak == ("stack_canaries",)


def test_evidence_names_what_was_looked_at() -> None:
    view = Secure().view()
    assert evidence(view, "stack_canaries") == "random, loaded by 1 function, checked by 1 function"
    assert evidence(view, "bounds_checks") == "bounds_failed is called by 1 function"
    assert evidence(view, "aslr").startswith("the image runs 0x200000 from where it was linked: found by")
    assert evidence(view, "smep") == f"CR4.SMEP is set: cr4 {CR4:#x}"
    assert evidence(view, "guard_pages") == "2 pages in 2 places, none is mapped"


def test_what_the_target_does_not_tell_is_not_known() -> None:
    secure = Secure()
    secure.registers = {"cr0": None, "cr4": None, "efer": None}
    secure.guest.target.kind = "qemu"
    view = secure.view()
    assert view.registers is None
    assert [found(view)[name] for name in ("write_protect", "smep", "smap")] == [None, None, None]
    assert evidence(view, "smap") == "the target does not tell CR4"
    assert view.weak == ()
    assert view.debug_port_exposed is False


def test_what_is_configured_off_and_not_to_be_told_is_weak() -> None:
    secure = Secure()
    secure.registers["cr4"] = None
    secure.member("smap", b"\0")
    assert secure.view().weak == ("smap",)


def test_a_guest_that_lies_about_its_slide() -> None:
    secure = Secure()
    secure.member("slide", U64.pack(0x1000))
    view = secure.view()
    assert view.slide_bytes == SLIDE
    assert faults(view) == [
        "slide_bytes: the guest says 0x1000, but its image runs 0x200000 from where it was linked"
    ]


def test_a_guest_without_the_probe_is_looked_at_all_the_same() -> None:
    secure = Secure()
    secure.guest = kernel(SOURCE)
    secure.bias = 0
    tables = TableBuilder(base=0x80_0000)
    tables.map(0x10_0000, 0x10_0000, WRITABLE)
    target = secure.guest.target
    target.physical = tables.memory()
    target.fake_registers.values["1"].update(cr3=tables.root, cr0=CR0, cr4=CR4, efer=EFER)
    view = secure.session(target).view("security")
    assert isinstance(view, SecurityView)
    assert [each.configured for each in view.protections] == [None] * len(CHECKS)
    assert set(view.weak) == {"no_execute", "read_only_text", "aslr"}
    assert (view.canary, view.tls, view.guard_pages) == (None, None, None)


def test_nothing_to_look_at_is_absent() -> None:
    guest = kernel(SOURCE)
    guest.target.registers = None
    guest.target.kind = "core"
    opened = Session(guest.target, guest.program)
    view = opened.view("security")
    assert isinstance(view, Absent)
    assert "neither registers nor page tables" in view.reason


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 160), st.binary(min_size=1, max_size=12)), max_size=8))
def test_any_corruption_ends_in_a_view(damage: list[tuple[int, bytes]]) -> None:
    secure = Secure()
    for offset, data in damage:
        symbol = secure.guest.image.symbol("security")
        place = symbol.address + offset % max(symbol.size - len(data), 1)
        secure.guest.memory.plant(place, data)
    assert len(secure.view().protections) == len(CHECKS)
