/* SPDX-License-Identifier: BSD-3-Clause */
/* Work on memory that would else go over the line as a whole: find bytes, and sum them up. */
#include "memory.h"
#include "packet.h"
#include "reply.h"

/* Does the guest have `pattern` at `address`? */
static bool matches(struct unidbg_stub *stub, uint64_t address, const uint8_t *pattern, size_t count) {
    uint8_t piece[MEMORY_PIECE];

    while (count > 0) {
        size_t now = count < MEMORY_PIECE ? count : MEMORY_PIECE;
        if (memory_read(stub, piece, address, now) != now)
            return false;
        for (size_t i = 0; i < now; i++) {
            if (piece[i] != pattern[i])
                return false;
        }
        address += now;
        pattern += now;
        count -= now;
    }
    return true;
}

enum search { FOUND, NOT_FOUND, FAULT };

/* The first place from `*address` on, of `count` where the pattern can begin. */
static enum search search(struct unidbg_stub *stub, uint64_t *address, uint64_t count, const uint8_t *pattern,
                          size_t length) {
    uint8_t piece[MEMORY_PIECE];

    while (count > 0) {
        size_t want = count < MEMORY_PIECE ? (size_t)count : MEMORY_PIECE;
        size_t got = memory_read(stub, piece, *address, want);
        for (size_t i = 0; i < got; i++) {
            if (piece[i] == pattern[0] && matches(stub, *address + i, pattern, length)) {
                *address += i;
                return FOUND;
            }
        }
        if (got < want)
            return FAULT;
        *address += got;
        count -= got;
    }
    return NOT_FOUND;
}

/* :memory:address;length;pattern */
enum verdict packet_qSearch(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t address;
    uint64_t count;
    size_t length;

    if (!scan_word(scan, ":memory:"))
        return REPLY;
    address = scan_hex(scan);
    scan_expect(scan, ';');
    count = scan_hex(scan);
    scan_expect(scan, ';');
    length = scan_left(scan);
    if (scan->failed || length == 0) {
        return reply_error(stub, ERROR_INVALID, "malformed search");
    }
    count = count >= length ? count - length + 1 : 0;
    switch (search(stub, &address, count, scan->at, length)) {
    case FOUND:
        reply_text(stub, "1,");
        reply_number(stub, address);
        break;
    case NOT_FOUND:
        reply_char(stub, '0');
        break;
    default:
        reply_error(stub, ERROR_FAULT, NULL);
        break;
    }
    return REPLY;
}

/* The sum that GDB's compare-sections makes of the file: polynomial 0x04c11db7, high bit first, from all
 * ones. */
static uint32_t add_to_sum(uint32_t sum, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sum ^= (uint32_t)bytes[i] << 24;
        for (unsigned bit = 0; bit < 8; bit++)
            sum = sum >> 31 ? sum << 1 ^ 0x04c11db7 : sum << 1;
    }
    return sum;
}

/* :address,length */
enum verdict packet_qCRC(struct unidbg_stub *stub, struct scan *scan) {
    uint8_t piece[MEMORY_PIECE];
    uint32_t sum = 0xffffffff;
    uint64_t address;
    uint64_t count;

    scan_expect(scan, ':');
    address = scan_hex(scan);
    scan_expect(scan, ',');
    count = scan_hex(scan);
    if (scan->failed) {
        return reply_error(stub, ERROR_INVALID, "malformed sum");
    }
    while (count > 0) {
        size_t now = count < MEMORY_PIECE ? (size_t)count : MEMORY_PIECE;
        if (memory_read(stub, piece, address, now) != now) {
            return reply_error(stub, ERROR_FAULT, NULL);
        }
        sum = add_to_sum(sum, piece, now);
        address += now;
        count -= now;
    }
    reply_char(stub, 'C');
    return reply_number(stub, sum);
}
