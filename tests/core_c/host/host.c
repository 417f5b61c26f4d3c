/* SPDX-License-Identifier: BSD-3-Clause */
/* unidbg-host: the stub on the host machine, behind a loopback socket or standard input and output.
 *
 *   unidbg-host [--stdio | --port N] [--tick MS] [--packet BYTES] [--threads] [--no-clock] [--queue] [--bias] [--trace]
 *               [--module FILE] [--crash [--probes START] [--end ADDRESS] [--patience MS] [--after]] IMAGE
 *
 * Without --stdio it listens on 127.0.0.1 (port 0: the kernel chooses) and prints "listening on
 * 127.0.0.1:N". One client at a time; the stub does not learn of its going, as on a serial line. The guest
 * wakes from hlt every MS milliseconds (default 10); 0: once whenever it is resumed, so that a transcript is
 * always the same. With --queue replies are sent while the guest runs; with --bias the image says that it moved itself; --trace gives memory for tracepoints;
 * --module names a program that was loaded at 0x400000. --crash has the stub send a dump when the guest dies; its table of probes is at START up to ADDRESS. With --patience or
 * --after the program ends when nobody came, or when all was taken. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"

#include <unidbg/command.h>
#include <unidbg/crash.h>

/* A guest that does not sleep is interrupted once in so many instructions: clients mostly come while it
 * sleeps, so that it is always found at the same place. */
enum { BUSY = 65536 };

struct server {
    int listener; /* -1: standard input and output */
    int in;       /* -1: nobody is connected */
    int out;
    uint8_t bytes[4096]; /* read, not yet taken */
    size_t at;
    size_t count;
    int tick_ms;
    uint64_t stops_seen; /* when the guest last woke */
};

