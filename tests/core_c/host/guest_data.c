/* SPDX-License-Identifier: BSD-3-Clause */
/* The data of the host machine's guest, with types, and probes that hold still. */
#include <unidbg/probe.h>
#include <unidbg/views.h>

void quiet(void);
void tick(void);
void tick_timer(void *data);
void read_line(void *data);
int guest_start(void);

const char text[] = "hello";
unsigned long ticks;
unsigned long counted;
void (*crash)(void) = quiet;
char buffer[16];

static struct unidbg_memory layout = {
    .code = {0x200000, 0x201000},
    .data = {0x202000, 0x203000},
    .heap = {0x203000, 0x204000},
    .stack = {0x300000, 0x304000},
};
UNIDBG_PROBE(memory, kernel, &layout);

/* One page, where the image ends; the addresses are those that the linker is given in stubs/Makefile. */
static uint64_t page_bitmap[1] = {0x7};
static struct unidbg_heap heap = {
    .start = 0x203000,
    .current = 0x203300,
    .end = 0x204000,
    .allocated = 512,
    .peak = 768,
    .count = 2,
    .page_bitmap = page_bitmap,
    .page_base = 0x203000,
    .page_total = 16,
    .page_free = 13,
    .page_size = 256,
};
UNIDBG_PROBE(heap, kernel, &heap);

static struct unidbg_timer timers[2] = {
    {tick_timer, &ticks, 5000, 1000, 1, 4},
    {0},
};
static struct unidbg_io_handler handlers[1] = {{0, read_line, buffer, 7, 1}};
static struct unidbg_loop loop = {
    .now_ns = 5500,
    .iterations = 12,
    .timers_fired = 4,
    .events_handled = 7,
    .timers = timers,
    .timer_count = 2,
    .handlers = handlers,
    .handler_count = 1,
};
UNIDBG_PROBE(loop, main, &loop);

static const struct unidbg_memory_map_entry memory_maps[] = {{0, 0x9f000, 1}, {0x100000, 0x300000, 1}};
static const struct unidbg_boot_phase phases[] = {{"early", 0, 1000}, {"late", 1000, 3000}};
static struct unidbg_boot boot = {
    .memory_maps = memory_maps,
    .memory_map_count = 2,
    .phases = phases,
    .phase_count = 2,
    .command_line = "quiet",
};
UNIDBG_PROBE(boot, kernel, &boot);

static const uint16_t ports[] = {80};
static const struct unidbg_app_config config = {
    .name = "host", .memory_bytes = 4096, .ports = ports, .port_count = 1};
static struct unidbg_app app = {
    .entry = guest_start, .heap = {0x203000, 0x204000}, .data = {0x202000, 0x203000}, .config = &config};
UNIDBG_PROBE(app, main, &app);

static struct unidbg_log log = {.buffer = "hello, host\n", .size = 12, .written = 12};
UNIDBG_PROBE(log, console, &log);

void tick_timer(void *data) {
    (void)data;
}

void read_line(void *data) {
    (void)data;
}
