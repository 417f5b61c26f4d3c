/* SPDX-License-Identifier: BSD-3-Clause */
/* Which memory a dump has. The minimal form: stacks, code at the program counters, the table of probes, what is
 * probed, what that points to, and what the kernel names. The full form: the same first, then all the rest of what
 * the port's regions tell. */
#include "parts.h"

enum { PAGE = 4096 };
enum { STACK_BYTES = 8192, RED_ZONE = 128, CODE_BYTES = 512 };
/* Of a thing that is named at most: its size may be damaged. Of one probed object; and of what its pointers lead to, and what the pointers there do. */
enum { ADDED_BYTES = 1 << 20, OBJECT_BYTES = 16384, FOLLOWED_BYTES = 512, DEEPER_BYTES = 128 };
enum { RECORD_MIN = 64, RECORDS = 256, THREADS = 64, PARTS = 64, REGIONS = 4096, FOLLOWED_MAX = 20000 };
/* A gap that is smaller costs less than another program header. */
enum { GAP = 48 };

struct record { /* of unidbg/probe.h */
    uint32_t size, reserved;
    char kind[16], name[24];
    uint64_t object_size, object;
};

static bool region_at(const struct unidbg_stub *stub, unsigned index, struct unidbg_region *region) {
    const struct unidbg_port *port = stub->port;

    return index < REGIONS && port->region && port->region(port->context, index, region);
}

/* Bytes from `address` on that can be read, up to `count`, within a page. */
static size_t readable(const struct unidbg_stub *stub, uint64_t address, size_t count) {
    struct unidbg_region region;
    uint8_t byte;

    for (unsigned i = 0; region_at(stub, i, &region); i++) {
        if (region.flags & UNIDBG_DEVICE && address < region.end && address + count > region.start)
            return 0;
    }
    return stub->port->peek(stub->port->context, &byte, address, 1) == 1 ? count : 0;
}

static void hide_breakpoints(const struct unidbg_stub *stub, uint8_t *bytes, uint64_t address, size_t count) {
    for (unsigned i = 0; i < UNIDBG_BREAKPOINTS; i++) {
        const struct unidbg_breakpoint *it = &stub->breakpoints[i];
        if (it->used && it->address - address < count)
            bytes[it->address - address] = it->original;
    }
}

void crash_read(const struct unidbg_stub *stub, void *to, uint64_t address, size_t count) {
    uint8_t *bytes = to;
    size_t done = 0;

    while (done < count) {
        uint64_t at = address + done;
        size_t want = PAGE - (size_t)(at % PAGE);
        size_t got;
        if (want > count - done)
            want = count - done;
        got = stub->port->peek(stub->port->context, bytes + done, at, want);
        for (; got < want; got++)
            bytes[done + got] = 0;
        done += want;
    }
    hide_breakpoints(stub, bytes, address, count);
}

/* ---- runs ---- */

static void run_remove(struct unidbg_crash *crash, uint32_t index) {
    crash->run_count--;
    for (; index < crash->run_count; index++)
        crash->runs[index] = crash->runs[index + 1];
}

static void run_insert(struct unidbg_crash *crash, uint32_t index, uint64_t start, uint64_t end) {
    if (crash->run_count == UNIDBG_CRASH_RUNS) {
        crash->left_out++;
        return;
    }
    for (uint32_t i = crash->run_count++; i > index; i--)
        crash->runs[i] = crash->runs[i - 1];
    crash->runs[index] = (struct unidbg_crash_run){start, end};
}

/* Small gaps are covered where both sides are of one page: what lies between can be read, too. */
static bool touches(uint64_t end, uint64_t start) {
    return start <= end || (start - end <= GAP && (end - 1) / PAGE == start / PAGE);
}

