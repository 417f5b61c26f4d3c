/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this guest says of itself: one `path=value` a line, the path being that of unidbg's JSON views (docs/abi.md,
 * "monitor stats"). The debugger's answers are held against it.
 */
#ifndef LIBOS_STATS_H
#define LIBOS_STATS_H

/* Prints one view ("heap"), or all of them for "", or "slots": the many small parts of the view rings. The text comes to emit in pieces; it allocates nothing. */
void stats_print(const char *view, void (*emit)(void *context, const char *text), void *context);

#endif
