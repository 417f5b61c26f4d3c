/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/network.h"

#include <stddef.h>

#include <unidbg/probe.h>

#include "libos/arp.h"
#include "libos/boot.h"
#include "libos/clock.h"
#include "libos/console.h"
#include "libos/icmp.h"
#include "libos/ipv4.h"
#include "libos/loop.h"
#include "libos/panic.h"
#include "libos/ring.h"
#include "libos/string.h"
#include "libos/virtio_net.h"

#define NS_PER_MILLISECOND 1000000ul
#define TICK_NS (100 * NS_PER_MILLISECOND)
#define ROUNDS 8 /* of a poll, before timers get their turn */

struct network_stack network = {
    .protocols =
        {
            [NETWORK_ARP] = {.name = "arp"},
            [NETWORK_ICMP] = {.name = "icmp", .number = PROTOCOL_ICMP, .handler = icmp_input},
            [NETWORK_UDP] = {.name = "udp", .number = PROTOCOL_UDP, .handler = udp_input},
            [NETWORK_TCP] = {.name = "tcp", .number = PROTOCOL_TCP, .handler = tcp_input},
        },
    .protocol_count = NETWORK_PROTOCOLS,
};

UNIDBG_PROBE(net, network, &network);

/* ---- listeners ---- */

struct network_listener *network_listen(uint8_t protocol, uint16_t port) {
    if (network.listener_count == NETWORK_LISTENERS) {
        panic("no room to listen on port %u", port);
    }
    struct network_listener *listener = &network.listeners[network.listener_count];
    *listener = (struct network_listener){.protocol = protocol, .port = port};
    network.listener_count++;
    return listener;
}

struct network_listener *network_listener(uint8_t protocol, uint16_t port) {
    for (uint32_t i = 0; i < network.listener_count; i++) {
        struct network_listener *listener = &network.listeners[i];
        if (listener->protocol == protocol && listener->port == port) {
            return listener;
        }
    }
    return NULL;
}

/* ---- Ethernet ---- */

static bool is_for(const struct network_interface *interface, const struct ethernet_header *header) {
    return memcmp(&header->destination, &interface->mac, sizeof(interface->mac)) == 0 ||
           memcmp(&header->destination, &ethernet_broadcast, sizeof(ethernet_broadcast)) == 0;
}

bool ethernet_input(struct network_interface *interface, const uint8_t *frame, uint32_t length) {
    const struct ethernet_header *header = (const struct ethernet_header *)frame;
    if (length < sizeof(*header) || !is_for(interface, header)) {
        return false;
    }
    const uint8_t *payload = frame + sizeof(*header);
    uint32_t payload_length = length - (uint32_t)sizeof(*header);
    switch (swap16(header->type)) {
    case ETHERTYPE_ARP:
        return arp_input(interface, payload, payload_length);
    case ETHERTYPE_IPV4:
        return ipv4_input(interface, payload, payload_length);
    default:
        return false;
    }
}

bool ethernet_has_room(struct network_interface *interface) {
    const struct packet_ring *ring = interface->tx_ring;
    if (ring_in_flight(ring) == ring->size) {
        virtio_net_reclaim(interface);
    }
    bool has_room = interface->up && ring_in_flight(ring) < ring->size;
    interface->is_awaited |= !has_room;
    return has_room;
}

uint8_t *ethernet_begin(struct network_interface *interface) {
    const struct packet_ring *ring = interface->tx_ring;
    if (!ethernet_has_room(interface)) {
        interface->tx.dropped++;
        return NULL;
    }
    return ring_slot(ring, ring->head)->data + sizeof(struct ethernet_header);
}

void ethernet_send(struct network_interface *interface, struct ethernet_address to, uint16_t type,
                   uint32_t length) {
    struct packet *packet = ring_slot(interface->tx_ring, interface->tx_ring->head);
    struct ethernet_header *header = (struct ethernet_header *)packet->data;
    *header = (struct ethernet_header){to, interface->mac, swap16(type)};
    packet->length = (uint32_t)sizeof(*header) + length;
    interface->tx.packets++;
    interface->tx.bytes += packet->length;
    virtio_net_transmit(interface);
}

/* ---- the poll ---- */

