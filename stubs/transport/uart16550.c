/* SPDX-License-Identifier: BSD-3-Clause */
/* A 16550 on I/O ports, polled for output and input while the guest stands; while it runs, the interrupt
 * says that there is input, or room. */
#include <unidbg/uart16550.h>

#include "../core/features.h"

enum {
    DATA = 0,
    INTERRUPT_ENABLE = 1,
    DIVISOR_LOW = 0,
    DIVISOR_HIGH = 1,
    FIFO_CONTROL = 2,
    LINE_CONTROL = 3,
    MODEM_CONTROL = 4,
    LINE_STATUS = 5,
};

enum { RECEIVED = 0x01, TRANSMIT_EMPTY = 0x20 };           /* of LINE_STATUS */
enum { WHEN_RECEIVED = 0x01, WHEN_TRANSMIT_EMPTY = 0x02 }; /* of INTERRUPT_ENABLE */

/* Bytes that the FIFO takes once it is empty. */
enum { FIFO = 16 };

/* On, with an interrupt for each 8 bytes received, or when no more come. Not cleared: a client may have sent.
 * An interrupt for each byte makes a packet ten times as long; 14 would leave a guest that has interrupts off
 * little time. */
enum { FIFO_ON = 0x81 };

/* Looks at the status before a byte is given up: a look takes 0.3 to 1 us. A byte takes 87 us at 115200
 * baud, but behind a socket on a busy host the reader can sleep for a second: giving up on it would cut the
 * packet. */
enum { PATIENCE = 4000000 };

static void out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static uint16_t at(const struct unidbg_uart16550 *uart, unsigned offset) {
    return (uint16_t)(uart->base + offset);
}

static int uart_get(void *line) {
    const struct unidbg_uart16550 *uart = line;
    return in8(at(uart, LINE_STATUS)) & RECEIVED ? in8(at(uart, DATA)) : -1;
}

/* A line that was dead gets one look per byte, until it takes one: a guest whose reader went away must not
 * wait for every byte of a long reply. */
static bool wait_for_room(struct unidbg_uart16550 *uart) {
    for (unsigned looks = uart->dead ? 1 : PATIENCE; looks > 0; looks--) {
        if (in8(at(uart, LINE_STATUS)) & TRANSMIT_EMPTY) {
            uart->dead = false;
            return true;
        }
    }
    uart->dead = true;
    return false;
}

static void uart_put(void *line, const void *bytes, size_t count) {
    struct unidbg_uart16550 *uart = line;
    const uint8_t *from = bytes;

    bool open = true;

    for (size_t i = 0; i < count; i++) {
        if (i % FIFO == 0)
            open = wait_for_room(uart);
        if (open)
            out8(at(uart, DATA), from[i]);
    }
}

#if WITH_QUEUE

static size_t uart_room(void *line) {
    const struct unidbg_uart16550 *uart = line;
    return in8(at(uart, LINE_STATUS)) & TRANSMIT_EMPTY ? FIFO : 0;
}

/* The interrupt goes by edges: with all off, then on, there is one for whatever waits by then. */
static void uart_notify_room(void *line, bool on) {
    const struct unidbg_uart16550 *uart = line;
    out8(at(uart, INTERRUPT_ENABLE), 0);
    out8(at(uart, INTERRUPT_ENABLE), on ? WHEN_RECEIVED | WHEN_TRANSMIT_EMPTY : WHEN_RECEIVED);
}

#endif

void unidbg_uart16550_init(struct unidbg_uart16550 *uart, uint16_t base, struct unidbg_port *port) {
    static const uint8_t writes[][2] = {
        {INTERRUPT_ENABLE, 0},
        {LINE_CONTROL, 0x80}, /* divisor 1: 115200 baud */
        {DIVISOR_LOW, 1},
        {DIVISOR_HIGH, 0},
        {LINE_CONTROL, 0x03}, /* 8 bits, no parity, 1 stop bit */
        {FIFO_CONTROL, FIFO_ON},
        {MODEM_CONTROL, 0x0b}, /* DTR, RTS, OUT2 (the interrupt's gate) */
        {INTERRUPT_ENABLE, WHEN_RECEIVED},
    };

    uart->base = base;
    uart->dead = false;
    for (unsigned i = 0; i < sizeof writes / sizeof *writes; i++)
        out8(at(uart, writes[i][0]), writes[i][1]);
    port->line = uart;
    port->get = uart_get;
    port->put = uart_put;
#if WITH_QUEUE
    port->room = uart_room;
    port->notify_room = uart_notify_room;
#endif
}
