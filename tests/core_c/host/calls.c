/* SPDX-License-Identifier: BSD-3-Clause */
/* What a kernel calls, and what it may give: each function at its limits. Silent and 0 where all is right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

static struct machine machine;
static struct unidbg_stub stub;
static struct unidbg_port port;
static uint8_t buffer[UNIDBG_BUFFER_FOR(2048)];
static const char *input;  /* what comes on the line */
static char output[65536]; /* what was sent */
static uint64_t clock_ns;
static unsigned nested; /* calls of the stub out of its own callbacks */

#define CHECK(what)                                                                                          \
    do {                                                                                                     \
        if (!(what)) {                                                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                                       \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

static int get(void *line) {
    (void)line;
    return *input ? (uint8_t)*input++ : -1;
}

static void put(void *line, const void *bytes, size_t count) {
    size_t length = strlen(output);
    (void)line;
    CHECK(length + count < sizeof output);
    memcpy(output + length, bytes, count);
    output[length + count] = '\0';
}

static uint64_t now_ns(void *context) {
    (void)context;
    return clock_ns += 100000000;
}

/* A callback in which the kernel calls the stub again: nothing comes of it. */
static void call_again(void *context) {
    (void)context;
    nested++;
    unidbg_irq(&stub, &machine.frame);
    unidbg_tick(&stub, &machine.frame);
    unidbg_stop(&stub, &machine.frame, UNIDBG_SIGABRT, "again");
    CHECK(unidbg_attached(&stub));
}

static void say(const char *text) {
    input = text;
    output[0] = '\0';
}

static void begin(const char *image) {
    if (machine.segment_count == 0)
        CHECK(machine_load(&machine, image));
    machine_port(&machine, &port);
    port.get = get;
    port.put = put;
    port.now_ns = now_ns;
    CHECK(unidbg_init(&stub, &port, buffer, sizeof buffer));
}

static void ports_that_lack_what_is_needed(void) {
    struct unidbg_port lacking = port;

    lacking.get = NULL;
    CHECK(!unidbg_init(&stub, &lacking, buffer, sizeof buffer));
    lacking = port;
    lacking.put = NULL;
    CHECK(!unidbg_init(&stub, &lacking, buffer, sizeof buffer));
    lacking = port;
    lacking.peek = NULL;
    CHECK(!unidbg_init(&stub, &lacking, buffer, sizeof buffer));
    CHECK(!unidbg_init(&stub, &port, buffer, UNIDBG_BUFFER_MIN - 1));
    lacking = port;
    lacking.trace = buffer;
    lacking.trace_size = UNIDBG_TRACE_MIN - 1;
    CHECK(!unidbg_init(&stub, &lacking, buffer, sizeof buffer));
}

static void a_stop_of_the_kernels_own(void) {
    say("+$qUnidbgStop#00$?#3f+$D#44+");
    unidbg_stop(&stub, &machine.frame, UNIDBG_SIGABRT, "out of memory");
    CHECK(strstr(output, "$T06"));
    CHECK(strstr(output, "$OK#9a"));
    CHECK(!unidbg_attached(&stub));
}

static void calls_out_of_callbacks(void) {
    port.idle = port.hold = port.release = call_again;
    say("$?#3f");
    unidbg_irq(&stub, &machine.frame); /* nobody acknowledges the answer: it was noise, the guest goes on */
    CHECK(nested > 2);
    port.idle = port.hold = port.release = NULL;
    CHECK(!stub.frame);
}

static void vectors_that_are_none_of_the_stubs(void) {
    struct unidbg_frame frame = machine.frame;

    frame.vector = 33;
    CHECK(!unidbg_trap(&stub, &frame));
    CHECK(!unidbg_fixup(&stub, &frame));
}

static void a_breakpoint_that_is_nobodys(void) {
    struct unidbg_frame frame = machine.frame;

    frame.vector = 3;
    frame.rip++;
    say("+$?#3f+$D#44+");
    CHECK(unidbg_trap(&stub, &frame));
    CHECK(strstr(output, "$T05"));
}

static void silence_ends_a_lease(void) {
    say("+$QUnidbgLease:1#ff+$c#63+");
    unidbg_irq(&stub, &machine.frame);
    CHECK(unidbg_attached(&stub));
    for (unsigned i = 0; i < 8; i++)
        unidbg_tick(&stub, &machine.frame);
    CHECK(!unidbg_attached(&stub));
}

static void a_refusal_of_nothing(void) {
    CHECK(unidbg_init(&stub, &port, buffer, sizeof buffer));
    say("---+$?#00");
    unidbg_irq(&stub, &machine.frame);
    CHECK(strstr(output, "-"));
    CHECK(!strstr(output, "$"));
}

/* What the stub calls runs into a breakpoint, which is taken out for one instruction, and into a watchpoint. */
static void traps_inside_of_the_stub(void *context) {
    uint64_t where = stub.breakpoints[0].address;
    struct unidbg_frame frame = {.vector = 3, .rip = where + 1};
    uint8_t byte = 0;

    (void)context;
    nested++;
    CHECK(stub.breakpoints[0].used);
    CHECK(unidbg_trap(&stub, &frame) && frame.rip == where && frame.rflags & 0x100);
    CHECK(machine_read(&machine, &byte, where, 1) == 1 && byte != 0xcc);
    frame.vector = 1;
    machine.hits = 1;
    CHECK(unidbg_trap(&stub, &frame) && !(frame.rflags & 0x100) && frame.rflags & 0x10000);
    CHECK(machine_read(&machine, &byte, where, 1) == 1 && byte == 0xcc && machine.hits == 0);
    frame = (struct unidbg_frame){.vector = 3, .rip = where + 3};
    CHECK(
        !unidbg_trap(&stub, &frame)); /* a breakpoint of the kernel's own: nobody called us to say where to */
}

static void breakpoints_that_the_stub_runs_into(void) {
    char packet[32];
    char line[64];
    uint8_t sum = 0;

    snprintf(packet, sizeof packet, "Z0,%lx,1", (unsigned long)machine.frame.rip);
    for (const char *at = packet; *at; at++)
        sum = (uint8_t)(sum + (uint8_t)*at);
    snprintf(line, sizeof line, "+$%s#%02x+$c#63+", packet, sum);
    say(line);
    unidbg_irq(&stub, &machine.frame);
    nested = 0;
    port.hold = traps_inside_of_the_stub;
    say("+$D#44+");
    unidbg_stop(&stub, &machine.frame, UNIDBG_SIGABRT, "why not");
    port.hold = NULL;
    CHECK(nested == 1);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    begin(argv[1]);
    ports_that_lack_what_is_needed();
    begin(argv[1]);
    a_stop_of_the_kernels_own();
    calls_out_of_callbacks();
    vectors_that_are_none_of_the_stubs();
    a_breakpoint_that_is_nobodys();
    silence_ends_a_lease();
    breakpoints_that_the_stub_runs_into();
    a_refusal_of_nothing();
    return 0;
}
