/* SPDX-License-Identifier: BSD-3-Clause */
/* A machine that is not there: memory in segments and a CPU that knows some thirty instructions. The stub
 * runs on it as in a kernel, but on the host, under sanitizers, and always the same way. */
#ifndef MACHINE_H
#define MACHINE_H

#include <unidbg/stub.h>

enum { SEGMENTS = 8, DEBUG_SLOTS = 4, PARKED = 2 };

struct segment {
    uint64_t start;
    uint64_t size;
    uint32_t flags; /* UNIDBG_READ ... */
    const char *name;
    uint8_t *bytes;
};

struct debug_slot {
    uint64_t address;
    unsigned length; /* 0: free */
    enum unidbg_hardware kind;
};

struct machine {
    struct segment segments[SEGMENTS];
    unsigned segment_count;
    struct unidbg_frame frame;
    struct debug_slot slots[DEBUG_SLOTS];
    uint32_t hits;         /* slots that have hit */
    uint64_t instructions; /* executed */
    uint64_t device_reads; /* of device memory: must stay 0 */
    bool parked;           /* there are two more threads, whose registers are known in part */
    bool halted;           /* at hlt */
};

/* Add zeroed memory. */
struct segment *machine_map(struct machine *machine, const char *name, uint64_t start, uint64_t size,
                            uint32_t flags);
/* Load the segments of an ELF file, add a stack and a device, and stand at its entry. False: it cannot. */
bool machine_load(struct machine *machine, const char *path);
void machine_free(struct machine *machine);

/* As the guest's CPU: up to `count` bytes where the flags allow it. */
size_t machine_read(struct machine *machine, void *to, uint64_t address, size_t count);
size_t machine_write(struct machine *machine, uint64_t address, const void *from, size_t count);

/* Fill in all of the port but the line, time and idle. `context` is the machine. */
void machine_port(struct machine *machine, struct unidbg_port *port);

/* What an instruction ended in. */
enum { CPU_RUNS = -1, CPU_HALTS = -2 };
/* Execute one instruction: CPU_RUNS, CPU_HALTS, or the vector of the exception (set in the frame too). */
int cpu_step(struct machine *machine);

#endif
