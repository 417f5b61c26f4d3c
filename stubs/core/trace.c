/* SPDX-License-Identifier: BSD-3-Clause */
/* QT...: tracepoints and variables are defined, and a run begins and ends. */
#include "trace.h"

#include "breakpoints.h"
#include "packet.h"
#include "reply.h"
#include "threads.h"

enum { ITEM_HEAD = 4 };

struct trace *trace_of(const struct unidbg_stub *stub) {
    uintptr_t at = ((uintptr_t)stub->port->trace + 7) & ~(uintptr_t)7;
    return stub->port->trace ? (struct trace *)at : NULL; // NOLINT(performance-no-int-to-ptr)
}

/* Everything is forgotten. */
static void clear(struct unidbg_stub *stub, struct trace *trace) {
    uint8_t *start = (uint8_t *)trace;
    size_t before = (size_t)(start - (uint8_t *)stub->port->trace);

    for (size_t i = 0; i < sizeof *trace; i++)
        start[i] = 0;
    trace->ring = start + sizeof *trace;
    trace->ring_size = (uint32_t)(stub->port->trace_size - before - sizeof *trace);
}

void trace_init(struct unidbg_stub *stub) {
    struct trace *trace = trace_of(stub);

    if (trace)
        clear(stub, trace);
}

/* ---- the run ---- */

static void rewind_run(struct trace *trace) {
    trace->first = trace->count = trace->frames = trace->created = 0;
    trace->selected = trace->full = false;
    for (unsigned i = 0; i < TRACE_POINTS; i++)
        trace->points[i].hits = trace->points[i].bytes = 0;
    for (unsigned i = 0; i < TRACE_VARIABLES; i++)
        trace->variables[i].value = trace->variables[i].initial;
}

static bool plant_all(struct unidbg_stub *stub, struct trace *trace) {
    bool good = true;

    for (unsigned i = 0; i < TRACE_POINTS; i++) {
        if (trace->points[i].defined && !breakpoint_trace(stub, trace->points[i].address, true))
            good = false;
    }
    return good;
}

void trace_end(struct unidbg_stub *stub, enum trace_end why, uint32_t number) {
    struct trace *trace = trace_of(stub);

    if (!trace->running)
        return;
    trace->running = false;
    trace->end = (uint8_t)why;
    trace->end_number = number;
    for (unsigned i = 0; i < TRACE_POINTS; i++) {
        if (trace->points[i].defined)
            breakpoint_trace(stub, trace->points[i].address, false);
    }
}

void trace_leave(struct unidbg_stub *stub) {
    struct trace *trace = trace_of(stub);

    if (!trace)
        return;
    if (!trace->disconnected)
        trace_end(stub, TRACE_DISCONNECTED, 0);
}

void trace_look_away(struct unidbg_stub *stub) {
    struct trace *trace = trace_of(stub);

    if (trace)
        trace->selected = false;
}

/* ---- what is defined ---- */

static int find_point(const struct trace *trace, uint64_t number, uint64_t address) {
    for (int i = 0; i < TRACE_POINTS; i++) {
        const struct tracepoint *it = &trace->points[i];
        if (it->defined && it->number == number && it->address == address)
            return i;
    }
    return -1;
}

static int scan_point(const struct trace *trace, struct scan *scan) {
    uint64_t number;
    uint64_t address;
    int point = scan_fields(scan, "x:x", &number, &address) ? find_point(trace, number, address) : -1;

    if (point < 0)
        scan->failed = true;
    return point;
}

struct tracepoint *trace_scan_point(const struct trace *trace, struct scan *scan) {
    int point = scan_point(trace, scan);
    return point < 0 ? NULL : (struct tracepoint *)&trace->points[point];
}

struct trace_variable *trace_variable(struct trace *trace, uint32_t number) {
    for (unsigned i = 0; i < TRACE_VARIABLES; i++) {
        if (trace->variables[i].defined && trace->variables[i].number == number)
            return &trace->variables[i];
    }
    return NULL;
}

static uint8_t *keep_head(struct trace *trace, int point, enum trace_item kind, size_t length) {
    uint8_t *at = trace->pool + trace->pool_used;

    if (length > TRACE_POOL || trace->pool_used + ITEM_HEAD + length > TRACE_POOL)
        return NULL;
    at[0] = (uint8_t)point;
    at[1] = (uint8_t)kind;
    at[2] = (uint8_t)length;
    at[3] = (uint8_t)(length >> 8);
    trace->pool_used += (uint32_t)(ITEM_HEAD + length);
    return at + ITEM_HEAD;
}

