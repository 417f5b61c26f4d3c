/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP (RFC 792): ping, and answers to it. */
#ifndef LIBOS_ICMP_H
#define LIBOS_ICMP_H

#include "libos/network.h"

bool icmp_input(const struct ipv4_packet *packet);

/* Send a few echo requests; the log tells what comes back. False: one is being pinged already, or there is no way. */
bool icmp_ping(ipv4_address to);

#endif
