/* SPDX-License-Identifier: BSD-3-Clause */
/* qT...: how the run stands, what is defined, and all that was collected. */
#include "packet.h"
#include "reply.h"
#include "trace.h"

/* ---- status ---- */

static enum verdict status(struct unidbg_stub *stub, const struct trace *trace) {
    static const char ends[] = "notrun\0stop:\0full\0passcount\0disconnected";

    reply_format(stub, "T%x", (uint64_t)trace->running);
    if (!trace->running)
        reply_format(stub, ";t%s:%x", text_at(ends, trace->end), (uint64_t)trace->end_number);
    return reply_format(stub, ";tframes:%x;tcreated:%x;tfree:%x;tsize:%x;circular:%x;disconn:%x",
                        (uint64_t)trace->frames, (uint64_t)trace->created,
                        (uint64_t)(trace->ring_size - trace->count), (uint64_t)trace->ring_size,
                        (uint64_t)trace->circular, (uint64_t)trace->disconnected);
}

/* ---- handing out the definitions ---- */

static void tell_head(struct unidbg_stub *stub, char kind, const struct tracepoint *point) {
    reply_format(stub, "%c%x:%x:", kind, (uint64_t)point->number, point->address);
}

static void tell_text(struct unidbg_stub *stub, const struct trace_piece *piece) {
    for (uint32_t i = 0; i < piece->length; i++)
        reply_char(stub, (char)piece->data[i]);
}

static void tell_code(struct unidbg_stub *stub, const struct trace_piece *piece) {
    reply_format(stub, "X%x,", (uint64_t)piece->length);
    reply_hex(stub, piece->data, piece->length);
}

static void tell_point(struct unidbg_stub *stub, const struct trace *trace, unsigned number) {
    const struct tracepoint *point = &trace->points[number];
    struct trace_piece piece;

    tell_head(stub, 'T', point);
    reply_format(stub, "%c:0:%x", point->enabled ? 'E' : 'D', (uint64_t)point->pass);
    for (uint32_t at = 0; trace_next_piece(trace, number, &at, &piece);) {
        if (piece.kind != TRACE_CONDITION)
            continue;
        reply_char(stub, ':');
        tell_code(stub, &piece);
    }
}

static void tell_piece(struct unidbg_stub *stub, const struct tracepoint *point,
                       const struct trace_piece *piece) {
    tell_head(stub, piece->kind == TRACE_SOURCE ? 'Z' : 'A', point);
    if (piece->kind == TRACE_CODE) {
        tell_code(stub, piece);
        return;
    }
    if (piece->kind != TRACE_SOURCE)
        reply_char(stub, (char)piece->kind);
    tell_text(stub, piece);
}

/* Entry `listed`, counted over all tracepoints: each is followed by its actions and its source. */
static enum verdict list_points(struct unidbg_stub *stub, struct trace *trace) {
    uint32_t left = trace->listed++;
    struct trace_piece piece;

    for (unsigned i = 0; i < TRACE_POINTS; i++) {
        if (!trace->points[i].defined)
            continue;
        if (left-- == 0) {
            tell_point(stub, trace, i);
            return REPLY;
        }
        for (uint32_t at = 0; trace_next_piece(trace, i, &at, &piece);) {
            if (piece.kind != TRACE_CONDITION && left-- == 0) {
                tell_piece(stub, &trace->points[i], &piece);
                return REPLY;
            }
        }
    }
    return reply_char(stub, 'l');
}

static enum verdict list_variables(struct unidbg_stub *stub, struct trace *trace) {
    uint32_t left = trace->listed++;

    for (unsigned i = 0; i < TRACE_VARIABLES; i++) {
        const struct trace_variable *it = &trace->variables[i];
        if (!it->defined || left-- != 0)
            continue;
        return reply_format(stub, "%x:%x:%x:%h", (uint64_t)it->number, (uint64_t)it->initial,
                            (uint64_t)it->builtin, it->name);
    }
    return reply_char(stub, 'l');
}

/* ---- the packets ---- */

/* `:number:address` */
static enum verdict tell_use(struct unidbg_stub *stub, const struct trace *trace, struct scan *scan) {
    const struct tracepoint *it = trace_scan_point(trace, scan);
    return it ? reply_format(stub, "V%x:%x", it->hits, it->bytes) : REPLY;
}

static enum verdict tell_variable(struct unidbg_stub *stub, struct trace *trace, struct scan *scan) {
    uint64_t value;

    if (trace_variable_value(trace, (uint32_t)scan_hex(scan), &value))
        return reply_format(stub, "V%x", value);
    return reply_char(stub, 'U');
}

/* `:offset,length` of all frames, as they would lie in a file. */
static enum verdict tell_buffer(struct unidbg_stub *stub, const struct trace *trace, struct scan *scan) {
    uint64_t from;
    uint64_t count;

    if (!scan_fields(scan, "x,x", &from, &count))
        return reply_error(stub, ERROR_INVALID, "malformed range");
    if (from >= trace->count)
        return reply_char(stub, 'l');
    for (; count > 0 && from < trace->count && reply_room(stub) >= 2; count--)
        reply_format(stub, "%b", trace_byte(trace, (uint32_t)from++));
    return REPLY;
}

enum verdict packet_qT(struct unidbg_stub *stub, struct scan *scan) {
    struct trace *trace = trace_of(stub);

    if (!trace)
        return REPLY;
    if (scan_word(scan, "Status"))
        return status(stub, trace);
    if (scan_word(scan, "P:"))
        return tell_use(stub, trace, scan);
    if (scan_word(scan, "V:"))
        return tell_variable(stub, trace, scan);
    if (scan_word(scan, "Buffer:"))
        return tell_buffer(stub, trace, scan);
    if (scan_take(scan, 'f'))
        trace->listed = 0;
    else if (!scan_take(scan, 's'))
        return REPLY;
    if (scan_take(scan, 'P'))
        return list_points(stub, trace);
    return scan_take(scan, 'V') ? list_variables(stub, trace) : REPLY;
}
