/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of TCP share: tcp.c (the table), tcp_input.c and tcp_output.c. */
#ifndef LIBOS_TCP_PARTS_H
#define LIBOS_TCP_PARTS_H

#include "libos/network.h"

/* Sequence numbers wrap: a is before b if it is less than 2^31 behind. */
static inline bool sequence_before(uint32_t a, uint32_t b) {
    return (int32_t)(a - b) < 0;
}

#define TCP_DEFAULT_SEGMENT_BYTES 536 /* where the peer does not say */

/* ---- the table ---- */

struct tcp_connection *tcp_find(const struct ipv4_packet *packet, const struct tcp_header *header);
/* A free slot, else the one that has been in TIME-WAIT for longest; NULL: all are in use. */
struct tcp_connection *tcp_allocate(void);
void tcp_notify(struct tcp_connection *connection, enum tcp_event event);
/* The slot is free before the handler hears of it, but its contents are still there. */
void tcp_end(struct tcp_connection *connection);
/* Nothing more will happen here that the application cares about. */
void tcp_enter_time_wait(struct tcp_connection *connection);

/* ---- sending ---- */

/* Begin to send from this sequence number on. */
void tcp_output_init(struct tcp_connection *connection, uint32_t initial);
/* Send what windows and ring allow, an acknowledgment at least if one is wanted. */
void tcp_output(struct tcp_connection *connection);
/* The peer has everything before `acknowledged`, which is in what was sent. */
void tcp_acknowledged(struct tcp_connection *connection, uint32_t acknowledged);
/* The peer has asked again for what it has. */
void tcp_duplicate_ack(struct tcp_connection *connection);
/* Nothing came back in time. False: that is enough. */
bool tcp_timeout(struct tcp_connection *connection);
/* Bytes queued and not acknowledged. */
uint32_t tcp_queued(const struct tcp_connection *connection);

/* Answer a segment that belongs to no connection. */
void tcp_send_reset(const struct ipv4_packet *packet, const struct tcp_header *header, uint32_t length);
/* Reset a connection. */
void tcp_reset(struct tcp_connection *connection);

#endif
