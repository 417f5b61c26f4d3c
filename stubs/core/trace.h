/* SPDX-License-Identifier: BSD-3-Clause */
/* Tracepoints: places in the guest's code where registers and memory are collected, with no stop, for a client
 * to look at later. Source: GDB manual, "Tracepoint Packets" and "Trace File Format".
 *
 * Definitions and what was collected lie in one piece of memory of the port (`trace`): a struct trace, and
 * behind it a ring of frames. A frame is, as in a trace file: number of the tracepoint (2 bytes), bytes that
 * follow (4), and blocks: `R` and all registers, `M` address (8) length (2) and bytes, `V` number (4) value
 * (8), in the order of the target. */
#ifndef TRACE_H
#define TRACE_H

#include <unidbg/stub.h>

#include "features.h"
#include "scan.h"
#include "text.h"

enum { TRACE_POINTS = 16, TRACE_VARIABLES = 16, TRACE_POOL = 2048, TRACE_NAME = 24, TRACE_HEAD = 6 };

/* What a definition has besides: each item of the pool is a head of 4 bytes (point, kind, length low and
 * high) and its data. */
enum trace_item {
    TRACE_CONDITION = 'C', /* bytecode */
    TRACE_REGISTERS = 'R', /* the mask, as text */
    TRACE_MEMORY = 'M',    /* as text: base register, offset, length */
    TRACE_CODE = 'X',      /* bytecode */
    TRACE_SOURCE = 'Z',    /* as text: how its user wrote it */
};

struct tracepoint {
    uint64_t address;
    uint64_t hits;
    uint64_t bytes; /* collected */
    uint32_t number;
    uint32_t pass; /* hits after which the run ends; 0: never */
    bool defined;
    bool enabled;
};

struct trace_variable {
    int64_t initial;
    int64_t value;
    uint32_t number;
    bool defined;
    bool builtin;
    char name[TRACE_NAME]; /* hexadecimal text is kept as text: names of up to 23 characters */
};

enum trace_end { TRACE_NOT_RUN, TRACE_STOPPED, TRACE_FULL, TRACE_PASSED, TRACE_DISCONNECTED };

struct trace {
    struct tracepoint points[TRACE_POINTS];
    struct trace_variable variables[TRACE_VARIABLES];

    bool running;
    bool circular;
    bool disconnected; /* goes on without a client */
    uint8_t end;       /* enum trace_end: why it does not run */
    uint32_t end_number;

    /* The ring: bytes, from `first` on; a frame under way begins at `open` of them. */
    uint8_t *ring;
    uint32_t ring_size;
    uint32_t first;
    uint32_t count;
    uint32_t open;
    bool collecting;
    bool full;
    uint32_t frames;
    uint32_t created;

    /* The frame that the client looks at. */
    bool selected;
    uint32_t frame;    /* its number */
    uint32_t frame_at; /* and where it begins in the ring */

    uint32_t listed; /* how far qTfP and qTfV have come */
    uint32_t pool_used;
    uint8_t pool[TRACE_POOL];
};

#if WITH_TRACE

/* NULL: the port has no memory for it. */
struct trace *trace_of(const struct unidbg_stub *stub);
void trace_init(struct unidbg_stub *stub);
/* The client has gone. Another one looks at no frame. */
void trace_leave(struct unidbg_stub *stub);
void trace_look_away(struct unidbg_stub *stub);
/* End the run. */
void trace_end(struct unidbg_stub *stub, enum trace_end why, uint32_t number);

/* Walk over the items of a tracepoint. */
struct trace_piece {
    unsigned kind;
    const uint8_t *data;
    uint32_t length;
};
bool trace_next_piece(const struct trace *trace, unsigned point, uint32_t *at, struct trace_piece *piece);
struct trace_variable *trace_variable(struct trace *trace, uint32_t number);
/* `number:address`; NULL: there is none, and the scan has failed. */
struct tracepoint *trace_scan_point(const struct trace *trace, struct scan *scan);

/* The guest has come to an address: collect. */
void trace_hit(struct unidbg_stub *stub, uint64_t address);
/* What bytecode asks for. False: nothing is collected now, or there is no such variable. */
bool trace_memory(struct unidbg_stub *stub, uint64_t address, uint64_t count);
bool trace_text(struct unidbg_stub *stub, uint64_t address, uint64_t count);
bool trace_value(struct unidbg_stub *stub, uint32_t number);
bool trace_get(struct unidbg_stub *stub, uint32_t number, int64_t *value);
bool trace_set(struct unidbg_stub *stub, uint32_t number, int64_t value);

/* A byte of what was collected, counted from the oldest. */
uint8_t trace_byte(const struct trace *trace, uint32_t at);
uint64_t trace_number(const struct trace *trace, uint32_t at, unsigned bytes);

/* The client looks at a frame: what it reads comes from there. */
bool trace_looks(const struct unidbg_stub *stub);
size_t trace_read(struct unidbg_stub *stub, uint8_t *to, uint64_t address, size_t count);
/* A register; false: it was not collected. */
bool trace_register(struct unidbg_stub *stub, unsigned number, uint8_t *to);
/* A variable, as the frame has it or as it is now. False: there is none. */
bool trace_variable_value(struct trace *trace, uint32_t number, uint64_t *value);
/* What the frame has, as XML. */
bool trace_frame_info(struct unidbg_text *out);

#else

static inline void trace_init(struct unidbg_stub *stub) {
    (void)stub;
}

static inline void trace_leave(struct unidbg_stub *stub) {
    (void)stub;
}

static inline void trace_look_away(struct unidbg_stub *stub) {
    (void)stub;
}

static inline void trace_hit(struct unidbg_stub *stub, uint64_t address) {
    (void)stub;
    (void)address;
}

static inline bool trace_memory(struct unidbg_stub *stub, uint64_t address, uint64_t count) {
    (void)stub;
    (void)address;
    (void)count;
    return false;
}

static inline bool trace_text(struct unidbg_stub *stub, uint64_t address, uint64_t count) {
    (void)stub;
    (void)address;
    (void)count;
    return false;
}

static inline bool trace_value(struct unidbg_stub *stub, uint32_t number) {
    (void)stub;
    (void)number;
    return false;
}

static inline bool trace_get(struct unidbg_stub *stub, uint32_t number, int64_t *value) {
    (void)stub;
    (void)number;
    (void)value;
    return false;
}

static inline bool trace_set(struct unidbg_stub *stub, uint32_t number, int64_t value) {
    (void)stub;
    (void)number;
    (void)value;
    return false;
}

static inline bool trace_looks(const struct unidbg_stub *stub) {
    (void)stub;
    return false;
}

static inline size_t trace_read(struct unidbg_stub *stub, uint8_t *to, uint64_t address, size_t count) {
    (void)stub;
    (void)to;
    (void)address;
    (void)count;
    return 0;
}

static inline bool trace_register(struct unidbg_stub *stub, unsigned number, uint8_t *to) {
    (void)stub;
    (void)number;
    (void)to;
    return false;
}

static inline bool trace_frame_info(struct unidbg_text *out) {
    (void)out;
    return false;
}

#endif

#endif
