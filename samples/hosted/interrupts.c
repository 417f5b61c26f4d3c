/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts and the timer: the process sleeps in ppoll() where a PC would in hlt, and calls the handlers of the devices
 * that have something. For libos/apic.h.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

#include "hosted.h"
#include "libos/apic.h"
#include "libos/clock.h"
#include "libos/cpu.h"
#include "libos/device.h"
#include "libos/trap.h"

#define NS_PER_SECOND 1000000000ul
#define NS_PER_MILLISECOND 1000000ul
#define NO_TIMEOUT UINT32_MAX

static uint64_t due;         /* bit n: vector n */
static uint64_t deadline_ns; /* of the timer; 0: not armed */
static struct device_access *timer;
static uint8_t timer_vector;

void hosted_raise(uint8_t vector) {
    due |= 1ul << vector;
}

static void take_interrupts(void) {
    struct unidbg_frame frame = {0};
    while (due != 0) {
        uint8_t vector = (uint8_t)__builtin_ctzl(due);
        due &= due - 1;
        frame.vector = vector;
        device_interrupt(vector, &frame);
    }
}

static void fire_timer(void) {
    if (deadline_ns != 0 && clock_ns() >= deadline_ns) {
        deadline_ns = 0;
        hosted_raise(timer_vector);
    }
}

/* The system call itself, so that a guest that sleeps stands in a function of ours, whose caller is known. */
static long poll_now(struct hosted_polls *polls, const struct timespec *timeout) {
    long result;
    register long timeout_register __asm__("rdx") = (long)timeout;
    register long mask __asm__("r10") = 0;
    register long mask_size __asm__("r8") = 8;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_ppoll), "D"(polls->entries), "S"((unsigned long)polls->count),
                       "r"(timeout_register), "r"(mask), "r"(mask_size)
                     : "rcx", "r11", "memory");
    return result;
}

static uint64_t sleep_ns(bool wait, uint32_t network_ms) {
    uint64_t longest = network_ms == NO_TIMEOUT ? 60 * NS_PER_SECOND : network_ms * NS_PER_MILLISECOND;
    if (!wait || due != 0) {
        return 0;
    }
    if (deadline_ns != 0) {
        uint64_t now = clock_ns();
        uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
        longest = left < longest ? left : longest;
    }
    return longest;
}

void hosted_interrupts(bool wait) {
    static struct hosted_polls polls;
    uint32_t network_ms = NO_TIMEOUT;
    polls.count = 0;
    hosted_console_fill(&polls);
    hosted_network_fill(&polls, &network_ms);
    uint64_t ns = sleep_ns(wait, network_ms);
    struct timespec timeout = {(time_t)(ns / NS_PER_SECOND), (long)(ns % NS_PER_SECOND)};
    long ready = poll_now(&polls, &timeout);
    if (ready < 0) {
        for (unsigned i = 0; i < polls.count; i++) {
            polls.entries[i].revents = 0;
        }
    }
    hosted_console_polled(&polls);
    hosted_network_polled(&polls, ready < 0 && ready != -EINTR);
    fire_timer();
    take_interrupts();
}

/* ---- libos/apic.h ---- */

static void on_timer(struct device_access *device, struct unidbg_frame *frame) {
    (void)device; /* the loop looks at its timers by itself */
    (void)frame;
}

void apic_init(void) {
}

unsigned ioapic_count(void) {
    return 1;
}

void ioapic_route(uint32_t line, uint8_t vector) {
    (void)line;
    (void)vector;
}

void lapic_end_of_interrupt(void) {
}

void lapic_interrupt_self(uint8_t vector) {
    hosted_raise(vector);
}

void lapic_timer_arm(uint64_t delay_ns) {
    deadline_ns = clock_ns() + delay_ns;
}

void lapic_timer_start(void) {
    timer = device_add((struct device_access){.name = "timer", .irq = DEVICE_NO_IRQ, .handler = on_timer});
    timer_vector = device_connect(timer);
}

void lapic_timer_calibrated(void) {
}
