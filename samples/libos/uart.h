/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The 16550 UARTs: COM1 is the console, COM2 belongs to the debugger's stub.
 */
#ifndef LIBOS_UART_H
#define LIBOS_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UART_COM1 = 0x3f8, UART_COM2 = 0x2f8 }; /* port bases */
enum { UART_COM1_IRQ = 4, UART_COM2_IRQ = 3 };

/* 115200 baud, 8N1, FIFOs on, no interrupts. False when there is no UART at this port. */
bool uart_init(uint16_t port);

/* Polled; returns when all is handed to the UART. */
void uart_write(uint16_t port, const char *text, size_t length);

/* Let the UART interrupt when bytes come in. */
void uart_interrupt_on_receive(uint16_t port);

/* The next byte received, -1 when there is none. */
int uart_read(uint16_t port);

/* COM1's input: interrupts fill a ring, console_read() empties it. Returns the number of bytes read. */
void uart_console_start(void);
size_t uart_console_read(char *into, size_t size);

#endif
