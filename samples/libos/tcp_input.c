/* SPDX-License-Identifier: BSD-3-Clause */
/* The receiving half of TCP: the states that segments bring about. */
#include <stddef.h>

#include "libos/clock.h"
#include "libos/random.h"
#include "libos/security.h"
#include "libos/tcp_parts.h"

#define NS_PER_MILLISECOND 1000000ul
#define FIN_WAIT_NS (10000 * NS_PER_MILLISECOND) /* the peer has this long to close its side, too */
#define SMALLEST_SEGMENT_BYTES 64
#define LARGEST_SEGMENT_BYTES 1460
#define OPTION_END 0
#define OPTION_NOTHING 1
#define OPTION_MSS 2

/* A segment that came in, in numbers of the host. */
struct arrival {
    const struct ipv4_packet *packet;
    const struct tcp_header *header;
    uint32_t sequence;
    uint32_t acknowledgment;
    uint32_t window;
    uint8_t flags;
    const uint8_t *data;
    uint32_t length; /* of the data */
};

/* ---- opening ---- */

static uint32_t header_bytes(const struct tcp_header *header) {
    return 4 * (uint32_t)(header->data_offset >> 4);
}

/* The peer's largest segment, from the options of its SYN. */
static uint32_t segment_bytes_of(const struct tcp_header *header) {
    const uint8_t *at = (const uint8_t *)(header + 1);
    const uint8_t *limit = (const uint8_t *)header + header_bytes(header);
    while (limit - at >= 4 && *at != OPTION_END) {
        if (*at == OPTION_MSS) {
            uint32_t bytes = (uint32_t)at[2] << 8 | at[3];
            return bytes < SMALLEST_SEGMENT_BYTES  ? SMALLEST_SEGMENT_BYTES
                   : bytes > LARGEST_SEGMENT_BYTES ? LARGEST_SEGMENT_BYTES
                                                   : bytes;
        }
        at += *at == OPTION_NOTHING || at[1] < 2 ? 1 : at[1];
    }
    return TCP_DEFAULT_SEGMENT_BYTES;
}

static bool accept(const struct arrival *arrival) {
    struct network_listener *listener =
        network_listener(PROTOCOL_TCP, swap16(arrival->header->destination_port));
    struct tcp_connection *connection = listener != NULL ? tcp_allocate() : NULL;
    if (connection == NULL) {
        return false;
    }
    listener->accepted++;
    *connection = (struct tcp_connection){
        .state = TCP_SYN_RECEIVED,
        .local_address = arrival->packet->destination,
        .remote_address = arrival->packet->source,
        .local_port = listener->port,
        .remote_port = swap16(arrival->header->source_port),
        .handler = listener->tcp,
        .interface = arrival->packet->interface,
        .send_window = arrival->window,
        .window_sequence = arrival->sequence,
        .segment_bytes = segment_bytes_of(arrival->header),
        .receive_next = arrival->sequence + 1,
    };
    tcp_output_init(connection, (uint32_t)random_next());
    tcp_output(connection);
    return true;
}

/* ---- the steps of RFC 9293, section 3.10.7.4 ---- */

/* Cut off what was received before. False: nothing is left, or something is missing in front. */
static bool trim(struct tcp_connection *connection, struct arrival *arrival) {
    uint32_t old = connection->receive_next - arrival->sequence;
    if (old == 0) {
        return true;
    }
    connection->wants_ack = true;
    if (sequence_before(connection->receive_next, arrival->sequence) ||
        old >= arrival->length + !!(arrival->flags & TCP_FIN)) {
        return false;
    }
    arrival->sequence += old;
    arrival->data += old;
    arrival->length -= old;
    return true;
}

static void take_window(struct tcp_connection *connection, const struct arrival *arrival) {
    if (!sequence_before(arrival->sequence, connection->window_sequence)) {
        if (connection->send_window == 0 && arrival->window > 0) {
            connection->send_next = connection->send_unacknowledged; /* a probe may have been in vain */
        }
        connection->tries = arrival->window == 0 ? 0 : connection->tries; /* it answers: that is enough */
        connection->send_window = arrival->window;
        connection->window_sequence = arrival->sequence;
    }
}