static uint64_t now_ns(void *context) {
    struct timespec time;

    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void hang_up(struct server *server) {
    if (server->listener < 0)
        exit(0);
    close(server->in);
    server->in = -1;
}

/* Wait up to `ms` for a client or for bytes. */
static void wait_for_input(struct server *server, int ms) {
    struct pollfd waits = {.fd = server->in >= 0 ? server->in : server->listener, .events = POLLIN};
    ssize_t got;

    if (server->at < server->count || poll(&waits, 1, ms) <= 0)
        return;
    if (server->in < 0) {
        int yes = 1;
        server->in = server->out = accept(server->listener, NULL, NULL);
        setsockopt(server->in, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return;
    }
    got = read(server->in, server->bytes, sizeof server->bytes);
    server->at = 0;
    server->count = got > 0 ? (size_t)got : 0;
    if (got <= 0)
        hang_up(server);
}

static int get(void *line) {
    struct server *server = line;

    wait_for_input(server, 0);
    return server->at < server->count ? server->bytes[server->at++] : -1;
}

static void put(void *line, const void *bytes, size_t count) {
    struct server *server = line;
    const uint8_t *from = bytes;

    while (server->in >= 0 && count > 0) {
        ssize_t done = server->listener < 0 ? write(server->out, from, count)
                                            : send(server->out, from, count, MSG_NOSIGNAL);
        if (done <= 0 && errno != EINTR) {
            hang_up(server);
        } else if (done > 0) {
            from += done;
            count -= (size_t)done;
        }
    }
}

/* So little that a reply takes many turns. */
static size_t room(void *line) {
    struct server *server = line;
    struct pollfd waits = {.fd = server->out, .events = POLLOUT};

    return server->in < 0 || poll(&waits, 1, 0) > 0 ? 16 : 0;
}

static struct server *idle_server;

static void idle(void *context) {
    (void)context;
    wait_for_input(idle_server, 10);
}

static int listen_on(unsigned long port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int yes = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 8) != 0) {
        perror("unidbg-host: cannot listen");
        exit(2);
    }
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

/* The guest sleeps until it is time for a tick, or until somebody has resumed it. */
static void sleep_guest(struct unidbg_stub *stub, struct machine *machine, struct server *server,
                        uint64_t *due) {
    for (;;) {
        uint64_t now = now_ns(NULL);
        unidbg_irq(stub, &machine->frame);
        unidbg_tick(stub, &machine->frame);
        if (server->tick_ms == 0 && stub->stops != server->stops_seen) {
            server->stops_seen = stub->stops;
            return;
        }
        if (server->tick_ms > 0 && now >= *due) {
            *due = now + (uint64_t)server->tick_ms * 1000000u;
            return;
        }
        if (stub->queue.count > 0)
            continue; /* the line's interrupt */
        wait_for_input(server, server->tick_ms > 0 ? (int)((*due - now) / 1000000u) + 1 : 50);
    }
}

static void run(struct unidbg_stub *stub, struct machine *machine, struct server *server) {
    uint64_t due = 0;

    for (unsigned awake = 1;; awake++) {
        int result = cpu_step(machine);
        if (result >= 0 && !unidbg_trap(stub, &machine->frame))
            exit(3);
        if (result == CPU_HALTS) {
            sleep_guest(stub, machine, server, &due);
            awake = 0;
        } else if (awake % BUSY == 0) {
            unidbg_irq(stub, &machine->frame);
        }
    }
}

struct options {
    bool stdio;
    bool clock;
    bool threads;
    bool queue;
    bool bias;
    bool trace;
    bool crash;
    bool after;
    unsigned long probes, end;
    unsigned long patience;
    const char *module;
    unsigned long port;
    unsigned long tick;
    unsigned long packet;
    const char *image;
};

static unsigned long number(char ***argument) {
    if (!(*argument)[1]) {
        fprintf(stderr, "unidbg-host: %s needs a number\n", **argument);
        exit(2);
    }
    return strtoul(*++*argument, NULL, 0);
}

static struct options parse(char **argument) {
    struct options options = {.clock = true, .tick = 10, .packet = 16384};

    while (*++argument) {
        if (strcmp(*argument, "--stdio") == 0)
            options.stdio = true;
        else if (strcmp(*argument, "--threads") == 0)
            options.threads = true;
        else if (strcmp(*argument, "--no-clock") == 0)
            options.clock = false;
        else if (strcmp(*argument, "--queue") == 0)
            options.queue = true;
        else if (strcmp(*argument, "--bias") == 0)
            options.bias = true;
        else if (strcmp(*argument, "--trace") == 0)
            options.trace = true;
        else if (strcmp(*argument, "--crash") == 0)
            options.crash = true;
        else if (strcmp(*argument, "--after") == 0)
            options.after = true;
        else if (strcmp(*argument, "--probes") == 0)
            options.probes = number(&argument);
        else if (strcmp(*argument, "--end") == 0)
            options.end = number(&argument);
        else if (strcmp(*argument, "--patience") == 0)
            options.patience = number(&argument);
        else if (strcmp(*argument, "--module") == 0 && argument[1])
            options.module = *++argument;
        else if (strcmp(*argument, "--port") == 0)
            options.port = number(&argument);
        else if (strcmp(*argument, "--tick") == 0)
            options.tick = number(&argument);
        else if (strcmp(*argument, "--packet") == 0)
            options.packet = number(&argument);
        else
            options.image = *argument;
    }
    return options;
}

static const char *the_module;

static bool get_module(void *context, unsigned index, struct unidbg_module *module) {
    (void)context;
    *module = (struct unidbg_module){the_module, 0x400000};
    return index == 0;
}

static void set_up_line(struct server *server, const struct options *options, struct unidbg_port *port) {
    *server = (struct server){.listener = -1, .in = 0, .out = 1, .tick_ms = (int)options->tick};
    if (!options->stdio) {
        server->listener = listen_on(options->port);
        server->in = -1;
    }
    idle_server = server;
    port->line = server;
    port->get = get;
    port->put = put;
    port->room = options->queue ? room : NULL;
    port->idle = idle;
    port->now_ns = options->clock ? now_ns : NULL;
    port->exec_file = options->image;
    the_module = options->module;
    port->module = the_module ? get_module : NULL;
    port->bias = options->bias ? 0xffff800000000000u : 0;
}

static struct unidbg_stub stub;
static struct unidbg_crash crash;

/* The headers and notes of the image, and a page that is not there. */
static bool crash_part(void *context, unsigned index, struct unidbg_region *part) {
    (void)context;
    *part = index == 0 ? (struct unidbg_region){.start = 0x200000, .end = 0x200400}
                       : (struct unidbg_region){.start = 0x5000, .end = 0x6000};
    return index < 2;
}

static void after_crash(void *context, enum unidbg_crash_end end) {
    (void)context;
    exit(end == UNIDBG_CRASH_TAKEN ? 0 : 5);
}

static void set_up_crash(const struct options *options, struct unidbg_port *port) {
    crash.part = crash_part;
    crash.probes = (const void *)options->probes;  // NOLINT(performance-no-int-to-ptr)
    crash.probes_end = (const void *)options->end; // NOLINT(performance-no-int-to-ptr)
    crash.patience_ms = (uint32_t)options->patience;
    crash.after = options->after ? after_crash : NULL;
    if (options->crash)
        unidbg_crash_port(&crash, port);
}

void __asan_handle_no_return(void); // NOLINT(bugprone-reserved-identifier)

/* A command whose code faults. Its trap comes to the stub as in a kernel, and goes on where the stub says. */
static void fault(const char *arguments, struct unidbg_text *out) {
    struct unidbg_frame frame = {.vector = 14, .rip = 1};

    (void)arguments;
    unidbg_write(out, "what was said before");
    if (!unidbg_trap(&stub, &frame))
        exit(4);
#ifndef COVERAGE
    __asan_handle_no_return();
#endif
    __asm__ volatile("jmp *%1" : : "D"(frame.rdi), "r"(frame.rip) : "memory");
    __builtin_unreachable();
}
UNIDBG_COMMAND(fault, "fault: read what is not there", fault);

#ifdef COVERAGE
void __gcov_dump(void);

static void end(int number) {
    (void)number;
    __gcov_dump();
    _exit(0);
}
#endif

int main(int argc, char **argv) {
    static struct machine machine;
    static struct unidbg_port port;
    static struct server server;
    static uint8_t trace[UNIDBG_TRACE_MIN];
    struct options options = parse(argv);
    size_t size = options.queue ? UNIDBG_BUFFER_QUEUED(options.packet) : UNIDBG_BUFFER_FOR(options.packet);
    uint8_t *buffer = malloc(size);

    (void)argc;
#ifdef COVERAGE
    signal(SIGTERM, end);
#endif
    if (!options.image || !machine_load(&machine, options.image)) {
        fprintf(stderr, "unidbg-host: give an ELF image that can be read\n");
        return 2;
    }
    machine.parked = options.threads;
    machine_port(&machine, &port);
    if (options.trace) {
        port.trace = trace;
        port.trace_size = sizeof trace;
    }
    set_up_line(&server, &options, &port);
    set_up_crash(&options, &port);
    if (!unidbg_init(&stub, &port, buffer, size)) {
        fprintf(stderr, "unidbg-host: the packet size is too small\n");
        return 2;
    }
    run(&stub, &machine, &server);
}
