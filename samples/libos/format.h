/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small printf: %s %c %d %u %x %p %%, with a width, a leading 0 and the length modifiers l and z.
 */
#ifndef LIBOS_FORMAT_H
#define LIBOS_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Write at most size bytes, always terminated (size > 0). Returns the length that the whole text has; when that is
 * size or more, the text was cut.
 */
size_t format_arguments(char *out, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
size_t format_text(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
