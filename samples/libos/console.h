/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The console: every line goes into a ring in memory, where a debugger finds it, and to COM1 unless quiet.
 */
#ifndef LIBOS_CONSOLE_H
#define LIBOS_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The last `size` bytes that were written; the next one goes to buffer[written % size]. */
struct console_ring {
    char *buffer;
    uint64_t size;
    uint64_t written; /* bytes since boot */
};

const struct console_ring *console_ring(void);

/* Quiet: keep the ring, but nothing more to COM1. */
void console_set_quiet(bool quiet);

void console_write(const char *text, size_t length);

/* One line, the time before it and a newline after it; cut at 200 bytes. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
