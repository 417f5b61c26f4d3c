/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/uart.h"

#include "libos/cpu.h"
#include "libos/device.h"
#include "libos/loop.h"

/* Registers, as offsets from the port base. */
enum {
    UART_DATA = 0,
    UART_INTERRUPT_ENABLE = 1,
    UART_FIFO_CONTROL = 2,
    UART_LINE_CONTROL = 3,
    UART_MODEM_CONTROL = 4,
    UART_LINE_STATUS = 5,
    UART_SCRATCH = 7,
};

#define LINE_8N1 0x03
#define LINE_DIVISOR_LATCH 0x80
#define FIFO_ENABLE_AND_CLEAR 0x07
#define MODEM_DTR_RTS_OUT2 0x0b /* OUT2 lets the interrupt through to its line */
#define INTERRUPT_RECEIVED 0x01
#define STATUS_RECEIVED 0x01
#define STATUS_CAN_SEND 0x20
#define SEND_FIFO_BYTES 16

#define INPUT_BYTES 256 /* a power of two */

/* Single producer (interrupt), single consumer (event loop); head - tail bytes are in it. */
struct input_ring {
    char bytes[INPUT_BYTES];
    volatile uint32_t head; /* next byte in, written by the interrupt */
    volatile uint32_t tail; /* next byte out, written by the loop */
};

static struct input_ring input;

bool uart_init(uint16_t port) {
    outb(port + UART_SCRATCH, 0x5a);
    if (inb(port + UART_SCRATCH) != 0x5a) {
        return false;
    }
    outb(port + UART_INTERRUPT_ENABLE, 0);
    outb(port + UART_LINE_CONTROL, LINE_DIVISOR_LATCH);
    outb(port + UART_DATA, 1); /* divisor 1: 115200 baud */
    outb(port + UART_INTERRUPT_ENABLE, 0);
    outb(port + UART_LINE_CONTROL, LINE_8N1);
    outb(port + UART_FIFO_CONTROL, FIFO_ENABLE_AND_CLEAR);
    outb(port + UART_MODEM_CONTROL, MODEM_DTR_RTS_OUT2);
    return true;
}

void uart_write(uint16_t port, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (i % SEND_FIFO_BYTES == 0) {
            while (!(inb(port + UART_LINE_STATUS) & STATUS_CAN_SEND)) {
                cpu_relax();
            }
        }
        outb(port + UART_DATA, (uint8_t)text[i]);
    }
}

void uart_interrupt_on_receive(uint16_t port) {
    outb(port + UART_INTERRUPT_ENABLE, INTERRUPT_RECEIVED);
}

int uart_read(uint16_t port) {
    return inb(port + UART_LINE_STATUS) & STATUS_RECEIVED ? inb(port + UART_DATA) : -1;
}

/* Takes what came in; what finds no room is lost, as on a real line. */
static void console_interrupt(struct device_access *device, struct unidbg_frame *frame) {
    (void)frame;
    for (int byte = uart_read(device->port_base); byte >= 0; byte = uart_read(device->port_base)) {
        if (input.head - input.tail < INPUT_BYTES) {
            input.bytes[input.head % INPUT_BYTES] = (char)byte;
            input.head++;
        }
    }
    loop_notify(LOOP_CONSOLE);
}

void uart_console_start(void) {
    struct device_access *device = device_add((struct device_access){
        .name = "com1", .port_base = UART_COM1, .irq = UART_COM1_IRQ, .handler = console_interrupt});
    device_connect(device);
    uart_interrupt_on_receive(UART_COM1);
}

size_t uart_console_read(char *into, size_t size) {
    size_t length = 0;
    while (length < size && input.tail != input.head) {
        into[length++] = input.bytes[input.tail % INPUT_BYTES];
        input.tail++;
    }
    return length;
}
