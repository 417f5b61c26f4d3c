/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire.h"

#include "reply.h"
#include "scan.h"

enum { IDLE, BODY, ESCAPE, SUM_HIGH, SUM_LOW };

/* `$` before and `#cc` behind the data of a packet. */
enum { FRAME_HEAD = 1, FRAME_TAIL = 3 };

void wire_init(struct unidbg_stub *stub, uint8_t *buffer, size_t size) {
    bool queued = WITH_QUEUE && stub->port->room;
    size_t most = size / (queued ? 3 : 2);
    uint32_t part = most > 0x100000 ? 0x100000 : (uint32_t)most;

    stub->in.data = buffer;
    stub->in.size = part - 16;
    stub->out.data = buffer + part;
    stub->out.size = part - FRAME_TAIL;
    if (queued) {
        stub->queue.data = stub->out.data + part;
        stub->queue.size = part;
    }
    wire_reset(&stub->in);
    reply_init(stub);
}

void wire_reset(struct unidbg_receiver *in) {
    in->state = IDLE;
}

static enum wire_event begin_packet(struct unidbg_receiver *in) {
    in->length = 0;
    in->sum = 0;
    in->state = BODY;
    return WIRE_BEGINS;
}

static enum wire_event idle(uint8_t byte) {
    switch (byte) {
    case '+':
        return WIRE_ACK;
    case '-':
        return WIRE_NACK;
    case 0x03:
        return WIRE_INTERRUPT;
    default:
        return WIRE_NOTHING; /* line noise */
    }
}

/* Length grows beyond the size, so that a packet that is too long is known as such at its end. */
static void keep(struct unidbg_receiver *in, uint8_t byte) {
    if (in->length <= in->size)
        in->data[in->length++] = byte;
}

/* 0x03 is data here: X packets may hold it. */
static enum wire_event body(struct unidbg_receiver *in, uint8_t byte) {
    if (byte == '#') {
        in->state = SUM_HIGH;
        return WIRE_NOTHING;
    }
    in->sum = (uint8_t)(in->sum + byte);
    if (in->state == ESCAPE) {
        keep(in, byte ^ 0x20);
        in->state = BODY;
    } else if (byte == '}') {
        in->state = ESCAPE;
    } else {
        keep(in, byte);
    }
    return WIRE_NOTHING;
}

static enum wire_event complete(struct unidbg_receiver *in, uint8_t byte) {
    in->state = IDLE;
    if ((in->expected << 4 | hex_digit(byte)) != in->sum) /* never equal if one is no digit */
        return WIRE_DAMAGED;
    if (in->length > in->size)
        return WIRE_TOO_LONG;
    in->data[in->length] = 0;
    return WIRE_PACKET;
}

/* A raw `$` is never data: if a packet was under way, its client has died, and the next one begins. */
enum wire_event wire_receive(struct unidbg_receiver *in, uint8_t byte) {
    if (byte == '$')
        return begin_packet(in);
    switch (in->state) {
    case IDLE:
        return idle(byte);
    case SUM_HIGH:
        in->expected = (uint8_t)hex_digit(byte); /* 0xff if it is no digit */
        in->state = SUM_LOW;
        return WIRE_NOTHING;
    case SUM_LOW:
        return complete(in, byte);
    default:
        return body(in, byte);
    }
}

void wire_begin(struct unidbg_stub *stub) {
    stub->out.data[0] = '$';
    stub->out.length = FRAME_HEAD;
    stub->out.overflow = false;
    stub->out.binary = false;
}

#if WITH_BULK

/* A run of 4 to 98 equal bytes is the byte, `*`, and the number of repetitions as a letter. */
enum { REPEATS_MIN = 3, REPEATS_MAX = 97, REPEATS_LETTER = 29 };

static bool means_something(uint32_t letter) {
    return letter == '#' || letter == '$' || letter == '*' || letter == '+' || letter == '-';
}

