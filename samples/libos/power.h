/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBOS_POWER_H
#define LIBOS_POWER_H

#include <stdint.h>

/*
 * Switch the machine off. With `-device isa-debug-exit` QEMU ends with status 2 * status + 1, else with 0.
 */
_Noreturn void power_off(uint8_t status);
_Noreturn void power_reset(void);

/* Run by boot_need(). */
void power_start(void);

#endif
