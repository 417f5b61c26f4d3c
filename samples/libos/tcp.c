/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of TCP connections, what applications do with them, and their clock. */
#include "libos/tcp.h"

#include <stddef.h>

#include "libos/clock.h"
#include "libos/ipv4.h"
#include "libos/security.h"
#include "libos/tcp_parts.h"

#define CONNECTIONS 64
#define EPHEMERAL_FIRST 49152 /* RFC 6335 */
#define EPHEMERAL_PORTS 16384
#define NS_PER_MILLISECOND 1000000ul
#define TIME_WAIT_NS (1000 * NS_PER_MILLISECOND) /* twice the life of a segment, on a network of one host */

static struct tcp_connection connections[CONNECTIONS];

const struct tcp_connection *tcp_connections(uint32_t *count) {
    *count = CONNECTIONS;
    return connections;
}

/* ---- the table ---- */

struct tcp_connection *tcp_find(const struct ipv4_packet *packet, const struct tcp_header *header) {
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        struct tcp_connection *connection = &connections[i];
        if (connection->state != TCP_CLOSED && connection->remote_port == swap16(header->source_port) &&
            connection->local_port == swap16(header->destination_port) &&
            connection->remote_address == packet->source &&
            connection->local_address == packet->destination) {
            return connection;
        }
    }
    return NULL;
}

struct tcp_connection *tcp_allocate(void) {
    struct tcp_connection *oldest = NULL;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        struct tcp_connection *connection = &connections[i];
        if (connection->state == TCP_CLOSED) {
            return connection;
        }
        if (connection->state == TCP_TIME_WAIT &&
            (oldest == NULL || connection->deadline_ns < oldest->deadline_ns)) {
            oldest = connection;
        }
    }
    return oldest;
}

void tcp_notify(struct tcp_connection *connection, enum tcp_event event) {
    CHECKED(connection->handler)(connection, event, NULL, 0);
}

void tcp_end(struct tcp_connection *connection) {
    bool was_told = connection->state == TCP_TIME_WAIT;
    connection->state = TCP_CLOSED;
    connection->chunk_count = 0;
    connection->unacknowledged_bytes = 0;
    connection->unsent_bytes = 0;
    connection->deadline_ns = 0;
    if (!was_told) {
        tcp_notify(connection, TCP_ENDED);
    }
}

void tcp_enter_time_wait(struct tcp_connection *connection) {
    tcp_notify(connection, TCP_ENDED);
    connection->state = TCP_TIME_WAIT;
    connection->deadline_ns = clock_ns() + TIME_WAIT_NS;
}

/* ---- for applications ---- */

void tcp_listen(uint16_t port, tcp_handler *handler) {
    network_listen(PROTOCOL_TCP, port)->tcp = handler;
}

struct tcp_connection *tcp_connect(ipv4_address to, uint16_t port, tcp_handler *handler) {
    static uint16_t next_port;
    struct network_interface *interface = ipv4_interface_to(to);
    struct tcp_connection *connection = interface != NULL ? tcp_allocate() : NULL;
    if (connection == NULL) {
        return NULL;
    }
    uint16_t offset = (uint16_t)(clock_ticks() >> 16) % EPHEMERAL_PORTS + next_port++;
    *connection = (struct tcp_connection){
        .state = TCP_SYN_SENT,
        .local_address = interface->address,
        .remote_address = to,
        .local_port = EPHEMERAL_FIRST + offset % EPHEMERAL_PORTS,
        .remote_port = port,
        .handler = handler,
        .interface = interface,
        .segment_bytes = TCP_DEFAULT_SEGMENT_BYTES,
    };
    tcp_output_init(connection, (uint32_t)(clock_ticks() >> 8));
    tcp_output(connection);
    return connection;
}

bool tcp_send(struct tcp_connection *connection, const void *data, uint32_t length) {
    bool may_send = connection->state == TCP_ESTABLISHED || connection->state == TCP_CLOSE_WAIT;
    if (!may_send || connection->chunk_count == TCP_CHUNKS) {
        return false;
    }
    connection->chunks[connection->chunk_count] = (struct tcp_chunk){data, length};
    connection->chunk_count++;
    return true;
}

void tcp_close(struct tcp_connection *connection) {
    if (connection->state == TCP_ESTABLISHED) {
        connection->state = TCP_FIN_WAIT_1;
    } else if (connection->state == TCP_CLOSE_WAIT) {
        connection->state = TCP_LAST_ACK;
    } else {
        return;
    }
    connection->wants_fin = true;
    tcp_output(connection);
}

void tcp_abort(struct tcp_connection *connection) {
    if (connection->state != TCP_CLOSED) {
        tcp_reset(connection);
        tcp_end(connection);
    }
}

/* ---- the clock ---- */

static void overdue(struct tcp_connection *connection) {
    bool is_waiting = connection->state == TCP_TIME_WAIT || connection->state == TCP_FIN_WAIT_2;
    if (is_waiting || !tcp_timeout(connection)) {
        tcp_end(connection);
    }
}

void tcp_tick(void) {
    uint64_t now = clock_ns();
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        struct tcp_connection *connection = &connections[i];
        if (connection->state != TCP_CLOSED && connection->deadline_ns != 0 &&
            connection->deadline_ns <= now) {
            overdue(connection);
        }
    }
}

void tcp_flush(void) {
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        if (connections[i].state != TCP_CLOSED) {
            tcp_output(&connections[i]);
        }
    }
}
