/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP (RFC 9293): retransmission (RFC 6298), slow start, congestion avoidance and fast retransmit
 * (RFC 5681). Data that is sent is not copied: it has to stay until it is acknowledged.
 */
#ifndef LIBOS_TCP_H
#define LIBOS_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "libos/wire.h"

#define TCP_CHUNKS 4

struct ipv4_packet;
struct network_interface;
struct tcp_connection;

enum tcp_state {
    TCP_CLOSED, /* the slot is free */
    TCP_LISTEN, /* listeners have a table of their own: not used */
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIME_WAIT,
};

enum tcp_event {
    TCP_ACCEPTED,    /* a new connection, or the one that was asked for */
    TCP_RECEIVED,    /* data came, in order; it is there during the call */
    TCP_SENT,        /* all that was sent is acknowledged: its memory is free again */
    TCP_PEER_CLOSED, /* the peer will send no more */
    TCP_ENDED,       /* the connection is gone, in whatever way */
};

typedef void tcp_handler(struct tcp_connection *connection, enum tcp_event event, const uint8_t *data,
                         uint32_t length);

/* A piece of what is to be sent. */
struct tcp_chunk {
    const uint8_t *data;
    uint32_t length;
};

struct tcp_connection {
    enum tcp_state state;
    ipv4_address local_address;
    ipv4_address remote_address;
    uint16_t local_port;
    uint16_t remote_port;
    tcp_handler *handler;
    void *data; /* the application's */
    struct network_interface *interface;

    uint64_t received_bytes;
    uint64_t sent_bytes; /* each byte once */
    uint32_t unacknowledged_bytes;
    uint32_t unsent_bytes;
    uint64_t retransmits; /* segments */

    /* The send sequence space: unacknowledged <= next <= most <= unacknowledged + queued, and one for FIN. */
    uint32_t send_unacknowledged;
    uint32_t send_next; /* goes back on a timeout */
    uint32_t send_most; /* one past the last that was ever sent */
    uint32_t send_window;
    uint32_t window_sequence;            /* of the segment that told the window last (SND.WL1) */
    uint32_t segment_bytes;              /* the peer's largest */
    struct tcp_chunk chunks[TCP_CHUNKS]; /* from send_unacknowledged on */
    uint32_t chunk_count;
    bool wants_fin; /* after the last chunk, until it is acknowledged */
    bool fin_is_sent;

    uint32_t receive_next;
    bool wants_ack;

    uint32_t congestion_window; /* bytes */
    uint32_t slow_start_threshold;
    uint32_t duplicate_acks;

    uint64_t deadline_ns; /* of retransmission, or of the state; 0: none */
    uint64_t timeout_ns;  /* of retransmission, as it is now */
    uint64_t smoothed_ns; /* round trip; 0: not measured yet */
    uint64_t variance_ns;
    uint64_t timed_ns;       /* when the segment under measurement was sent; 0: none is */
    uint32_t timed_sequence; /* its end */
    uint32_t tries;          /* retransmissions without an answer */
};

bool tcp_input(const struct ipv4_packet *packet);
/* Some ten times a second: what is overdue. */
void tcp_tick(void);
/* Send all that can be sent. */
void tcp_flush(void);
/* The table, for those who show it. */
const struct tcp_connection *tcp_connections(uint32_t *count);

/* ---- for applications ---- */

void tcp_listen(uint16_t port, tcp_handler *handler);
/* Ask for a connection: TCP_ACCEPTED will say that it is there, or TCP_ENDED that it will not be. NULL: no room, no way. */
struct tcp_connection *tcp_connect(ipv4_address to, uint16_t port, tcp_handler *handler);
/* Queue data: it must stay until TCP_SENT or TCP_ENDED, and goes out when the handler returns, or by tcp_flush().
 * False: TCP_CHUNKS are queued already, or the connection takes no more. */
bool tcp_send(struct tcp_connection *connection, const void *data, uint32_t length);
/* Say that no more will be sent, once all has been. */
void tcp_close(struct tcp_connection *connection);
/* Reset it at once. */
void tcp_abort(struct tcp_connection *connection);

#endif
