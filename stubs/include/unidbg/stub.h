/* SPDX-License-Identifier: BSD-3-Clause */
/* The unidbg stub: a GDB Remote Serial Protocol server that is linked into a kernel.
 *
 * The kernel allocates one `struct unidbg_stub` and one buffer, fills a `struct unidbg_port`, and calls the
 * functions below from its exception, interrupt and timer handlers. The stub has no other state and calls
 * nothing but the port. See docs/porting.md.
 */
#ifndef UNIDBG_STUB_H
#define UNIDBG_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <unidbg/port.h>

#ifdef __cplusplus
extern "C" {
#endif

struct unidbg_stub;

/* Bytes that an instruction stepped out of line needs. */
#define UNIDBG_SLOT_SIZE 32

/* Smallest buffer. PacketSize is about half of the buffer (a third, where the port has `room`): 33 KiB give
 * packets of 16 KiB. */
#define UNIDBG_BUFFER_MIN 2112
/* Bytes of buffer for packets of `size` bytes; the second with a queue of that size, for a port with `room`.
 */
#define UNIDBG_BUFFER_FOR(size) (2 * ((size) + 16))
#define UNIDBG_BUFFER_QUEUED(size) (3 * ((size) + 16))

/* Signals, as gdb numbers them. */
enum unidbg_signal {
    UNIDBG_SIGINT = 2,
    UNIDBG_SIGILL = 4,
    UNIDBG_SIGTRAP = 5,
    UNIDBG_SIGABRT = 6,
    UNIDBG_SIGFPE = 8,
    UNIDBG_SIGBUS = 10,
    UNIDBG_SIGSEGV = 11,
};

/* Start the stub. Once, before any other call; `port` and `buffer` must stay. False: a required function
 * of the port is missing or the buffer is too small. Sends nothing. */
bool unidbg_init(struct unidbg_stub *stub, const struct unidbg_port *port, void *buffer, size_t size);

/* From each exception handler, with interrupts off and the whole frame saved. True: go on from the frame
 * (which may have changed). False: not the stub's business (a vector that is no exception).
 * First come the faults of the stub's own reads, which never stop; then breakpoints and steps of a client;
 * all else is fatal: the guest stops here with signal and reason, and waits for a client that lets it go. */
bool unidbg_trap(struct unidbg_stub *stub, struct unidbg_frame *frame);

/* For a kernel that handles some faults itself (demand paging): call this first. True: it was a read of the
 * stub's own, return from the exception at once. It also moves a frame that faulted in the stepping slot
 * back to the instruction's own address. */
bool unidbg_fixup(struct unidbg_stub *stub, struct unidbg_frame *frame);

/* From the line's interrupt, or from a poll where there is none. Returns at once unless a client has come:
 * the first whole packet and 0x03 stop the guest, and the call returns when the client lets it go. */
void unidbg_irq(struct unidbg_stub *stub, struct unidbg_frame *frame);

/* From a periodic timer interrupt (10 to 1000 Hz): ends leases of clients that fell silent, and sends what
 * waits where the line has no interrupt for that. Cheap. */
void unidbg_tick(struct unidbg_stub *stub, struct unidbg_frame *frame);

/* Stop here with a signal and a reason ("out of memory"), where a frame is at hand. */
void unidbg_stop(struct unidbg_stub *stub, struct unidbg_frame *frame, enum unidbg_signal signal,
                 const char *reason);

/* The same for code that has no frame, such as panic(): notes the reason and executes a breakpoint
 * instruction, which must be wired to unidbg_trap. Returns if the client says continue. */
void unidbg_panic(struct unidbg_stub *stub, enum unidbg_signal signal, const char *reason);

/* Call code that may fault, while the guest stands; false: it did. */
bool unidbg_guarded(struct unidbg_stub *stub, void (*call)(void *argument), void *argument);

/* Is a client there: stopped by one, or resumed by one that waits for the next stop? */
bool unidbg_attached(const struct unidbg_stub *stub);

#ifdef __cplusplus
}
#endif

#include <unidbg/private.h>

#endif
