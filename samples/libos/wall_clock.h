/* SPDX-License-Identifier: BSD-3-Clause */
/* The time of day, from the clock that runs on a battery; read when it is first asked for. */
#ifndef LIBOS_WALL_CLOCK_H
#define LIBOS_WALL_CLOCK_H

#include <stdint.h>

/* Seconds since 1970, UTC. Without such a clock: since the kernel's first instruction. */
uint64_t wall_clock_seconds(void);

/* Run by boot_need(). */
void wall_clock_start(void);

#endif
