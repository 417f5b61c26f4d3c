/* SPDX-License-Identifier: BSD-3-Clause */
#include "reply.h"

#include "wire.h"

void reply_char(struct unidbg_stub *stub, char character) {
    struct unidbg_sender *out = &stub->out;

    if (out->length < out->size)
        out->data[out->length++] = (uint8_t)character;
    else
        out->overflow = true;
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

struct unidbg_text reply_sink(struct unidbg_stub *stub) {
    return (struct unidbg_text){.put = put_plain, .stub = stub};
}

struct unidbg_text reply_hex_sink(struct unidbg_stub *stub) {
    return (struct unidbg_text){.put = put_hex, .stub = stub};
}

void reply_text(struct unidbg_stub *stub, const char *text) {
    while (*text)
        reply_char(stub, *text++);
}

void reply_number(struct unidbg_stub *stub, uint64_t value) {
    struct unidbg_text out = reply_sink(stub);
    text_number(&out, value);
}

void reply_hex(struct unidbg_stub *stub, const void *bytes, size_t count) {
    const uint8_t *from = bytes;

    for (size_t i = 0; i < count; i++) {
        reply_char(stub, "0123456789abcdef"[from[i] >> 4]);
        reply_char(stub, "0123456789abcdef"[from[i] & 15]);
    }
}

void reply_hex_text(struct unidbg_stub *stub, const char *text) {
    for (; *text; text++)
        reply_hex(stub, text, 1);
}

/* `*` would begin a run-length. */
static bool special(uint8_t byte) {
    return byte == '#' || byte == '$' || byte == '}' || byte == '*';
}

void reply_binary(struct unidbg_stub *stub, const uint8_t *bytes, size_t count) {
    stub->out.binary = true;
    for (size_t i = 0; i < count; i++) {
        if (special(bytes[i])) {
            reply_char(stub, '}');
            reply_char(stub, (char)(bytes[i] ^ 0x20));
        } else {
            reply_char(stub, (char)bytes[i]);
        }
    }
}

void reply_ok(struct unidbg_stub *stub) {
    reply_text(stub, "OK");
}

void reply_explained(struct unidbg_stub *stub, enum reply_error error, const char *text) {
    uint8_t number = (uint8_t)error;

    reply_reset(stub);
    reply_char(stub, 'E');
    if (stub->text_errors && text) {
        reply_char(stub, '.');
        reply_text(stub, text);
    } else {
        reply_hex(stub, &number, 1);
        if (stub->error_strings && text) {
            reply_char(stub, ';');
            reply_hex_text(stub, text);
        }
    }
}
