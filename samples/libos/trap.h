/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments, task state and interrupt descriptors. The entries themselves come with the stub: each saves a whole
 * struct unidbg_frame, so that the guest can be stopped and looked at from any of them.
 */
#ifndef LIBOS_TRAP_H
#define LIBOS_TRAP_H

#include <unidbg/x86_64.h>

#define TRAP_FIRST_INTERRUPT 32
#define TRAP_VECTORS UNIDBG_X86_64_ENTRIES
#define TRAP_SPURIOUS (TRAP_VECTORS - 1)

/* From here on exceptions are handled; interrupts stay off. */
void trap_init(void);

#endif
