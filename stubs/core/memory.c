/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory.h"

#include "breakpoints.h"
#include "packet.h"
#include "reply.h"
#include "trace.h"

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
static size_t look_at(struct unidbg_stub *stub, uint8_t *to, uint64_t address, size_t count) {
    return trace_looks(stub) ? trace_read(stub, to, address, count) : memory_read(stub, to, address, count);
}

size_t memory_append(struct unidbg_stub *stub, uint64_t address, uint64_t count, memory_put *put) {
    uint8_t piece[MEMORY_PIECE];
    uint64_t done = 0;

    while (done < count) {
        size_t want = count - done < MEMORY_PIECE ? (size_t)(count - done) : MEMORY_PIECE;
        size_t got;
        if (want > reply_room(stub) / 2)
            want = reply_room(stub) / 2;
        got = want > 0 ? look_at(stub, piece, address + done, want) : 0;
        put(stub, piece, got);
        done += got;
        if (got < want || got == 0)
            break;
    }
    return (size_t)done;
}

enum verdict memory_malformed(struct unidbg_stub *stub) {
    return reply_error(stub, ERROR_INVALID, "malformed memory packet");
}

/* The error where nothing could be read. */
static enum verdict answer_range(struct unidbg_stub *stub, struct scan *scan, memory_put *put) {
    uint64_t address;
    uint64_t count;

    if (!scan_fields(scan, "x,x", &address, &count))
        return memory_malformed(stub);
    return memory_append(stub, address, count, put) > 0 ? REPLY : reply_error(stub, ERROR_FAULT, NULL);
}

enum verdict packet_m(struct unidbg_stub *stub, struct scan *scan) {
    return answer_range(stub, scan, reply_hex);
}

/* GDB expects a `b` before the data. LLDB asks for nothing at first, expects OK, and then the bare data. */
enum verdict packet_x(struct unidbg_stub *stub, struct scan *scan) {
    struct scan probe = *scan;

    if (scan_past(&probe, ',') && scan_word(&probe, "0") && scan_done(&probe)) {
        stub->bare_binary = true;
        return reply_ok(stub);
    }
    if (!stub->bare_binary)
        reply_char(stub, 'b');
    return answer_range(stub, scan, reply_binary);
}
