/* SPDX-License-Identifier: BSD-3-Clause */
/* Collecting: a frame grows at the end of the ring. Where there is no room, the oldest frames go (circular),
 * or the run ends. */
#include "agent.h"
#include "arch.h"
#include "memory.h"
#include "packet.h"
#include "stop.h"
#include "trace.h"

/* A block holds one piece of memory. */
enum { TEXT_MAX = 4096 };

/* ---- the ring ---- */

static uint32_t place(const struct trace *trace, uint32_t at) {
    uint32_t sum = trace->first + at;
    return sum < trace->ring_size ? sum : sum - trace->ring_size;
}

uint8_t trace_byte(const struct trace *trace, uint32_t at) {
    return trace->ring[place(trace, at)];
}

uint64_t trace_number(const struct trace *trace, uint32_t at, unsigned bytes) {
    uint64_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | trace_byte(trace, at + bytes);
    return value;
}

static void drop_oldest(struct trace *trace) {
    uint32_t length = TRACE_HEAD + (uint32_t)trace_number(trace, 2, 4);

    trace->first = place(trace, length);
    trace->count -= length;
    trace->open -= length;
    trace->frames--;
}

static bool make_room(struct trace *trace, uint32_t count) {
    while (trace->ring_size - trace->count < count && trace->circular && trace->open > 0)
        drop_oldest(trace);
    if (trace->ring_size - trace->count < count)
        trace->full = true;
    return !trace->full;
}

static void add_bytes(struct trace *trace, const void *bytes, uint32_t count) {
    const uint8_t *from = bytes;

    for (uint32_t i = 0; i < count; i++)
        trace->ring[place(trace, trace->count + i)] = from[i];
    trace->count += count;
}

static void add_number(struct trace *trace, uint64_t value, unsigned bytes) {
    for (; bytes-- > 0; value >>= 8)
        add_bytes(trace, &value, 1);
}

static void open_frame(struct trace *trace, const struct tracepoint *point) {
    trace->open = trace->count;
    trace->full = false;
    trace->collecting = true;
    if (!make_room(trace, TRACE_HEAD))
        return;
    add_number(trace, point->number, 2);
    add_number(trace, 0, 4);
}

/* A frame for which there was no room is none. */
static void close_frame(struct trace *trace, struct tracepoint *point) {
    uint32_t length = trace->count - trace->open;

    trace->collecting = false;
    if (trace->full) {
        trace->count = trace->open;
        return;
    }
    for (unsigned i = 0; i < 4; i++)
        trace->ring[place(trace, trace->open + 2 + i)] = (uint8_t)((length - TRACE_HEAD) >> 8 * i);
    point->bytes += length;
    trace->frames++;
    trace->created++;
}

/* ---- blocks ---- */

static void collect_registers(struct unidbg_stub *stub, struct trace *trace) {
    uint8_t value[ARCH_REGISTER_SIZE_MAX];
    uint32_t length = 1;

    for (unsigned i = 0; i < arch_register_count(); i++)
        length += arch_register_size(i);
    if (!make_room(trace, length))
        return;
    add_bytes(trace, "R", 1);
    for (unsigned i = 0; i < arch_register_count(); i++) {
        arch_register_get(stub->frame, i, value);
        add_bytes(trace, value, arch_register_size(i));
    }
}

static bool collect_piece(struct trace *trace, uint64_t address, const uint8_t *bytes, uint32_t count) {
    if (!make_room(trace, 11 + count))
        return false;
    add_bytes(trace, "M", 1);
    add_number(trace, address, 8);
    add_number(trace, count, 2);
    add_bytes(trace, bytes, count);
    return true;
}

/* What cannot be read is not collected; that is no error of the tracepoint. */
bool trace_memory(struct unidbg_stub *stub, uint64_t address, uint64_t count) {
    struct trace *trace = trace_of(stub);
    uint8_t piece[MEMORY_PIECE];

    if (!trace || !trace->collecting)
        return false;
    while (count > 0) {
        size_t want = count < MEMORY_PIECE ? (size_t)count : MEMORY_PIECE;
        size_t got = memory_read(stub, piece, address, want);
        if (got == 0 || !collect_piece(trace, address, piece, (uint32_t)got))
            break;
        address += got;
        count -= got;
    }
    return true;
}

