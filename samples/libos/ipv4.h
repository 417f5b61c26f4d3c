/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 (RFC 791) without options and fragments. */
#ifndef LIBOS_IPV4_H
#define LIBOS_IPV4_H

#include "libos/network.h"

#define IPV4_PAYLOAD_MAX (NETWORK_MTU - sizeof(struct ipv4_header))

bool ipv4_input(struct network_interface *interface, const uint8_t *data, uint32_t length);

/* The interface on whose network an address is, else the first; NULL: there is none. */
struct network_interface *ipv4_interface_to(ipv4_address to);
/* Room for IPV4_PAYLOAD_MAX bytes, or NULL: the tx ring is full. */
uint8_t *ipv4_begin(struct network_interface *interface);
/* Send what was put there. False: the next hop is not known yet; it is being asked for, and the packet is lost. */
bool ipv4_send(struct network_interface *interface, ipv4_address to, uint8_t protocol, uint32_t length);

#endif
