/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames: FLAG, type, contents, CRC-32, FLAG. Bytes that mean something to RSP never stand bare, so that a
 * debugger skips frames, and a stub that runs skips what a receiver says. */
#include "parts.h"

enum { OUTSIDE, INSIDE, ESCAPED };
enum { ESCAPE = 0x7d, ESCAPE_BIT = 0x20 };
enum { CRC_BYTES = 4, RUN_MIN = 3, RUN_MAX = 130, LITERAL_MAX = 128 };
#define CRC_GOOD 0x2144df1cu /* of anything with its CRC behind it */

static bool is_of_rsp(uint8_t byte) {
    return byte == '$' || byte == '+' || byte == '-' || byte == 0x03;
}

/* Those, what frames themselves need, notifications of RSP, and XON and XOFF. */
static bool needs_escape(uint8_t byte) {
    return is_of_rsp(byte) || byte == FLAG || byte == ESCAPE || byte == '%' || byte == 0x11 || byte == 0x13;
}

/* CRC-32 as in zlib, half a byte at a time. */
static uint32_t add_to_sum(uint32_t sum, uint8_t byte) {
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    sum ^= byte;
    sum = sum >> 4 ^ table[sum & 15];
    return sum >> 4 ^ table[sum & 15];
}

/* As many as a UART takes at once; then the line is looked at, whose FIFO holds no more either. */
static void flush(struct unidbg_stub *stub) {
    struct unidbg_crash *crash = crash_of(stub);
    uint8_t count = crash->out_length;

    crash->out_length = 0;
    if (count > 0)
        stub->port->put(stub->port->line, crash->out, count);
    crash_listen(stub);
}

static void put_raw(struct unidbg_stub *stub, uint8_t byte) {
    struct unidbg_crash *crash = crash_of(stub);

    if (crash->cut)
        return;
    crash->out[crash->out_length++] = byte;
    if (crash->out_length == sizeof crash->out)
        flush(stub);
}

static void put_escaped(struct unidbg_stub *stub, uint8_t byte) {
    if (needs_escape(byte)) {
        put_raw(stub, ESCAPE);
        byte ^= ESCAPE_BIT;
    }
    put_raw(stub, byte);
}

/* Replies of RSP that still wait go first. */
static void drain_queue(struct unidbg_stub *stub) {
    struct unidbg_queue *queue = &stub->queue;

    for (; queue->count > 0; queue->count--) {
        stub->port->put(stub->port->line, queue->data + queue->first, 1);
        queue->first = (queue->first + 1) % queue->size;
    }
}

void crash_frame_begin(struct unidbg_stub *stub, char type) {
    struct unidbg_crash *crash = crash_of(stub);

    drain_queue(stub);
    crash->out_length = 0;
    crash->cut = false;
    crash->sum = UINT32_MAX;
    put_raw(stub, FLAG);
    crash_frame_byte(stub, (uint8_t)type);
}

void crash_frame_byte(struct unidbg_stub *stub, uint8_t byte) {
    struct unidbg_crash *crash = crash_of(stub);

    crash->sum = add_to_sum(crash->sum, byte);
    put_escaped(stub, byte);
}

void crash_frame_number(struct unidbg_stub *stub, uint64_t value, unsigned bytes) {
    for (; bytes > 0; bytes--, value >>= 8)
        crash_frame_byte(stub, (uint8_t)value);
}

void crash_frame_end(struct unidbg_stub *stub) {
    uint32_t sum = ~crash_of(stub)->sum;

    for (unsigned i = 0; i < CRC_BYTES; i++, sum >>= 8)
        put_escaped(stub, (uint8_t)sum);
    put_raw(stub, FLAG);
    flush(stub);
}

static size_t run_at(const uint8_t *bytes, size_t count) {
    size_t length = 1;

    while (length < count && length < RUN_MAX && bytes[length] == bytes[0])
        length++;
    return length;
}

static void put_literals(struct unidbg_stub *stub, const uint8_t *bytes, size_t count) {
    if (count == 0)
        return;
    crash_frame_byte(stub, (uint8_t)(count - 1));
    for (size_t i = 0; i < count; i++)
        crash_frame_byte(stub, bytes[i]);
}

/* 0..127: so many and one more bytes follow. 128..255: the next byte, so many less 125 times. */
void crash_frame_packed(struct unidbg_stub *stub, const uint8_t *bytes, size_t count) {
    size_t from = 0; /* of literals that wait */
    size_t at = 0;

    while (at < count) {
        size_t run = run_at(bytes + at, count - at);
        if (run >= RUN_MIN) {
            put_literals(stub, bytes + from, at - from);
            crash_frame_byte(stub, (uint8_t)(128 + run - RUN_MIN));
            crash_frame_byte(stub, bytes[at]);
            from = at += run;
        } else if (++at - from == LITERAL_MAX) {
            put_literals(stub, bytes + from, LITERAL_MAX);
            from = at;
        }
    }
    put_literals(stub, bytes + from, at - from);
}

/* ---- what comes ---- */

static enum crash_taken keep(struct unidbg_crash *crash, uint8_t byte) {
    if (crash->in_length == sizeof crash->in)
        crash->in_state = OUTSIDE; /* longer than anything that we know */
    else
        crash->in[crash->in_length++] = byte;
    return TAKEN;
}

static enum crash_taken complete(struct unidbg_crash *crash) {
    uint32_t sum = UINT32_MAX;

    if (crash->in_length == 0) /* the flag before was the end of one, or noise: here it begins */
        return TAKEN;
    crash->in_state = OUTSIDE;
    for (unsigned i = 0; i < crash->in_length; i++)
        sum = add_to_sum(sum, crash->in[i]);
    if (crash->in_length <= CRC_BYTES || ~sum != CRC_GOOD)
        return TAKEN;
    crash->in_length -= CRC_BYTES;
    return TAKEN_FRAME;
}

/* A packet of RSP that is under way (state 0: none is) may have any byte. */
enum crash_taken crash_take(struct unidbg_stub *stub, uint8_t byte) {
    struct unidbg_crash *crash = crash_of(stub);

    if (crash->in_state == OUTSIDE) {
        if (byte != FLAG || stub->in.state != 0)
            return NOT_OURS;
        crash->in_state = INSIDE;
        crash->in_length = 0;
        return TAKEN;
    }
    if (is_of_rsp(byte)) {
        crash->in_state = OUTSIDE;
        return NOT_OURS;
    }
    if (byte == FLAG)
        return complete(crash);
    if (crash->in_state == ESCAPED) {
        crash->in_state = INSIDE;
        return keep(crash, byte ^ ESCAPE_BIT);
    }
    if (byte == ESCAPE)
        crash->in_state = ESCAPED;
    else
        keep(crash, byte);
    return TAKEN;
}