/* Text up to and with its NUL. */
bool trace_text(struct unidbg_stub *stub, uint64_t address, uint64_t count) {
    uint64_t length = 0;
    uint8_t byte = 1;

    if (count > TEXT_MAX)
        count = TEXT_MAX;
    while (length < count && byte && memory_read(stub, &byte, address + length, 1) == 1)
        length++;
    return trace_memory(stub, address, length);
}

bool trace_get(struct unidbg_stub *stub, uint32_t number, int64_t *value) {
    struct trace *trace = trace_of(stub);
    const struct trace_variable *it = trace ? trace_variable(trace, number) : NULL;

    if (it)
        *value = it->value;
    return it != NULL;
}

bool trace_set(struct unidbg_stub *stub, uint32_t number, int64_t value) {
    struct trace *trace = trace_of(stub);
    struct trace_variable *it = trace ? trace_variable(trace, number) : NULL;

    if (it)
        it->value = value;
    return it != NULL;
}

bool trace_value(struct unidbg_stub *stub, uint32_t number) {
    struct trace *trace = trace_of(stub);
    int64_t value;

    if (!trace || !trace->collecting || !trace_get(stub, number, &value))
        return false;
    if (make_room(trace, 13)) {
        add_bytes(trace, "V", 1);
        add_number(trace, number, 4);
        add_number(trace, (uint64_t)value, 8);
    }
    return true;
}

/* ---- a hit ---- */

/* `base,offset,length`: base is a register, or -1 for none. */
static void collect_range(struct unidbg_stub *stub, const struct trace_piece *piece) {
    struct scan scan = {piece->data, piece->data + piece->length, false};
    uint64_t base = scan_word(&scan, "-1") ? UINT64_MAX : scan_hex(&scan);
    uint64_t address;
    uint64_t start = 0;

    scan_expect(&scan, ',');
    address = scan_hex(&scan);
    scan_expect(&scan, ',');
    if (base < arch_register_count() && arch_register_size((unsigned)base) == sizeof start)
        arch_register_get(stub->frame, (unsigned)base, (uint8_t *)&start);
    trace_memory(stub, start + address, scan_hex(&scan));
}

static void collect(struct unidbg_stub *stub, struct trace *trace, const struct trace_piece *piece) {
    int64_t value;

    switch (piece->kind) {
    case TRACE_REGISTERS:
        collect_registers(stub, trace);
        break;
    case TRACE_MEMORY:
        collect_range(stub, piece);
        break;
    case TRACE_CODE:
        agent_evaluate(stub, (struct agent_code){piece->data, piece->length}, &value);
        break;
    default:
        break;
    }
}

/* One that cannot be evaluated does not hold. */
static bool point_holds(struct unidbg_stub *stub, const struct trace *trace, unsigned point) {
    struct trace_piece piece;
    int64_t value = 0;

    for (uint32_t at = 0; trace_next_piece(trace, point, &at, &piece);) {
        if (piece.kind == TRACE_CONDITION)
            return agent_evaluate(stub, (struct agent_code){piece.data, piece.length}, &value) && value;
    }
    return true;
}

static void hit(struct unidbg_stub *stub, struct trace *trace, unsigned number) {
    struct tracepoint *point = &trace->points[number];
    struct trace_piece piece;

    if (!point_holds(stub, trace, number))
        return;
    point->hits++;
    open_frame(trace, point);
    for (uint32_t at = 0; !trace->full && trace_next_piece(trace, number, &at, &piece);)
        collect(stub, trace, &piece);
    close_frame(trace, point);
    if (trace->full)
        trace_end(stub, TRACE_FULL, 0);
    else if (point->hits == point->pass)
        trace_end(stub, TRACE_PASSED, point->number);
}

void trace_hit(struct unidbg_stub *stub, uint64_t address) {
    struct trace *trace = trace_of(stub);

    for (unsigned i = 0; i < TRACE_POINTS && trace->running; i++) {
        if (trace->points[i].defined && trace->points[i].enabled && trace->points[i].address == address)
            hit(stub, trace, i);
    }
}
