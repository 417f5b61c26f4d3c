/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/tcp_parts.h"

#include <stddef.h>

#include "libos/clock.h"
#include "libos/ipv4.h"
#include "libos/string.h"

#define NS_PER_MILLISECOND 1000000ul
#define TIMEOUT_FIRST_NS (1000 * NS_PER_MILLISECOND)
#define TIMEOUT_MIN_NS (200 * NS_PER_MILLISECOND)
#define TIMEOUT_MAX_NS (8000 * NS_PER_MILLISECOND)
#define TRIES_MAX 8
#define DUPLICATES 3
#define INITIAL_SEGMENTS 10 /* RFC 6928 */

#define RECEIVE_WINDOW 32768 /* data is taken as it comes, so this is what may be on the way */
#define SEGMENT_BYTES ((uint16_t)(IPV4_PAYLOAD_MAX - sizeof(struct tcp_header)))
#define OPTION_MSS 2
#define OPTION_MSS_BYTES 4

/* A segment to be sent: payload from the queue, `offset` bytes behind send_unacknowledged. */
struct segment {
    uint32_t sequence;
    uint8_t flags;
    uint32_t offset;
    uint32_t length;
};

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

uint32_t tcp_queued(const struct tcp_connection *connection) {
    uint32_t queued = 0;
    for (uint32_t i = 0; i < connection->chunk_count; i++) {
        queued += connection->chunks[i].length;
    }
    return queued;
}

/* ---- segments ---- */

/* Copy a part of what is queued. */
static void copy_queued(const struct tcp_connection *connection, uint8_t *to, uint32_t offset,
                        uint32_t length) {
    for (uint32_t i = 0; length > 0; i++) {
        const struct tcp_chunk *chunk = &connection->chunks[i];
        if (offset >= chunk->length) {
            offset -= chunk->length;
            continue;
        }
        uint32_t piece = least(chunk->length - offset, length);
        memcpy(to, chunk->data + offset, piece);
        to += piece;
        length -= piece;
        offset = 0;
    }
}

static void add_mss(uint8_t *option) {
    option[0] = OPTION_MSS;
    option[1] = OPTION_MSS_BYTES;
    option[2] = SEGMENT_BYTES >> 8;
    option[3] = SEGMENT_BYTES & 0xff;
}

static uint16_t checksum_of(ipv4_address from, ipv4_address to, const void *data, uint32_t length) {
    return checksum_finish(checksum_add(checksum_pseudo(from, to, PROTOCOL_TCP, length), data, length));
}

/* False: the ring is full, or the way is not known. */
static bool send(struct tcp_connection *connection, struct segment segment) {
    if (!ethernet_has_room(connection->interface)) {
        return false;
    }
    struct tcp_header *header = (struct tcp_header *)ipv4_begin(connection->interface);
    uint32_t options = segment.flags & TCP_SYN ? OPTION_MSS_BYTES : 0;
    uint32_t header_length = (uint32_t)sizeof(*header) + options;
    *header = (struct tcp_header){
        .source_port = swap16(connection->local_port),
        .destination_port = swap16(connection->remote_port),
        .sequence = swap32(segment.sequence),
        .acknowledgment = swap32(connection->receive_next),
        .data_offset = (uint8_t)(header_length / 4 << 4),
        .flags = segment.flags,
        .window = swap16(RECEIVE_WINDOW),
    };
    uint8_t *rest = (uint8_t *)(header + 1);
    if (options > 0) {
        add_mss(rest);
    }
    copy_queued(connection, rest + options, segment.offset, segment.length);
    uint32_t length = header_length + segment.length;
    header->checksum = checksum_of(connection->local_address, connection->remote_address, header, length);
    return ipv4_send(connection->interface, connection->remote_address, PROTOCOL_TCP, length);
}

/* ---- the clock ---- */

static void arm(struct tcp_connection *connection) {
    connection->deadline_ns = clock_ns() + connection->timeout_ns;
}

static uint64_t within(uint64_t value, uint64_t low, uint64_t high) {
    return value < low ? low : value > high ? high : value;
}

/* RFC 6298, section 2. */
static void measured(struct tcp_connection *connection, uint64_t round_trip_ns) {
    if (connection->smoothed_ns == 0) {
        connection->smoothed_ns = round_trip_ns;
        connection->variance_ns = round_trip_ns / 2;
    } else {
        uint64_t smoothed = connection->smoothed_ns;
        uint64_t error = smoothed > round_trip_ns ? smoothed - round_trip_ns : round_trip_ns - smoothed;
        connection->variance_ns = (3 * connection->variance_ns + error) / 4;
        connection->smoothed_ns = (7 * smoothed + round_trip_ns) / 8;
    }
}

