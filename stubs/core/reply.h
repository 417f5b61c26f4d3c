/* SPDX-License-Identifier: BSD-3-Clause */
/* Making a reply: each call appends to the packet under way. What does not fit is dropped and noted. */
#ifndef REPLY_H
#define REPLY_H

#include <unidbg/stub.h>

#include "features.h"
#include "text.h"

/* Errors on the wire: the numbers of errno, in hexadecimal; 0 is qXfer's for a part that is not there. */
enum reply_error {
    ERROR_ANNEX = 0x00,
    ERROR_GENERAL = 0x01,
    ERROR_FAULT = 0x0e,
    ERROR_INVALID = 0x16,
    ERROR_SPACE = 0x1c,
    ERROR_LONG = 0x5a,
};

void reply_char(struct unidbg_stub *stub, char character);
void reply_text(struct unidbg_stub *stub, const char *text);
/* A number, hexadecimal, no leading zeros. */
void reply_number(struct unidbg_stub *stub, uint64_t value);
/* Bytes as pairs of digits. */
void reply_hex(struct unidbg_stub *stub, const void *bytes, size_t count);
void reply_hex_text(struct unidbg_stub *stub, const char *text);
/* Bytes as they are, escaped where the protocol needs it. */
void reply_binary(struct unidbg_stub *stub, const uint8_t *bytes, size_t count);
/* Bytes of room left. */
size_t reply_room(const struct unidbg_stub *stub);
/* Drop what was appended. */
void reply_reset(struct unidbg_stub *stub);

void reply_ok(struct unidbg_stub *stub);
/* The whole reply is an error: `text` for clients that know text errors, the number for others. */
void reply_explained(struct unidbg_stub *stub, enum reply_error error, const char *text);
static inline void reply_error(struct unidbg_stub *stub, enum reply_error error, const char *text) {
    reply_explained(stub, error, WITH_TEXTS ? text : NULL);
}

/* Text that goes into the reply: plain, or as pairs of digits. */
struct unidbg_text reply_sink(struct unidbg_stub *stub);
struct unidbg_text reply_hex_sink(struct unidbg_stub *stub);

#endif
