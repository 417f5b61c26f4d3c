/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/app.h"

#include <unidbg/probe.h>

#include "libos/image.h"
#include "libos/memory.h"

static struct uni_app app = {
    .entry = app_main,
    .data = {(uintptr_t)app_data_start, (uintptr_t)app_data_end},
    .config = &app_config,
};

UNIDBG_PROBE(app, main, &app);

const struct uni_app *uni_app(void) {
    return &app;
}

void app_start(void) {
    app.heap = memory_layout()->heap;
    app.entry();
}
