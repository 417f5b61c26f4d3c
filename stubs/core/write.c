/* SPDX-License-Identifier: BSD-3-Clause */
/* M X: writing to memory. An observe-only build leaves this file out. */
#include "allow.h"
#include "breakpoints.h"
#include "memory.h"
#include "packet.h"
#include "reply.h"

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

static enum verdict written(struct unidbg_stub *stub, bool all) {
    return all ? reply_ok(stub) : reply_error(stub, ERROR_FAULT, NULL);
}

/* The bytes take the place of their digits: what is written was read before. */
enum verdict packet_M(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t address;
    uint64_t count;
    uint8_t *bytes;

    scan_fields(scan, "x,x:", &address, &count);
    bytes = (uint8_t *)(uintptr_t)scan->at; // NOLINT(performance-no-int-to-ptr)
    if (scan_left(scan) / 2 != count || scan_left(scan) % 2 != 0)
        scan->failed = true;
    else
        scan_bytes(scan, bytes, (size_t)count);
    if (scan->failed)
        return memory_malformed(stub);
    return written(stub, memory_write(stub, address, bytes, (size_t)count) == count);
}

/* Binary: the escapes are undone already. An empty one is the probe for this packet. */
enum verdict packet_X(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t address;
    uint64_t count;

    if (!scan_fields(scan, "x,x:", &address, &count) || scan_left(scan) != count)
        return memory_malformed(stub);
    return written(stub, memory_write(stub, address, scan->at, (size_t)count) == count);
}
