/* SPDX-License-Identifier: BSD-3-Clause */
/* A dump that a dead guest sends by itself, as an ELF core, over the line of the stub: for a guest of which
 * nobody else can read the memory. Optional: link crash.o, and before unidbg_init
 *
 *     static struct unidbg_crash crash;
 *     UNIDBG_CRASH_PROBES(&crash);
 *     unidbg_crash_port(&crash, &port);
 *
 * After a fatal stop that no client waits for, the stub says once a second that there is a dump, and sends it
 * to whoever asks: `unidbg dump --receive`. gdb, LLDB and unidbg can attach instead, at any time.
 * docs/abi.md has the protocol.
 */
#ifndef UNIDBG_CRASH_H
#define UNIDBG_CRASH_H

#include <unidbg/stub.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pieces of memory that the minimal form can have. What finds no room is counted, and the dump tells. */
#ifndef UNIDBG_CRASH_RUNS
#define UNIDBG_CRASH_RUNS 256
#endif
/* Bytes of the core in one frame. */
#define UNIDBG_CRASH_CHUNK 1024
/* Frames under way without an acknowledgement, at most. */
#define UNIDBG_CRASH_WINDOW 32

/* How the waiting of a dead guest came to its end. */
enum unidbg_crash_end {
    UNIDBG_CRASH_NOBODY, /* nobody came within the patience */
    UNIDBG_CRASH_TAKEN,  /* somebody has the whole dump */
};

struct unidbg_crash_run {
    uint64_t start, end;
};

struct unidbg_crash {
    /* The kernel's, to be set before unidbg_crash_port; all may stay 0. */

    /* Memory that the minimal form must have besides registers, stacks, probes, and what probes point to: the
     * image's notes, page tables, a log. By index from 0, false after the last. Called with the guest dead:
     * what it reads may be damaged. */
    bool (*part)(void *context, unsigned index, struct unidbg_region *part);
    /* The table of probes: UNIDBG_CRASH_PROBES sets both. */
    const void *probes, *probes_end;
    /* Address of the image's entry point as it runs: debuggers place an image by it that moved itself. */
    uint64_t entry;
    /* Of each stack, from its pointer on; 0: 8192. */
    uint32_t stack_bytes;
    /* After so many milliseconds in which nobody came, `after` is called (it needs `now_ns` of the port). 0: the
     * guest waits for ever, as it does without this. */
    uint32_t patience_ms;
    /* Called once when nobody came, and when somebody has the whole dump: to reboot, say. If it returns, the
     * guest stands and waits as before. */
    void (*after)(void *context, enum unidbg_crash_end end);

    /* The stub's own. */
    bool dead;    /* the guest stands for good */
    bool planned; /* `runs` and `sizes` are made */
    bool quiet;   /* an RSP client is there */
    bool sending;
    bool listening;
    bool cut;       /* the frame that goes out is not to be ended */
    bool ended;     /* `after` was called, or all was taken */
    bool announced; /* once at least */
    uint8_t form;
    uint8_t window;
    uint8_t in_state;
    uint8_t in_length;
    uint8_t out_length;
    uint8_t in[40];
    uint8_t out[16];
    uint32_t sum;
    uint32_t run_count;
    uint32_t followed;     /* pointers */
    uint32_t left_out;     /* pieces that found no room */
    uint64_t id;           /* of this death */
    uint64_t sizes[2];     /* of the core, by form; 0: there is none */
    uint64_t heads[2];     /* where its memory begins */
    uint64_t at;           /* next byte of it to send */
    uint64_t heard_ns;     /* when somebody last came, or the guest died */
    uint64_t announced_ns; /* when that was last done */
    uint64_t piece_at;     /* where in the core the piece under the cursor begins */
    struct unidbg_crash_cursor {
        uint32_t run, region;
        uint64_t at;
        uint64_t start, end; /* of the piece */
        uint32_t flags;
    } cursor;
    uint8_t first, count; /* of the ring of ends below */
    uint64_t ends[UNIDBG_CRASH_WINDOW];
    struct unidbg_crash_run runs[UNIDBG_CRASH_RUNS];
    uint8_t chunk[UNIDBG_CRASH_CHUNK] __attribute__((aligned(8)));
};

/* The linker makes these names. NOLINTBEGIN(bugprone-reserved-identifier) */
extern const char __start_unidbg_probes[] __attribute__((weak));
extern const char __stop_unidbg_probes[] __attribute__((weak));
/* NOLINTEND(bugprone-reserved-identifier) */

#define UNIDBG_CRASH_PROBES(crash_)                                                                          \
    ((crash_)->probes = __start_unidbg_probes, (crash_)->probes_end = __stop_unidbg_probes)

/* Have the stub of this port send dumps. `crash` must stay. */
void unidbg_crash_port(struct unidbg_crash *crash, struct unidbg_port *port);

#ifdef __cplusplus
}
#endif

#endif
