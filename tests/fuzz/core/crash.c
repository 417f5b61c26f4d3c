/* SPDX-License-Identifier: BSD-3-Clause */
/* The line of a dead guest that sends its core: 6 bytes say where its table of probes lies, then each record is
 * what comes next: a frame that is sound, one of any contents, bytes as they are, a packet of RSP; and for how
 * long the line is quiet before it. */
#include "guest.h"

enum { IMAGE = 0x200000, FRAME = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *at;
static const uint8_t *end;
static struct unidbg_crash *crash;

static uint8_t next(void) {
    return at < end ? *at++ : 0;
}

/* Small numbers mostly, huge ones sometimes. */
static uint64_t number(void) {
    uint64_t value = next();

    value |= (uint64_t)next() << 8;
    return next() == 0xff ? value << 48 | value : value;
}

static uint32_t sum_of(const uint8_t *bytes, size_t count) {
    uint32_t sum = UINT32_MAX;

    for (size_t i = 0; i < count; i++) {
        sum ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            sum = sum & 1 ? sum >> 1 ^ 0xedb88320u : sum >> 1;
    }
    return ~sum;
}

static void say(uint8_t byte) {
    guest_says(&byte, 1);
}

static void say_escaped(uint8_t byte) {
    if (byte == 0x7d || byte == 0x7e || byte == '$' || byte == '+' || byte == '-' || byte == 3) {
        say(0x7d);
        byte ^= 0x20;
    }
    say(byte);
}

static void frame(const uint8_t *bytes, size_t count) {
    uint32_t sum = sum_of(bytes, count);

    say(0x7e);
    for (size_t i = 0; i < count; i++)
        say_escaped(bytes[i]);
    for (unsigned i = 0; i < 4; i++, sum >>= 8)
        say_escaped((uint8_t)sum);
    say(0x7e);
}

static size_t put(uint8_t *to, uint64_t value, unsigned count) {
    for (unsigned i = 0; i < count; i++, value >>= 8)
        to[i] = (uint8_t)value;
    return count;
}

static void say_go(void) {
    uint8_t bytes[FRAME] = {'G'};
    size_t length = 1 + put(bytes + 1, crash->id ^ (next() == 0xff), 8);

    bytes[length++] = next() & 3;
    length += put(bytes + length, number(), 8);
    bytes[length++] = next();
    frame(bytes, length);
}

static void say_seen(void) {
    uint8_t bytes[FRAME] = {'K'};

    frame(bytes, 1 + put(bytes + 1, number(), 8));
}

static void say_any(bool sound) {
    uint8_t bytes[FRAME];
    size_t count = next() % FRAME;

    for (size_t i = 0; i < count; i++)
        bytes[i] = next();
    if (sound)
        frame(bytes, count);
    else
        guest_says(bytes, count);
}

static bool more(void) {
    uint8_t kind = next();

    if (at >= end)
        return false;
    guest_pauses(kind >> 3);
    switch (kind & 7) {
    case 0:
    case 1:
        say_go();
        break;
    case 2:
        say_seen();
        break;
    case 3:
        frame((const uint8_t *)"H", 1);
        break;
    case 4:
        frame((const uint8_t *)"B\1", 2);
        break;
    case 5:
        say_any(true);
        break;
    case 6:
        say_any(false);
        break;
    default:
        guest_asks("qUnidbgStop", 11);
        break;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    at = data;
    end = data + size;
    uint64_t probes = IMAGE + number();
    crash = guest_dumps(more, probes, probes + number());
    guest_begin();
    guest_dies();
    return 0;
}