bool trace_next_piece(const struct trace *trace, unsigned point, uint32_t *at, struct trace_piece *piece) {
    while (*at < trace->pool_used) {
        const uint8_t *head = trace->pool + *at;
        *piece = (struct trace_piece){head[1], head + ITEM_HEAD, head[2] | (uint32_t)head[3] << 8};
        *at += ITEM_HEAD + piece->length;
        if (head[0] == point)
            return true;
    }
    return false;
}

static void keep_text(struct trace *trace, int point, enum trace_item kind, struct scan *scan,
                      size_t length) {
    uint8_t *to = keep_head(trace, point, kind, length);

    if (!to || scan_left(scan) < length) {
        scan->failed = true;
        return;
    }
    for (size_t i = 0; i < length; i++)
        to[i] = *scan->at++;
}

/* `length,bytes` behind X */
static void keep_code(struct trace *trace, int point, enum trace_item kind, struct scan *scan) {
    uint64_t length = scan_hex(scan);
    uint8_t *to;

    scan_expect(scan, ',');
    to = scan->failed || length > TRACE_POOL ? NULL : keep_head(trace, point, kind, (size_t)length);
    if (to)
        scan_bytes(scan, to, (size_t)length);
    else
        scan->failed = true;
}

/* Up to the next action: masks and numbers are digits, signs and commas. */
static size_t length_of(const struct scan *scan) {
    size_t length = !scan_done(scan) && *scan->at == '-';

    while (scan->at + length < scan->end && (hex_digit(scan->at[length]) >= 0 || scan->at[length] == ','))
        length++;
    return length;
}

static void keep_action(struct trace *trace, int point, struct scan *scan) {
    if (scan_take(scan, 'R'))
        keep_text(trace, point, TRACE_REGISTERS, scan, length_of(scan));
    else if (scan_take(scan, 'M'))
        keep_text(trace, point, TRACE_MEMORY, scan, length_of(scan));
    else if (scan_take(scan, 'X'))
        keep_code(trace, point, TRACE_CODE, scan);
    else
        scan->failed = true; /* S: while-stepping, L: static markers */
}

/* `:-number:address:actions`: more of a tracepoint that is there. */
static void add_actions(struct trace *trace, struct scan *scan) {
    int point = scan_point(trace, scan);

    scan_expect(scan, ':');
    while (!scan->failed && !scan_done(scan) && !scan_take(scan, '-'))
        keep_action(trace, point, scan);
}

static int free_point(const struct trace *trace) {
    for (int i = 0; i < TRACE_POINTS; i++) {
        if (!trace->points[i].defined)
            return i;
    }
    return -1;
}

/* `:number:address:E:step:pass:Fflen:Xlength,code-` */
static void add_point(struct trace *trace, struct scan *scan) {
    struct tracepoint it = {.defined = true};
    int point = free_point(trace);
    uint64_t number;
    uint64_t steps;
    uint64_t pass;

    scan_fields(scan, "x:x:", &number, &it.address);
    it.enabled = scan_take(scan, 'E');
    if (!it.enabled)
        scan_expect(scan, 'D');
    scan_fields(scan, ":x:x", &steps, &pass);
    it.number = (uint32_t)number;
    it.pass = (uint32_t)pass;
    if (scan->failed || steps != 0 || point < 0 || find_point(trace, it.number, it.address) >= 0) {
        scan->failed = true;
        return;
    }
    trace->points[point] = it;
    while (scan_take(scan, ':') && scan_take(scan, 'X'))
        keep_code(trace, point, TRACE_CONDITION, scan);
    scan_take(scan, '-');
    if (scan->failed || !scan_done(scan)) {
        scan->failed = true;
        trace->points[point].defined = false;
    }
}

/* In words for everybody: of numbers gdb makes errors of its own. */
static enum verdict refuse(struct unidbg_stub *stub, const char *text) {
    reply_reset(stub);
    return reply_format(stub, "E.%s", WITH_TEXTS ? text : "refused");
}

