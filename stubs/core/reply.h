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

/* What comes of a packet. Most appends answer REPLY, so that they can be a handler's last words. */
enum verdict {
    REPLY = 0,  /* send what was appended */
    SILENT = 1, /* no reply */
    LEAVE = 2,  /* the guest goes on */
};

enum verdict reply_char(struct unidbg_stub *stub, char character);
enum verdict reply_text(struct unidbg_stub *stub, const char *text);
/* A number, hexadecimal, no leading zeros. */
enum verdict reply_number(struct unidbg_stub *stub, uint64_t value);
/* Text with values in it: see text_format. */
enum verdict reply_format(struct unidbg_stub *stub, const char *format, ...);
/* Bytes as pairs of digits. */
void reply_hex(struct unidbg_stub *stub, const void *bytes, size_t count);
enum verdict reply_hex_text(struct unidbg_stub *stub, const char *text);
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

/* Text that goes into the reply: plain, or as pairs of digits. */
struct unidbg_text reply_sink(struct unidbg_stub *stub);
struct unidbg_text reply_hex_sink(struct unidbg_stub *stub);

#endif
