/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * corrupt: a guest that is damaged, or means ill. `corrupt=NAME` plants one thing, `corrupt` alone all of them. Then it
 * does nothing more, apart from the interrupts that the stub needs.
 */
#include <stddef.h>

#include "corrupt/plants.h"
#include "libos/app.h"
#include "libos/boot.h"
#include "libos/console.h"
#include "libos/cpu.h"
#include "libos/loop.h"
#include "libos/string.h"

#define HEARTBEAT_NS 1000000000ul

struct plant {
    const char *name;
    void (*plant)(void);
};

static const struct plant plants[] = {
    {"cycle", plant_cycle}, {"pointer", plant_pointer}, {"names", plant_names},   {"block", plant_block},
    {"pages", plant_pages}, {"timers", plant_timers},   {"length", plant_length},
};

const struct app_config app_config = {.name = "corrupt", .memory_bytes = 1 << 20};

static void heartbeat(void *data) {
    (void)data;
    log_line("corrupt: nothing is planted");
}

static _Noreturn void rest(void) {
    for (;;) {
        interrupts_wait();
    }
}

void app_main(void) {
    char name[32];
    loop_timer_start(heartbeat, NULL, HEARTBEAT_NS, HEARTBEAT_NS);
    if (!boot_option("corrupt", name, sizeof(name))) {
        return;
    }
    for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
        if (name[0] == '\0' || string_equal(name, plants[i].name)) {
            plants[i].plant();
        }
    }
    log_line("corrupt: planted");
    rest();
}
