/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/icmp.h"

#include <stddef.h>

#include "libos/ipv4.h"
#include "libos/string.h"

bool icmp_input(const struct ipv4_packet *packet) {
    const struct icmp_header *request = (const struct icmp_header *)packet->data;
    if (packet->length < sizeof(*request) || packet->length > IPV4_PAYLOAD_MAX ||
        checksum_finish(checksum_add(0, request, packet->length)) != 0 ||
        request->type != ICMP_ECHO_REQUEST) {
        return false;
    }
    struct icmp_header *reply = (struct icmp_header *)ipv4_begin(packet->interface);
    if (reply == NULL) {
        return false;
    }
    memcpy(reply, request, packet->length);
    reply->type = ICMP_ECHO_REPLY;
    reply->checksum = 0;
    reply->checksum = checksum_finish(checksum_add(0, reply, packet->length));
    ipv4_send(packet->interface, packet->source, PROTOCOL_ICMP, packet->length);
    return true;
}
