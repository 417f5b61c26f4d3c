/* SPDX-License-Identifier: BSD-3-Clause */
#include "scan.h"

int hex_digit(uint8_t character) {
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
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

    while (!scan_done(scan) && hex_digit(*scan->at) >= 0) {
        value = value << 4 | (uint64_t)hex_digit(*scan->at++);
        digits++;
    }
    if (digits == 0 || digits > 16)
        scan->failed = true;
    return value;
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
