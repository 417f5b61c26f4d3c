/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

#include <stdarg.h>

#include "features.h"

/* Somebody writes numbers in decimal, and text that is escaped. */
enum { RICH = WITH_DOCUMENTS || WITH_MONITOR || WITH_LLDB || WITH_TEXTS };

const char *text_at(const char *texts, unsigned index) {
    while (index > 0)
        index -= *texts++ == 0;
    return texts;
}

unsigned hex_width(uint64_t value) {
    unsigned width = 1;

    while (value >>= 4)
        width++;
    return width;
}

static char digit(unsigned value) {
    return (char)(value < 10 ? '0' + value : 'a' - 10 + value);
}

void text_digits(struct unidbg_text *out, uint64_t value, unsigned digits) {
    while (digits-- > 0)
        out->put(out, digit(value >> 4 * digits & 15));
}

static void decimal(struct unidbg_text *out, uint64_t value) {
    char digits[20];
    unsigned count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count > 0)
        out->put(out, digits[--count]);
}

/* Control bytes and those that mean something in XML. */
static const char *entity(char character) {
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return 0;
    }
}

void text_xml_char(struct unidbg_text *out, char character) {
    const char *name = entity(character);

    if (name)
        unidbg_write(out, name);
    else
        out->put(out, character >= ' ' && character <= '~' ? character : '?');
}

/* Each character of a text. */
static void characters(struct unidbg_text *out, const char *text, char how) {
    for (; *text; text++) {
        if (RICH && how == 'h')
            text_digits(out, (uint8_t)*text, 2);
        else if (RICH && how == 'e')
            text_xml_char(out, *text);
        else
            out->put(out, *text);
    }
}

static void put_value(struct unidbg_text *out, char how, uint64_t value) {
    switch (how) {
    case 'x':
        text_digits(out, value, hex_width(value));
        break;
    case 'b':
        text_digits(out, value, 2);
        break;
    case 'd':
        if (RICH)
            decimal(out, value);
        break;
    case 'c':
        out->put(out, (char)value);
        break;
    default:
        characters(out, (const char *)(uintptr_t)value, how); // NOLINT(performance-no-int-to-ptr)
        break;
    }
}

enum verdict text_format(struct unidbg_text *out, const char *format, ...) {
    va_list values;

    va_start(values, format);
    for (; *format; format++) {
        if (*format == '%')
            put_value(out, *++format, va_arg(values, uint64_t));
        else
            out->put(out, *format);
    }
    va_end(values);
    return REPLY;
}

void text_xml(struct unidbg_text *out, const char *text) {
    characters(out, text, 'e');
}

void unidbg_write(struct unidbg_text *out, const char *text) {
    characters(out, text, 's');
}

void unidbg_write_hex(struct unidbg_text *out, uint64_t value) {
    text_format(out, "0x%x", value);
}

void unidbg_write_decimal(struct unidbg_text *out, uint64_t value) {
    text_format(out, "%d", value);
}

#if !WITH_DOCUMENTS
void unidbg_column(struct unidbg_text *out, const char *name) {
    (void)out;
    (void)name;
}
#endif
