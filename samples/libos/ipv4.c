/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/ipv4.h"

#include <stddef.h>

#include "libos/arp.h"
#include "libos/security.h"

#define TIME_TO_LIVE 64

static uint16_t next_identification;

/* ---- in ---- */

/* The length that the header tells, if the header is sound; else 0. */
static uint32_t sound_length(const struct ipv4_header *header, uint32_t length) {
    if (length < sizeof(*header) || header->version_and_length != IPV4_VERSION_AND_LENGTH ||
        checksum_finish(checksum_add(0, header, sizeof(*header))) != 0) {
        return 0;
    }
    uint32_t told = swap16(header->length);
    return told >= sizeof(*header) && told <= length ? told : 0;
}

static struct network_protocol *protocol_of(uint8_t number) {
    for (uint32_t i = 0; i < network.protocol_count; i++) {
        if (network.protocols[i].handler != NULL && network.protocols[i].number == number) {
            return &network.protocols[i];
        }
    }
    return NULL;
}

static bool deliver(struct network_protocol *protocol, const struct ipv4_packet *packet) {
    protocol->received++;
    if (!CHECKED(protocol->handler)(packet)) {
        protocol->dropped++;
    }
    return true;
}

/* What goes to everybody is taken of UDP alone. */
static bool is_for(const struct network_interface *interface, const struct ipv4_header *header) {
    bool is_broadcast = header->destination == IPV4_BROADCAST && header->protocol == PROTOCOL_UDP;
    return header->destination == interface->address || is_broadcast;
}

bool ipv4_input(struct network_interface *interface, const uint8_t *data, uint32_t length) {
    const struct ipv4_header *header = (const struct ipv4_header *)data;
    uint32_t total = sound_length(header, length);
    if (total == 0 || !is_for(interface, header) || (swap16(header->fragment) & IPV4_FRAGMENT_MASK) != 0) {
        return false;
    }
    struct network_protocol *protocol = protocol_of(header->protocol);
    if (protocol == NULL) {
        return false;
    }
    const struct ipv4_packet packet = {interface, header->source, header->destination, data + sizeof(*header),
                                       total - (uint32_t)sizeof(*header)};
    return deliver(protocol, &packet);
}

/* ---- out ---- */

uint8_t *ipv4_begin(struct network_interface *interface) {
    uint8_t *frame = ethernet_begin(interface);
    return frame != NULL ? frame + sizeof(struct ipv4_header) : NULL;
}

struct network_interface *ipv4_interface_to(ipv4_address to) {
    for (uint32_t i = 0; i < network.interface_count; i++) {
        struct network_interface *interface = &network.interfaces[i];
        if (((to ^ interface->address) & interface->netmask) == 0) {
            return interface;
        }
    }
    return network.interface_count > 0 ? &network.interfaces[0] : NULL;
}

static ipv4_address next_hop(const struct network_interface *interface, ipv4_address to) {
    bool is_near = ((to ^ interface->address) & interface->netmask) == 0;
    return is_near ? to : interface->gateway;
}

bool ipv4_send(struct network_interface *interface, ipv4_address to, uint8_t protocol, uint32_t length) {
    struct ethernet_address mac;
    ipv4_address hop = next_hop(interface, to);
    if (to == IPV4_BROADCAST) {
        mac = ethernet_broadcast;
    } else if (!arp_resolve(hop, &mac)) {
        interface->tx.dropped++;
        arp_ask(interface, hop); /* in the same slot */
        return false;
    }
    struct ipv4_header *header = (struct ipv4_header *)ethernet_begin(interface);
    length += (uint32_t)sizeof(*header);
    *header = (struct ipv4_header){
        .version_and_length = IPV4_VERSION_AND_LENGTH,
        .length = swap16((uint16_t)length),
        .identification = swap16(next_identification++),
        .fragment = swap16(IPV4_DONT_FRAGMENT),
        .time_to_live = TIME_TO_LIVE,
        .protocol = protocol,
        .source = interface->address,
        .destination = to,
    };
    header->checksum = checksum_finish(checksum_add(0, header, sizeof(*header)));
    protocol_of(protocol)->sent++;
    ethernet_send(interface, mac, ETHERTYPE_IPV4, length);
    return true;
}
