"""A kernel with one probe of each kind, and a guest in the middle of running it."""

from __future__ import annotations

from dataclasses import dataclass

from unidbg_symbols import Image

from tests.support.fake_target import FakeMemory, FakeTarget
from tests.support.images import compile_image, load
from unidbg.program.module import Module
from unidbg.program.program import Program

SOURCE = r"""
#include <stdbool.h>
#include <stddef.h>
#include <unidbg/probe.h>
#include <unidbg/views.h>

#define TIMERS 8

void tick(void *data) { (void)data; }
void on_input(void *data) { (void)data; }
void on_timer_interrupt(void *data) { (void)data; }
int app_main(void) { return 0; }

struct range { unsigned long start, end; };
static struct { struct range code, rodata, data, heap, stack; } layout = {
    {0x100000, 0x101000}, {0x101000, 0x102000}, {0x102000, 0x104000},
    {0x200000, 0x300000}, {0x300000, 0x310000}};
UNIDBG_PROBE(memory, kernel, &layout);

static unsigned long bitmap[4] = {0xff, 0, 0x1, 0};
static struct unidbg_heap heap = {
    .start = 0x200000, .current = 0x201000, .end = 0x300000, .allocated = 4096, .peak = 8192, .count = 3,
    .page_bitmap = bitmap, .page_base = 0x200000, .page_total = 200, .page_free = 191, .page_size = 4096};
UNIDBG_PROBE(heap, kernel, &heap);

static struct {
    unsigned long now_ns, iterations;
    unsigned timers_fired; unsigned short events_handled;
    struct unidbg_timer timers[TIMERS]; int timer_count;
    struct unidbg_io_handler *handlers; unsigned handler_count;
} loop = {
    .now_ns = 5000, .iterations = 17, .timers_fired = 4, .events_handled = 2,
    .timers = {{tick, &heap, 4000, 1000, 1, 3}, {0}, {tick, NULL, 9000, 0, 1, 1}}, .timer_count = 3,
    .handlers = (struct unidbg_io_handler[]){{0, on_input, NULL, 2, 1}}, .handler_count = 1};
UNIDBG_PROBE(loop, main, &loop);

static struct {
    struct unidbg_memory_map_entry memory_maps[4]; unsigned memory_map_count;
    char command_line[64]; struct range initrd;
    struct unidbg_boot_phase phases[3]; unsigned phase_count;
} boot = {
    {{0, 0x9fc00, 1}, {0xf0000, 0x10000, 2}, {0x100000, 0x7f00000, 99}}, 3, "console=ttyS0 [bold]",
    {0, 0}, {{"early", 0, 100}, {"devices", 100, 250}, {"app", 250, 0}}, 3};
UNIDBG_PROBE(boot, kernel, &boot);

static struct {
    struct { const char *name; unsigned long mmio_base; unsigned short port_base; int irq;
             void (*handler)(void *); unsigned interrupts; } devices[4];
    unsigned device_count;
} devices = {{{"uart0", 0, 0x3f8, 4, NULL, 12}, {"lapic", 0xfee00000, 0, -1, on_timer_interrupt, 99}}, 2};
UNIDBG_PROBE(devices, all, &devices);

static const unsigned short ports[] = {80, 443};
static struct unidbg_app_config config = {"demo", 1 << 20, 1, 0, ports, 2};
static struct unidbg_app app = {app_main, {0x200000, 0x280000}, {0x102000, 0x103000}, &config};
UNIDBG_PROBE(app, main, &app);

static char ring[16] = "th\nline 3\nnd fou";
static struct { char *buffer; unsigned size; unsigned long written; } log_ring = {ring, 16, 26};
UNIDBG_PROBE(log, console, &log_ring);

static int seven = 7;
UNIDBG_PROBE(future, unknown, &seven);

void _start(void) { for (;;) tick(NULL); }
"""


@dataclass
class Guest:
    """The fake guest: its image, memory, target and program; `at` finds what to corrupt."""

    image: Image
    memory: FakeMemory
    target: FakeTarget
    program: Program
    path: str

    def at(self, name: str) -> int:
        """The address of a symbol."""
        return self.image.symbol(name).address

    def member(self, variable: str, member: str) -> int:
        """The address of a member of a global."""
        address = self.program.value(variable).member_(member).address_
        assert address is not None
        return address


def kernel(source: str = SOURCE, *, running: bool = False, flags: str = "") -> Guest:
    """A guest that stands at `_start` with everything initialised."""
    path = compile_image(source, flags)
    image = Image.open(path)
    memory = load(image)
    registers = {"1": {"rip": image.entry, "rsp": 0x30_F000, "rbp": 0, "cr3": None}}
    memory.plant(0x30_0000, bytes(0x1_0000))
    target = FakeTarget(memory, registers=registers, running=running)
    return Guest(image, memory, target, Program(target, [Module(image)]), str(path))
