/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crash: dies a moment after boot, in the way that `crash=` on the command line names. Without it, it lives.
 */
#include <stddef.h>

#include <unidbg/command.h>

#include "crash/ways.h"
#include "libos/app.h"
#include "libos/boot.h"
#include "libos/console.h"
#include "libos/loop.h"
#include "libos/panic.h"
#include "libos/string.h"

#define MS 1000000ul
#define DELAY_MS 50
#define HEARTBEAT_NS (1000 * MS)

struct way {
    const char *name;
    uint64_t (*die)(void);
};

static const struct way ways[] = {
    {"null-write", crash_null_write},
    {"jump-to-null", crash_jump_to_null},
    {"jump-to-data", crash_jump_to_data},
    {"execute-heap", crash_execute_heap},
    {"stack-smash", crash_stack_smash},
    {"bounds", crash_bounds},
    {"misaligned", crash_misaligned},
    {"wild-callback", crash_wild_callback},
    {"heap-overrun", crash_heap_overrun},
    {"double-free", crash_double_free},
    {"stack-overflow", crash_stack_overflow},
    {"divide", crash_divide},
    {"assert", crash_assert},
    {"out-of-memory", crash_out_of_memory},
    {"interrupt-fault", crash_interrupt_fault},
};

static uint64_t heartbeats;
static volatile uint64_t survived; /* what a way returned that did not kill */

const struct app_config app_config = {.name = "crash", .memory_bytes = 1 << 20};

static void heartbeat(void *data) {
    uint64_t *count = data;
    ++*count;
    log_line("crash: heartbeat %lu", *count);
}

static void crash_now(void *data) {
    const struct way *way = data;
    log_line("crash: %s", way->name);
    survived = way->die();
}

/* On the stack of the stub, with the page below it: the stub gets out of it. */
static void overflow(const char *arguments, struct unidbg_text *out) {
    (void)arguments;
    unidbg_write(out, "deep");
    survived = crash_stack_overflow();
}
UNIDBG_COMMAND(overflow, "overflow: run out of the stack of the stub", overflow);

static const struct way *way_named(const char *name) {
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (string_equal(ways[i].name, name)) {
            return &ways[i];
        }
    }
    return NULL;
}

void app_main(void) {
    char name[32];
    loop_timer_start(heartbeat, &heartbeats, HEARTBEAT_NS, HEARTBEAT_NS);
    if (!boot_option("crash", name, sizeof(name))) {
        log_line("crash: alive; crash=WAY on the command line ends that");
        return;
    }
    const struct way *way = way_named(name);
    if (way == NULL) {
        log_line("crash: there is no way \"%s\"", name);
        return;
    }
    loop_timer_start(crash_now, (void *)way, boot_option_number("crash-after", DELAY_MS) * MS, 0);
}
