/* SPDX-License-Identifier: BSD-3-Clause */
/* What a kernel gives the stub: one table of functions. It is the porting guide, see docs/porting.md.
 *
 * A function that is NULL is a thing that the kernel cannot do; the stub then does not offer it and its
 * qSupported reply follows. Required are `get`, `put` and `peek`. All are called with the guest standing
 * (or from unidbg_irq and unidbg_tick), interrupts off, on the stack of the trap. None may allocate, block
 * or take a lock that the interrupted code can hold.
 */
#ifndef UNIDBG_PORT_H
#define UNIDBG_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct unidbg_stub;
struct unidbg_frame; /* the architecture's: <unidbg/x86_64.h> */

/* Where a function of the guest writes text to: pass it to unidbg_write. */
struct unidbg_text;

/* Write text, as it is. */
void unidbg_write(struct unidbg_text *out, const char *text);
/* Write an unsigned number, decimal or as 0x... */
void unidbg_write_decimal(struct unidbg_text *out, uint64_t value);
void unidbg_write_hex(struct unidbg_text *out, uint64_t value);
/* Begin a column of a row of a table: what is written then is its text. */
void unidbg_column(struct unidbg_text *out, const char *name);

/* A table for `info os NAME` of gdb. `row` writes row `index`, from 0, column by column, each time the same
 * columns; false, and nothing is written: behind the last. The guest stands. */
struct unidbg_table {
    const char *name;
    const char *title; /* for people */
    bool (*row)(unsigned index, struct unidbg_text *out);
};

/* Memory of one kind; `name` is for people ("text", "heap", "local APIC"). */
enum { UNIDBG_READ = 1, UNIDBG_WRITE = 2, UNIDBG_EXECUTE = 4, UNIDBG_DEVICE = 8 };
struct unidbg_region {
    uint64_t start; /* first byte */
    uint64_t end;   /* one past the last byte */
    uint32_t flags; /* UNIDBG_DEVICE: reading has side effects, the stub keeps off */
    const char *name;
};

/* A thread of the guest, or a CPU where the guest has no threads. */
struct unidbg_thread {
    uint64_t id;        /* 1 or more */
    uint32_t cpu;       /* that it runs on, or ran on last */
    const char *name;   /* NULL: none */
    const char *detail; /* state or wait reason, for people; NULL: none */
};

/* A program that the kernel has loaded besides itself. */
struct unidbg_module {
    const char *file; /* as the debugger finds it, or its search path */
    uint64_t address; /* of its first loadable segment */
};

/* Which registers of a frame are known: those of a parked thread are often the callee-saved ones alone. */
enum {
    UNIDBG_CALLEE_SAVED = 1, /* with pc and sp */
    UNIDBG_VOLATILE = 2,     /* the other general ones and the flags */
    UNIDBG_FLOATING = 4,     /* x87 and SSE */
    UNIDBG_SYSTEM = 8,       /* segments and control registers */
    UNIDBG_ALL = 15
};

/* Kinds of hardware breakpoints, numbered as in RSP's Z packets. */
enum unidbg_hardware { UNIDBG_HW_EXECUTE = 1, UNIDBG_HW_WRITE = 2, UNIDBG_HW_READ = 3, UNIDBG_HW_ACCESS = 4 };

struct unidbg_port {
    void *context; /* given to every function below but get and put */
    void *line;    /* given to the functions of the line */

    /* Line. `get` gives a byte (0..255) or -1 if there is none now, and never waits. `put` sends all bytes,
     * waiting for room, but not for ever: a line that takes nothing is given up. */
    int (*get)(void *line);
    void (*put)(void *line, const void *bytes, size_t count);

    /* Sending while the guest runs: replies wait in a queue (give UNIDBG_BUFFER_QUEUED bytes of buffer), and
     * unidbg_irq and unidbg_tick send on. `room`: bytes that `put` takes now without waiting. `notify_room`
     * asks for an interrupt when there is room again, or no more; asked again while there is room, it
     * interrupts at once. NULL: `put` sends all while the guest stands; the tick sends what is left. */
    size_t (*room)(void *line);
    void (*notify_room)(void *line, bool on);

    /* Memory. Each does as many bytes as it can from the start and gives their number: 0 for a bad address.
     * None may fault the guest. `poke_text` also writes read-only code and makes all CPUs see it; without it
     * there are no breakpoints. `poke` leaves protection as it is. */
    size_t (*peek)(void *context, void *to, uint64_t address, size_t count);
    size_t (*poke)(void *context, uint64_t address, const void *from, size_t count);
    size_t (*poke_text)(void *context, uint64_t address, const void *from, size_t count);

