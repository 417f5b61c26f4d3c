/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "libos/string.h"

struct sink {
    char *out;
    size_t size;
    size_t length; /* of the whole text, also of what no longer fits */
};

/* One conversion, as the format string asks for it. */
struct conversion {
    char kind;
    char pad;
    unsigned width;
    bool is_long;
};

static void put(struct sink *sink, char byte) {
    if (sink->length + 1 < sink->size) {
        sink->out[sink->length] = byte;
    }
    sink->length++;
}

static void put_padded(struct sink *sink, const char *text, size_t length, const struct conversion *how) {
    for (size_t i = length; i < how->width; i++) {
        put(sink, how->pad);
    }
    for (size_t i = 0; i < length; i++) {
        put(sink, text[i]);
    }
}

static void put_number(struct sink *sink, uint64_t value, unsigned base, const struct conversion *how) {
    char digits[20]; /* 2^64 has twenty decimal digits */
    size_t at = sizeof(digits);
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put_padded(sink, digits + at, sizeof(digits) - at, how);
}

static void put_signed(struct sink *sink, int64_t value, struct conversion *how) {
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        put(sink, '-');
        magnitude = -magnitude;
        how->width -= how->width > 0;
    }
    put_number(sink, magnitude, 10, how);
}

/* Reads what follows a '%' and returns the place after it. */
static const char *parse(const char *format, struct conversion *how) {
    *how = (struct conversion){.pad = ' '};
    if (*format == '0') {
        how->pad = '0';
        format++;
    }
    while (*format >= '0' && *format <= '9') {
        how->width = how->width * 10 + (unsigned)(*format++ - '0');
    }
    while (*format == 'l' || *format == 'z') {
        how->is_long = true;
        format++;
    }
    how->kind = *format;
    return *format == '\0' ? format : format + 1;
}

static uint64_t next_unsigned(va_list *arguments, const struct conversion *how) {
    return how->is_long ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned);
}

static int64_t next_signed(va_list *arguments, const struct conversion *how) {
    return how->is_long ? va_arg(*arguments, int64_t) : va_arg(*arguments, int);
}

static void convert(struct sink *sink, struct conversion *how, va_list *arguments) {
    switch (how->kind) {
    case 's': {
        const char *text = va_arg(*arguments, const char *);
        put_padded(sink, text, strlen(text), how);
        break;
    }
    case 'c':
        put(sink, (char)va_arg(*arguments, int));
        break;
    case 'd':
        put_signed(sink, next_signed(arguments, how), how);
        break;
    case 'u':
        put_number(sink, next_unsigned(arguments, how), 10, how);
        break;
    case 'p':
        put(sink, '0');
        put(sink, 'x');
        how->is_long = true;
        __attribute__((fallthrough));
    case 'x':
        put_number(sink, next_unsigned(arguments, how), 16, how);
        break;
    default:
        put(sink, how->kind);
        break;
    }
}

size_t format_arguments(char *out, size_t size, const char *format, va_list arguments) {
    struct sink sink = {out, size, 0};
    va_list rest;
    va_copy(rest, arguments);
    while (*format != '\0') {
        if (*format != '%') {
            put(&sink, *format++);
            continue;
        }
        struct conversion how;
        format = parse(format + 1, &how);
        convert(&sink, &how, &rest);
    }
    va_end(rest);
    out[sink.length < size ? sink.length : size - 1] = '\0';
    return sink.length;
}

size_t format_text(char *out, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_arguments(out, size, format, arguments);
    va_end(arguments);
    return length;
}
