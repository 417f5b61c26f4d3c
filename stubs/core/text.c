/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

void unidbg_write(struct unidbg_text *out, const char *text) {
    for (; *text; text++)
        out->put(out, *text);
}

unsigned hex_width(uint64_t value) {
    unsigned width = 1;

    while (value >>= 4)
        width++;
    return width;
}

void text_digits(struct unidbg_text *out, uint64_t value, unsigned digits) {
    while (digits-- > 0)
        out->put(out, "0123456789abcdef"[value >> 4 * digits & 15]);
}

void text_number(struct unidbg_text *out, uint64_t value) {
    text_digits(out, value, hex_width(value));
}

void unidbg_write_hex(struct unidbg_text *out, uint64_t value) {
    unidbg_write(out, "0x");
    text_number(out, value);
}

void unidbg_write_decimal(struct unidbg_text *out, uint64_t value) {
    char digits[21];
    char *at = digits + sizeof digits - 1;

    *at = 0;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    unidbg_write(out, at);
}

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

void text_xml(struct unidbg_text *out, const char *text) {
    for (; *text; text++)
        text_xml_char(out, *text);
}
