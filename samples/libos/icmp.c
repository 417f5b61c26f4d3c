/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/icmp.h"

#include <stddef.h>

#include "libos/arp.h"
#include "libos/clock.h"
#include "libos/console.h"
#include "libos/ipv4.h"
#include "libos/loop.h"
#include "libos/string.h"

#define NS_PER_MILLISECOND 1000000ul
#define PING_INTERVAL_NS (200 * NS_PER_MILLISECOND)
#define PINGS 3
#define PING_IDENTIFIER 0x756e /* "un" */

/* Who is being pinged. */
static struct {
    ipv4_address to;
    uint16_t sent; /* the number of the last one */
    uint16_t answered;
    uint64_t sent_ns;
    uint64_t shortest_ns;
    struct loop_timer *timer; /* NULL: nobody is */
} ping;

/* ---- asking ---- */

static void send_request(void) {
    struct network_interface *interface = ipv4_interface_to(ping.to);
    struct icmp_header *request = (struct icmp_header *)ipv4_begin(interface);
    if (request == NULL) {
        return;
    }
    *request = (struct icmp_header){
        .type = ICMP_ECHO_REQUEST, .identifier = swap16(PING_IDENTIFIER), .sequence = swap16(ping.sent)};
    request->checksum = checksum_finish(checksum_add(0, request, sizeof(*request)));
    ping.sent_ns = clock_ns();
    ipv4_send(interface, ping.to, PROTOCOL_ICMP, sizeof(*request));
}

static void report(void) {
    const uint8_t *at = (const uint8_t *)&ping.to;
    log_line("ping %u.%u.%u.%u: %u sent, %u answered, shortest %lu us", at[0], at[1], at[2], at[3], PINGS,
             ping.answered, ping.shortest_ns / 1000);
}

static void on_tick(void *data) {
    (void)data;
    if (ping.sent == PINGS) {
        loop_timer_stop(ping.timer);
        ping.timer = NULL;
        report();
        return;
    }
    ping.sent++;
    send_request();
}

bool icmp_ping(ipv4_address to) {
    if (ping.timer != NULL || ipv4_interface_to(to) == NULL) {
        return false;
    }
    ping.to = to;
    ping.sent = 0;
    ping.answered = 0;
    ping.shortest_ns = 0;
    arp_ask(ipv4_interface_to(to), to);
    ping.timer = loop_timer_start(on_tick, NULL, PING_INTERVAL_NS, PING_INTERVAL_NS);
    return true;
}

/* Each answer counts once: only the last request can be answered. */
static bool take_reply(const struct ipv4_packet *packet, const struct icmp_header *reply) {
    if (ping.timer == NULL || packet->source != ping.to || ping.answered == ping.sent ||
        reply->identifier != swap16(PING_IDENTIFIER) || reply->sequence != swap16(ping.sent)) {
        return false;
    }
    uint64_t took = clock_ns() - ping.sent_ns;
    ping.answered++;
    ping.shortest_ns = ping.shortest_ns == 0 || took < ping.shortest_ns ? took : ping.shortest_ns;
    return true;
}

/* ---- answering ---- */

static bool answer(const struct ipv4_packet *packet, const struct icmp_header *request) {
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

bool icmp_input(const struct ipv4_packet *packet) {
    const struct icmp_header *header = (const struct icmp_header *)packet->data;
    if (packet->length < sizeof(*header) || packet->length > IPV4_PAYLOAD_MAX ||
        checksum_finish(checksum_add(0, header, packet->length)) != 0) {
        return false;
    }
    if (header->type == ICMP_ECHO_REPLY) {
        return take_reply(packet, header);
    }
    return header->type == ICMP_ECHO_REQUEST && answer(packet, header);
}
