/* SPDX-License-Identifier: BSD-3-Clause */
/* Text that the stub or the guest makes piece by piece, for whoever takes the characters. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <unidbg/stub.h>

#include "scan.h"

struct unidbg_text {
    void (*put)(struct unidbg_text *out, char character);
    struct unidbg_stub *stub;
    /* For a window on a longer text (qXfer): characters still to leave out, room left, whether there was
     * more. */
    uint64_t skip;
    uint64_t room;
    bool more;
    struct scan annex; /* of the document */
    /* For a table: an item or a column of it is open, and where its text goes. */
    bool in_item;
    bool in_column;
    void (*plain)(struct unidbg_text *out, char character);
    /* For monitor output: a part of it has been sent. */
    bool flushed;
};

/* A number with a fixed count of hexadecimal digits. */
void text_digits(struct unidbg_text *out, uint64_t value, unsigned digits);
/* A number in hexadecimal, no 0x, no leading zeros. */
void text_number(struct unidbg_text *out, uint64_t value);
/* Hexadecimal digits that a number needs; 1 for 0. */
unsigned hex_width(uint64_t value);
/* Text inside XML: & < > and quotes are spelt out, control bytes become `?`. */
void text_xml(struct unidbg_text *out, const char *text);
void text_xml_char(struct unidbg_text *out, char character);

/* What unidbg_column began ends. */
void text_end_column(struct unidbg_text *out);

#endif
