/* SPDX-License-Identifier: BSD-3-Clause */
/* MultiMemRead: many ranges in one packet. */
#include "memory.h"
#include "packet.h"

static void append_width(struct unidbg_stub *stub, uint64_t value, unsigned width) {
    text_digits(&stub->reply, value, width);
}

/* The lengths that were read stand before the data, so room for them is made first: each gets as many digits
 * as the length that was asked. */
static bool reserve_lengths(struct unidbg_stub *stub, struct scan scan) {
    uint64_t address;
    uint64_t count;
    bool first = true;

    while (!scan_done(&scan) && !scan_take(&scan, ';')) {
        if (!scan_fields(&scan, first ? "x,x" : ",x,x", &address, &count))
            return false;
        if (!first)
            reply_char(stub, ',');
        append_width(stub, 0, hex_width(count));
        first = false;
    }
    reply_char(stub, ';');
    return !first;
}

static void fill_length(struct unidbg_stub *stub, uint32_t at, uint64_t value, unsigned width) {
    uint32_t end = stub->out.length;

    stub->out.length = at;
    append_width(stub, value, width);
    stub->out.length = end;
}

enum verdict packet_MultiMemRead(struct unidbg_stub *stub, struct scan *scan) {
    uint32_t at = stub->out.length;
    uint64_t address;
    uint64_t count;

    if (!scan_word(scan, ":ranges:") || !reserve_lengths(stub, *scan))
        return memory_malformed(stub);
    if (stub->out.overflow)
        return REPLY;
    while (!scan_done(scan) && !scan_take(scan, ';')) {
        scan_take(scan, ',');
        scan_fields(scan, "x,x", &address, &count);
        fill_length(stub, at, memory_append(stub, address, count, reply_binary), hex_width(count));
        at += hex_width(count) + 1;
    }
    return REPLY;
}
