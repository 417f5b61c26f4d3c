/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest's memory as a client shall see it: without breakpoints, without devices, without faults. */
#ifndef MEMORY_H
#define MEMORY_H

#include <unidbg/stub.h>

#include "packet.h"

/* Memory is moved in pieces of this size, on the stack. */
enum { MEMORY_PIECE = 128 };

/* Read up to `count` bytes; gives how many from the start could be read. */
size_t memory_read(struct unidbg_stub *stub, void *to, uint64_t address, size_t count);
/* Bytes of [address, address + count) before the first that lies in a device, or wraps around. */
size_t memory_outside_devices(const struct unidbg_stub *stub, uint64_t address, size_t count);
/* Append what can be read of a range; gives its length. Ends before the packet is full: each byte can take
 * two. */
typedef void memory_put(struct unidbg_stub *stub, const void *bytes, size_t count);
size_t memory_append(struct unidbg_stub *stub, uint64_t address, uint64_t count, memory_put *put);
/* The error for what is no range. */
enum verdict memory_malformed(struct unidbg_stub *stub);
/* Write; gives how many from the start were written. Read-only memory is written through poke_text. */
size_t memory_write(struct unidbg_stub *stub, uint64_t address, const uint8_t *from, size_t count);

#endif
