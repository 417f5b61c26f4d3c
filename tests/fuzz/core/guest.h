/* SPDX-License-Identifier: BSD-3-Clause */
/* The stub on the machine of tests/core_c/host, fed by a fuzzer: the same input, the same run. */
#ifndef FUZZ_GUEST_H
#define FUZZ_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <unidbg/crash.h>

/* The guest as it starts, and the stub as it starts. */
void guest_begin(void);
/* Bytes that come on the line, in the order of the calls; room for FUZZ_INPUT of them. */
enum { FUZZ_INPUT = 1 << 16 };
void guest_says(const void *bytes, size_t count);
/* The same in a packet, its sum and escapes right. */
void guest_asks(const void *payload, size_t count);
/* Run until the stub wants more input than there is, or the guest has executed enough. */
void guest_run(void);
/* Before guest_begin: the stub sends dumps, of probes whose table is said to lie there. `more` is asked whenever
 * all was taken; false: that is all. */
struct unidbg_crash *guest_dumps(bool (*more)(void), uint64_t probes, uint64_t end);
/* The line is quiet for so many turns. */
void guest_pauses(unsigned turns);
/* Instead of guest_run: die of a page fault, with nobody attached. */
void guest_dies(void);
/* The address of an instruction that is executed in every turn of the guest's loop. */
uint64_t guest_loop(void);

#endif
