/* SPDX-License-Identifier: BSD-3-Clause */
/* The one table of packets. */
#include "allow.h"
#include "arch.h"
#include "features.h"
#include "packet.h"
#include "resume.h"
#include "wire.h"

/* NAME, handler, what it needs of ALLOW_... A name of one letter is followed by its arguments at once; a longer
 * one by its end, or by one of : ; , or by anything if it is a PREFIX (QTStart). Longer names come before letters. */
enum { PREFIX = 128 };

/* clang-format off */
#define PACKETS(X)                                                              \
    X("qSupported", packet_qSupported, 0)                                       \
    X("QStartNoAckMode", packet_QStartNoAckMode, 0)                             \
    X("qAttached", packet_qAttached, 0)                                         \
    X("QUnidbgLease", packet_QUnidbgLease, 0)                                   \
    X("qUnidbgStop", packet_qUnidbgStop, 0)                                     \
    IF_LOOK(X("qUnidbgStood", packet_qUnidbgStood, 0))                          \
    IF_VCONT(X("vCont?", packet_vCont_question, 0))                             \
    IF_VCONT(X("vCont", packet_vCont, 0))                                       \
    IF_THREADS(X("qC", packet_qC, 0))                                           \
    IF_THREADS(X("qfThreadInfo", packet_qfThreadInfo, 0))                       \
    IF_THREADS(X("qsThreadInfo", packet_qsThreadInfo, 0))                       \
    IF_THREADS(X("qThreadExtraInfo", packet_qThreadExtraInfo, 0))               \
    IF_ALLOW(X("QAllow", packet_QAllow, 0))                                     \
    IF_DOCUMENTS(X("qOffsets", packet_qOffsets, 0))                             \
    IF_DOCUMENTS(X("qXfer", packet_qXfer, 0))                                   \
    IF_BULK(X("MultiMemRead", packet_MultiMemRead, 0))                          \
    IF_BULK(X("qSearch", packet_qSearch, 0))                                    \
    IF_BULK(X("qCRC", packet_qCRC, 0))                                          \
    IF_MONITOR(X("qRcmd", packet_qRcmd, 0))                                     \
    IF_NONSTOP(X("QNonStop", packet_QNonStop, 0))                               \
    IF_NONSTOP(X("vStopped", packet_vStopped, 0))                               \
    IF_NONSTOP(X("vCtrlC", packet_vCtrlC, 0))                                   \
    IF_LLDB(X("QThreadSuffixSupported", packet_QThreadSuffixSupported, 0))      \
    IF_LLDB(X("QListThreadsInStopReply", packet_QListThreadsInStopReply, 0))    \
    IF_LLDB(X("qHostInfo", packet_qHostInfo, 0))                                \
    IF_LLDB(X("qProcessInfo", packet_qProcessInfo, 0))                          \
    IF_LLDB(X("qMemoryRegionInfo", packet_qMemoryRegionInfo, 0))                \
    IF_LLDB(X("jThreadsInfo", packet_jThreadsInfo, 0))                          \
    IF_LLDB(IF_TEXTS(X("QEnableErrorStrings", packet_QEnableErrorStrings, 0)))  \
    IF_TRACE(X("QT", packet_QT, PREFIX | ALLOW_TRACES))                          \
    IF_TRACE(X("qT", packet_qT, PREFIX))                                       \
    IF_MONITOR(X("vKill", packet_D, 0))                                         \
    IF_MONITOR(X("!", packet_bang, 0))                                          \
    IF_MONITOR(X("R", packet_R, 0))                                             \
    IF_THREADS(X("H", packet_H, 0))                                             \
    IF_THREADS(X("T", packet_T, 0))                                             \
    IF_BULK(X("x", packet_x, 0))                                                \
    IF_BULK(X("X", packet_X, ALLOW_MEMORY))                                     \
    X("m", packet_m, 0)                                                         \
    X("g", packet_g, 0)                                                         \
    IF_DOCUMENTS(X("p", packet_p, 0))                                                         \
    X("c", packet_resume, 0)                                                    \
    X("s", packet_resume, ALLOW_STEPS)                                          \
    X("Z", packet_Z, ALLOW_BREAKPOINTS)                                         \
    X("z", packet_Z, ALLOW_BREAKPOINTS)                                         \
    X("?", packet_question, 0)                                                  \
    X("M", packet_M, ALLOW_MEMORY)                                              \
    IF_BULK(X("G", packet_G, ALLOW_REGISTERS))                                           \
    X("P", packet_P, ALLOW_REGISTERS)                                           \
    X("C", packet_resume, 0)                                                    \
    X("S", packet_resume, ALLOW_STEPS)                                          \
    X("D", packet_D, 0)                                                         \
    X("k", packet_k, 0)