/* [start, end) can be read. Runs are kept apart and in order. */
static void run_add(struct unidbg_crash *crash, uint64_t start, uint64_t end) {
    uint32_t i = 0;

    while (i < crash->run_count && crash->runs[i].end < start && !touches(crash->runs[i].end, start))
        i++;
    while (i < crash->run_count && touches(end, crash->runs[i].start) && touches(crash->runs[i].end, start)) {
        start = crash->runs[i].start < start ? crash->runs[i].start : start;
        end = crash->runs[i].end > end ? crash->runs[i].end : end;
        run_remove(crash, i);
    }
    run_insert(crash, i, start, end);
}

static void add(const struct unidbg_stub *stub, struct unidbg_crash *crash, uint64_t start, uint64_t length) {
    uint64_t end;

    if (length > ADDED_BYTES) {
        length = ADDED_BYTES;
        crash->left_out++;
    }
    start &= ~(uint64_t)(LINE - 1);
    end = start + crash_room(length);
    while (start < end) {
        uint64_t next = (start | (PAGE - 1)) + 1;
        if (next > end || next == 0)
            next = end;
        if (readable(stub, start, (size_t)(next - start)))
            run_add(crash, start, next);
        start = next;
    }
}

/* ---- what is needed ---- */

static bool plain_thread(const struct unidbg_stub *stub, unsigned index, struct unidbg_thread *thread) {
    const struct unidbg_port *port = stub->port;

    if (port->thread)
        return port->thread(port->context, index, thread);
    *thread = (struct unidbg_thread){.id = 1};
    return index == 0;
}

/* The frame of the stopped thread is the stub's; of another one it is asked for, in the stub's room for it. */
static void look_at(struct unidbg_stub *stub, uint64_t id, const struct unidbg_frame **frame,
                    unsigned *known) {
    const struct unidbg_port *port = stub->port;

    stub->other_id = 0;
    stub->other = (struct unidbg_frame){0};
    *frame = &stub->other;
    *known = 0;
    if (port->thread_frame && !port->thread_frame(port->context, id, &stub->other, known))
        *known = 0;
}

bool crash_thread(struct unidbg_stub *stub, unsigned index, struct unidbg_thread *thread,
                  const struct unidbg_frame **frame, unsigned *known) {
    const struct unidbg_port *port = stub->port;
    uint64_t current = port->current ? port->current(port->context) : 1;
    unsigned others = 0;

    if (index == 0) { /* wherever it is in the list */
        *frame = stub->frame;
        *known = UNIDBG_ALL & ~port->lacks;
        for (unsigned i = 0; i < THREADS && plain_thread(stub, i, thread); i++) {
            if (thread->id == current)
                return true;
        }
        *thread = (struct unidbg_thread){.id = current};
        return true;
    }
    for (unsigned i = 0; i < THREADS && plain_thread(stub, i, thread); i++) {
        if (thread->id != current && ++others == index) {
            look_at(stub, thread->id, frame, known);
            return true;
        }
    }
    return false;
}

static void add_threads(struct unidbg_stub *stub, struct unidbg_crash *crash) {
    uint32_t depth = crash->stack_bytes ? crash->stack_bytes : STACK_BYTES;
    struct unidbg_thread thread;
    const struct unidbg_frame *frame;
    unsigned known;

    for (unsigned i = 0; crash_thread(stub, i, &thread, &frame, &known); i++) {
        if (!(known & UNIDBG_CALLEE_SAVED))
            continue;
        add(stub, crash, crash_sp(frame) - RED_ZONE, RED_ZONE + depth);
        add(stub, crash, crash_pc(frame) - CODE_BYTES / 2, CODE_BYTES);
    }
}

/* Where memory is damaged there could be millions. */
static bool may_follow(struct unidbg_crash *crash) {
    crash->left_out += crash->followed == FOLLOWED_MAX;
    return crash->followed++ < FOLLOWED_MAX;
}

