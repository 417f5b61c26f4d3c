/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory.h"

#include "breakpoints.h"
#include "packet.h"
#include "reply.h"
#include "trace.h"

/* Memory is moved in pieces of this size, on the stack. */
enum { PIECE = 128 };

/* Bytes of [address, address + count) before the first that lies in a device, or wraps around. */
size_t memory_outside_devices(const struct unidbg_stub *stub, uint64_t address, size_t count) {
    const struct unidbg_port *port = stub->port;
    struct unidbg_region region;

    if (count > 0 && address + (count - 1) < address)
        count = (size_t)(0 - address);
    for (unsigned i = 0; port->region && port->region(port->context, i, &region); i++) {
        if (!(region.flags & UNIDBG_DEVICE) || region.end <= address)
            continue;
        if (region.start <= address)
            return 0;
        if (region.start - address < count)
            count = (size_t)(region.start - address);
    }
    return count;
}

size_t memory_read(struct unidbg_stub *stub, void *to, uint64_t address, size_t count) {
    count = memory_outside_devices(stub, address, count);
    if (count > 0)
        count = stub->port->peek(stub->port->context, to, address, count);
    breakpoints_hide(stub, to, address, count);
    return count;
}

/* What the client looks at: memory, or what a tracepoint collected. */
static size_t look(struct unidbg_stub *stub, uint8_t *to, uint64_t address, size_t count) {
    return trace_looks(stub) ? trace_read(stub, to, address, count) : memory_read(stub, to, address, count);
}

static void append_hex(struct unidbg_stub *stub, const uint8_t *bytes, size_t count) {
    reply_hex(stub, bytes, count);
}

size_t memory_append(struct unidbg_stub *stub, uint64_t address, uint64_t count, memory_put *put) {
    uint8_t piece[PIECE];
    uint64_t done = 0;

    while (done < count) {
        size_t want = count - done < PIECE ? (size_t)(count - done) : PIECE;
        size_t got;
        if (want > reply_room(stub) / 2)
            want = reply_room(stub) / 2;
        got = want > 0 ? look(stub, piece, address + done, want) : 0;
        put(stub, piece, got);
        done += got;
        if (got < want || got == 0)
            break;
    }
    return (size_t)done;
}

bool memory_scan_range(struct scan *scan, uint64_t *address, uint64_t *count) {
    *address = scan_hex(scan);
    scan_expect(scan, ',');
    *count = scan_hex(scan);
    return !scan->failed;
}

enum verdict memory_malformed(struct unidbg_stub *stub) {
    reply_error(stub, ERROR_INVALID, "malformed memory packet");
    return REPLY;
}

enum verdict packet_m(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t address;
    uint64_t count;

    if (!memory_scan_range(scan, &address, &count))
        return memory_malformed(stub);
    if (memory_append(stub, address, count, append_hex) == 0)
        reply_error(stub, ERROR_FAULT, NULL);
    return REPLY;
}

/* GDB expects a `b` before the data. LLDB asks for nothing at first, expects OK, and then the bare data. */
enum verdict packet_x(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t address;
    uint64_t count;

    if (!memory_scan_range(scan, &address, &count))
        return memory_malformed(stub);
    if (count == 0) {
        stub->bare_binary = true;
        reply_ok(stub);
        return REPLY;
    }
    if (!stub->bare_binary)
        reply_char(stub, 'b');
    if (memory_append(stub, address, count, reply_binary) == 0)
        reply_error(stub, ERROR_FAULT, NULL);
    return REPLY;
}