static void relax_timeout(struct tcp_connection *connection) {
    uint64_t timeout = connection->smoothed_ns + 4 * connection->variance_ns;
    connection->timeout_ns =
        connection->smoothed_ns == 0 ? TIMEOUT_FIRST_NS : within(timeout, TIMEOUT_MIN_NS, TIMEOUT_MAX_NS);
    connection->tries = 0;
}

/* ---- sending ---- */

void tcp_output_init(struct tcp_connection *connection, uint32_t initial) {
    connection->send_unacknowledged = initial;
    connection->send_next = initial;
    connection->send_most = initial;
    connection->congestion_window = INITIAL_SEGMENTS * connection->segment_bytes;
    connection->slow_start_threshold = UINT32_MAX;
    relax_timeout(connection);
    arm(connection);
}

/* Account for a segment that went out from send_next. */
static void advance(struct tcp_connection *connection, uint32_t length) {
    connection->send_next += length;
    if (sequence_before(connection->send_most, connection->send_next)) {
        connection->send_most = connection->send_next;
        if (connection->timed_ns == 0) { /* never a repeated one: whose answer would it be? */
            connection->timed_ns = clock_ns();
            connection->timed_sequence = connection->send_next;
        }
    } else {
        connection->retransmits++;
    }
    if (connection->deadline_ns == 0) {
        arm(connection);
    }
}

static bool send_syn(struct tcp_connection *connection) {
    if (connection->send_next != connection->send_unacknowledged) {
        return false;
    }
    uint8_t flags = connection->state == TCP_SYN_SENT ? TCP_SYN : TCP_SYN | TCP_ACK;
    if (send(connection, (struct segment){connection->send_next, flags, 0, 0})) {
        advance(connection, 1);
    }
    return true;
}

/* The next segment of the queue that the windows allow. False: there is none, or no room for it. */
static bool send_data(struct tcp_connection *connection) {
    uint32_t offset = connection->send_next - connection->send_unacknowledged;
    uint32_t queued = tcp_queued(connection);
    uint32_t window = least(connection->send_window, connection->congestion_window);
    uint32_t rest = queued > offset ? queued - offset : 0;
    uint32_t length = least(rest, window > offset ? window - offset : 0);
    length = least(length, connection->segment_bytes);
    bool is_last = length == rest;
    bool fin = is_last && connection->wants_fin && offset <= queued;
    bool is_silly =
        length < connection->segment_bytes && !is_last && offset > 0; /* wait for a wider window */
    if ((length == 0 && !fin) || is_silly) {
        return false;
    }
    uint8_t flags = TCP_ACK | (is_last ? TCP_PSH : 0) | (fin ? TCP_FIN : 0);
    if (!send(connection, (struct segment){connection->send_next, flags, offset, length})) {
        return false;
    }
    connection->fin_is_sent |= fin;
    advance(connection, length + fin);
    return true;
}

/* Keep the numbers that others look at. */
static void account(struct tcp_connection *connection) {
    uint32_t queued = tcp_queued(connection);
    uint32_t sent = least(connection->send_most - connection->send_unacknowledged, queued);
    connection->unacknowledged_bytes = sent;
    connection->unsent_bytes = queued - sent;
}

void tcp_output(struct tcp_connection *connection) {
    bool sent = false;
    if (connection->state == TCP_SYN_RECEIVED || connection->state == TCP_SYN_SENT) {
        sent = send_syn(connection);
    } else {
        while (send_data(connection)) {
            sent = true;
        }
    }
    if (connection->wants_ack && !sent) {
        sent = send(connection, (struct segment){connection->send_next, TCP_ACK, 0, 0});
    }
    connection->wants_ack &= !sent;
    if (connection->deadline_ns == 0 && tcp_queued(connection) > 0) {
        arm(connection); /* the window is closed: the timeout will probe it */
    }
    account(connection);
}

/* ---- what comes back ---- */

static void drop_queued(struct tcp_connection *connection, uint32_t length) {
    while (connection->chunk_count > 0 && length >= connection->chunks[0].length) {
        length -= connection->chunks[0].length;
        connection->chunk_count--;
        memmove(&connection->chunks[0], &connection->chunks[1],
                connection->chunk_count * sizeof(connection->chunks[0]));
    }
    if (connection->chunk_count > 0) {
        connection->chunks[0].data += length;
        connection->chunks[0].length -= length;
    }
}

