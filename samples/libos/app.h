/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The application that this unikernel is. It defines app_config and app_main().
 */
#ifndef LIBOS_APP_H
#define LIBOS_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "libos/cpu.h"

struct app_config {
    const char *name;
    uint64_t memory_bytes; /* for heap and pages */
    bool needs_network;
    bool needs_storage;
    const uint16_t *ports; /* that it serves */
    uint32_t port_count;
};

struct uni_app {
    void (*entry)(void);
    struct range heap;
    struct range data; /* the application's own static data */
    const struct app_config *config;
};

/* By the application: */
extern const struct app_config app_config;
/* Sets up timers and handlers, and returns: the event loop takes over. */
void app_main(void);

/* By the library: */
const struct uni_app *uni_app(void);
void app_start(void);

#endif
