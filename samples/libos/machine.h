/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How this machine is debugged: libos/machine.c for a PC, hosted/machine.c for a Linux process.
 */
#ifndef LIBOS_MACHINE_H
#define LIBOS_MACHINE_H

#include <unidbg/port.h>

/* The port's line and its access to memory and registers. What the caller has filled in already stays, but for what the
 * machine knows better. False: there is no line. */
bool machine_debug_port(struct unidbg_port *port);
/* From here on `handler` is called, interrupts off, when the line has something. */
void machine_debug_connect(void (*handler)(struct unidbg_frame *frame));

#endif
