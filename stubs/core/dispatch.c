/* SPDX-License-Identifier: BSD-3-Clause */
/* The one table of packets. */
#include "allow.h"
#include "arch.h"
#include "features.h"
#include "packet.h"
#include "reply.h"
#include "resume.h"
#include "wire.h"

struct command {
    const char *name;
    handler *run;
    uint8_t needs; /* ALLOW_... */
};

/* A name is followed by its end, or by one of : ; , or by anything where it ends in a star. */
static const struct command words[] = {
    {"qSupported", packet_qSupported, 0},
    {"QStartNoAckMode", packet_QStartNoAckMode, 0},
    {"vCont?", packet_vCont_question, 0},
    {"vCont", packet_vCont, 0},
    {"qC", packet_qC, 0},
    {"qfThreadInfo", packet_qfThreadInfo, 0},
    {"qsThreadInfo", packet_qsThreadInfo, 0},
    {"qAttached", packet_qAttached, 0},
    {"vKill", packet_vKill, 0},
    {"QUnidbgLease", packet_QUnidbgLease, 0},
    {"qUnidbgStop", packet_qUnidbgStop, 0},
    {"qUnidbgStood", packet_qUnidbgStood, 0},
    {"QAllow", packet_QAllow, 0},
    {"qOffsets", packet_qOffsets, 0},
#if WITH_THREADS
    {"qThreadExtraInfo", packet_qThreadExtraInfo, 0},
#endif
#if WITH_DOCUMENTS
    {"qXfer", packet_qXfer, 0},
#endif
#if WITH_BULK
    {"MultiMemRead", packet_MultiMemRead, 0},
    {"qSearch", packet_qSearch, 0},
    {"qCRC", packet_qCRC, 0},
#endif
#if WITH_MONITOR
    {"qRcmd", packet_qRcmd, 0},
#endif
#if WITH_NONSTOP
    {"QNonStop", packet_QNonStop, 0},
    {"vStopped", packet_vStopped, 0},
    {"vCtrlC", packet_vCtrlC, 0},
#endif
#if WITH_LLDB
#if WITH_TEXTS
    {"QEnableErrorStrings", packet_QEnableErrorStrings, 0},
#endif
    {"QThreadSuffixSupported", packet_QThreadSuffixSupported, 0},
    {"QListThreadsInStopReply", packet_QListThreadsInStopReply, 0},
    {"qHostInfo", packet_qHostInfo, 0},
    {"qProcessInfo", packet_qProcessInfo, 0},
    {"qMemoryRegionInfo", packet_qMemoryRegionInfo, 0},
    {"jThreadsInfo", packet_jThreadsInfo, 0},
#endif
#if WITH_TRACE /* prefixes, not words: QTStart, qTStatus */
    {"QT*", packet_QT, ALLOW_TRACES},
    {"qT*", packet_qT, 0},
#endif
};

/* A letter is followed by its arguments at once. */
static const struct command letters[] = {
    {"m", packet_m, 0},
    {"x", packet_x, 0},
    {"g", packet_g, 0},
    {"p", packet_p, 0},
    {"c", packet_c, 0},
    {"s", packet_s, ALLOW_STEPS},
    {"Z", packet_Z, ALLOW_BREAKPOINTS},
    {"z", packet_z, ALLOW_BREAKPOINTS},
    {"H", packet_H, 0},
    {"T", packet_T, 0},
    {"?", packet_question, 0},
    {"M", packet_M, ALLOW_MEMORY},
    {"X", packet_X, ALLOW_MEMORY},
    {"G", packet_G, ALLOW_REGISTERS},
    {"P", packet_P, ALLOW_REGISTERS},
    {"C", packet_C, 0},
    {"S", packet_S, ALLOW_STEPS},
    {"D", packet_D, 0},
    {"k", packet_k, 0},
    {"R", packet_R, 0},
    {"!", packet_bang, 0},
};

static bool word_ends(const struct scan *scan) {
    if (scan_done(scan))
        return true;
    return *scan->at == ':' || *scan->at == ';' || *scan->at == ',';
}

/* The scan stands behind the name where it fits. */
static bool fits(struct scan *scan, const char *name) {
    struct scan rest = *scan;

    for (; *name && *name != '*'; name++) {
        if (!scan_take(&rest, *name))
            return false;
    }
    if (!*name && !word_ends(&rest))
        return false;
    *scan = rest;
    return true;
}

static const struct command *find_word(struct scan *scan) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (fits(scan, words[i].name))
            return &words[i];
    }
    return NULL;
}

static const struct command *find_letter(struct scan *scan) {
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (scan_take(scan, letters[i].name[0]))
            return &letters[i];
    }
    return NULL;
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

/* Handlers call functions of the guest (threads, monitor commands), which can fault: that is an error, too.
 */
static enum verdict handle(struct unidbg_stub *stub, struct scan scan) {
    struct job job = {stub, scan, NULL, REPLY};
    const struct command *command = find_word(&job.scan);

    if (!command)
        command = find_letter(&job.scan);
    if (command)
        job.run = command->run;
    wire_begin(stub);
    if (command && command->needs & ~allow_now(stub))
        reply_error(stub, ERROR_GENERAL, "not allowed here");
    else if (command && !arch_guarded(&stub->guard, do_job, &job))
        reply_error(stub, ERROR_FAULT, "code of the guest faulted while it made the answer");
    else if (stub->out.overflow)
        reply_error(stub, ERROR_SPACE, "the reply is longer than a packet");
    if (job.verdict & REPLY)
        wire_finish(stub);
    return job.verdict;
}

/* Packets that came as one, each with a reply of its own; then the guest goes on, if it stands for us. */
static enum verdict look(struct unidbg_stub *stub, struct scan scan) {
    while (!scan_done(&scan)) {
        struct scan part = scan;
        part.end = scan_past(&scan, '|') ? scan.at - 1 : scan.end;
        handle(stub, part);
    }
    return resume_attached(stub);
}

enum verdict packet_handle(struct unidbg_stub *stub) {
    struct scan scan = {stub->in.data, stub->in.data + stub->in.length, false};

    return scan_word(&scan, "vUnidbgLook|") ? look(stub, scan) : handle(stub, scan);
}
