/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the kernel is dead and nobody is attached, the stub offers a dump on its line (`unidbg dump --receive`). With
 * `crash-patience=MS` on the command line the machine is switched off when nobody has come for so long, and when
 * somebody has the whole dump; without it the dead kernel waits for ever.
 */
#ifndef LIBOS_CRASH_H
#define LIBOS_CRASH_H

#include <unidbg/stub.h>

/* Before unidbg_init. */
void crash_init(struct unidbg_port *port);

#endif