/* Our FIN has arrived: what now? */
static void fin_is_acknowledged(struct tcp_connection *connection) {
    connection->wants_fin = false;
    switch (connection->state) {
    case TCP_FIN_WAIT_1:
        connection->state = TCP_FIN_WAIT_2;
        connection->deadline_ns = clock_ns() + FIN_WAIT_NS;
        break;
    case TCP_CLOSING:
        tcp_enter_time_wait(connection);
        break;
    case TCP_LAST_ACK:
        tcp_end(connection);
        break;
    default:
        break;
    }
}

static bool is_duplicate(const struct tcp_connection *connection, const struct arrival *arrival) {
    return arrival->acknowledgment == connection->send_unacknowledged && arrival->length == 0 &&
           !(arrival->flags & TCP_FIN) && arrival->window == connection->send_window &&
           connection->send_most != connection->send_unacknowledged;
}

static void take_new_ack(struct tcp_connection *connection, uint32_t acknowledgment) {
    uint32_t queued = tcp_queued(connection);
    if (connection->state == TCP_SYN_RECEIVED) {
        connection->state = TCP_ESTABLISHED;
        tcp_acknowledged(connection, acknowledgment);
        tcp_notify(connection, TCP_ACCEPTED);
        return;
    }
    tcp_acknowledged(connection, acknowledgment);
    bool all = connection->send_unacknowledged == connection->send_most && tcp_queued(connection) == 0;
    if (all && queued > 0) {
        tcp_notify(connection, TCP_SENT);
    }
    if (all && connection->wants_fin && connection->fin_is_sent) {
        fin_is_acknowledged(connection);
    }
}

/* False: the acknowledgment is of something that was never sent. */
static bool take_ack(struct tcp_connection *connection, const struct arrival *arrival) {
    if (sequence_before(connection->send_most, arrival->acknowledgment)) {
        connection->wants_ack = true;
        return false;
    }
    if (is_duplicate(connection, arrival)) {
        tcp_duplicate_ack(connection);
    }
    take_window(connection, arrival);
    if (sequence_before(connection->send_unacknowledged, arrival->acknowledgment)) {
        take_new_ack(connection, arrival->acknowledgment);
    }
    return true;
}

static bool receives(const struct tcp_connection *connection) {
    return connection->state == TCP_ESTABLISHED || connection->state == TCP_FIN_WAIT_1 ||
           connection->state == TCP_FIN_WAIT_2;
}

static void take_data(struct tcp_connection *connection, const struct arrival *arrival) {
    if (arrival->length > 0 && receives(connection)) {
        connection->receive_next += arrival->length;
        connection->received_bytes += arrival->length;
        connection->wants_ack = true;
        CHECKED(connection->handler)(connection, TCP_RECEIVED, arrival->data, arrival->length);
    }
}

static void take_fin(struct tcp_connection *connection, const struct arrival *arrival) {
    if (!(arrival->flags & TCP_FIN) || !receives(connection)) {
        return;
    }
    connection->receive_next++;
    connection->wants_ack = true;
    if (connection->state == TCP_ESTABLISHED) {
        connection->state = TCP_CLOSE_WAIT;
        tcp_notify(connection, TCP_PEER_CLOSED);
    } else if (connection->state == TCP_FIN_WAIT_1) {
        connection->state = TCP_CLOSING;
    } else {
        tcp_output(connection); /* the acknowledgment, before the connection falls silent */
        tcp_enter_time_wait(connection);
    }
}

static bool is_reset(struct tcp_connection *connection, const struct arrival *arrival) {
    if (!(arrival->flags & TCP_RST)) {
        return false;
    }
    if (arrival->sequence == connection->receive_next) {
        tcp_end(connection);
    } else { /* RFC 5961: forged, or something was lost; a true peer resets again where we say we are */
        connection->wants_ack = true;
        tcp_output(connection);
    }
    return true;
}

