/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/loop.h"

#include <unidbg/probe.h>

#include "libos/apic.h"
#include "libos/clock.h"
#include "libos/cpu.h"
#include "libos/panic.h"
#include "libos/security.h"

#define LONGEST_SLEEP_NS 60000000000ul
#define SHORTEST_SLEEP_NS 5000ul /* below, going to sleep and waking up takes longer */

static struct event_loop loop;
static uint64_t not_busy_ns; /* of this iteration */
static uint64_t ready;       /* bit n: descriptor n was notified; atomic, interrupts set bits */

UNIDBG_PROBE(loop, main, &loop);

const struct event_loop *event_loop(void) {
    return &loop;
}

void loop_clock(void) {
    loop.now_ns = clock_ns();
}

/* ---- timers ---- */

static struct loop_timer *free_timer(void) {
    for (uint32_t i = 0; i < loop.timer_count; i++) {
        if (!loop.timers[i].active) {
            return &loop.timers[i];
        }
    }
    if (loop.timer_count == LOOP_TIMERS) {
        panic("all %d timers are in use", LOOP_TIMERS);
    }
    return &loop.timers[loop.timer_count++];
}

struct loop_timer *loop_timer_start(void (*callback)(void *data), void *data, uint64_t delay_ns,
                                    uint64_t period_ns) {
    struct loop_timer *timer = free_timer();
    *timer = (struct loop_timer){callback, data, clock_ns() + delay_ns, period_ns, true, 0};
    return timer;
}

void loop_timer_stop(struct loop_timer *timer) {
    timer->active = false;
}

/* The active timer with the earliest deadline; NULL when there is none. */
static struct loop_timer *next_timer(void) {
    struct loop_timer *next = NULL;
    for (uint32_t i = 0; i < loop.timer_count; i++) {
        struct loop_timer *timer = &loop.timers[i];
        if (timer->active && (next == NULL || timer->deadline_ns < next->deadline_ns)) {
            next = timer;
        }
    }
    return next;
}

/* A period keeps its phase; periods that were missed altogether are left out. */
static void fire(struct loop_timer *timer) {
    if (timer->period_ns == 0) {
        timer->active = false;
    } else {
        uint64_t missed = (loop.now_ns - timer->deadline_ns) / timer->period_ns;
        timer->deadline_ns += (missed + 1) * timer->period_ns;
    }
    timer->fired++;
    loop.timers_fired++;
    CHECKED(timer->callback)(timer->data);
}

/* Those due at now_ns, the earliest first. A timer started meanwhile is due later, so this ends. */
static void run_timers(void) {
    for (struct loop_timer *timer = next_timer(); timer != NULL && timer->deadline_ns <= loop.now_ns;
         timer = next_timer()) {
        fire(timer);
    }
}

/* ---- handlers ---- */

void loop_handler_add(int32_t descriptor, void (*callback)(int32_t descriptor, void *data), void *data) {
    if (loop.handler_count == LOOP_HANDLERS) {
        panic("all %d I/O handlers are in use", LOOP_HANDLERS);
    }
    loop.handlers[loop.handler_count] = (struct loop_handler){descriptor, callback, data, 0, true};
    loop.handler_count++;
}

void loop_not_busy(uint64_t ns) {
    not_busy_ns += ns;
}

void loop_notify(int32_t descriptor) {
    __atomic_fetch_or(&ready, 1ul << descriptor, __ATOMIC_SEQ_CST);
}

static void run_handlers(void) {
    uint64_t notified = __atomic_exchange_n(&ready, 0, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; notified != 0 && i < loop.handler_count; i++) {
        struct loop_handler *handler = &loop.handlers[i];
        if (handler->active && (notified >> handler->descriptor & 1)) {
            handler->events++;
            loop.events_handled++;
            CHECKED(handler->callback)(handler->descriptor, handler->data);
        }
    }
}

/* ---- the loop ---- */

/* Until the next deadline or an interrupt. Interrupts are off from the look at `ready` to the hlt. */
static void rest(void) {
    struct loop_timer *next = next_timer();
    uint64_t deadline = next != NULL ? next->deadline_ns : loop.now_ns + LONGEST_SLEEP_NS;
    interrupts_disable();
    uint64_t now = clock_ns();
    loop.busy_ns += now - loop.now_ns - not_busy_ns;
    not_busy_ns = 0;
    if (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) == 0 && deadline > now + SHORTEST_SLEEP_NS) {
        lapic_timer_arm(deadline - now);
        interrupts_wait();
    }
    interrupts_enable();
}

void loop_run(void) {
    interrupts_enable();
    for (;;) {
        loop.now_ns = clock_ns();
        loop.iterations++;
        run_timers();
        run_handlers();
        rest();
    }
}
