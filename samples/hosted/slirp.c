/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network around the card, by libslirp: 10.0.2.0/24 as QEMU's user network has it. It needs no rights.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hosted.h"

#define TIMERS 16
#define NS_PER_SECOND 1000000000l
#define NS_PER_MILLISECOND 1000000l

struct timer {
    SlirpTimerCb callback;
    void *data;
    int64_t deadline_ms; /* -1: not running */
};

static Slirp *slirp;
static struct timer timers[TIMERS];
static unsigned first_poll; /* of slirp's in hosted_polls */

static int64_t now_ns(void *data) {
    struct timespec now;
    (void)data;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static ssize_t send_packet(const void *frame, size_t length, void *data) {
    (void)data;
    hosted_net_receive(frame, (uint32_t)length);
    return (ssize_t)length;
}

static void guest_error(const char *text, void *data) {
    (void)data;
    fprintf(stderr, "network: %s\n", text);
}

/* ---- timers ---- */

static void *timer_new(SlirpTimerCb callback, void *callback_data, void *data) {
    (void)data;
    for (unsigned i = 0; i < TIMERS; i++) {
        if (timers[i].callback == NULL) {
            timers[i] = (struct timer){callback, callback_data, -1};
            return &timers[i];
        }
    }
    abort();
}

static void timer_free(void *timer, void *data) {
    (void)data;
    ((struct timer *)timer)->callback = NULL;
}

static void timer_mod(void *timer, int64_t deadline_ms, void *data) {
    (void)data;
    ((struct timer *)timer)->deadline_ms = deadline_ms;
}

static void run_timers(void) {
    int64_t now = now_ns(NULL) / NS_PER_MILLISECOND;
    for (unsigned i = 0; i < TIMERS; i++) {
        if (timers[i].callback != NULL && timers[i].deadline_ms >= 0 && timers[i].deadline_ms <= now) {
            timers[i].deadline_ms = -1;
            timers[i].callback(timers[i].data);
        }
    }
}

/* ---- descriptors ---- */

static void register_poll(int descriptor, void *data) {
    (void)descriptor;
    (void)data;
}

static void notify(void *data) {
    (void)data;
}

static int add_poll(int descriptor, int events, void *data) {
    struct hosted_polls *polls = data;
    short wanted = (short)((events & SLIRP_POLL_IN ? POLLIN : 0) | (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
                           (events & SLIRP_POLL_PRI ? POLLPRI : 0));
    if (polls->count == HOSTED_POLLS) {
        return -1;
    }
    polls->entries[polls->count] = (struct pollfd){.fd = descriptor, .events = wanted};
    return (int)polls->count++;
}

static int get_events(int index, void *data) {
    const struct hosted_polls *polls = data;
    if (index < (int)first_poll || index >= (int)polls->count) {
        return 0;
    }
    short came = polls->entries[index].revents;
    return (came & POLLIN ? SLIRP_POLL_IN : 0) | (came & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (came & POLLPRI ? SLIRP_POLL_PRI : 0) | (came & POLLERR ? SLIRP_POLL_ERR : 0) |
           (came & POLLHUP ? SLIRP_POLL_HUP : 0);
}

void hosted_network_fill(struct hosted_polls *polls, uint32_t *timeout_ms) {
    first_poll = polls->count;
    if (slirp == NULL) {
        return;
    }
    slirp_pollfds_fill(slirp, timeout_ms, add_poll, polls);
    int64_t now = now_ns(NULL) / NS_PER_MILLISECOND;
    for (unsigned i = 0; i < TIMERS; i++) {
        if (timers[i].callback != NULL && timers[i].deadline_ms >= 0) {
            int64_t left = timers[i].deadline_ms > now ? timers[i].deadline_ms - now : 0;
            *timeout_ms = left < *timeout_ms ? (uint32_t)left : *timeout_ms;
        }
    }
}

void hosted_network_polled(const struct hosted_polls *polls, bool failed) {
    if (slirp != NULL) {
        slirp_pollfds_poll(slirp, failed, get_events, (void *)polls);
        run_timers();
    }
}

void hosted_network_send(const uint8_t *frame, uint32_t length) {
    slirp_input(slirp, frame, (int)length);
}

/* ---- setting up ---- */

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = now_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = register_poll,
    .unregister_poll_fd = register_poll,
    .notify = notify,
};

static void forward(const struct hosted_forward *it) {
    struct in_addr host = {htonl(INADDR_LOOPBACK)};
    struct in_addr guest = {inet_addr("10.0.2.15")};
    const char *protocol = it->is_udp ? "udp" : "tcp";
    if (slirp_add_hostfwd(slirp, it->is_udp, host, it->host_port, guest, it->guest_port) < 0) {
        fprintf(stderr, "%s port %u of 127.0.0.1 cannot be forwarded: it is taken\n", protocol,
                it->host_port);
        exit(1);
    }
    fprintf(stderr, "127.0.0.1:%u leads to %s port %u\n", it->host_port, protocol, it->guest_port);
}

bool hosted_network_start(void) {
    const SlirpConfig config = {
        .version = 1,
        .in_enabled = true,
        .vnetwork.s_addr = inet_addr("10.0.2.0"),
        .vnetmask.s_addr = inet_addr("255.255.255.0"),
        .vhost.s_addr = inet_addr("10.0.2.2"),
        .vdhcp_start.s_addr = inet_addr("10.0.2.15"),
        .vnameserver.s_addr = inet_addr("10.0.2.3"),
    };
    slirp = slirp_new(&config, &callbacks, NULL);
    for (unsigned i = 0; slirp != NULL && i < hosted_options.forward_count; i++) {
        forward(&hosted_options.forwards[i]);
    }
    return slirp != NULL;
}