/* A new connection may come from where one is in TIME-WAIT, if it begins behind it. */
static bool is_reopened(struct tcp_connection *connection, const struct arrival *arrival) {
    if (connection->state != TCP_TIME_WAIT || !(arrival->flags & TCP_SYN) ||
        !sequence_before(connection->receive_next, arrival->sequence)) {
        return false;
    }
    tcp_end(connection);
    return accept(arrival);
}

/* The peer has taken our SYN, or refuses (section 3.10.7.3). That both ask at once is not for us. */
static void syn_is_answered(struct tcp_connection *connection, const struct arrival *arrival) {
    bool is_ours = (arrival->flags & TCP_ACK) && arrival->acknowledgment == connection->send_most &&
                   connection->send_most != connection->send_unacknowledged;
    if (!is_ours) {
        return;
    }
    if (arrival->flags & TCP_RST) {
        tcp_end(connection);
        return;
    }
    if (!(arrival->flags & TCP_SYN)) {
        return;
    }
    connection->state = TCP_ESTABLISHED;
    connection->receive_next = arrival->sequence + 1;
    connection->send_window = arrival->window;
    connection->window_sequence = arrival->sequence;
    connection->segment_bytes = segment_bytes_of(arrival->header);
    connection->wants_ack = true;
    tcp_acknowledged(connection, arrival->acknowledgment);
    tcp_notify(connection, TCP_ACCEPTED);
    if (connection->state != TCP_CLOSED) {
        tcp_output(connection);
    }
}

static void segment_arrives(struct tcp_connection *connection, struct arrival *arrival) {
    if (connection->state == TCP_SYN_SENT) {
        syn_is_answered(connection, arrival);
        return;
    }
    if (is_reset(connection, arrival) || is_reopened(connection, arrival)) {
        return;
    }
    if (arrival->flags & TCP_SYN) {
        connection->wants_ack = true; /* a repeated SYN, or a forged one: say where we are */
        if (connection->state == TCP_SYN_RECEIVED) {
            connection->send_next = connection->send_unacknowledged;
        }
        tcp_output(connection);
        return;
    }
    bool is_next = trim(connection, arrival);
    if ((arrival->flags & TCP_ACK) && take_ack(connection, arrival) && is_next) {
        take_data(connection, arrival);
        take_fin(connection, arrival);
    }
    if (connection->state != TCP_CLOSED) {
        tcp_output(connection);
    }
}

/* ---- entries ---- */

static bool read_segment(const struct ipv4_packet *packet, struct arrival *arrival) {
    const struct tcp_header *header = (const struct tcp_header *)packet->data;
    uint64_t pseudo = checksum_pseudo(packet->source, packet->destination, PROTOCOL_TCP, packet->length);
    if (packet->length < sizeof(*header) ||
        checksum_finish(checksum_add(pseudo, header, packet->length)) != 0) {
        return false;
    }
    uint32_t header_length = header_bytes(header);
    if (header_length < sizeof(*header) || header_length > packet->length) {
        return false;
    }
    *arrival = (struct arrival){
        .packet = packet,
        .header = header,
        .sequence = swap32(header->sequence),
        .acknowledgment = swap32(header->acknowledgment),
        .window = swap16(header->window),
        .flags = header->flags,
        .data = packet->data + header_length,
        .length = packet->length - header_length,
    };
    return true;
}

bool tcp_input(const struct ipv4_packet *packet) {
    struct arrival arrival;
    if (!read_segment(packet, &arrival)) {
        return false;
    }
    struct tcp_connection *connection = tcp_find(packet, arrival.header);
    if (connection != NULL) {
        segment_arrives(connection, &arrival);
        return true;
    }
    if ((arrival.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN && accept(&arrival)) {
        return true;
    }
    if (!(arrival.flags & TCP_RST)) {
        tcp_send_reset(packet, arrival.header, arrival.length);
    }
    return false;
}
