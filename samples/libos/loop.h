/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event loop: timers and I/O handlers, run to completion one after the other; the CPU sleeps in between.
 */
#ifndef LIBOS_LOOP_H
#define LIBOS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#define LOOP_TIMERS 64
#define LOOP_HANDLERS 16

/* Descriptors of this library's event sources, below 64. */
enum { LOOP_CONSOLE = 0, LOOP_NETWORK = 1, LOOP_STORAGE = 2, LOOP_COMMAND = 3 };

struct loop_timer {
    void (*callback)(void *data);
    void *data;
    uint64_t deadline_ns; /* of clock_ns() */
    uint64_t period_ns;   /* 0: single shot */
    bool active;
    uint64_t fired;
};

struct loop_handler {
    int32_t descriptor;
    void (*callback)(int32_t descriptor, void *data);
    void *data;
    uint64_t events; /* that the callback was called for */
    bool active;
};

struct event_loop {
    uint64_t now_ns; /* the clock as the loop last read it */
    uint64_t iterations;
    uint64_t timers_fired;
    uint64_t events_handled;
    uint64_t busy_ns; /* spent in callbacks that had something to do */
    struct loop_timer timers[LOOP_TIMERS];
    uint32_t timer_count; /* slots ever used; those not active are free */
    struct loop_handler handlers[LOOP_HANDLERS];
    uint32_t handler_count;
};

const struct event_loop *event_loop(void);

/* Read the clock for those who look at the loop while it is busy elsewhere: which timers are overdue is told by it. */
void loop_clock(void);

/* Call back once after delay_ns and, unless period_ns is 0, each period_ns from then on. */
struct loop_timer *loop_timer_start(void (*callback)(void *data), void *data, uint64_t delay_ns,
                                    uint64_t period_ns);
void loop_timer_stop(struct loop_timer *timer);

/* Call back when the descriptor has been notified. */
void loop_handler_add(int32_t descriptor, void (*callback)(int32_t descriptor, void *data), void *data);
/* By a callback: this much of its time was looking in vain. */
void loop_not_busy(uint64_t ns);
/* Mark a descriptor as ready. Also from interrupt handlers. */
void loop_notify(int32_t descriptor);

_Noreturn void loop_run(void);

#endif
