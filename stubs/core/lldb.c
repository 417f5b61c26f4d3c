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
    return reply_format(stub, "%striple:%h;ptrsize:8;endian:little;", prefix, arch_triple());
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

static enum verdict tell_region(struct unidbg_stub *stub, const struct unidbg_region *region) {
    uint32_t flags = region->flags;

    reply_format(stub, "start:%x;size:%x;", region->start, region->end - region->start);
    if (flags == 0)
        return REPLY;
    return reply_format(stub, "permissions:%s%s%s;name:%h;", flags & UNIDBG_READ ? "r" : "",
                        flags & UNIDBG_WRITE ? "w" : "", flags & UNIDBG_EXECUTE ? "x" : "",
                        region->name ? region->name : "");
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
            return tell_region(stub, &region);
        }
        if (region.end <= address && region.end > hole.start)
            hole.start = region.end;
        if (region.start > address && region.start < hole.end)
            hole.end = region.start;
    }
    return tell_region(stub, &hole);
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
        reply_format(stub, "memory:0x%x=", at);
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

/* What JSON would escape becomes a question mark. */
static void json_text(struct unidbg_text *out, const char *text) {
    for (; *text; text++)
        out->put(out, *text >= ' ' && *text <= '~' && *text != '"' && *text != '\\' ? *text : '?');
}

static void json_registers(struct unidbg_text *out, const struct thread_view *view) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];
    const char *before = "";

    unidbg_write(out, ",\"registers\":{");
    for (const int8_t *number = arch_expedited(); *number >= 0; number++) {
        unsigned size;
        if (!(view->known & arch_register_group((unsigned)*number)))
            continue;
        size = arch_register_get(view->frame, (unsigned)*number, value);
        text_format(out, "%s\"%d\":\"", before, (uint64_t)*number);
        for (unsigned i = 0; i < size; i++)
            text_digits(out, value[i], 2);
        unidbg_write(out, "\"");
        before = ",";
    }
    unidbg_write(out, "}");
}

static void json_thread(struct unidbg_text *out, const struct unidbg_thread *thread) {
    struct thread_view view;

    text_format(out, "{\"tid\":%d,\"name\":\"", thread->id);
    json_text(out, thread->name ? thread->name : "thread");
    if (thread->id == thread_current(out->stub))
        text_format(out, "\",\"reason\":\"%s\",\"signal\":%d", stop_lldb_reason(out->stub),
                    (uint64_t)out->stub->signal);
    else
        unidbg_write(out, "\",\"reason\":\"none\"");
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