static void process(struct network_interface *interface, const struct packet *packet) {
    interface->rx.packets++;
    interface->rx.bytes += packet->length;
    if (!ethernet_input(interface, packet->data, packet->length)) {
        interface->rx.dropped++;
    }
}

static bool process_received(struct network_interface *interface) {
    struct packet_ring *ring = interface->rx_ring;
    virtio_net_receive(interface);
    bool found = ring->tail != ring->head;
    while (ring->tail != ring->head) {
        struct packet *packet = ring_slot(ring, ring->tail);
        process(interface, packet);
        ring->tail++;
        virtio_net_recycle(interface, packet);
    }
    if (found) {
        virtio_net_refill(interface);
    }
    return found;
}

/* Take what there is. */
static bool take_all(void) {
    bool found = false;
    for (uint32_t i = 0; i < network.interface_count; i++) {
        struct network_interface *interface = &network.interfaces[i];
        if (interface->up) {
            found |= process_received(interface);
            virtio_net_reclaim(interface);
            interface->is_awaited = false;
        }
    }
    return found;
}

/* Ask to be told of more. False: there is more already. */
static bool interrupts_on(void) {
    bool quiet = true;
    for (uint32_t i = 0; i < network.interface_count; i++) {
        struct network_interface *interface = &network.interfaces[i];
        quiet &= !interface->up || virtio_net_interrupts_on(interface, interface->is_awaited);
    }
    return quiet;
}

bool network_poll(void) {
    bool found = false;
    ring_table()->now_ns = clock_ns();
    for (unsigned round = 0; round < ROUNDS; round++) {
        found |= take_all();
        tcp_flush();
        if (interrupts_on()) {
            return found;
        }
    }
    loop_notify(LOOP_NETWORK);
    return true;
}

static void on_ready(int32_t descriptor, void *data) {
    (void)descriptor;
    (void)data;
    network_poll();
}

static void on_tick(void *data) {
    (void)data;
    tcp_tick();
    network_poll();
}

/* ---- setting up ---- */

static ipv4_address option(const char *name, ipv4_address otherwise) {
    char text[16];
    boot_option(name, text, sizeof(text));
    ipv4_address address;
    return ipv4_parse(text, &address) ? address : otherwise;
}

static void say_address(const struct network_interface *interface) {
    const uint8_t *at = (const uint8_t *)&interface->address;
    const uint8_t *mac = interface->mac.bytes;
    log_line("%s: %u.%u.%u.%u, mac %02x:%02x:%02x:%02x:%02x:%02x", interface->name, at[0], at[1], at[2],
             at[3], mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static bool add_interface(uint32_t n) {
    static const char *const names[NETWORK_INTERFACES] = {"net0", "net1"};
    static const char *const options[NETWORK_INTERFACES][3] = {{"ip", "mask", "gw"}, {"ip1", "mask1", "gw1"}};
    const uint8_t net = (uint8_t)(2 + n);
    struct network_interface *interface = &network.interfaces[n];
    *interface = (struct network_interface){
        .name = names[n],
        .mtu = NETWORK_MTU,
        .address = option(options[n][0], ipv4(10, 0, net, 15)),
        .netmask = option(options[n][1], ipv4(255, 255, 255, 0)),
        .gateway = option(options[n][2], ipv4(10, 0, net, 2)),
    };
    if (!virtio_net_init(interface, n)) {
        return false;
    }
    network.interface_count++;
    say_address(interface);
    arp_announce(interface);
    return true;
}

bool network_init(void) {
    virtio_net_driver(network_poll);
    network.connections = tcp_connections(&network.connection_count);
    while (network.interface_count < NETWORK_INTERFACES && add_interface(network.interface_count)) {
    }
    if (network.interface_count == 0) {
        return false;
    }
    loop_handler_add(LOOP_NETWORK, on_ready, &network);
    loop_timer_start(on_tick, &network, TICK_NS, TICK_NS);
    network_poll();
    return true;
}

void network_detach(struct network_interface *interface) {
    if (interface->up) {
        virtio_net_stop(interface);
        log_line("%s: detached", interface->name);
    }
}

bool network_attach(struct network_interface *interface) {
    if (!interface->up && !virtio_net_start(interface)) {
        return false;
    }
    say_address(interface);
    arp_announce(interface);
    network_poll();
    return true;
}
