/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking at what was collected: frames are selected and read. */
#include "trace.h"

#include "arch.h"
#include "packet.h"
#include "reply.h"

/* ---- selecting a frame ---- */

struct wanted {
    enum { BY_NUMBER, BY_PC, BY_POINT, INSIDE, OUTSIDE } by;
    uint64_t low;
    uint64_t high;
};

static uint64_t address_of(const struct trace *trace, uint32_t number) {
    for (unsigned i = 0; i < TRACE_POINTS; i++) {
        if (trace->points[i].defined && trace->points[i].number == number)
            return trace->points[i].address;
    }
    return 0;
}

static uint32_t point_at(const struct trace *trace, uint32_t at) {
    return (uint32_t)trace_number(trace, at, 2);
}

static bool frame_fits(const struct trace *trace, const struct wanted *wanted, uint32_t frame, uint32_t at) {
    uint64_t pc = address_of(trace, point_at(trace, at));
    bool inside = pc >= wanted->low && pc <= wanted->high;

    switch (wanted->by) {
    case BY_NUMBER:
        return frame == wanted->low;
    case BY_POINT:
        return point_at(trace, at) == wanted->low;
    case OUTSIDE:
        return !inside;
    default:
        return inside;
    }
}

static bool scan_wanted(struct scan *scan, struct wanted *wanted) {
    wanted->by = scan_word(scan, "pc:")        ? BY_PC
                 : scan_word(scan, "tdp:")     ? BY_POINT
                 : scan_word(scan, "range:")   ? INSIDE
                 : scan_word(scan, "outside:") ? OUTSIDE
                                               : BY_NUMBER;
    wanted->low = wanted->high = scan_hex(scan);
    if (wanted->by == INSIDE || wanted->by == OUTSIDE) {
        scan_expect(scan, ':');
        wanted->high = scan_hex(scan);
    }
    return !scan->failed;
}

static void tell_frame(struct unidbg_stub *stub, const struct trace *trace) {
    reply_format(stub, "F%xT%x", (uint64_t)trace->frame, (uint64_t)point_at(trace, trace->frame_at));
}

/* The first that fits; but by number, behind the one that is selected. -1 ends the look. */
enum verdict trace_select(struct unidbg_stub *stub, struct scan *scan) {
    struct trace *trace = trace_of(stub);
    struct wanted wanted;
    uint32_t at = 0;

    if (!scan_wanted(scan, &wanted)) {
        return reply_error(stub, ERROR_INVALID, "malformed frame");
    }
    if (wanted.by == BY_NUMBER && wanted.low == UINT32_MAX) {
        trace->selected = false;
        return reply_ok(stub);
    }
    for (uint32_t frame = 0; frame < trace->frames; frame++) {
        bool behind = wanted.by == BY_NUMBER || !trace->selected || frame > trace->frame;
        if (behind && frame_fits(trace, &wanted, frame, at)) {
            trace->selected = true;
            trace->frame = frame;
            trace->frame_at = at;
            tell_frame(stub, trace);
            return REPLY;
        }
        at += TRACE_HEAD + (uint32_t)trace_number(trace, at + 2, 4);
    }
    return reply_text(stub, "F-1");
}

/* ---- reading the selected frame ---- */

bool trace_looks(const struct unidbg_stub *stub) {
    const struct trace *trace = trace_of(stub);
    return trace && trace->selected;
}

struct block {
    uint8_t kind;
    uint32_t at; /* of its data */
    uint64_t address;
    uint32_t length; /* of its data */
};

static uint32_t registers_length(void) {
    uint32_t length = 0;

    for (unsigned i = 0; i < arch_register_count(); i++)
        length += arch_register_size(i);
    return length;
}

/* The block at `*at` of the selected frame, and go behind it. */
static bool next_block(const struct trace *trace, uint32_t *at, struct block *block) {
    uint32_t end = trace->frame_at + TRACE_HEAD + (uint32_t)trace_number(trace, trace->frame_at + 2, 4);

    if (*at >= end)
        return false;
    *block = (struct block){.kind = trace_byte(trace, *at), .at = *at + 1};
    if (block->kind == 'M') {
        block->address = trace_number(trace, *at + 1, 8);
        block->length = (uint32_t)trace_number(trace, *at + 9, 2);
        block->at = *at + 11;
    } else if (block->kind == 'V') {
        block->address = trace_number(trace, *at + 1, 4);
        block->length = 8;
        block->at = *at + 5;
    } else {
        block->length = registers_length();
    }
    *at = block->at + block->length;
    return true;
}

static uint32_t first_block(const struct trace *trace) {
    return trace->frame_at + TRACE_HEAD;
}

/* As many bytes as one block has from the address on. */
static size_t read_some(const struct trace *trace, uint8_t *to, uint64_t address, size_t count) {
    struct block block;

    for (uint32_t at = first_block(trace); next_block(trace, &at, &block);) {
        size_t offset = (size_t)(address - block.address);
        if (block.kind != 'M' || address - block.address >= block.length)
            continue;
        if (count > block.length - offset)
            count = block.length - offset;
        for (size_t i = 0; i < count; i++)
            to[i] = trace_byte(trace, block.at + (uint32_t)(offset + i));
        return count;
    }
    return 0;
}

size_t trace_read(struct unidbg_stub *stub, uint8_t *to, uint64_t address, size_t count) {
    const struct trace *trace = trace_of(stub);
    size_t done = 0;
    size_t now;

    while (done < count && (now = read_some(trace, to + done, address + done, count - done)) > 0)
        done += now;
    return done;
}

/* Where no registers were collected, the pc is known all the same. */
bool trace_register(struct unidbg_stub *stub, unsigned number, uint8_t *to) {
    const struct trace *trace = trace_of(stub);
    struct unidbg_frame frame = {0};
    struct block block;
    uint32_t offset = 0;

    for (unsigned i = 0; i < number; i++)
        offset += arch_register_size(i);
    for (uint32_t at = first_block(trace); next_block(trace, &at, &block);) {
        if (block.kind != 'R')
            continue;
        for (unsigned i = 0; i < arch_register_size(number); i++)
            to[i] = trace_byte(trace, block.at + offset + i);
        return true;
    }
    arch_set_pc(&frame, address_of(trace, point_at(trace, trace->frame_at)));
    arch_register_get(&frame, number, to);
    return number == arch_pc_number();
}

bool trace_frame_info(struct unidbg_text *out) {
    const struct trace *trace = trace_of(out->stub);
    struct block block;

    if (!trace->selected)
        return false;
    unidbg_write(out, "<?xml version=\"1.0\"?><traceframe-info>");
    for (uint32_t at = first_block(trace); next_block(trace, &at, &block);) {
        if (block.kind == 'R')
            continue;
        if (block.kind == 'M')
            text_format(out, "<memory start=\"0x%x\" length=\"0x%x\"/>", block.address,
                        (uint64_t)block.length);
        else
            text_format(out, "<tvar id=\"0x%x\"/>", block.address);
    }
    unidbg_write(out, "</traceframe-info>");
    return true;
}

/* A variable as the frame has it, or as it is now. */
bool trace_variable_value(struct trace *trace, uint32_t number, uint64_t *value) {
    const struct trace_variable *it = trace_variable(trace, number);
    struct block block;

    if (!trace->selected) {
        *value = it ? (uint64_t)it->value : 0;
        return it != NULL;
    }
    for (uint32_t at = first_block(trace); next_block(trace, &at, &block);) {
        if (block.kind == 'V' && block.address == number) {
            *value = trace_number(trace, block.at, 8);
            return true;
        }
    }
    return false;
}
