/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP (RFC 768). */
#ifndef LIBOS_UDP_H
#define LIBOS_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include "libos/wire.h"

struct ipv4_packet;
struct network_interface;

struct udp_datagram {
    struct network_interface *interface;
    ipv4_address remote;
    uint16_t remote_port;
    uint16_t local_port;
    bool is_broadcast; /* received, and to everybody */
    const uint8_t *data;
    uint32_t length;
};

typedef void udp_handler(const struct udp_datagram *datagram);

bool udp_input(const struct ipv4_packet *packet);

/* Call back for each datagram that comes to this port. */
void udp_listen(uint16_t port, udp_handler *handler);
/* Send one, from local_port to remote and remote_port. False: no room, or no way there yet. */
bool udp_send(const struct udp_datagram *datagram);
/* A handler that sends everything back (RFC 862). */
void udp_echo(const struct udp_datagram *datagram);

#endif
