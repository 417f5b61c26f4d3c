/* SPDX-License-Identifier: BSD-3-Clause */
/* What belongs to one client and ends when it goes. */
#ifndef SESSION_H
#define SESSION_H

#include <unidbg/stub.h>

/* A client left, or vanished: breakpoints are removed, everything it asked for is undone. */
void session_end(struct unidbg_stub *stub);
/* A `+` came. */
void session_ack(struct unidbg_stub *stub);
/* A packet came: acknowledge it if that is due, and see whether it is a new client's first. */
void session_packet(struct unidbg_stub *stub);
/* Is the packet that came one that a running guest answers? */
bool session_asks_no_stop(const struct unidbg_stub *stub);
/* Now, ns; 0 without a clock. */
uint64_t session_now(const struct unidbg_stub *stub);
/* The next byte, or SESSION_SILENT after `patience_ns` without one. Needs a clock. */
enum { SESSION_SILENT = -1 };
int session_wait(struct unidbg_stub *stub, uint64_t patience_ns);
/* A byte came. */
void session_heard(struct unidbg_stub *stub);
/* Has the client been silent for longer than it may? */
bool session_silent(struct unidbg_stub *stub);

#endif
