/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/console.h"

#include <unidbg/probe.h>

#include "libos/clock.h"
#include "libos/cpu.h"
#include "libos/format.h"
#include "libos/uart.h"

#define RING_BYTES 16384
#define LINE_BYTES 200
#define NS_PER_SECOND 1000000000ul
#define NS_PER_MICROSECOND 1000ul

static char ring_bytes[RING_BYTES];
static struct console_ring ring = {.buffer = ring_bytes, .size = RING_BYTES};
static bool is_quiet;

UNIDBG_PROBE(log, console, &ring);

const struct console_ring *console_ring(void) {
    return &ring;
}

void console_set_quiet(bool quiet) {
    is_quiet = quiet;
}

void console_write(const char *text, size_t length) {
    uint64_t flags = interrupts_save(); /* an interrupt handler may log, too */
    for (size_t i = 0; i < length; i++) {
        ring.buffer[ring.written % RING_BYTES] = text[i];
        ring.written++;
    }
    if (!is_quiet) {
        uart_write(UART_COM1, text, length);
    }
    interrupts_restore(flags);
}

void log_line(const char *format, ...) {
    char line[LINE_BYTES];
    uint64_t now = clock_ns();
    size_t length = format_text(line, sizeof(line), "[%4lu.%06lu] ", now / NS_PER_SECOND,
                                now % NS_PER_SECOND / NS_PER_MICROSECOND);
    va_list arguments;
    va_start(arguments, format);
    length += format_arguments(line + length, sizeof(line) - length, format, arguments);
    va_end(arguments);
    if (length > sizeof(line) - 1) {
        length = sizeof(line) - 1;
    }
    line[length] = '\n';
    console_write(line, length + 1);
}
