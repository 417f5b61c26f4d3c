/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hello: what a unikernel looks like from inside. Timers of all kinds, a heap that grows and shrinks and leaks a
 * little, a line of log a second, and an echo of what is typed on the console.
 */
#include "libos/app.h"
#include "libos/clock.h"
#include "libos/console.h"
#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/uart.h"
#include "libos/wall_clock.h"

#define MS 1000000ul
#define MAX_BLOCKS 8
#define MAX_KEEPSAKES 64
#define LINE_BYTES 80

/* Blocks that the worker holds: it fills the pile one by one, then empties it from the top. */
struct pile {
    void *blocks[MAX_BLOCKS];
    uint32_t count;
    bool shrinking;
};

struct line {
    char text[LINE_BYTES];
    uint32_t length;
};

struct chest {
    void *keepsakes[MAX_KEEPSAKES];
    uint32_t count;
};

static struct pile pile;
static struct line line;
static struct chest chest;
static uint64_t heartbeats;
static volatile uint64_t last_beat; /* seconds since 1970: a debugger may want to know */
static const uint16_t sort_me[] = {300, 100, 400, 200};

const struct app_config app_config = {.name = "hello", .memory_bytes = 4 << 20};

static void heartbeat(void *data) {
    uint64_t *count = data;
    const struct memory_manager *heap = memory_manager();
    ++*count;
    last_beat = wall_clock_seconds();
    log_line("hello: heartbeat %lu, heap %lu bytes in %lu blocks", *count, heap->allocated, heap->count);
}

/* 100, 200 ... 800 bytes: the peak is well above the average. */
static void work(void *data) {
    struct pile *work = data;
    if (work->shrinking) {
        heap_free(work->blocks[--work->count]);
    } else {
        work->blocks[work->count] = heap_allocate(100ul * (work->count + 1));
        work->count++;
    }
    if (work->count == 0 || work->count == MAX_BLOCKS) {
        work->shrinking = !work->shrinking;
    }
}

/* The heap grows, but slowly, not for ever, and nothing is leaked: that is the sample leaky's part. */
static void keep(void *data) {
    struct chest *full = data;
    if (full->count < MAX_KEEPSAKES) {
        full->keepsakes[full->count++] = heap_allocate(48);
    }
}

/* Sleep sort: each number is printed by a timer of its own that takes as long as the number is big. */
static void print_number(void *data) {
    const uint16_t *number = data;
    log_line("hello: sorted %u", *number);
}

static void start_sort(void) {
    for (uint32_t i = 0; i < sizeof(sort_me) / sizeof(sort_me[0]); i++) {
        loop_timer_start(print_number, (void *)&sort_me[i], sort_me[i] * MS, 0);
    }
}

static void take(struct line *input, char byte) {
    bool ends = byte == '\n' || byte == '\r';
    if (!ends && input->length + 1 < LINE_BYTES) {
        input->text[input->length++] = byte;
    } else if (ends && input->length > 0) {
        input->text[input->length] = '\0';
        log_line("hello: you said \"%s\"", input->text);
        input->length = 0;
    }
}

static void read_console(int32_t descriptor, void *data) {
    char bytes[32];
    (void)descriptor;
    for (size_t length = uart_console_read(bytes, sizeof(bytes)); length > 0;
         length = uart_console_read(bytes, sizeof(bytes))) {
        for (size_t i = 0; i < length; i++) {
            take(data, bytes[i]);
        }
    }
}

void app_main(void) {
    loop_timer_start(heartbeat, &heartbeats, 1000 * MS, 1000 * MS);
    loop_timer_start(work, &pile, 250 * MS, 250 * MS);
    loop_timer_start(keep, &chest, 10000 * MS, 10000 * MS);
    start_sort();
    loop_handler_add(LOOP_CONSOLE, read_console, &line);
    log_line("hello, world");
}
