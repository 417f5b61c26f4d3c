/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/machine.h"

#include <stddef.h>

#include <unidbg/uart16550.h>
#include <unidbg/x86_64.h>

#include "libos/device.h"
#include "libos/uart.h"

static struct unidbg_uart16550 line;
static void (*on_line)(struct unidbg_frame *frame);

bool machine_debug_port(struct unidbg_port *port) {
    if (!uart_init(UART_COM2)) {
        return false;
    }
    unidbg_x86_64_port(port);
    unidbg_uart16550_init(&line, UART_COM2, port);
    return true;
}

static void line_interrupt(struct device_access *device, struct unidbg_frame *frame) {
    (void)device;
    on_line(frame);
}

void machine_debug_connect(void (*handler)(struct unidbg_frame *frame)) {
    on_line = handler;
    device_connect(device_add((struct device_access){
        .name = "com2", .port_base = UART_COM2, .irq = UART_COM2_IRQ, .handler = line_interrupt}));
}
