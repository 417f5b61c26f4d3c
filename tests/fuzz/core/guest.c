/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core_c/host/machine.h"

enum { INSTRUCTIONS = 4000, ENOUGH = 120, POLL = 40, PACKET = 4096, LOOP_OFFSET = 3 };

static struct machine machine;
static struct machine loaded; /* as machine_load left it; its segments' bytes are in `contents` */
static uint8_t *contents[SEGMENTS];
static struct unidbg_stub stub;
static struct unidbg_port port;
static uint8_t buffer[UNIDBG_BUFFER_QUEUED(PACKET)];
static uint8_t trace[UNIDBG_TRACE_MIN];
static uint8_t input[FUZZ_INPUT];
static size_t count, at;
static uint64_t clock_ns;
static unsigned sum; /* of what was sent, so that it is looked at */
static jmp_buf done;
static struct unidbg_crash crash;
static bool (*say_more)(void);
static unsigned turns; /* in which nothing comes */

/* A stub that stands waits for ever: there is nothing more to see. */
static int get(void *line) {
    (void)line;
    if (turns > 0) {
        turns--;
        return -1;
    }
    if (at == count && say_more && stub.frame) {
        at = count = 0;
        if (!say_more())
            longjmp(done, 1);
    }
    if (at < count)
        return input[at++];
    if (stub.frame)
        longjmp(done, 1);
    return -1;
}

static void put(void *line, const void *bytes, size_t length) {
    (void)line;
    for (size_t i = 0; i < length; i++)
        sum += ((const uint8_t *)bytes)[i];
}

static uint64_t now_ns(void *context) {
    (void)context;
    return clock_ns += 1000000;
}

static void load(void) {
    const char *image = getenv("UNIDBG_FUZZ_GUEST");
    if (!image || !machine_load(&loaded, image)) {
        fprintf(stderr, "UNIDBG_FUZZ_GUEST must name guest.elf\n");
        exit(2);
    }
    for (unsigned i = 0; i < loaded.segment_count; i++) {
        contents[i] = malloc(loaded.segments[i].size);
        memcpy(contents[i], loaded.segments[i].bytes, loaded.segments[i].size);
    }
}

static size_t room(void *line) {
    (void)line;
    return clock_ns % 3000000 == 0 ? 0 : 48;
}

static void notify_room(void *line, bool on) {
    (void)line;
    sum += on;
}

static void nothing(void *context) {
    (void)context;
}

static void with_frame(void *context, struct unidbg_frame *frame) {
    (void)context;
    sum += frame->vector != 0;
}

/* It would not come back. */
static void end(void *context) {
    (void)context;
    longjmp(done, 1);
}

/* A port that gives no more than it must: UNIDBG_FUZZ_PORT=bare. */
static void bare(void) {
    struct unidbg_port all = port;

    port = (struct unidbg_port){.context = all.context, .get = all.get, .put = all.put, .peek = all.peek};
}

/* One that gives all there is: UNIDBG_FUZZ_PORT=full. */
static void full(void) {
    port.room = room;
    port.notify_room = notify_room;
    port.hold = port.release = port.idle = nothing;
    port.capture = port.restore = with_frame;
    port.reboot = port.kill = end;
    port.bias = 0xffff800000000000u;
    port.lacks = UNIDBG_SYSTEM;
}

static void choose(const char *kind) {
    if (kind && strcmp(kind, "bare") == 0)
        bare();
    if (kind && strcmp(kind, "full") == 0)
        full();
}

void guest_begin(void) {
    if (loaded.segment_count == 0)
        load();
    machine = loaded;
    machine.parked = true;
    for (unsigned i = 0; i < machine.segment_count; i++)
        memcpy(machine.segments[i].bytes, contents[i], machine.segments[i].size);
    count = at = 0;
    clock_ns = 0;
    machine_port(&machine, &port);
    port.get = get;
    port.put = put;
    port.now_ns = now_ns;
    port.exec_file = "guest.elf";
    port.trace = trace;
    port.trace_size = sizeof trace;
    choose(getenv("UNIDBG_FUZZ_PORT"));
    if (say_more)
        unidbg_crash_port(&crash, &port);
    if (!unidbg_init(&stub, &port, buffer, sizeof buffer))
        abort();
}

void guest_says(const void *bytes, size_t length) {
    size_t room = sizeof input - count;
    size_t taken = length < room ? length : room;

    memcpy(input + count, bytes, taken);
    count += taken;
}

struct unidbg_crash *guest_dumps(bool (*more)(void), uint64_t probes, uint64_t end) {
    crash = (struct unidbg_crash){.probes = (const void *)(uintptr_t)probes,
                                  .probes_end = (const void *)(uintptr_t)end};
    say_more = more;
    turns = 0;
    return &crash;
}

void guest_pauses(unsigned count_of_turns) {
    turns = count_of_turns;
}

void guest_dies(void) {
    machine.frame.vector = 14;
    if (!setjmp(done))
        unidbg_trap(&stub, &machine.frame);
}

static void say(uint8_t byte) {
    guest_says(&byte, 1);
}

void guest_asks(const void *payload, size_t length) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = payload;
    uint8_t check = 0;

    say('$');
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = from[i];
        if (byte == '$' || byte == '#') {
            say('}');
            check = (uint8_t)(check + '}');
            byte ^= 0x20;
        }
        say(byte);
        check = (uint8_t)(check + byte);
    }
    say('#');
    say((uint8_t)digits[check >> 4]);
    say((uint8_t)digits[check & 15]);
}

uint64_t guest_loop(void) {
    return machine.frame.rip + LOOP_OFFSET;
}

void guest_run(void) {
    if (setjmp(done))
        return;
    for (unsigned i = 0, idle = 0; i < INSTRUCTIONS && idle < ENOUGH; i++, idle += at == count) {
        int result;
        if (i % POLL == 0) {
            unidbg_irq(&stub, &machine.frame);
            unidbg_tick(&stub, &machine.frame);
        }
        result = cpu_step(&machine);
        if (result >= 0 && !unidbg_trap(&stub, &machine.frame))
            return;
    }
}