/* Repetitions of the byte at `from` that can be told at once. */
static uint32_t repeats_at(const struct unidbg_sender *out, uint32_t from) {
    uint32_t count = 0;

    while (count < REPEATS_MAX && from + count + 1 < out->length &&
           out->data[from + count + 1] == out->data[from])
        count++;
    for (; count >= REPEATS_MIN; count--) {
        if (!means_something(count + REPEATS_LETTER))
            return count;
    }
    return 0;
}

/* In place: what is written was read before. */
static void shorten(struct unidbg_sender *out) {
    uint32_t to = FRAME_HEAD;

    if (out->binary)
        return;
    for (uint32_t from = FRAME_HEAD; from < out->length; from++) {
        uint32_t repeats = repeats_at(out, from);
        out->data[to++] = out->data[from];
        if (repeats == 0)
            continue;
        out->data[to++] = '*';
        out->data[to++] = (uint8_t)(repeats + REPEATS_LETTER);
        from += repeats;
    }
    out->length = to;
}

#endif

void wire_finish(struct unidbg_stub *stub) {
    uint8_t sum = 0;

    IF_BULK(shorten(&stub->out));
    for (uint32_t i = FRAME_HEAD; i < stub->out.length; i++)
        sum = (uint8_t)(sum + stub->out.data[i]);
    stub->out.size += FRAME_TAIL;
    reply_format(stub, "#%b", sum);
    stub->out.size -= FRAME_TAIL;
    wire_again(stub);
}

#if WITH_QUEUE

/* Take up to `count` bytes out of the queue and into the line; gives how many. */
static size_t pass_on(struct unidbg_stub *stub, size_t count) {
    struct unidbg_queue *queue = &stub->queue;
    uint32_t straight = queue->size - queue->first;

    if (count > queue->count)
        count = queue->count;
    if (count > straight)
        count = straight;
    if (count > 0)
        stub->port->put(stub->port->line, queue->data + queue->first, count);
    queue->first = (queue->first + (uint32_t)count) % (queue->size ? queue->size : 1);
    queue->count -= (uint32_t)count;
    return count;
}

/* What does not fit waits for the line, which gives up on a reader that takes nothing. */
static void wait_for_line(struct unidbg_stub *stub) {
    while (stub->queue.count == stub->queue.size)
        pass_on(stub, 16);
}

static void send(struct unidbg_stub *stub, const void *bytes, size_t count) {
    struct unidbg_queue *queue = &stub->queue;
    const uint8_t *from = bytes;

    if (queue->size == 0) {
        stub->port->put(stub->port->line, bytes, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t at;
        wait_for_line(stub);
        at = queue->first + queue->count++;
        queue->data[at < queue->size ? at : at - queue->size] = from[i];
    }
}

static size_t room(const struct unidbg_stub *stub) {
    return stub->queue.count > 0 ? stub->port->room(stub->port->line) : 0;
}

void wire_flow(struct unidbg_stub *stub) {
    pass_on(stub, room(stub));
}

/* The interrupt is asked for anew each time, so that a line with edges makes one for all that is there. */
void wire_trickle(struct unidbg_stub *stub) {
    const struct unidbg_port *port = stub->port;

    if (stub->queue.count == 0 && !stub->queue.notified)
        return;
    pass_on(stub, room(stub));
    stub->queue.notified = stub->queue.count > 0;
    if (port->notify_room)
        port->notify_room(port->line, stub->queue.notified);
}

void wire_drop(struct unidbg_stub *stub) {
    stub->queue.count = 0;
}

#else

static void send(struct unidbg_stub *stub, const void *bytes, size_t count) {
    stub->port->put(stub->port->line, bytes, count);
}

#endif

void wire_again(struct unidbg_stub *stub) {
    send(stub, stub->out.data, stub->out.length);
}

void wire_byte(struct unidbg_stub *stub, char byte) {
    send(stub, &byte, 1);
}
