/* SPDX-License-Identifier: BSD-3-Clause */
/* A 16550 UART on I/O ports as the stub's line. */
#ifndef UNIDBG_UART16550_H
#define UNIDBG_UART16550_H

#include <stdint.h>

#include <unidbg/port.h>

#ifdef __cplusplus
extern "C" {
#endif

struct unidbg_uart16550 {
    uint16_t base; /* first I/O port: 0x3f8 COM1, 0x2f8 COM2 */
    bool dead;     /* takes no bytes: put gives up at once until one gets through */
};

/* 115200 8n1, FIFO on, receive interrupt on (OUT2 set). The kernel routes the IRQ (4 COM1, 3 COM2) to
 * unidbg_irq and acknowledges it at its interrupt controller. Fills in the line and its functions in the
 * port. */
void unidbg_uart16550_init(struct unidbg_uart16550 *uart, uint16_t base, struct unidbg_port *port);

#ifdef __cplusplus
}
#endif

#endif