    /* Regions, by index from 0; false after the last. List all that a debugger may read: gdb takes the
     * list as complete. UNIDBG_DEVICE ones are kept off. NULL: everything that `peek` can read. */
    bool (*region)(void *context, unsigned index, struct unidbg_region *region);

    /* Registers that the trap entry did not save: `capture` completes the frame when the guest stops,
     * `restore` makes true what a client has changed in it, before the guest goes on. */
    void (*capture)(void *context, struct unidbg_frame *frame);
    void (*restore)(void *context, struct unidbg_frame *frame);

    /* Address of UNIDBG_SLOT_SIZE bytes of executable memory of the current CPU, within 2 GiB of the code,
     * where an instruction under a breakpoint is stepped. NULL: only those that can be emulated are. */
    uint64_t (*slot)(void *context);

    /* Hardware breakpoints and watchpoints: `hardware_slots` of them. `hardware` sets slot n, or clears it
     * with length 0; false: it cannot. A watchpoint for reads may stop at writes, too. `hardware_hits` gives
     * and clears the set of slots (bits) that hit. */
    unsigned hardware_slots;
    bool (*hardware)(void *context, unsigned slot, enum unidbg_hardware kind, uint64_t address,
                     unsigned length);
    uint32_t (*hardware_hits)(void *context);

    /* Threads, by index from 0; false after the last. `thread_frame` gives the registers of one that is not
     * the stopped one, and says in *known which of them are true. `current` is the id of the stopped one.
     * NULL: one thread, number 1. */
    bool (*thread)(void *context, unsigned index, struct unidbg_thread *thread);
    bool (*thread_frame)(void *context, uint64_t id, struct unidbg_frame *frame, unsigned *known);
    uint64_t (*current)(void *context);

    /* The guest stands / goes on: other CPUs are held and let go here, watchdogs and clocks paused. */
    void (*hold)(void *context);
    void (*release)(void *context);

    /* Monotonic time in ns, for the lease. NULL: no leases. It must advance while the guest stands. */
    uint64_t (*now_ns)(void *context);
    /* Called while the stub waits for a byte: `pause`, or a sleep for a host process. */
    void (*idle)(void *context);

    /* `monitor COMMAND`: do it, write the answer to `out`; false: unknown command. */
    bool (*monitor)(void *context, const char *command, struct unidbg_text *out);
    /* Commands by name, asked before `monitor`: UNIDBG_COMMANDS of <unidbg/command.h> fills them in. */
    const struct unidbg_command *commands;
    const struct unidbg_command *commands_end;

    /* Name of the image file, for clients that ask; NULL: not told. */
    const char *exec_file;
    /* Display name of the guest; NULL: "guest". */
    const char *name;

    /* Reboot (`R`, `monitor reboot`) and power off (`monitor kill`); they do not return. `k` detaches. */
    void (*reboot)(void *context);
    void (*kill)(void *context);

    /* Tables for `info os`, besides that of the threads. */
    const struct unidbg_table *tables;
    unsigned table_count;

    /* Run address minus link address of an image that moved itself; told to clients that ask (qOffsets).
     * 0: it runs where it was linked. */
    uint64_t bias;

    /* Groups of registers that no frame of this guest has: UNIDBG_SYSTEM in a process. 0: all are there. */
    unsigned lacks;

    /* Memory for tracepoints and what they collect, UNIDBG_TRACE_MIN bytes or more; NULL: there are none. */
    void *trace;
    size_t trace_size;

    /* A dump that a dead guest sends by itself: unidbg_crash_port of <unidbg/crash.h> sets both. Told of each
     * byte (true: it was not for RSP), of a quiet line (-1; true: something was sent), and of a stop (-2). */
    bool (*crash)(struct unidbg_stub *stub, int event);
    void *crash_state;

    /* Programs that the kernel has loaded, by index from 0; false after the last. gdb and LLDB load their symbols
     * by themselves. NULL: there is nothing but the image. */
    bool (*module)(void *context, unsigned index, struct unidbg_module *module);
};

/* Definitions take 4 KiB of it. */
#define UNIDBG_TRACE_MIN 8192

#ifdef __cplusplus
}
#endif

#endif
