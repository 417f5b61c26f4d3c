/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/wire.h"

const struct ethernet_address ethernet_broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/* Unaligned on purpose: headers lie 14 bytes into a frame. */
typedef uint32_t __attribute__((aligned(1), may_alias)) any_uint32;
typedef uint16_t __attribute__((aligned(1), may_alias)) any_uint16;

/* The sum does not care in which byte order the words are, only that it is the same; the carries are kept above. */
uint64_t checksum_add(uint64_t sum, const void *data, uint32_t length) {
    const uint8_t *at = data;
    for (; length >= 4; length -= 4, at += 4) {
        sum += *(const any_uint32 *)at;
    }
    if (length >= 2) {
        sum += *(const any_uint16 *)at;
        at += 2;
        length -= 2;
    }
    return length > 0 ? sum + *at : sum;
}

uint16_t checksum_finish(uint64_t sum) {
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

uint64_t checksum_pseudo(ipv4_address source, ipv4_address destination, uint8_t protocol, uint32_t length) {
    return (uint64_t)source + destination + swap16(protocol) + swap16((uint16_t)length);
}

bool ipv4_parse(const char *text, ipv4_address *address) {
    uint8_t bytes[4];
    for (unsigned i = 0; i < 4; i++) {
        unsigned number = 0;
        unsigned digits = 0;
        for (; *text >= '0' && *text <= '9' && digits < 3; digits++) {
            number = number * 10 + (unsigned)(*text++ - '0');
        }
        if (digits == 0 || number > UINT8_MAX || *text != (i < 3 ? '.' : '\0')) {
            return false;
        }
        text += i < 3;
        bytes[i] = (uint8_t)number;
    }
    *address = ipv4(bytes[0], bytes[1], bytes[2], bytes[3]);
    return true;
}
