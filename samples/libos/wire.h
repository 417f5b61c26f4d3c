/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What travels on the wire: headers, byte order, checksum. Numbers in the headers are in network byte order; IPv4
 * addresses stay so everywhere.
 */
#ifndef LIBOS_WIRE_H
#define LIBOS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t ipv4_address; /* in network byte order */

struct ethernet_address {
    uint8_t bytes[6];
};

/* "10.0.2.15". False: it is none. */
bool ipv4_parse(const char *text, ipv4_address *address);

extern const struct ethernet_address ethernet_broadcast;

static inline uint16_t swap16(uint16_t value) {
    return __builtin_bswap16(value);
}

static inline uint32_t swap32(uint32_t value) {
    return __builtin_bswap32(value);
}

/* The constants and addresses of this file, as numbers of the host: 10.0.2.15 is ipv4(10, 0, 2, 15). */
static inline ipv4_address ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    return (uint32_t)d << 24 | (uint32_t)c << 16 | (uint32_t)b << 8 | a;
}

#define IPV4_BROADCAST UINT32_MAX /* everybody on this network */

enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP = 0x0806 };
enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

struct ethernet_header {
    struct ethernet_address destination;
    struct ethernet_address source;
    uint16_t type;
} __attribute__((packed));

enum { ARP_HARDWARE_ETHERNET = 1, ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_packet {
    uint16_t hardware;
    uint16_t protocol;
    uint8_t hardware_length;
    uint8_t protocol_length;
    uint16_t operation;
    struct ethernet_address sender_mac;
    ipv4_address sender;
    struct ethernet_address target_mac;
    ipv4_address target;
} __attribute__((packed));

#define IPV4_VERSION_AND_LENGTH 0x45 /* version 4, 5 words: no options */
#define IPV4_DONT_FRAGMENT 0x4000
#define IPV4_FRAGMENT_MASK 0x3fff /* more fragments, and the offset */

struct ipv4_header {
    uint8_t version_and_length;
    uint8_t service;
    uint16_t length;
    uint16_t identification;
    uint16_t fragment;
    uint8_t time_to_live;
    uint8_t protocol;
    uint16_t checksum;
    ipv4_address source;
    ipv4_address destination;
} __attribute__((packed));

enum { ICMP_ECHO_REPLY = 0, ICMP_ECHO_REQUEST = 8 };

struct icmp_header {
    uint8_t type;
    uint8_t code;
    uint16_t checksum;
    uint16_t identifier;
    uint16_t sequence;
} __attribute__((packed));

struct udp_header {
    uint16_t source_port;
    uint16_t destination_port;
    uint16_t length;
    uint16_t checksum;
} __attribute__((packed));

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

struct tcp_header {
    uint16_t source_port;
    uint16_t destination_port;
    uint32_t sequence;
    uint32_t acknowledgment;
    uint8_t data_offset; /* words, in the upper four bits */
    uint8_t flags;
    uint16_t window;
    uint16_t checksum;
    uint16_t urgent;
} __attribute__((packed));

/*
 * The Internet checksum (RFC 1071): sums are begun with 0 (or with a pseudo header's), go on over pieces that have an
 * even length but for the last, and are finished once. Over data that carries its checksum the result is 0.
 */
uint64_t checksum_add(uint64_t sum, const void *data, uint32_t length);
uint16_t checksum_finish(uint64_t sum);
/* The sum of the pseudo header of TCP and UDP. */
uint64_t checksum_pseudo(ipv4_address source, ipv4_address destination, uint8_t protocol, uint32_t length);

#endif
