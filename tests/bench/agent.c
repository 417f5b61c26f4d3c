/* SPDX-License-Identifier: BSD-3-Clause */
/* The interpreter alone: evaluations per second of
 * ((((((rax + 5) * 3 - rbx) & 0xff) ^ 0x10) | 1) << 2) == 7, eight operations, on this machine. */
#include <stdio.h>
#include <time.h>

#include "../../stubs/core/agent.h"
#include "../core_c/host/machine.h"

static const uint8_t code[] = {
    0x26, 0x00, 0x00, 0x22, 5,    0x02, /* reg rax, 5, add */
    0x22, 3,    0x04,                   /* 3, mul */
    0x26, 0x00, 0x01, 0x03,             /* reg rbx, sub */
    0x22, 0xff, 0x0f, 0x22, 0x10, 0x11, /* 0xff, and, 0x10, xor */
    0x22, 1,    0x10, 0x22, 2,    0x09, /* 1, or, 2, lsh */
    0x22, 7,    0x13, 0x27,             /* 7, equal, end */
};

static double seconds(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(void) {
    static struct unidbg_stub stub;
    static struct machine machine;
    static struct unidbg_port port;
    struct agent_code agent = {code, sizeof code};
    double start = seconds();
    double spent = 0;
    unsigned long count = 0;

    machine_port(&machine, &port);
    stub.port = &port;
    stub.frame = &machine.frame;
    while (spent < 1.0) {
        for (unsigned i = 0; i < 10000; i++) {
            int64_t value = 1;
            machine.frame.rax = count++;
            if (!agent_evaluate(&stub, agent, &value) || value != 0)
                return 1;
        }
        spent = seconds() - start;
    }
    printf("%.0f\n", (double)count / spent);
    return 0;
}
