/* SPDX-License-Identifier: BSD-3-Clause */
/* Text that the stub or the guest makes piece by piece, for whoever takes the characters. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <unidbg/stub.h>

#include "scan.h"
#include "verdict.h"

/* A window on a text that is longer than a packet (qXfer). Begins like any text. */
struct text_window {
    struct unidbg_text text;
    uint64_t skip; /* characters still to leave out */
    uint64_t room; /* left */
    bool more;     /* there was no room for all */
    struct scan annex;
    /* For a table: an item or a column of it is open, and where its text goes. */
    bool in_item;
    bool in_column;
    void (*plain)(struct unidbg_text *out, char character);
};

static inline struct text_window *text_window(struct unidbg_text *out) {
    return (struct text_window *)(void *)out;
}

/* A number with a fixed count of hexadecimal digits. */
void text_digits(struct unidbg_text *out, uint64_t value, unsigned digits);
/* Text with values in it, each of 64 bits: %x a number in hexadecimal and %d in decimal, no leading zeros; %b two
 * hexadecimal digits, %c a character (these two may be narrower); %s text, %h text as pairs of digits, %e text for
 * XML. Answers REPLY. */
enum verdict text_format(struct unidbg_text *out, const char *format, ...);
/* Hexadecimal digits that a number needs; 1 for 0. */
unsigned hex_width(uint64_t value);
/* Text inside XML: & < > and quotes are spelt out, control bytes become `?`. */
void text_xml(struct unidbg_text *out, const char *text);
void text_xml_char(struct unidbg_text *out, char character);

/* Text number `index` of those that lie one behind the other, each with its NUL. */
const char *text_at(const char *texts, unsigned index);

/* What unidbg_column began ends. */
void text_end_column(struct text_window *out);

#endif
