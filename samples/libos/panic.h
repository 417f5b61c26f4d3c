/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBOS_PANIC_H
#define LIBOS_PANIC_H

#include <stdnoreturn.h>

/* Log why, wait in the debugger's stub for a client if there is one, then power off. */
noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
