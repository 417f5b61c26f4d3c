/* SPDX-License-Identifier: BSD-3-Clause */
#include "scan.h"

#include <stdarg.h>

int hex_digit(uint8_t character) {
    unsigned letter = (character | 32u) - 'a';
    unsigned digit = character - (unsigned)'0';

    return digit < 10 ? (int)digit : letter < 6 ? (int)letter + 10 : -1;
}

bool scan_done(const struct scan *scan) {
    return scan->at == scan->end;
}

size_t scan_left(const struct scan *scan) {
    return (size_t)(scan->end - scan->at);
}

bool scan_take(struct scan *scan, char character) {
    if (scan_done(scan) || *scan->at != (uint8_t)character)
        return false;
    scan->at++;
    return true;
}

bool scan_word(struct scan *scan, const char *word) {
    const uint8_t *at = scan->at;

    for (; *word; word++, at++) {
        if (at == scan->end || *at != (uint8_t)*word)
            return false;
    }
    scan->at = at;
    return true;
}

void scan_expect(struct scan *scan, char character) {
    if (!scan_take(scan, character))
        scan->failed = true;
}

uint64_t scan_hex(struct scan *scan) {
    uint64_t value = 0;
    unsigned digits = 0;

    for (int digit; !scan_done(scan) && (digit = hex_digit(*scan->at)) >= 0; scan->at++, digits++)
        value = value << 4 | (unsigned)digit;
    if (digits == 0 || digits > 16)
        scan->failed = true;
    return value;
}

bool scan_fields(struct scan *scan, const char *pattern, ...) {
    va_list numbers;

    va_start(numbers, pattern);
    for (; *pattern; pattern++) {
        if (*pattern == 'x')
            *va_arg(numbers, uint64_t *) = scan_hex(scan);
        else
            scan_expect(scan, *pattern);
    }
    va_end(numbers);
    return !scan->failed;
}

void scan_bytes(struct scan *scan, uint8_t *to, size_t count) {
    if (scan_left(scan) < 2 * count) {
        scan->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++, scan->at += 2) {
        int high = hex_digit(scan->at[0]);
        int low = hex_digit(scan->at[1]);
        if (high < 0 || low < 0)
            scan->failed = true;
        to[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
}

bool scan_past(struct scan *scan, char character) {
    while (!scan_done(scan)) {
        if (*scan->at++ == (uint8_t)character)
            return true;
    }
    return false;
}