static enum verdict done(struct unidbg_stub *stub, const struct scan *scan) {
    if (scan->failed)
        return refuse(stub,
                      "malformed, too much, or not supported: a tracepoint collects, and takes no steps");
    return reply_ok(stub);
}

/* Of what is refused nothing stays. */
static enum verdict define(struct unidbg_stub *stub, struct trace *trace, struct scan *scan) {
    uint32_t before = trace->pool_used;

    if (trace->running)
        scan->failed = true;
    else if (scan_take(scan, '-'))
        add_actions(trace, scan);
    else
        add_point(trace, scan);
    if (scan->failed)
        trace->pool_used = before;
    return done(stub, scan);
}

/* `:number:address:kind:start:length:text` */
static enum verdict keep_source(struct unidbg_stub *stub, struct trace *trace, struct scan *scan) {
    uint64_t number;
    uint64_t address;
    int point = scan_fields(scan, "x:x:", &number, &address) ? find_point(trace, number, address) : -1;

    if (point >= 0)
        keep_text(trace, point, TRACE_SOURCE, scan, scan_left(scan));
    return done(stub, scan);
}

/* `:number:value:builtin:name` */
static enum verdict define_variable(struct unidbg_stub *stub, struct trace *trace, struct scan *scan) {
    struct trace_variable it = {.defined = true};
    struct trace_variable *to;
    uint64_t number;
    uint64_t value;
    uint64_t special;

    scan_fields(scan, "x:x:x:", &number, &value, &special);
    it.number = (uint32_t)number;
    it.initial = it.value = (int64_t)value;
    it.builtin = special != 0;
    if (scan_left(scan) / 2 >= TRACE_NAME)
        scan->failed = true;
    else
        scan_bytes(scan, (uint8_t *)it.name, scan_left(scan) / 2);
    to = trace_variable(trace, it.number);
    for (unsigned i = 0; !to && i < TRACE_VARIABLES; i++) {
        if (!trace->variables[i].defined)
            to = &trace->variables[i];
    }
    if (!to)
        scan->failed = true;
    if (!scan->failed)
        *to = it;
    return done(stub, scan);
}

static enum verdict enable(struct unidbg_stub *stub, const struct trace *trace, struct scan *scan, bool on) {
    struct tracepoint *point = trace_scan_point(trace, scan);

    if (point)
        point->enabled = on;
    return done(stub, scan);
}

static enum verdict start(struct unidbg_stub *stub, struct trace *trace) {
    rewind_run(trace);
    trace->running = true;
    if (plant_all(stub, trace)) {
        return reply_ok(stub);
    }
    trace_end(stub, TRACE_NOT_RUN, 0);
    return refuse(stub, "a tracepoint lies where no breakpoint can be set");
}

static enum verdict reset(struct unidbg_stub *stub, struct trace *trace) {
    trace_end(stub, TRACE_NOT_RUN, 0);
    clear(stub, trace);
    return reply_ok(stub);
}

/* Everything that begins with QT, but for what reads. Regions that never change (QTro) and notes are taken and
 * not needed. */
enum verdict packet_QT(struct unidbg_stub *stub, struct scan *scan) {
    struct trace *trace = trace_of(stub);

    if (!trace)
        return REPLY;
    if (scan_word(scan, "init"))
        return reset(stub, trace);
    if (scan_word(scan, "DPsrc:"))
        return keep_source(stub, trace, scan);
    if (scan_word(scan, "DP:"))
        return define(stub, trace, scan);
    if (scan_word(scan, "DV:"))
        return define_variable(stub, trace, scan);
    if (scan_word(scan, "Enable:"))
        return enable(stub, trace, scan, true);
    if (scan_word(scan, "Disable:"))
        return enable(stub, trace, scan, false);
    if (scan_word(scan, "Start"))
        return start(stub, trace);
    if (scan_word(scan, "Frame:"))
        return trace_select(stub, scan);
    if (scan_word(scan, "Stop"))
        trace_end(stub, TRACE_STOPPED, 0);
    else if (scan_word(scan, "Buffer:circular:"))
        trace->circular = scan_take(scan, '1');
    else if (scan_word(scan, "Disconnected:"))
        trace->disconnected = scan_take(scan, '1');
    else if (!scan_word(scan, "ro:") && !scan_word(scan, "Notes:"))
        return REPLY;
    return reply_ok(stub);
}
