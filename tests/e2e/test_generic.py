"""A kernel of somebody else's: no probe, no stub, nothing but symbols and QEMU's gdbstub."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.guests import Boot, Booted
from unidbg.views.base import Absent
from unidbg.views.system import MemoryView, ThreadsView

ENTRY = r"""
    .section .note.Xen, "a", @note
    .long 4, 4, 18          /* PVH: XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long entry
    .section .text.entry, "ax"
    .code32
    .globl entry
entry:
    mov $stack_top, %esp
    mov $level4, %edi
    mov $level3 + 3, %eax
    mov %eax, (%edi)
    movl $0x83, level3      /* 1 GiB, present and writable */
    mov %edi, %cr3
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    lgdt gdtr
    ljmp $8, $long_mode
    .code64
long_mode:
    call kernel_main
    hlt
    .section .data
    .balign 8
gdt: .quad 0, 0x00af9a000000ffff
gdtr: .word 15
    .long gdt
    .section .note.GNU-stack, "", @progbits
    .bss
    .balign 4096
level4: .skip 4096
level3: .skip 4096
    .skip 4096
stack_top:
"""

KERNEL = r"""
struct ticket { int number; const char *holder; struct ticket *next; };
static struct ticket last = {42, "nobody", 0};
struct ticket first = {7, "somebody", &last};
volatile unsigned long rounds;
static __attribute__((noinline)) void work(struct ticket *ticket) {
    for (;;) { rounds += ticket->number; }
}
static void say(const char *text) {
    for (; *text; text++) { __asm__ volatile("outb %0, %1" : : "a"(*text), "Nd"((unsigned short)0x3f8)); }
}
void kernel_main(void) {
    say("bare: ready");
    work(&first);
}
"""

LINKER = """
ENTRY(entry)
PHDRS { note PT_NOTE; load PT_LOAD; }
SECTIONS {
    . = 0x200000;
    .note.Xen : { KEEP(*(.note.Xen)) } :note :load
    .text : { *(.text.entry) *(.text*) } :load
    .rodata : { *(.rodata*) } :load
    .eh_frame : { *(.eh_frame) } :load
    .data : { *(.data*) } :load
    .bss : { *(.bss*) } :load
}
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kernel of forty lines that unidbg has never heard of."""
    folder = tmp_path_factory.mktemp("bare")
    for name, text in (("entry.S", ENTRY), ("kernel.c", KERNEL), ("kernel.ld", LINKER)):
        (folder / name).write_text(text)
    flags = "-g -O1 -ffreestanding -fno-pic -no-pie -nostdlib -static -mno-red-zone -mgeneral-regs-only"
    subprocess.run(
        [
            "gcc",
            *flags.split(),
            "-Wl,--build-id=none,-z,noexecstack,--no-warn-rwx-segments,-T,kernel.ld",
            "entry.S",
            "kernel.c",
            "-o",
            "bare.elf",
        ],
        cwd=folder,
        check=True,
    )
    return folder / "bare.elf"


@pytest.fixture
def guest(boot: Boot, image: Path) -> Booted:
    return boot(image, ready="bare: ready")


def test_memory_threads_and_inspection_work_and_the_rest_says_why_not(guest: Booted) -> None:
    with guest.session(guest.gdbstub) as session:
        assert session.profile_name == "generic"
        views = session.snapshot(session.VIEWS).views
        memory, threads = views["memory"], views["threads"]
        assert isinstance(memory, MemoryView)
        assert memory.pages is not None
        assert memory.pages.present == memory.pages.writable_executable == 1 << 18
        assert isinstance(threads, ThreadsView)
        functions = [frame.pc.symbol for frame in threads.threads[0].frames]
        assert functions[:3] == ["work", "kernel_main", "long_mode"]
        for name in ("heap", "loop", "boot", "devices", "app", "log"):
            absent = views[name]
            assert isinstance(absent, Absent)
            assert absent.reason
            assert absent.remedy


def test_the_commands_of_a_stranger(guest: Booted) -> None:
    line = guest.gdbstub
    assert '"somebody"' in guest.unidbg("print", line, "first").stdout
    assert "42" in guest.unidbg("print", line, "first.next->number").stdout
    assert "rip" in guest.unidbg("regs", line).stdout
    assert "work" in guest.unidbg("dis", line, "work").stdout
    assert "kernel_main" in guest.unidbg("bt", line).stdout
    assert "0x00000007" in guest.unidbg("x", line, "first", "-f", "1wx").stdout
