/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine that a Linux process is: what its files know of each other.
 */
#ifndef HOSTED_H
#define HOSTED_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define HOSTED_POLLS 256
#define HOSTED_FORWARDS 16

/* A port of 127.0.0.1 that leads to one of the guest. */
struct hosted_forward {
    bool is_udp;
    uint16_t host_port;
    uint16_t guest_port;
};

/* What the command line says. */
struct hosted_options {
    const char *debug_address; /* NULL: no stub */
    const char *append;
    struct hosted_forward forwards[HOSTED_FORWARDS];
    unsigned forward_count;
    char **arguments;
};

extern struct hosted_options hosted_options;

/* Descriptors that interrupts.c waits for. */
struct hosted_polls {
    struct pollfd entries[HOSTED_POLLS];
    unsigned count;
};

/* An interrupt of this vector is due. */
void hosted_raise(uint8_t vector);

/* ---- the network, by libslirp or none ---- */

/* False: there is none. */
bool hosted_network_start(void);
/* Enter its descriptors; lowers *timeout_ms if it wants to be called earlier. */
void hosted_network_fill(struct hosted_polls *polls, uint32_t *timeout_ms);
void hosted_network_polled(const struct hosted_polls *polls, bool failed);
/* A frame from the guest. */
void hosted_network_send(const uint8_t *frame, uint32_t length);
/* A frame for the guest: by the network. */
void hosted_net_receive(const uint8_t *frame, uint32_t length);

/* The console's input. */
void hosted_console_fill(struct hosted_polls *polls);
void hosted_console_polled(const struct hosted_polls *polls);

#endif