/* clang-format on */

#define NAME(name, run, needs) name "\0"
#define RUN(name, run, needs) run,
#define NEEDS(name, run, needs) needs,

static const char packet_names[] = PACKETS(NAME);
static handler *const packet_handlers[] = {PACKETS(RUN)};
static const uint8_t packet_needs[] = {PACKETS(NEEDS)};

static bool word_ends(const struct scan *scan) {
    return scan_done(scan) || *scan->at == ':' || *scan->at == ';' || *scan->at == ',';
}

/* The row of the packet; the scan stands behind its name. */
static unsigned find_row(struct scan *scan) {
    const uint8_t *start = scan->at;
    unsigned row = 0;

    for (const char *name = packet_names; *name; name = text_at(name, 1), row++) {
        scan->at = start;
        if (scan_word(scan, name) && (!name[1] || packet_needs[row] & PREFIX || word_ends(scan)))
            break;
    }
    return row;
}

struct job {
    struct unidbg_stub *stub;
    struct scan scan;
    handler *run;
    enum verdict verdict;
};

static void do_job(void *argument) {
    struct job *job = argument;
    job->verdict = job->run(job->stub, &job->scan);
}

static bool guarded(struct unidbg_stub *stub, struct job *job) {
    if (WITH_GUARD)
        return arch_guarded(&stub->guard, do_job, job);
    do_job(job);
    return true;
}

/* Handlers call functions of the guest (threads, monitor commands), which can fault: that is an error, too.
 */
static enum verdict handle(struct unidbg_stub *stub, struct scan scan) {
    struct job job = {stub, scan, NULL, REPLY};
    unsigned at = find_row(&job.scan);

    wire_begin(stub);
    if (at < sizeof packet_needs) {
        job.run = packet_handlers[at];
        if (packet_needs[at] & ALLOW_ALL & ~allow_now(stub))
            reply_error(stub, ERROR_GENERAL, "not allowed here");
        else if (!guarded(stub, &job))
            reply_error(stub, ERROR_FAULT, "code of the guest faulted while it made the answer");
    }
    if (stub->out.overflow)
        reply_error(stub, ERROR_SPACE, "the reply is longer than a packet");
    if (!(job.verdict & SILENT))
        wire_finish(stub);
    return job.verdict;
}

#if WITH_LOOK
/* Packets that came as one, each with a reply of its own; then the guest goes on, if it stands for us. */
static enum verdict look_around(struct unidbg_stub *stub, struct scan scan) {
    while (!scan_done(&scan)) {
        struct scan part = scan;
        part.end = scan_past(&scan, '|') ? scan.at - 1 : scan.end;
        handle(stub, part);
    }
    return resume_attached(stub);
}
#endif

enum verdict packet_handle(struct unidbg_stub *stub) {
    struct scan scan = {stub->in.data, stub->in.data + stub->in.length, false};

    IF_LOOK(if (scan_word(&scan, "vUnidbgLook|")) return look_around(stub, scan);)
    return handle(stub, scan);
}
