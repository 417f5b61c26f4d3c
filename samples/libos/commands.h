/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands for the debugger (`unidbg monitor`, gdb's `monitor`). They come while the guest stands, perhaps in the middle of anything: what only
 * reads is done at once, the rest when the event loop comes to it.
 */
#ifndef LIBOS_COMMANDS_H
#define LIBOS_COMMANDS_H

void commands_init(void);

#endif
