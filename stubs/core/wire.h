/* SPDX-License-Identifier: BSD-3-Clause */
/* Framing: bytes to packets, packets to bytes. */
#ifndef WIRE_H
#define WIRE_H

#include <unidbg/stub.h>

#include "features.h"

enum wire_event {
    WIRE_NOTHING,   /* more is needed */
    WIRE_BEGINS,    /* `$`: somebody is there */
    WIRE_PACKET,    /* complete; data[length] is NUL, escapes are undone */
    WIRE_DAMAGED,   /* the sum is wrong */
    WIRE_TOO_LONG,  /* complete, longer than PacketSize: dropped */
    WIRE_ACK,       /* + */
    WIRE_NACK,      /* - */
    WIRE_INTERRUPT, /* 0x03 */
};

void wire_init(struct unidbg_stub *stub, uint8_t *buffer, size_t size);
/* Forget a packet that has begun. */
void wire_reset(struct unidbg_receiver *in);
enum wire_event wire_receive(struct unidbg_receiver *in, uint8_t byte);

/* The packet that is being made: begin, append (reply.h), finish: framed, summed, sent, and kept. */
void wire_begin(struct unidbg_stub *stub);
void wire_finish(struct unidbg_stub *stub);
/* Send the last packet again. */
void wire_again(struct unidbg_stub *stub);
/* Send one byte: + or -. */
void wire_byte(struct unidbg_stub *stub, char byte);

#if WITH_QUEUE

/* While the guest stands: send a little of what waits, and come back: input goes first. */
void wire_flow(struct unidbg_stub *stub);
/* While it runs: a little, and the line's interrupt asks for the rest. */
void wire_trickle(struct unidbg_stub *stub);
/* Drop what waits: nobody reads it. */
void wire_drop(struct unidbg_stub *stub);

#else

static inline void wire_flow(struct unidbg_stub *stub) {
    (void)stub;
}

static inline void wire_trickle(struct unidbg_stub *stub) {
    (void)stub;
}

static inline void wire_drop(struct unidbg_stub *stub) {
    (void)stub;
}

#endif

#endif
