/* SPDX-License-Identifier: BSD-3-Clause */
#include "corrupt/plants.h"

#include <stddef.h>

#include "libos/assert.h"
#include "libos/console.h"
#include "libos/device.h"
#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/ring.h"

#define FAR_TOO_LONG (1ul << 60)
#define NO_ADDRESS 0xdead000000000000ul
#define TIMERS_CLAIMED 1000000
#define RING_SLOTS 8
#define BLOCK_BYTES 64

static struct virtq_desc descriptors[RING_SLOTS] __attribute__((aligned(16))) = {
    {.address = NO_ADDRESS, .length = BLOCK_BYTES, .flags = VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE, .next = 1},
    {.address = NO_ADDRESS, .length = BLOCK_BYTES, .flags = VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE, .next = 0},
};
static struct virtq_avail avail = {.index = 1};
static struct virtq_used used;

void plant_cycle(void) {
    struct packet_ring *ring = ring_add("circle", RING_RX, RING_SLOTS);
    ring->queue = (struct virtqueue){.size = RING_SLOTS, .desc = descriptors, .avail = &avail, .used = &used};
}

static void quiet(struct device_access *device, struct unidbg_frame *frame) {
    (void)device;
    (void)frame;
}

static struct device_access *device_named(const char *name) {
    return device_add((struct device_access){.name = name, .irq = DEVICE_NO_IRQ, .handler = quiet});
}

void plant_pointer(void) {
    struct device_access *device = device_named((const char *)NO_ADDRESS);
    device->handler = (void (*)(struct device_access *, struct unidbg_frame *))(uintptr_t)descriptors;
}

/* The accessors give constant structures, for they are nobody's to change: hence the casts. */
void plant_length(void) {
    struct console_ring *ring = (struct console_ring *)(uintptr_t)console_ring();
    ring->size = FAR_TOO_LONG;
}

void plant_pages(void) {
    struct memory_manager *manager = (struct memory_manager *)(uintptr_t)memory_manager();
    manager->page_total = FAR_TOO_LONG;
}

void plant_block(void) {
    struct heap_block *block = heap_allocate(BLOCK_BYTES);
    assert(block != NULL);
    block[-1].span = 0;
}

void plant_timers(void) {
    struct event_loop *loop = (struct event_loop *)(uintptr_t)event_loop();
    loop->timer_count = TIMERS_CLAIMED;
}

/* Title and screen of a terminal, C1 in one byte and in UTF-8, a text that runs backwards, markup of rich and Textual. */
static const char *const names[] = {
    "\033]0;owned\a\033[2J",
    "\x9b"
    "31mred",
    "\xc2\x9b"
    "31mred",
    "\xe2\x80\xaetxt.exe",
    "[/oops]",
    "[@click=app.quit]quit[/]",
};

void plant_names(void) {
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        device_named(names[i]);
        log_line("corrupt: %s", names[i]);
    }
}
