/* SPDX-License-Identifier: BSD-3-Clause */
/* The dump as an ELF core, of which any part can be made at any time: what stands in front of the memory is
 * written anew for each part of it that is asked for, through a window. Nothing is kept. */
#include "parts.h"

#include "../core/stop.h"

enum { ELF_HEADER = 64, PROGRAM_HEADER = 56, PT_LOAD = 1, PT_NOTE = 4, ET_CORE = 4 };
enum { NT_AUXV = 6, NT_GUEST = 0x101, NT_FRAME = 0x106, AT_ENTRY = 9 };
/* The receiver puts its digest there. */
enum { DIGEST_NOTE = 52 };

void crash_put(struct crash_window *window, const void *bytes, size_t count) {
    const uint8_t *from = bytes;

    for (size_t i = 0; i < count; i++, window->at++) {
        if (window->at - window->from < window->room)
            window->to[window->at - window->from] = from ? from[i] : 0;
    }
}

static void put_number(struct crash_window *window, uint64_t value, size_t bytes) {
    crash_put(window, &value, bytes); /* all that we run on is little-endian */
}

void crash_align(struct crash_window *window, unsigned multiple) {
    crash_put(window, NULL, (size_t)(-window->at & (multiple - 1)));
}

static size_t length_of(const char *text) {
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

void crash_note(struct crash_window *window, const char *owner, uint32_t type, size_t size) {
    size_t name = length_of(owner) + 1;

    put_number(window, name, 4);
    put_number(window, size, 4);
    put_number(window, type, 4);
    crash_put(window, owner, name);
    crash_align(window, 4);
}

/* ---- the note of the guest: JSON ---- */

static void say(struct crash_window *window, const char *text) {
    crash_put(window, text, length_of(text));
}

static void say_hex(struct crash_window *window, uint64_t value) {
    unsigned shift = 60;

    while (shift > 0 && value >> shift == 0)
        shift -= 4;
    for (;; shift -= 4) {
        crash_put(window, &"0123456789abcdef"[value >> shift & 15], 1);
        if (shift == 0)
            return;
    }
}

static void say_decimal(struct crash_window *window, uint32_t value) {
    char digit = (char)('0' + value % 10);

    if (value >= 10)
        say_decimal(window, value / 10);
    crash_put(window, &digit, 1);
}

/* Text of the guest, which may be anything: what JSON and ASCII do not have becomes `?`. */
static void say_text(struct crash_window *window, const char *text) {
    for (unsigned i = 0; text && text[i] && i < UNIDBG_TEXT_BYTES; i++) {
        if (text[i] == '"' || text[i] == '\\')
            say(window, "\\");
        crash_put(window, text[i] >= ' ' && text[i] <= '~' ? text + i : "?", 1);
    }
}

static void say_threads(struct unidbg_stub *stub, struct crash_window *window) {
    struct unidbg_thread thread;
    const struct unidbg_frame *frame;
    unsigned known;

    for (unsigned i = 0; crash_thread(stub, i, &thread, &frame, &known); i++) {
        say(window, i > 0 ? ",{\"id\":\"" : "{\"id\":\"");
        say_hex(window, thread.id);
        say(window, "\",\"cpu\":");
        say_decimal(window, thread.cpu);
        say(window, ",\"name\":\"");
        say_text(window, thread.name || !stub->port->thread ? thread.name : "thread"); /* as over RSP */
        say(window, "\",\"detail\":\"");
        say_text(window, thread.detail);
        say(window, "\"}");
    }
}

static void say_stop(const struct unidbg_stub *stub, struct crash_window *window) {
    const struct unidbg_port *port = stub->port;

    say(window, ",\"stop\":{\"thread\":\"");
    say_hex(window, port->current ? port->current(port->context) : 1);
    say(window, "\",\"signal\":");
    say_decimal(window, stub->signal);
    say(window, stub->stop_kind == STOP_PANIC ? ",\"kind\":\"panic\"" : ",\"kind\":\"exception\"");
    say(window, ",\"text\":\"");
    say_text(window, stub->text);
    say(window, "\"}");
}

static void say_guest(struct unidbg_stub *stub, struct crash_window *window, enum crash_form form) {
    const struct unidbg_crash *crash = crash_of(stub);

    say(window, "{\"schema\":1,\"access\":\"stream\",\"kind\":\"unidbg\",\"physical\":false,\"dump\":\"");
    say_hex(window, crash->id);
    say(window,
        form == FORM_FULL ? "\",\"form\":\"full\",\"left_out\":" : "\",\"form\":\"minimal\",\"left_out\":");
    say_decimal(window, form == FORM_FULL ? 0 : crash->left_out);
    say_stop(stub, window);
    say(window, ",\"threads\":[");
    say_threads(stub, window);
    say(window, "],\"images\":[{\"bias\":\"0x");
    say_hex(window, stub->port->bias);
    if (stub->port->exec_file) {
        say(window, "\",\"path\":\"");
        say_text(window, stub->port->exec_file);
    }
    say(window, "\"}]}");
}

/* ---- notes ---- */

static void put_frame(struct crash_window *window, uint64_t id, const struct unidbg_frame *frame,
                      unsigned known) {
    size_t size;
    const uint8_t *bytes = crash_frame_bytes(frame, &size);

    crash_note(window, "unidbg", NT_FRAME, sizeof crash_frame_name + 16 + size);
    crash_put(window, crash_frame_name, sizeof crash_frame_name);
    put_number(window, id, 8);
    put_number(window, known, 8);
    crash_put(window, bytes, size);
    crash_align(window, 4);
}

static void put_threads(struct unidbg_stub *stub, struct crash_window *window) {
    struct unidbg_thread thread;
    const struct unidbg_frame *frame;
    unsigned known;

    for (unsigned i = 0; crash_thread(stub, i, &thread, &frame, &known); i++) {
        crash_thread_notes(window, frame, known, i + 1, i == 0 ? stub->signal : 0);
        put_frame(window, thread.id, frame, known);
    }
}

static void put_entry(struct crash_window *window, uint64_t entry) {
    if (entry == 0)
        return;
    crash_note(window, "CORE", NT_AUXV, 32);
    put_number(window, AT_ENTRY, 8);
    put_number(window, entry, 8);
    crash_put(window, NULL, 16);
}

static void put_notes(struct unidbg_stub *stub, struct crash_window *window, enum crash_form form) {
    struct crash_window counted = {0};

    say_guest(stub, &counted, form);
    crash_note(window, "unidbg", NT_GUEST, (size_t)counted.at);
    say_guest(stub, window, form);
    crash_align(window, 4);
    put_threads(stub, window);
    put_entry(window, crash_of(stub)->entry);
}

/* ---- headers ---- */

static void put_header(struct crash_window *window, unsigned segments) {
    static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 3}; /* the notes are Linux's */

    crash_put(window, ident, sizeof ident);
    put_number(window, ET_CORE, 2);
    put_number(window, crash_machine, 2);
    put_number(window, 1, 4);
    put_number(window, 0, 8);
    put_number(window, ELF_HEADER, 8);
    put_number(window, 0, 8);
    put_number(window, 0, 4);
    put_number(window, ELF_HEADER, 2);
    put_number(window, PROGRAM_HEADER, 2);
    put_number(window, segments, 2);
    put_number(window, 0, 6);
}

