/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where libslirp was missing when this was built.
 */
#include <stdio.h>

#include "hosted.h"

bool hosted_network_start(void) {
    fprintf(stderr, "no network: this was built without libslirp "
                    "(Debian: apt install libslirp-dev, then make samples again)\n");
    return false;
}

void hosted_network_fill(struct hosted_polls *polls, uint32_t *timeout_ms) {
    (void)polls;
    (void)timeout_ms;
}

void hosted_network_polled(const struct hosted_polls *polls, bool failed) {
    (void)polls;
    (void)failed;
}

void hosted_network_send(const uint8_t *frame, uint32_t length) {
    (void)frame;
    (void)length;
}
