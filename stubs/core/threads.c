/* SPDX-License-Identifier: BSD-3-Clause */
#include "threads.h"

#include "packet.h"

/* A guest's list may be damaged: no more threads than this are told. */
enum { THREADS_MAX = 4096 };

bool thread_at(const struct unidbg_stub *stub, unsigned index, struct unidbg_thread *thread) {
    *thread = (struct unidbg_thread){.id = 1, .name = "cpu0"};
    if (index >= THREADS_MAX)
        return false;
    if (!stub->port->thread)
        return index == 0;
    return stub->port->thread(stub->port->context, index, thread);
}

uint64_t thread_current(const struct unidbg_stub *stub) {
    return stub->port->current ? stub->port->current(stub->port->context) : 1;
}

static bool find_thread(const struct unidbg_stub *stub, uint64_t id, struct unidbg_thread *thread) {
    for (unsigned i = 0; thread_at(stub, i, thread); i++) {
        if (thread->id == id)
            return true;
    }
    return false;
}

uint32_t thread_cpu(const struct unidbg_stub *stub) {
    struct unidbg_thread thread;
    return find_thread(stub, thread_current(stub), &thread) ? thread.cpu : 0;
}

bool thread_look(struct unidbg_stub *stub, uint64_t id, struct thread_view *view) {
    struct unidbg_thread thread;

    *view = (struct thread_view){stub->frame, UNIDBG_ALL & ~stub->port->lacks};
    if (id == THREAD_ANY || id == THREAD_ALL || id == thread_current(stub))
        return true;
    if (!find_thread(stub, id, &thread))
        return false;
    view->frame = &stub->other;
    if (stub->other_id != id) {
        stub->other_known = 0;
        if (!stub->port->thread_frame ||
            !stub->port->thread_frame(stub->port->context, id, &stub->other, &stub->other_known))
            stub->other_known = 0; /* alive, but its registers are not to be had */
        stub->other_id = id;
    }
    view->known = stub->other_known;
    return true;
}

uint64_t thread_scan(struct scan *scan) {
    if (scan_take(scan, 'p')) {
        if (!scan_word(scan, "-1"))
            scan_hex(scan);
        if (!scan_take(scan, '.'))
            return THREAD_ALL;
    }
    if (scan_word(scan, "-1"))
        return THREAD_ALL;
    return scan_hex(scan);
}

/* LLDB names the thread in the packet itself (`;thread:1;`), behind the other arguments. */
uint64_t thread_of_packet(const struct unidbg_stub *stub, struct scan *scan) {
    if (scan_past(scan, ';') && scan_word(scan, "thread:"))
        return scan_hex(scan);
    return stub->thread_general;
}

static enum verdict missing(struct unidbg_stub *stub) {
    return reply_error(stub, ERROR_INVALID, "no such thread");
}

static bool exists(struct unidbg_stub *stub, const struct scan *scan, uint64_t id) {
    struct thread_view view;
    return !scan->failed && thread_look(stub, id, &view);
}

/* What Hc selects is decided by the one CPU that stands. */
enum verdict packet_H(struct unidbg_stub *stub, struct scan *scan) {
    bool general = scan_take(scan, 'g');
    uint64_t id;

    if (!general)
        scan_expect(scan, 'c');
    id = thread_scan(scan);
    if (!exists(stub, scan, id))
        return missing(stub);
    if (general)
        stub->thread_general = id;
    return reply_ok(stub);
}

enum verdict packet_T(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t id = thread_scan(scan);
    return exists(stub, scan, id) ? reply_ok(stub) : missing(stub);
}

enum verdict packet_qC(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    return reply_format(stub, "QC%x", thread_current(stub));
}

/* As many ids as a packet holds (17 bytes each); the next packet goes on where this one ended. */
static enum verdict list(struct unidbg_stub *stub) {
    struct unidbg_thread thread;
    char mark = 'm';

    for (; reply_room(stub) > 18 && thread_at(stub, stub->thread_listed, &thread); stub->thread_listed++) {
        reply_format(stub, "%c%x", mark, thread.id);
        mark = ',';
    }
    return mark == 'm' ? reply_char(stub, 'l') : REPLY;
}

enum verdict packet_qfThreadInfo(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    stub->thread_listed = 0;
    return list(stub);
}

enum verdict packet_qsThreadInfo(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    return list(stub);
}

enum verdict packet_qThreadExtraInfo(struct unidbg_stub *stub, struct scan *scan) {
    struct unidbg_thread thread;
    uint64_t id;

    scan_expect(scan, ',');
    id = thread_scan(scan);
    if (scan->failed || !find_thread(stub, id, &thread))
        return missing(stub);
    return reply_format(stub, "%h%h%h", thread.name ? thread.name : "thread", thread.detail ? ": " : "",
                        thread.detail ? thread.detail : "");
}
