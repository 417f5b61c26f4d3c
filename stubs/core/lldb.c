/* SPDX-License-Identifier: BSD-3-Clause */
/* What LLDB asks before it believes in a server. */
#include "arch.h"
#include "packet.h"
#include "reply.h"

enum verdict packet_QThreadSuffixSupported(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    stub->lldb = true;
    reply_ok(stub);
    return REPLY;
}

enum verdict packet_QListThreadsInStopReply(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    stub->lldb = true;
    stub->lldb_threads = true;
    reply_ok(stub);
    return REPLY;
}

enum verdict packet_qHostInfo(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    stub->lldb = true;
    reply_text(stub, "triple:");
    reply_hex_text(stub, arch_triple());
    reply_text(stub, ";ptrsize:8;endian:little;");
    return REPLY;
}

enum verdict packet_qProcessInfo(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    stub->lldb = true;
    reply_text(stub, "pid:1;triple:");
    reply_hex_text(stub, arch_triple());
    reply_text(stub, ";ptrsize:8;endian:little;");
    return REPLY;
}
