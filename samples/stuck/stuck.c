/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stuck: hangs in the way that `stuck=` on the command line names, a moment after boot.
 */
#include <stddef.h>

#include "libos/app.h"
#include "libos/assert.h"
#include "libos/boot.h"
#include "libos/clock.h"
#include "libos/console.h"
#include "libos/cpu.h"
#include "libos/loop.h"
#include "libos/ring.h"
#include "libos/string.h"

#define MS 1000000ul
#define DELAY_MS 50
#define HEARTBEAT_NS (1000 * MS)
#define SAMPLE_NS (100 * MS)
#define REPORT_NS (500 * MS)
#define REPORT_TAKES_NS (3000 * MS)
#define SLOTS 8
#define FRAMES 3
#define FRAME_BYTES 60

struct way {
    const char *name;
    void (*start)(void *data);
};

const struct app_config app_config = {.name = "stuck", .memory_bytes = 1 << 20};

static uint64_t heartbeats;
static uint64_t samples;
static volatile bool is_answered;
static volatile uint64_t spins;
static uint8_t frames[FRAMES][FRAME_BYTES];
static struct packet_ring *ring;

static void count(void *data) {
    uint64_t *counter = data;
    ++*counter;
}

static void heartbeat(void *data) {
    count(data);
    log_line("stuck: heartbeat %lu", heartbeats);
}

/* ---- a ring whose device never completes ---- */

/* There is a driver, but nobody at the other end. */
static void notify_nobody(struct virtqueue *queue) {
    (void)queue;
}

static void look_at_ring(void *data) {
    uint32_t length;
    (void)data;
    ring_table()->now_ns = clock_ns();
    if (virtqueue_take(&ring->queue, &length) >= 0) {
        ring->tail++;
    }
}

static void send(uint8_t *frame) {
    struct virtq_buffer buffer = {frame, FRAME_BYTES, false};
    *ring_slot(ring, ring->head) = (struct packet){frame, FRAME_BYTES, clock_ns()};
    int head = virtqueue_add(&ring->queue, &buffer, 1);
    assert(head >= 0);
    ring->head++;
    virtqueue_kick(&ring->queue);
}

static void ring_hangs(void *data) {
    (void)data;
    ring = ring_add("dead tx", RING_TX, SLOTS);
    virtqueue_init(&ring->queue, 0, SLOTS, false);
    ring->queue.notify = notify_nobody;
    for (unsigned i = 0; i < FRAMES; i++) {
        memset(frames[i], 0xff, FRAME_BYTES);
        send(frames[i]);
    }
    loop_timer_start(look_at_ring, NULL, SAMPLE_NS, SAMPLE_NS);
}

/* ---- a timer that is overdue ---- */

/* Takes longer than any period here: whoever waits for the loop waits for this. */
static void slow_report(void *data) {
    (void)data;
    for (uint64_t end = clock_ns() + REPORT_TAKES_NS; clock_ns() < end;) {
        cpu_relax();
    }
}

static void timer_hangs(void *data) {
    (void)data;
    loop_timer_start(count, &samples, SAMPLE_NS, SAMPLE_NS);
    loop_timer_start(slow_report, NULL, REPORT_NS, REPORT_NS);
}

/* ---- a loop without end ---- */

static __attribute__((noinline)) void wait_for_answer(void) {
    while (!is_answered) {
        spins = spins + 1;
    }
}

static void spin(void *data) {
    (void)data;
    wait_for_answer();
    log_line("stuck: answered"); /* so that the call above is no jump */
}

static void spin_deaf(void *data) {
    interrupts_disable();
    spin(data);
    interrupts_enable();
}

static const struct way ways[] = {
    {"ring", ring_hangs},
    {"timer", timer_hangs},
    {"spin", spin},
    {"spin-cli", spin_deaf},
};

void app_main(void) {
    char name[32];
    loop_timer_start(heartbeat, &heartbeats, HEARTBEAT_NS, HEARTBEAT_NS);
    boot_option("stuck", name, sizeof(name));
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (string_equal(name, ways[i].name)) {
            log_line("stuck: %s", name);
            loop_timer_start(ways[i].start, NULL, boot_option_number("stuck-after", DELAY_MS) * MS, 0);
            return;
        }
    }
    log_line("stuck: free; stuck=ring|timer|spin|spin-cli on the command line ends that");
}
