/* SPDX-License-Identifier: BSD-3-Clause */
/* A Linux process as a guest: for a unikernel that is also built as a program, for tests and sanitizers.
 * Signals are its traps, a socket is its line. x86_64; link build/hosted/unidbg.o and note.o
 * (`make -C stubs hosted`).
 *
 *     static void on_signal(struct unidbg_frame *frame) { if (!unidbg_trap(&stub, frame)) abort(); }
 *     static void on_line(struct unidbg_frame *frame) { unidbg_irq(&stub, frame); }
 *     static void on_tick(struct unidbg_frame *frame) { unidbg_tick(&stub, frame); }
 *
 *     unidbg_hosted_port(&port);
 *     unidbg_hosted_listen(&hosted, "127.0.0.1:1234", &port);
 *     unidbg_init(&stub, &port, buffer, sizeof buffer);
 *     unidbg_hosted_signals(&hosted, &(struct unidbg_hosted_events){on_signal, on_line, on_tick});
 */
#ifndef UNIDBG_HOSTED_H
#define UNIDBG_HOSTED_H

#include <unidbg/x86_64.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UNIDBG_HOSTED_INPUT 4096

/* The socket, and the client on it. */
struct unidbg_hosted {
    int listener; /* descriptors; -1: none */
    int client;
    char address[128]; /* where it listens: "127.0.0.1:PORT" or "unix:PATH" */
    uint64_t gone_ns;  /* when the last client left */
    uint16_t first;    /* bytes that have come and were not taken: input[first..count) */
    uint16_t count;
    uint8_t input[UNIDBG_HOSTED_INPUT];
};

/* What the process does with its signals. Each is called on a stack of its own with a frame that may be
 * changed. `tick` comes 20 times a second while a client is there, or was until lately; else never. */
struct unidbg_hosted_events {
    void (*exception)(struct unidbg_frame *frame); /* SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP */
    void (*line)(struct unidbg_frame *frame);      /* SIGIO: bytes on the socket, or a client */
    void (*tick)(struct unidbg_frame *frame);      /* SIGALRM */
};

/* Fill in memory, regions, steps and time. System registers are unknown, and there are no hardware slots. */
void unidbg_hosted_port(struct unidbg_port *port);

/* Listen at "HOST:PORT" (of loopback; port 0: any) or "unix:PATH", and fill in the line. False: errno says
 * why not. */
bool unidbg_hosted_listen(struct unidbg_hosted *hosted, const char *address, struct unidbg_port *port);

/* From here on signals go to `events`; one at a time for a process. */
void unidbg_hosted_signals(struct unidbg_hosted *hosted, const struct unidbg_hosted_events *events);

#ifdef __cplusplus
}
#endif

#endif