static void put_segment(struct crash_window *window, uint32_t type, uint32_t flags, uint64_t offset,
                        uint64_t address, uint64_t size) {
    put_number(window, type, 4);
    put_number(window, flags, 4);
    put_number(window, offset, 8);
    put_number(window, address, 8);
    put_number(window, 0, 8);
    put_number(window, size, 8);
    put_number(window, size, 8);
    put_number(window, type == PT_LOAD ? LINE : 4, 8);
}

static uint32_t elf_flags(uint32_t flags) {
    return (flags & UNIDBG_READ ? 4u : 0) | (flags & UNIDBG_WRITE ? 2u : 0) |
           (flags & UNIDBG_EXECUTE ? 1u : 0);
}

static void put_segments(struct unidbg_stub *stub, struct crash_window *window, enum crash_form form,
                         uint64_t offset) {
    const struct unidbg_crash *crash = crash_of(stub);
    struct unidbg_crash_cursor cursor = {0};

    while (crash_next(stub, crash, form, &cursor)) {
        uint64_t size = cursor.end - cursor.start;
        put_segment(window, PT_LOAD, elf_flags(cursor.flags), offset, cursor.start, size);
        offset += crash_room(size);
    }
}

/* Everything in front of the memory. */
static void put_head(struct unidbg_stub *stub, struct crash_window *window, enum crash_form form,
                     unsigned pieces, uint64_t notes) {
    const struct unidbg_crash *crash = crash_of(stub);
    uint64_t notes_at = ELF_HEADER + PROGRAM_HEADER * (pieces + 2ull);

    put_header(window, pieces + 2);
    put_segment(window, PT_NOTE, 0, notes_at, 0, notes);
    put_segment(window, PT_NOTE, 0, crash->sizes[form] - DIGEST_NOTE, 0, DIGEST_NOTE);
    put_segments(stub, window, form, crash->heads[form]);
    put_notes(stub, window, form);
    crash_align(window, LINE);
}

