/* SPDX-License-Identifier: BSD-3-Clause */
#include "reply.h"

#include "wire.h"

enum verdict reply_char(struct unidbg_stub *stub, char character) {
    struct unidbg_sender *out = &stub->out;

    if (out->length < out->size)
        out->data[out->length++] = (uint8_t)character;
    else
        out->overflow = true;
    return REPLY;
}

size_t reply_room(const struct unidbg_stub *stub) {
    return stub->out.size - stub->out.length;
}

void reply_reset(struct unidbg_stub *stub) {
    wire_begin(stub);
}

static void put_plain(struct unidbg_text *out, char character) {
    reply_char(out->stub, character);
}

static void put_hex(struct unidbg_text *out, char character) {
    reply_hex(out->stub, &character, 1);
}

struct unidbg_text reply_hex_sink(struct unidbg_stub *stub) {
    return (struct unidbg_text){put_hex, stub};
}

void reply_init(struct unidbg_stub *stub) {
    stub->reply = (struct unidbg_text){put_plain, stub};
}

void reply_hex(struct unidbg_stub *stub, const void *bytes, size_t count) {
    const uint8_t *from = bytes;

    for (size_t i = 0; i < count; i++)
        text_digits(&stub->reply, from[i], 2);
}

/* `*` would begin a run-length. */
static bool special(uint8_t byte) {
    return byte == '#' || byte == '$' || byte == '}' || byte == '*';
}

void reply_binary(struct unidbg_stub *stub, const void *bytes, size_t count) {
    const uint8_t *from = bytes;

    stub->out.binary = true;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = from[i];
        if (special(byte)) {
            reply_char(stub, '}');
            byte ^= 0x20;
        }
        reply_char(stub, (char)byte);
    }
}

enum verdict reply_ok(struct unidbg_stub *stub) {
    return reply_text(stub, "OK");
}

enum verdict reply_explained(struct unidbg_stub *stub, enum reply_error error, const char *text) {
    reply_reset(stub);
    if (WITH_TEXTS && stub->text_errors && text)
        return reply_format(stub, "E.%s", text);
    reply_format(stub, "E%b", error);
    if (WITH_TEXTS && WITH_LLDB && stub->error_strings && text)
        reply_format(stub, ";%h", text);
    return REPLY;
}
