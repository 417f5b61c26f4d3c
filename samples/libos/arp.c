/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/arp.h"

#include <stddef.h>

#include "libos/string.h"

#define ENTRIES 16

struct entry {
    ipv4_address address; /* 0: unused */
    struct ethernet_address mac;
};

static struct entry cache[ENTRIES];
static uint32_t oldest; /* the entry that is given up next */

static struct entry *find(ipv4_address address) {
    for (uint32_t i = 0; i < ENTRIES; i++) {
        if (cache[i].address == address) {
            return &cache[i];
        }
    }
    return NULL;
}

static void learn(ipv4_address address, struct ethernet_address mac) {
    struct entry *entry = find(address);
    if (address == 0) {
        return;
    }
    if (entry == NULL) {
        entry = &cache[oldest++ % ENTRIES];
    }
    *entry = (struct entry){address, mac};
}

bool arp_resolve(ipv4_address address, struct ethernet_address *mac) {
    const struct entry *entry = find(address);
    if (entry == NULL || address == 0) {
        return false;
    }
    *mac = entry->mac;
    return true;
}

static void send(struct network_interface *interface, uint16_t operation, struct ethernet_address to,
                 ipv4_address target) {
    struct arp_packet *packet = (struct arp_packet *)ethernet_begin(interface);
    if (packet == NULL) {
        return;
    }
    *packet = (struct arp_packet){
        .hardware = swap16(ARP_HARDWARE_ETHERNET),
        .protocol = swap16(ETHERTYPE_IPV4),
        .hardware_length = sizeof(struct ethernet_address),
        .protocol_length = sizeof(ipv4_address),
        .operation = swap16(operation),
        .sender_mac = interface->mac,
        .sender = interface->address,
        .target_mac = to,
        .target = target,
    };
    network.protocols[NETWORK_ARP].sent++;
    ethernet_send(interface, to, ETHERTYPE_ARP, sizeof(*packet));
}

void arp_ask(struct network_interface *interface, ipv4_address address) {
    send(interface, ARP_REQUEST, ethernet_broadcast, address);
}

void arp_announce(struct network_interface *interface) {
    arp_ask(interface, interface->address);
    arp_ask(interface, interface->gateway);
}

static bool is_valid(const struct arp_packet *packet, uint32_t length) {
    return length >= sizeof(*packet) && packet->hardware == swap16(ARP_HARDWARE_ETHERNET) &&
           packet->protocol == swap16(ETHERTYPE_IPV4) &&
           packet->hardware_length == sizeof(struct ethernet_address) &&
           packet->protocol_length == sizeof(ipv4_address);
}

bool arp_input(struct network_interface *interface, const uint8_t *data, uint32_t length) {
    const struct arp_packet *packet = (const struct arp_packet *)data;
    struct network_protocol *arp = &network.protocols[NETWORK_ARP];
    arp->received++;
    if (!is_valid(packet, length)) {
        arp->dropped++;
        return false;
    }
    if (packet->target == interface->address) {
        learn(packet->sender, packet->sender_mac);
        if (packet->operation == swap16(ARP_REQUEST)) {
            send(interface, ARP_REPLY, packet->sender_mac, packet->sender);
        }
    }
    return true;
}