static unsigned count_pieces(struct unidbg_stub *stub, enum crash_form form, uint64_t *bytes) {
    struct unidbg_crash_cursor cursor = {0};
    unsigned count = 0;

    *bytes = 0;
    while (crash_next(stub, crash_of(stub), form, &cursor)) {
        *bytes += crash_room(cursor.end - cursor.start);
        count++;
    }
    return count;
}

static uint64_t count_notes(struct unidbg_stub *stub, enum crash_form form) {
    struct crash_window counted = {0};

    put_notes(stub, &counted, form);
    return counted.at;
}

void crash_measure(struct unidbg_stub *stub, struct unidbg_crash *crash, enum crash_form form) {
    uint64_t bytes;
    unsigned pieces = count_pieces(stub, form, &bytes);
    uint64_t head = ELF_HEADER + PROGRAM_HEADER * (pieces + 2ull) + count_notes(stub, form);

    crash->heads[form] = crash_room(head);
    crash->sizes[form] = crash->heads[form] + bytes + DIGEST_NOTE;
}

/* ---- parts of it ---- */

static size_t fetch_head(struct unidbg_stub *stub, struct unidbg_crash *crash, uint64_t at, size_t count) {
    enum crash_form form = (enum crash_form)crash->form;
    struct crash_window window = {.from = at, .room = count, .to = crash->chunk};
    uint64_t bytes;
    unsigned pieces = count_pieces(stub, form, &bytes);

    if (count > crash->heads[form] - at)
        count = window.room = (size_t)(crash->heads[form] - at);
    put_head(stub, &window, form, pieces, count_notes(stub, form));
    return count;
}

/* Have the cursor at the piece that has byte `at` of the core; false: it is behind all memory. */
static bool seek(struct unidbg_stub *stub, struct unidbg_crash *crash, uint64_t at) {
    struct unidbg_crash_cursor *cursor = &crash->cursor;

    if (crash->piece_at == 0 || at < crash->piece_at) {
        *cursor = (struct unidbg_crash_cursor){0};
        crash->piece_at = crash->heads[crash->form];
    }
    while (at - crash->piece_at >= crash_room(cursor->end - cursor->start)) {
        crash->piece_at += crash_room(cursor->end - cursor->start);
        if (!crash_next(stub, crash, (enum crash_form)crash->form, cursor)) {
            crash->piece_at = 0;
            return false;
        }
    }
    return true;
}

/* From one piece. */
static size_t fetch_memory(struct unidbg_stub *stub, struct unidbg_crash *crash, uint64_t at, size_t count) {
    const struct unidbg_crash_cursor *cursor = &crash->cursor;
    uint64_t inside = at - crash->piece_at;
    uint64_t size = cursor->end - cursor->start;

    if (count > crash_room(size) - inside)
        count = (size_t)(crash_room(size) - inside);
    crash_read(stub, crash->chunk, cursor->start + inside, count);
    for (size_t i = 0; i < count; i++) { /* behind its end */
        if (inside + i >= size)
            crash->chunk[i] = 0;
    }
    return count;
}

size_t crash_fetch(struct unidbg_stub *stub, struct unidbg_crash *crash, uint64_t at, size_t count) {
    uint64_t size = crash->sizes[crash->form];

    if (at >= size)
        return 0;
    if (count > sizeof crash->chunk)
        count = sizeof crash->chunk;
    if (at < crash->heads[crash->form])
        return fetch_head(stub, crash, at, count);
    if (seek(stub, crash, at))
        return fetch_memory(stub, crash, at, count);
    if (count > size - at)
        count = (size_t)(size - at);
    for (size_t i = 0; i < count; i++)
        crash->chunk[i] = 0;
    return count;
}
