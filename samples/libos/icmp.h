/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP (RFC 792): answers to ping. */
#ifndef LIBOS_ICMP_H
#define LIBOS_ICMP_H

#include "libos/network.h"

bool icmp_input(const struct ipv4_packet *packet);

#endif
