/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/udp.h"

#include <stddef.h>

#include "libos/ipv4.h"
#include "libos/security.h"
#include "libos/string.h"

static uint16_t checksum_of(ipv4_address from, ipv4_address to, const void *data, uint32_t length) {
    return checksum_finish(checksum_add(checksum_pseudo(from, to, PROTOCOL_UDP, length), data, length));
}

static bool is_sound(const struct ipv4_packet *packet, const struct udp_header *header) {
    if (packet->length < sizeof(*header)) {
        return false;
    }
    uint32_t length = swap16(header->length);
    return length >= sizeof(*header) && length <= packet->length &&
           (header->checksum == 0 || checksum_of(packet->source, packet->destination, header, length) == 0);
}

bool udp_input(const struct ipv4_packet *packet) {
    const struct udp_header *header = (const struct udp_header *)packet->data;
    if (!is_sound(packet, header)) {
        return false;
    }
    struct network_listener *listener = network_listener(PROTOCOL_UDP, swap16(header->destination_port));
    if (listener == NULL) {
        return false;
    }
    listener->accepted++;
    CHECKED(listener->udp)
    (&(struct udp_datagram){
        .interface = packet->interface,
        .remote = packet->source,
        .remote_port = swap16(header->source_port),
        .local_port = listener->port,
        .is_broadcast = packet->destination == IPV4_BROADCAST,
        .data = packet->data + sizeof(*header),
        .length = swap16(header->length) - (uint32_t)sizeof(*header),
    });
    return true;
}

void udp_listen(uint16_t port, udp_handler *handler) {
    network_listen(PROTOCOL_UDP, port)->udp = handler;
}

bool udp_send(const struct udp_datagram *datagram) {
    uint32_t length = datagram->length + (uint32_t)sizeof(struct udp_header);
    struct udp_header *header =
        length <= IPV4_PAYLOAD_MAX ? (struct udp_header *)ipv4_begin(datagram->interface) : NULL;
    if (header == NULL) {
        return false;
    }
    *header = (struct udp_header){swap16(datagram->local_port), swap16(datagram->remote_port),
                                  swap16((uint16_t)length), 0};
    memcpy(header + 1, datagram->data, datagram->length);
    uint16_t checksum = checksum_of(datagram->interface->address, datagram->remote, header, length);
    header->checksum = checksum != 0 ? checksum : 0xffff; /* 0 would mean: none */
    return ipv4_send(datagram->interface, datagram->remote, PROTOCOL_UDP, length);
}

void udp_echo(const struct udp_datagram *datagram) {
    if (!datagram->is_broadcast) { /* else two who echo would never end */
        udp_send(datagram);
    }
}
