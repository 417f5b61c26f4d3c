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
    uint64_t physical_offset;          /* virtual address at which physical address 0 is mapped */
    const struct unidbg_range *guards; /* pages kept unmapped, below stacks */
    uint32_t guard_count;
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

struct unidbg_initializer {
    void (*function)(void);
    uint8_t completed;    /* 0: pending, runs when it is first needed */
    uint64_t duration_ns; /* 0: pending */
};

struct unidbg_boot {
    const struct unidbg_memory_map_entry *memory_maps;
    uint32_t memory_map_count;
    uint32_t phase_count;
    const struct unidbg_boot_phase *phases;
    const char *command_line;
    struct unidbg_range initrd; /* physical */
    const struct unidbg_initializer *initializers;
    uint32_t initializer_count;
    uint32_t preallocated_free;       /* pages of `preallocated` not yet taken */
    struct unidbg_range preallocated; /* set aside at boot */
};

/* Stands before each block, free or live; the next header is `span` bytes behind this one. */
struct unidbg_block {
    uint64_t check;  /* unidbg_heap.block_check ^ address of this header ^ span ^ size */
    uint64_t span;   /* bytes from this header to the next */
    uint64_t size;   /* bytes asked for; 0: free */
    void *call_site; /* where the allocation returns to; NULL: not recorded */
};

struct unidbg_size_class {
    uint64_t size; /* bytes */
    uint64_t used; /* live blocks */
    uint64_t free; /* blocks in its list */
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
    uint64_t page_size;                /* bytes */
    const struct unidbg_block *blocks; /* the first header; the last ends at `current` */
    uint64_t block_check;
    uint64_t free_bytes;   /* in free blocks */
    uint64_t largest_free; /* bytes of the largest free block */
    uint64_t failed;       /* allocations that found no room */
    const struct unidbg_size_class *classes;
    uint32_t class_count;
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

struct unidbg_security {
    /* What is configured: 0 or 1. */
    uint8_t stack_canaries;
    uint8_t no_execute;
    uint8_t write_xor_execute;
    uint8_t read_only_text;
    uint8_t aslr;
    uint8_t guard_pages;
    uint8_t write_protect;
    uint8_t smep;
    uint8_t smap;
    uint8_t bounds_checks;
    uint8_t type_checks;
    uint8_t control_flow_checks;
    uint8_t debug_port_exposed;
    const uint64_t *canary; /* the word that stacks are checked by */
    uint64_t slide;         /* bytes from the link address to where the image runs */
    uint64_t link_address;
    /* What is called when a check fails: looking for its callers tells whether code was compiled with it. */
    void (*canary_failed)(void);
    void (*bounds_failed)(void);
    void (*type_failed)(void);
    void (*control_flow_failed)(void);
    uint8_t tls_enabled;
    const char *tls_certificate; /* path; NULL: none */
    const char *tls_key;
};

struct unidbg_metadata {
    const char *key;
    const char *value;
    const char *source; /* channel, as "fw_cfg" */
};

struct unidbg_volume {
    const char *name;
    uint8_t attached;
    uint64_t capacity_bytes;
    uint64_t block_bytes;
    uint64_t read_bytes;
    uint64_t written_bytes;
    uint64_t errors;
};

struct unidbg_nic {
    const char *name;
    uint8_t attached;
    uint8_t mac[6];
};

struct unidbg_hook {
    const char *name;
    void (*function)(void);
};

struct unidbg_cloud {
    const char *put_channel; /* where what is put goes */
    const struct unidbg_metadata *metadata;
    uint32_t metadata_count;
    uint32_t volume_count;
    const struct unidbg_volume *volumes;
    const struct unidbg_nic *nics;
    uint32_t nic_count;
    uint32_t hook_count;
    const struct unidbg_hook *hooks;
};

struct unidbg_health_result {
    uint64_t time_ns; /* when it ended; 0: slot unused */
    uint32_t outcome; /* 0 ok, 1 failed, 2 timeout */
    uint64_t duration_ns;
};

struct unidbg_health {
    int (*check)(void);
    uint64_t interval_ns;
    uint64_t timeout_ns;
    uint64_t passed;
    uint64_t failed;
    uint64_t timed_out;
    uint64_t started_ns; /* the check that runs now; 0: none */
    const struct unidbg_health_result
        *results;          /* ring; the latest is at (results_written - 1) % result_count */
    uint32_t result_count; /* slots */
    uint64_t results_written;
};

struct unidbg_scaling {
    uint32_t minimum; /* instances */
    uint32_t maximum;
    uint32_t instances;
    uint32_t wanted;
    uint32_t load_percent;
    uint32_t up_percent; /* thresholds */
    uint32_t down_percent;
};

struct unidbg_service {
    const char *name;
    uint8_t address[4];
    uint16_t port;
    uint8_t own;    /* 1: ours, 0: heard from others */
    uint8_t active; /* 0: slot unused */
    uint64_t announcements;
    uint64_t seen_ns; /* announced or heard last; 0: never */
};

struct unidbg_orchestration {
    uint64_t now_ns;
    const struct unidbg_health *health;   /* NULL: none */
    const struct unidbg_scaling *scaling; /* NULL: none */
    const struct unidbg_service *services;
    uint32_t service_count; /* slots */
};

struct unidbg_driver {
    const char *name;
    uint8_t poll; /* 0: interrupt mode */
    uint64_t interval_ns;
    uint64_t polls;
    uint64_t empty_polls;
    uint64_t interrupts;
};

struct unidbg_pool {
    const char *name;
    uint64_t buffer_bytes;
    uint64_t total; /* buffers */
    uint64_t out;
    uint64_t peak;
    uint64_t taken;
    uint64_t released;
    uint64_t failed;
};

struct unidbg_cache {
    const char *name;
    uint64_t object_bytes;
    uint64_t in_use; /* objects */
    uint64_t cached;
    uint64_t allocations;
    uint64_t frees;
    uint64_t hits;
    uint64_t flushes;
};

struct unidbg_runtime {
    const struct unidbg_driver *drivers;
    uint32_t driver_count;
    uint32_t pool_count;
    const struct unidbg_pool *pools;
    const struct unidbg_cache *caches;
    uint32_t cache_count;
};

#endif
