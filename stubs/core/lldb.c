/* SPDX-License-Identifier: BSD-3-Clause */
/* What LLDB asks before it believes in a server, and what spares it round trips. */
#include "lldb.h"

#include "arch.h"
#include "memory.h"
#include "packet.h"
#include "reply.h"
#include "stop.h"
#include "threads.h"

/* Frames whose saved pair (frame pointer, return address) is sent along with a stop. */
enum { CHAIN = 16 };

enum verdict packet_QThreadSuffixSupported(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    stub->lldb = true;
    return reply_ok(stub);
}

enum verdict packet_QListThreadsInStopReply(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    stub->lldb = true;
    stub->lldb_threads = true;
    return reply_ok(stub);
}

enum verdict packet_QEnableErrorStrings(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    stub->error_strings = true;
    return reply_ok(stub);
}

static enum verdict tell_machine(struct unidbg_stub *stub, const char *prefix) {
    stub->lldb = true;
    reply_text(stub, prefix);
    reply_text(stub, "triple:");
    reply_hex_text(stub, arch_triple());
    reply_text(stub, ";ptrsize:8;endian:little;");
    return REPLY;
}

enum verdict packet_qHostInfo(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    return tell_machine(stub, "");
}

enum verdict packet_qProcessInfo(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    return tell_machine(stub, "pid:1;");
}

/* ---- memory regions ---- */

static void tell_region(struct unidbg_stub *stub, const struct unidbg_region *region) {
    reply_text(stub, "start:");
    reply_number(stub, region->start);
    reply_text(stub, ";size:");
    reply_number(stub, region->end - region->start);
    reply_char(stub, ';');
    if (region->flags == 0)
        return;
    reply_text(stub, "permissions:");
    if (region->flags & UNIDBG_READ)
        reply_char(stub, 'r');
    if (region->flags & UNIDBG_WRITE)
        reply_char(stub, 'w');
    if (region->flags & UNIDBG_EXECUTE)
        reply_char(stub, 'x');
    reply_text(stub, ";name:");
    reply_hex_text(stub, region->name ? region->name : "");
    reply_char(stub, ';');
}

/* The region of an address, or the hole that it lies in: from the last end below to the next start above. */
enum verdict packet_qMemoryRegionInfo(struct unidbg_stub *stub, struct scan *scan) {
    const struct unidbg_port *port = stub->port;
    struct unidbg_region hole = {.end = UINT64_MAX};
    struct unidbg_region region;
    uint64_t address;

    if (!port->region)
        return REPLY;
    scan_expect(scan, ':');
    address = scan_hex(scan);
    if (scan->failed) {
        return reply_error(stub, ERROR_INVALID, "malformed address");
    }
    for (unsigned i = 0; port->region(port->context, i, &region); i++) {
        if (region.start <= address && address < region.end) {
            tell_region(stub, &region);
            return REPLY;
        }
        if (region.end <= address && region.end > hole.start)
            hole.start = region.end;
        if (region.start > address && region.start < hole.end)
            hole.end = region.start;
    }
    tell_region(stub, &hole);
    return REPLY;
}

/* ---- the chain of frames ---- */

/* One saved pair: true if another can lie above it. */
static bool read_pair(struct unidbg_stub *stub, uint64_t at, uint8_t *pair, size_t size) {
    return at != 0 && at % sizeof(uint64_t) == 0 && memory_read(stub, pair, at, size) == size;
}

static uint64_t next_of(const uint8_t *pair, uint64_t at) {
    uint64_t next = 0;

    for (unsigned i = sizeof next; i-- > 0;)
        next = next << 8 | pair[i];
    return next > at ? next : 0; /* stacks grow down: a chain that turns back is broken */
}

void lldb_append_chain(struct unidbg_stub *stub) {
    uint8_t pair[16];
    uint64_t at = arch_frame_pointer(stub->frame);

    if (!stub->lldb)
        return;
    for (unsigned i = 0; i < CHAIN && reply_room(stub) > 128 && read_pair(stub, at, pair, sizeof pair); i++) {
        reply_text(stub, "memory:0x");
        reply_number(stub, at);
        reply_char(stub, '=');
        reply_hex(stub, pair, sizeof pair);
        reply_char(stub, ';');
        at = next_of(pair, at);
    }
}

/* ---- all threads at once, as JSON ---- */

/* Text in JSON, then escaped for the packet: JSON's braces mean something there. */
static void put_json(struct unidbg_text *out, char character) {
    uint8_t byte = (uint8_t)character;
    reply_binary(out->stub, &byte, 1);
}

static void json_string(struct unidbg_text *out, const char *text) {
    out->put(out, '"');
    for (; *text; text++)
        out->put(out, *text >= ' ' && *text <= '~' && *text != '"' && *text != '\\' ? *text : '?');
    out->put(out, '"');
}

static void json_registers(struct unidbg_text *out, const struct thread_view *view) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];
    bool some = false;

    unidbg_write(out, ",\"registers\":{");
    for (const int8_t *number = arch_expedited(); *number >= 0; number++) {
        unsigned name = (unsigned)*number;
        if (!(view->known & arch_register_group(name)))
            continue;
        arch_register_get(view->frame, name, value);
        unidbg_write(out, some ? ",\"" : "\"");
        unidbg_write_decimal(out, name);
        unidbg_write(out, "\":\"");
        for (unsigned i = 0; i < arch_register_size(name); i++)
            text_digits(out, value[i], 2);
        unidbg_write(out, "\"");
        some = true;
    }
    unidbg_write(out, "}");
}

static void json_thread(struct unidbg_text *out, const struct unidbg_thread *thread) {
    struct thread_view view;

    unidbg_write(out, "{\"tid\":");
    unidbg_write_decimal(out, thread->id);
    unidbg_write(out, ",\"name\":");
    json_string(out, thread->name ? thread->name : "thread");
    if (thread->id == thread_current(out->stub)) {
        unidbg_write(out, ",\"reason\":");
        json_string(out, stop_lldb_reason(out->stub));
        unidbg_write(out, ",\"signal\":");
        unidbg_write_decimal(out, out->stub->signal);
    } else {
        unidbg_write(out, ",\"reason\":\"none\"");
    }
    if (thread_look(out->stub, thread->id, &view))
        json_registers(out, &view);
    unidbg_write(out, "}");
}

enum verdict packet_jThreadsInfo(struct unidbg_stub *stub, struct scan *scan) {
    struct unidbg_text out = {put_json, stub};
    struct unidbg_thread thread;

    (void)scan;
    unidbg_write(&out, "[");
    for (unsigned i = 0; reply_room(stub) > 512 && thread_at(stub, i, &thread); i++) {
        if (i > 0)
            unidbg_write(&out, ",");
        json_thread(&out, &thread);
    }
    unidbg_write(&out, "]");
    return REPLY;
}
