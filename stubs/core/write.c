/* SPDX-License-Identifier: BSD-3-Clause */
/* M X: writing to memory. An observe-only build leaves this file out. */
#include "allow.h"
#include "breakpoints.h"
#include "memory.h"
#include "packet.h"
#include "reply.h"

/* Memory is moved in pieces of this size, on the stack. */
enum { PIECE = 128 };

unsigned allow_possible(void) {
    return ALLOW_ALL;
}

static size_t write_through(struct unidbg_stub *stub, uint64_t address, const uint8_t *from, size_t count) {
    const struct unidbg_port *port = stub->port;
    size_t done = port->poke ? port->poke(port->context, address, from, count) : 0;

    if (done < count && port->poke_text)
        done += port->poke_text(port->context, address + done, from + done, count - done);
    return done;
}

size_t memory_write(struct unidbg_stub *stub, uint64_t address, const uint8_t *from, size_t count) {
    count = memory_outside_devices(stub, address, count);
    if (count > 0)
        count = write_through(stub, address, from, count);
    breakpoints_rewrite(stub, address, from, count);
    return count;
}

static enum verdict write_done(struct unidbg_stub *stub, bool done) {
    if (done)
        reply_ok(stub);
    else
        reply_error(stub, ERROR_FAULT, NULL);
    return REPLY;
}

enum verdict packet_M(struct unidbg_stub *stub, struct scan *scan) {
    uint8_t piece[PIECE];
    uint64_t address;
    uint64_t count;
    bool good = memory_scan_range(scan, &address, &count);

    scan_expect(scan, ':');
    if (!good || scan->failed || scan_left(scan) / 2 != count || scan_left(scan) % 2 != 0)
        return memory_malformed(stub);
    while (count > 0 && good) {
        size_t now = count < PIECE ? (size_t)count : PIECE;
        scan_bytes(scan, piece, now);
        if (scan->failed)
            return memory_malformed(stub);
        good = memory_write(stub, address, piece, now) == now;
        address += now;
        count -= now;
    }
    return write_done(stub, good);
}

/* Binary: the escapes are undone already. An empty one is the probe for this packet. */
enum verdict packet_X(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t address;
    uint64_t count;
    bool good = memory_scan_range(scan, &address, &count);

    scan_expect(scan, ':');
    if (!good || scan->failed || scan_left(scan) != count)
        return memory_malformed(stub);
    return write_done(stub, memory_write(stub, address, scan->at, (size_t)count) == count);
}
