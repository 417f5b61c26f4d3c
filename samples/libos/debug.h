/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The debugger's stub in this kernel: on COM2, fed by exceptions, by COM2's interrupt and by the timer.
 */
#ifndef LIBOS_DEBUG_H
#define LIBOS_DEBUG_H

#include <stdbool.h>

#include <unidbg/x86_64.h>

/* Start the stub if there is a COM2. Needs trap_init(). */
void debug_init(void);
/* Let COM2 interrupt. Needs apic_init(). */
void debug_connect(void);

/* From each exception. */
void debug_exception(struct unidbg_frame *frame);
/* From the timer's interrupt. */
void debug_tick(struct unidbg_frame *frame);
/* Is a client there? */
bool debug_attached(void);
/* Stop in the stub, if there is one, until a client says continue. */
void debug_stop(const char *reason);

#endif
