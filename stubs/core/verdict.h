/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VERDICT_H
#define VERDICT_H

/* What comes of a packet. Most appends answer REPLY, so that they can be a handler's last words. */
enum verdict {
    REPLY = 0,  /* send what was appended */
    SILENT = 1, /* no reply */
    LEAVE = 2,  /* the guest goes on */
};

#endif
