/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network stack: interfaces with their packet rings, the protocols on top, and who listens.
 *
 * Everything runs in the event loop. A frame goes: device -> virtqueue -> rx ring -> Ethernet -> IPv4 -> protocol; and
 * back: protocol -> IPv4 -> tx ring -> virtqueue -> device.
 */
#ifndef LIBOS_NETWORK_H
#define LIBOS_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "libos/tcp.h"
#include "libos/udp.h"
#include "libos/wire.h"

#define NETWORK_INTERFACES 2
#define NETWORK_LISTENERS 8
#define NETWORK_MTU 1500

struct network_counters {
    uint64_t packets;
    uint64_t bytes;   /* of frames */
    uint64_t dropped; /* not understood, or no room */
};

struct network_interface {
    const char *name;
    bool up;
    struct ethernet_address mac;
    ipv4_address address;
    ipv4_address netmask;
    ipv4_address gateway;
    uint16_t mtu;
    struct network_counters rx;
    struct network_counters tx;
    struct packet_ring *rx_ring; /* in ring_table() */
    struct packet_ring *tx_ring;
    struct virtio_net *card;
    bool is_awaited; /* somebody found no room in the tx ring since the last poll */
};

/* What an IPv4 packet brings to a protocol. */
struct ipv4_packet {
    struct network_interface *interface;
    ipv4_address source;
    ipv4_address destination;
    const uint8_t *data;
    uint32_t length;
};

struct network_protocol {
    const char *name;
    uint8_t number;                                    /* in IPv4; 0: beside it (ARP) */
    bool (*handler)(const struct ipv4_packet *packet); /* false: damaged, or for nobody */
    uint64_t received;
    uint64_t sent;
    uint64_t dropped;
};

enum { NETWORK_ARP, NETWORK_ICMP, NETWORK_UDP, NETWORK_TCP, NETWORK_PROTOCOLS };

struct network_listener {
    uint8_t protocol; /* number in IPv4 */
    uint16_t port;
    union {
        void (*handler)(void); /* as a mere address */
        tcp_handler *tcp;
        udp_handler *udp;
    };
    uint64_t accepted; /* connections or datagrams */
};

struct network_stack {
    struct network_interface interfaces[NETWORK_INTERFACES];
    uint32_t interface_count;
    struct network_protocol protocols[NETWORK_PROTOCOLS];
    uint32_t protocol_count;
    struct network_listener listeners[NETWORK_LISTENERS];
    uint32_t listener_count;
    const struct tcp_connection *connections;
    uint32_t connection_count;
};

/* Read by everyone, written by the stack's own files. */
extern struct network_stack network;

/*
 * Find the devices and bring the interfaces up. The first has address 10.0.2.15/24 and gateway 10.0.2.2 (QEMU's user
 * network), which `ip=A.B.C.D`, `mask=...` and `gw=...` on the command line change; the second 10.0.3.15/24 and 10.0.3.2,
 * and `ip1=`, `mask1=`, `gw1=`. False: there is no device.
 */
bool network_init(void);
/* Take an interface out of use and into use again. False: its device does not work. */
void network_detach(struct network_interface *interface);
bool network_attach(struct network_interface *interface);

/* Serve a port. The table has no room: panic. */
struct network_listener *network_listen(uint8_t protocol, uint16_t port);
struct network_listener *network_listener(uint8_t protocol, uint16_t port); /* NULL: nobody listens */

/* Devices may have something for us: take it, and send what can be sent. False: there was nothing. */
bool network_poll(void);

/* A frame came in. False: nobody wants it. */
bool ethernet_input(struct network_interface *interface, const uint8_t *frame, uint32_t length);

/* Is there room for a frame? If not, network_poll() will flush again when there is. */
bool ethernet_has_room(struct network_interface *interface);
/*
 * A frame to send: begin gives room for the payload behind the Ethernet header, or NULL when the ring is full; send
 * fills in the header and hands it to the device.
 */
uint8_t *ethernet_begin(struct network_interface *interface);
void ethernet_send(struct network_interface *interface, struct ethernet_address to, uint16_t type,
                   uint32_t length);

#endif