/* Each aligned word that may be a pointer, and those that it leads to. Small numbers are none. */
static void follow(const struct unidbg_stub *stub, struct unidbg_crash *crash, uint64_t start,
                   uint64_t length, bool deeper) {
    uint64_t words[8];

    for (uint64_t at = start & ~7ull; at < start + length; at += sizeof words) {
        crash_read(stub, words, at, sizeof words);
        for (unsigned i = 0; i < 8 && at + i * 8ull < start + length; i++) {
            if (words[i] < PAGE || words[i] >= UINT64_MAX - PAGE)
                continue;
            if (!may_follow(crash))
                return;
            if (!readable(stub, words[i], 1))
                continue;
            add(stub, crash, words[i], deeper ? FOLLOWED_BYTES : DEEPER_BYTES);
            if (deeper)
                follow(stub, crash, words[i], FOLLOWED_BYTES, false);
        }
    }
}

static void each_probe(const struct unidbg_stub *stub, struct unidbg_crash *crash, bool following) {
    uint64_t at = (uintptr_t)crash->probes;
    uint64_t end = (uintptr_t)crash->probes_end;

    for (unsigned i = 0; i < RECORDS && end > at && end - at >= RECORD_MIN; i++) {
        struct record record;
        uint64_t size;
        crash_read(stub, &record, at, sizeof record);
        size = record.object_size < OBJECT_BYTES ? record.object_size : OBJECT_BYTES;
        if (following)
            follow(stub, crash, record.object, size, true);
        else
            add(stub, crash, record.object, size);
        if (record.size < RECORD_MIN)
            return;
        at += record.size;
    }
}

static void add_parts(const struct unidbg_stub *stub, struct unidbg_crash *crash) {
    const struct unidbg_port *port = stub->port;
    struct unidbg_region part;

    for (unsigned i = 0; i < PARTS && crash->part && crash->part(port->context, i, &part); i++)
        add(stub, crash, part.start, part.end - part.start);
}

/* What matters most comes first, and finds room. */
void crash_choose(struct unidbg_stub *stub, struct unidbg_crash *crash) {
    uint64_t table = (uintptr_t)crash->probes;

    add_threads(stub, crash);
    if (crash->probes_end > crash->probes)
        add(stub, crash, table, (uintptr_t)crash->probes_end - table);
    add_parts(stub, crash);
    each_probe(stub, crash, false);
    each_probe(stub, crash, true);
}

/* ---- pieces of a core ---- */

/* What of a region no run has, from `from` on; false: nothing more. */
static bool rest_of(const struct unidbg_crash *crash, const struct unidbg_region *region, uint64_t from,
                    struct unidbg_crash_cursor *cursor) {
    uint64_t start = from > region->start ? from : region->start;
    uint64_t end = region->end;

    for (uint32_t i = 0; i < crash->run_count; i++) {
        if (crash->runs[i].end <= start)
            continue;
        if (crash->runs[i].start > start) {
            end = crash->runs[i].start < end ? crash->runs[i].start : end;
            break;
        }
        start = crash->runs[i].end;
    }
    cursor->start = start;
    cursor->end = end;
    return start < end;
}

static uint32_t access_at(const struct unidbg_stub *stub, uint64_t address) {
    struct unidbg_region region;

    for (unsigned i = 0; region_at(stub, i, &region); i++) {
        if (address >= region.start && address < region.end)
            return region.flags;
    }
    return UNIDBG_READ | UNIDBG_WRITE | UNIDBG_EXECUTE; /* nobody tells */
}

bool crash_next(const struct unidbg_stub *stub, const struct unidbg_crash *crash, enum crash_form form,
                struct unidbg_crash_cursor *cursor) {
    struct unidbg_region region;

    if (cursor->run < crash->run_count) {
        cursor->start = crash->runs[cursor->run].start;
        cursor->end = crash->runs[cursor->run].end;
        cursor->flags = access_at(stub, cursor->start);
        cursor->run++;
        return true;
    }
    while (form == FORM_FULL && region_at(stub, cursor->region, &region)) {
        cursor->flags = region.flags;
        if (region.flags & UNIDBG_READ && !(region.flags & UNIDBG_DEVICE) &&
            rest_of(crash, &region, cursor->at, cursor)) {
            cursor->at = cursor->end;
            return true;
        }
        cursor->region++;
        cursor->at = 0;
    }
    return false;
}
