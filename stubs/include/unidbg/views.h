/* SPDX-License-Identifier: BSD-3-Clause */
/* A standard structure for each kind of probe, for kernels that have none of their own. A kernel that has
 * exports its own: unidbg finds members by name, so only the names matter (docs/abi.md).
 *
 *     static struct unidbg_heap my_heap;
 *     UNIDBG_PROBE(heap, main, &my_heap);
 */
#ifndef UNIDBG_VIEWS_H
#define UNIDBG_VIEWS_H

#include <stdint.h>

/* Addresses, first byte and one past the last; start == end: none. */
struct unidbg_range {
    uint64_t start;
    uint64_t end;
};

struct unidbg_memory {
    struct unidbg_range code;
    struct unidbg_range rodata;
    struct unidbg_range data;
    struct unidbg_range heap;
    struct unidbg_range stack;
    uint64_t physical_offset; /* virtual address at which physical address 0 is mapped */
};

struct unidbg_memory_map_entry {
    uint64_t start;  /* physical */
    uint64_t length; /* bytes */
    uint32_t type;   /* as in e820: 1 usable, 2 reserved, 3 ACPI, 4 NVS, 5 unusable */
};

struct unidbg_boot_phase {
    const char *name;
    uint64_t start_ns; /* since the kernel's first instruction */
    uint64_t end_ns;   /* 0: not ended */
};

struct unidbg_boot {
    const struct unidbg_memory_map_entry *memory_maps;
    uint32_t memory_map_count;
    uint32_t phase_count;
    const struct unidbg_boot_phase *phases;
    const char *command_line;
    struct unidbg_range initrd; /* physical */
};

struct unidbg_heap {
    uint64_t start;
    uint64_t current; /* high end of what was handed out */
    uint64_t end;
    uint64_t allocated;          /* bytes live now */
    uint64_t peak;               /* bytes, most ever */
    uint64_t count;              /* live allocations */
    const uint64_t *page_bitmap; /* bit n: page n is in use; NULL: none */
    uint64_t page_base;
    uint64_t page_total;
    uint64_t page_free;
    uint64_t page_size; /* bytes */
};

struct unidbg_device {
    const char *name;
    uint64_t mmio_base;      /* 0: none */
    uint16_t port_base;      /* 0: none */
    int32_t irq;             /* -1: none */
    void (*handler)(void *); /* NULL: none */
    uint64_t interrupts;     /* count */
};

struct unidbg_devices {
    const struct unidbg_device *devices;
    uint32_t device_count;
};

struct unidbg_app_config {
    const char *name;
    uint64_t memory_bytes;
    uint8_t needs_network; /* 0 or 1 */
    uint8_t needs_storage;
    const uint16_t *ports;
    uint32_t port_count;
};

struct unidbg_app {
    int (*entry)(void);
    struct unidbg_range heap;
    struct unidbg_range data;
    const struct unidbg_app_config *config;
};

struct unidbg_timer {
    void (*callback)(void *data);
    void *data;
    uint64_t deadline_ns;
    uint64_t period_ns; /* 0: single shot */
    uint8_t active;     /* 0: slot unused */
    uint64_t fired;     /* count */
};

struct unidbg_io_handler {
    int32_t descriptor;
    void (*callback)(void *data);
    void *data;
    uint64_t events; /* count */
    uint8_t active;  /* 0: slot unused */
};

struct unidbg_loop {
    uint64_t now_ns; /* the guest's clock when the loop last read it */
    uint64_t iterations;
    uint64_t timers_fired;
    uint64_t events_handled;
    const struct unidbg_timer *timers;
    uint32_t timer_count;
    uint32_t handler_count;
    const struct unidbg_io_handler *handlers;
};

struct unidbg_log {
    const char *buffer; /* ring */
    uint64_t size;      /* bytes of the ring */
    uint64_t written;   /* bytes since boot; the next goes to written % size */
};

#endif
