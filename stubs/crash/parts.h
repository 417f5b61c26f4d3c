/* SPDX-License-Identifier: BSD-3-Clause */
/* How the parts of the crash dump see each other. They use nothing of the core but its public names, so that they
 * are an object of their own. */
#ifndef CRASH_PARTS_H
#define CRASH_PARTS_H

#include <unidbg/crash.h>

enum crash_form { FORM_MINIMAL, FORM_FULL };

/* ---- memory.c: which memory there is, and what of it is needed ---- */

/* Read memory as a debugger sees it; what cannot be read becomes zeros. */
void crash_read(const struct unidbg_stub *stub, void *to, uint64_t address, size_t count);
/* Choose the runs of the minimal form. */
void crash_choose(struct unidbg_stub *stub, struct unidbg_crash *crash);
/* The next piece of a form, the runs first; false: that was the last. A cursor that is all 0 is before the
 * first. */
bool crash_next(const struct unidbg_stub *stub, const struct unidbg_crash *crash, enum crash_form form,
                struct unidbg_crash_cursor *cursor);
/* The registers of the thread at an index; false behind the last. The stopped one is the first. */
bool crash_thread(struct unidbg_stub *stub, unsigned index, struct unidbg_thread *thread,
                  const struct unidbg_frame **frame, unsigned *known);

/* ---- core.c: the core as bytes ---- */

/* A window on what is written: bytes [from, from + room) of it. */
struct crash_window {
    uint64_t at; /* written so far */
    uint64_t from;
    size_t room;
    uint8_t *to;
};
void crash_put(struct crash_window *window, const void *bytes, size_t count);
void crash_note(struct crash_window *window, const char *owner, uint32_t type, size_t size);
/* Zeros up to the next multiple. */
void crash_align(struct crash_window *window, unsigned multiple);

/* Bytes of the memory's pieces lie at multiples of this in the core. */
enum { LINE = 16 };
static inline uint64_t crash_room(uint64_t bytes) {
    return (bytes + LINE - 1) & ~(uint64_t)(LINE - 1);
}

/* Find out the sizes of a form. */
void crash_measure(struct unidbg_stub *stub, struct unidbg_crash *crash, enum crash_form form);
/* Bytes of the core under way into crash->chunk, from `at` on; how many. */
size_t crash_fetch(struct unidbg_stub *stub, struct unidbg_crash *crash, uint64_t at, size_t count);

/* ---- the architecture's ---- */

extern const uint16_t crash_machine; /* of ELF */
extern const char crash_frame_name[16];
uint64_t crash_pc(const struct unidbg_frame *frame);
uint64_t crash_sp(const struct unidbg_frame *frame);
/* The notes of a thread; `number` is from 1 on. */
void crash_thread_notes(struct crash_window *window, const struct unidbg_frame *frame, unsigned known,
                        uint32_t number, uint8_t signal);
/* What the note of frames has of this one. */
const uint8_t *crash_frame_bytes(const struct unidbg_frame *frame, size_t *size);

/* ---- line.c: frames ---- */

enum { FLAG = 0x7e };
/* A frame that goes out: begin, bytes, end. */
void crash_frame_begin(struct unidbg_stub *stub, char type);
void crash_frame_byte(struct unidbg_stub *stub, uint8_t byte);
void crash_frame_number(struct unidbg_stub *stub, uint64_t value, unsigned bytes);
void crash_frame_end(struct unidbg_stub *stub);
/* Bytes with their runs as lengths. */
void crash_frame_packed(struct unidbg_stub *stub, const uint8_t *bytes, size_t count);
/* A byte came. */
enum crash_taken {
    NOT_OURS, /* for RSP */
    TAKEN,
    TAKEN_FRAME, /* a frame is whole and sound: in[0..in_length) */
};
enum crash_taken crash_take(struct unidbg_stub *stub, uint8_t byte);

static inline struct unidbg_crash *crash_of(const struct unidbg_stub *stub) {
    return stub->port->crash_state;
}

static inline uint64_t crash_now(const struct unidbg_stub *stub) {
    return stub->port->now_ns ? stub->port->now_ns(stub->port->context) : 0;
}

/* Look what the line has while a frame goes out; crash.c. */
void crash_listen(struct unidbg_stub *stub);

#endif
