/* SPDX-License-Identifier: BSD-3-Clause */
/* The threads of the guest, as the port tells them; one, number 1, where it does not. */
#ifndef THREADS_H
#define THREADS_H

#include <unidbg/stub.h>

#include "features.h"
#include "scan.h"
#include "text.h"

/* "Any" (0) and "all" (-1) in packets. */
#define THREAD_ANY 0
#define THREAD_ALL UINT64_MAX

/* A thread's registers, and which groups of them are known. */
struct thread_view {
    struct unidbg_frame *frame;
    unsigned known;
};

#if WITH_THREADS

/* The thread at an index; false behind the last. */
bool thread_at(const struct unidbg_stub *stub, unsigned index, struct unidbg_thread *thread);
/* The stopped thread. */
uint64_t thread_current(const struct unidbg_stub *stub);
/* Look at a thread; any is the stopped one. False: there is no such thread. */
bool thread_look(struct unidbg_stub *stub, uint64_t id, struct thread_view *view);
/* `1`, `-1`, `0`, `p1.1`, `p1`: the process is always ours. */
uint64_t thread_scan(struct scan *scan);
/* The thread that a register packet means: what it names at its end, or else what Hg selected. */
uint64_t thread_of_packet(const struct unidbg_stub *stub, struct scan *scan);
/* The CPU of the stopped thread. */
uint32_t thread_cpu(const struct unidbg_stub *stub);

#else

static inline uint64_t thread_current(const struct unidbg_stub *stub) {
    (void)stub;
    return 1;
}

static inline uint32_t thread_cpu(const struct unidbg_stub *stub) {
    (void)stub;
    return 0;
}

static inline bool thread_at(const struct unidbg_stub *stub, unsigned index, struct unidbg_thread *thread) {
    (void)stub;
    *thread = (struct unidbg_thread){.id = 1, .name = "cpu0"};
    return index == 0;
}

static inline bool thread_look(struct unidbg_stub *stub, uint64_t id, struct thread_view *view) {
    *view = (struct thread_view){stub->frame, UNIDBG_ALL & ~stub->port->lacks};
    return id <= 1 || id == THREAD_ALL;
}

static inline uint64_t thread_of_packet(const struct unidbg_stub *stub, struct scan *scan) {
    (void)stub;
    (void)scan;
    return THREAD_ANY;
}

#endif

#endif
