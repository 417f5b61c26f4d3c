/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The console is standard output and input. For libos/uart.h.
 */
#include "libos/uart.h"

#include <errno.h>
#include <unistd.h>

#include "hosted.h"
#include "libos/device.h"
#include "libos/loop.h"

#define INPUT_BYTES 256

static char input[INPUT_BYTES];
static size_t input_length;
static bool is_open; /* there is somebody to type */
static uint8_t vector;

bool uart_init(uint16_t port) {
    return port == UART_COM1;
}

void uart_write(uint16_t port, const char *text, size_t length) {
    (void)port;
    while (length > 0) {
        ssize_t done = write(STDOUT_FILENO, text, length);
        if (done < 0 && errno != EINTR && errno != EAGAIN) {
            return;
        }
        text += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
}

void uart_interrupt_on_receive(uint16_t port) {
    (void)port;
}

int uart_read(uint16_t port) {
    (void)port;
    return -1;
}

static void on_input(struct device_access *device, struct unidbg_frame *frame) {
    (void)device;
    (void)frame;
    loop_notify(LOOP_CONSOLE);
}

void uart_console_start(void) {
    vector = device_connect(
        device_add((struct device_access){.name = "console", .irq = DEVICE_NO_IRQ, .handler = on_input}));
    is_open = true;
}

size_t uart_console_read(char *into, size_t size) {
    size_t length = input_length < size ? input_length : size;
    __builtin_memcpy(into, input, length);
    __builtin_memmove(input, input + length, input_length - length);
    input_length -= length;
    return length;
}

/* It is entry 0. */
void hosted_console_fill(struct hosted_polls *polls) {
    bool wanted = is_open && input_length < INPUT_BYTES;
    polls->entries[0] = (struct pollfd){.fd = wanted ? STDIN_FILENO : -1, .events = POLLIN};
    polls->count = 1;
}

void hosted_console_polled(const struct hosted_polls *polls) {
    if (polls->entries[0].fd < 0 || polls->entries[0].revents == 0) {
        return;
    }
    ssize_t got = read(STDIN_FILENO, input + input_length, INPUT_BYTES - input_length);
    is_open = got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
    if (got > 0) {
        input_length += (size_t)got;
        hosted_raise(vector);
    }
}
