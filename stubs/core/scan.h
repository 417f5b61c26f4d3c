/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the text of a packet, left to right. A reader that fails says so once, in `failed`. */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

/* Value of a hexadecimal digit, -1 if it is none. */
int hex_digit(uint8_t character);

bool scan_done(const struct scan *scan);
/* Take `character` if it comes next. */
bool scan_take(struct scan *scan, char character);
/* Take `word` if it comes next. */
bool scan_word(struct scan *scan, const char *word);
/* `character` must come next. */
void scan_expect(struct scan *scan, char character);
/* One to sixteen digits. */
uint64_t scan_hex(struct scan *scan);
/* Numbers and what stands between them: each x of the pattern is a number, for the next uint64_t *. False if
 * something has failed, now or before. */
bool scan_fields(struct scan *scan, const char *pattern, ...);
/* Two digits to a byte, `count` bytes. */
void scan_bytes(struct scan *scan, uint8_t *to, size_t count);
/* Go behind the next `character`; false (and to the end) if there is none. */
bool scan_past(struct scan *scan, char character);
/* Bytes left. */
size_t scan_left(const struct scan *scan);

#endif
