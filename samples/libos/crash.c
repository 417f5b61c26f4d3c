/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/crash.h"

#include <unidbg/crash.h>

#include "libos/boot.h"
#include "libos/console.h"
#include "libos/image.h"
#include "libos/memory_parts.h"
#include "libos/paging.h"
#include "libos/power.h"

#define NOTES_BYTES 512ul
#define PANIC_STATUS 1

extern char boot_entry[] __attribute__((weak)); /* a process has none */

static struct unidbg_crash crash;

static struct unidbg_region bytes_at(uintptr_t start, uint64_t count) {
    return (struct unidbg_region){.start = start, .end = start + count, .flags = UNIDBG_READ};
}

/* What a minimal dump must have besides what the stub finds by itself: the build-id, the log, who
 * holds the heap, the page tables. */
static bool get_part(void *context, unsigned index, struct unidbg_region *part) {
    (void)context;
    uintptr_t table = 0;
    if (index == 0) {
        *part = bytes_at((uintptr_t)rodata_start, NOTES_BYTES);
        return true;
    }
    if (index == 1) {
        *part = bytes_at((uintptr_t)console_ring()->buffer, console_ring()->size);
        return true;
    }
    if (index == 2) {
        *part = bytes_at((uintptr_t)tracker.sites, tracker.site_slots * sizeof(struct unidbg_site));
        return true;
    }
    if (!paging_table(index - 3, &table)) {
        return false;
    }
    *part = bytes_at(table, PAGE_BYTES);
    return true;
}

static void after(void *context, enum unidbg_crash_end end) {
    (void)context;
    (void)end;
    if (crash.patience_ms > 0) {
        power_off(PANIC_STATUS);
    }
}

void crash_init(struct unidbg_port *port) {
    crash.part = get_part;
    crash.entry = (uintptr_t)boot_entry;
    crash.patience_ms = (uint32_t)boot_option_number("crash-patience", 0);
    crash.after = after;
    UNIDBG_CRASH_PROBES(&crash);
    unidbg_crash_port(&crash, port);
}