/* RFC 5681, section 3.1. */
static void open_congestion_window(struct tcp_connection *connection, uint32_t acknowledged) {
    bool slow_start = connection->congestion_window < connection->slow_start_threshold;
    uint32_t step =
        slow_start ? least(acknowledged, connection->segment_bytes)
                   : connection->segment_bytes * connection->segment_bytes / connection->congestion_window;
    if (connection->congestion_window < UINT16_MAX) { /* no window is wider: there is no window scaling */
        connection->congestion_window += step > 0 ? step : 1;
    }
}

void tcp_acknowledged(struct tcp_connection *connection, uint32_t acknowledged) {
    uint32_t sequence = acknowledged - connection->send_unacknowledged;
    uint32_t data = least(sequence, tcp_queued(connection)); /* the rest is SYN or FIN */
    drop_queued(connection, data);
    connection->sent_bytes += data;
    connection->send_unacknowledged = acknowledged;
    if (sequence_before(connection->send_next, acknowledged)) {
        connection->send_next = acknowledged;
    }
    if (connection->timed_ns != 0 && !sequence_before(acknowledged, connection->timed_sequence)) {
        measured(connection, clock_ns() - connection->timed_ns);
        connection->timed_ns = 0;
    }
    relax_timeout(connection);
    open_congestion_window(connection, sequence);
    connection->duplicate_acks = 0;
    connection->deadline_ns = 0;
    if (connection->send_most != acknowledged) {
        arm(connection);
    }
    account(connection);
}

static void halve(struct tcp_connection *connection) {
    uint32_t in_flight = connection->send_most - connection->send_unacknowledged;
    uint32_t floor = 2 * connection->segment_bytes;
    connection->slow_start_threshold = in_flight / 2 > floor ? in_flight / 2 : floor;
    connection->timed_ns = 0;
}

/* After the third, the first segment that is not acknowledged is taken for lost. */
void tcp_duplicate_ack(struct tcp_connection *connection) {
    connection->duplicate_acks++;
    if (connection->duplicate_acks != DUPLICATES) {
        return;
    }
    halve(connection);
    connection->congestion_window = connection->slow_start_threshold;
    uint32_t length = least(tcp_queued(connection), connection->segment_bytes);
    if (send(connection, (struct segment){connection->send_unacknowledged, TCP_ACK, 0, length})) {
        connection->retransmits++;
    }
}

/* A closed window is probed with a byte, which the peer will not take before it opens. */
static void probe(struct tcp_connection *connection) {
    if (send(connection, (struct segment){connection->send_unacknowledged, TCP_ACK, 0, 1})) {
        connection->retransmits++;
        if (connection->send_most == connection->send_unacknowledged) {
            connection->send_most++;
            connection->send_next = connection->send_most;
        }
    }
}

bool tcp_timeout(struct tcp_connection *connection) {
    connection->tries++;
    if (connection->tries > TRIES_MAX) {
        return false;
    }
    connection->timeout_ns = within(2 * connection->timeout_ns, TIMEOUT_MIN_NS, TIMEOUT_MAX_NS);
    arm(connection);
    if (connection->send_window == 0 && tcp_queued(connection) > 0) {
        probe(connection);
        account(connection);
        return true;
    }
    halve(connection);
    connection->congestion_window = connection->segment_bytes;
    connection->send_next = connection->send_unacknowledged; /* everything again, slowly */
    tcp_output(connection);
    return true;
}

/* ---- resets ---- */

void tcp_reset(struct tcp_connection *connection) {
    send(connection, (struct segment){connection->send_next, TCP_RST | TCP_ACK, 0, 0});
}

void tcp_send_reset(const struct ipv4_packet *packet, const struct tcp_header *header, uint32_t length) {
    bool has_ack = header->flags & TCP_ACK;
    uint32_t occupied = length + !!(header->flags & TCP_SYN) + !!(header->flags & TCP_FIN);
    struct tcp_connection nobody = {
        .interface = packet->interface,
        .local_address = packet->destination,
        .remote_address = packet->source,
        .local_port = swap16(header->destination_port),
        .remote_port = swap16(header->source_port),
        .receive_next = swap32(header->sequence) + occupied,
    };
    uint32_t sequence = has_ack ? swap32(header->acknowledgment) : 0;
    send(&nobody, (struct segment){sequence, has_ack ? TCP_RST : TCP_RST | TCP_ACK, 0, 0});
}
