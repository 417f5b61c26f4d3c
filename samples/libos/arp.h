/* SPDX-License-Identifier: BSD-3-Clause */
/* Which Ethernet address has this IPv4 address (RFC 826). */
#ifndef LIBOS_ARP_H
#define LIBOS_ARP_H

#include "libos/network.h"

bool arp_input(struct network_interface *interface, const uint8_t *data, uint32_t length);
/* The address, if it is known. */
bool arp_resolve(ipv4_address address, struct ethernet_address *mac);
/* Ask for it: the answer will be known later. */
void arp_ask(struct network_interface *interface, ipv4_address address);
/* Tell all others where we are. */
void arp_announce(struct network_interface *interface);

#endif
