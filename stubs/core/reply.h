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

enum verdict reply_char(struct unidbg_stub *stub, char character);
static inline enum verdict reply_text(struct unidbg_stub *stub, const char *text) {
    unidbg_write(&stub->reply, text);
    return REPLY;
}
/* Text with values in it: see text_format. */
#define reply_format(stub, ...) text_format(&(stub)->reply, __VA_ARGS__)
/* A number, hexadecimal, no leading zeros. */
static inline enum verdict reply_number(struct unidbg_stub *stub, uint64_t value) {
    return reply_format(stub, "%x", value);
}
/* Bytes as pairs of digits. */
void reply_hex(struct unidbg_stub *stub, const void *bytes, size_t count);
static inline enum verdict reply_hex_text(struct unidbg_stub *stub, const char *text) {
    return reply_format(stub, "%h", text);
}
/* Bytes as they are, escaped where the protocol needs it. */
void reply_binary(struct unidbg_stub *stub, const void *bytes, size_t count);
/* Bytes of room left. */
size_t reply_room(const struct unidbg_stub *stub);
/* Drop what was appended. */
void reply_reset(struct unidbg_stub *stub);

enum verdict reply_ok(struct unidbg_stub *stub);
/* The whole reply is an error: `text` for clients that know text errors, the number for others. */
enum verdict reply_explained(struct unidbg_stub *stub, enum reply_error error, const char *text);
static inline enum verdict reply_error(struct unidbg_stub *stub, enum reply_error error, const char *text) {
    return reply_explained(stub, error, WORDS(text));
}

/* Takes text as pairs of digits. */
struct unidbg_text reply_hex_sink(struct unidbg_stub *stub);
/* Once, before any other. */
void reply_init(struct unidbg_stub *stub);

#endif
