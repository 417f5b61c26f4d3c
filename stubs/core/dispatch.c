/* SPDX-License-Identifier: BSD-3-Clause */
/* The one table of packets. */
#include "arch.h"
#include "packet.h"
#include "reply.h"
#include "resume.h"
#include "wire.h"

struct command {
    const char *name;
    handler *run;
};

/* A name is followed by its end, or by one of : ; , ? */
static const struct command words[] = {
    {"qSupported", packet_qSupported},
    {"QStartNoAckMode", packet_QStartNoAckMode},
    {"qXfer", packet_qXfer},
    {"vCont?", packet_vCont_question},
    {"vCont", packet_vCont},
    {"MultiMemRead", packet_MultiMemRead},
    {"qC", packet_qC},
    {"qfThreadInfo", packet_qfThreadInfo},
    {"qsThreadInfo", packet_qsThreadInfo},
    {"qThreadExtraInfo", packet_qThreadExtraInfo},
    {"qRcmd", packet_qRcmd},
    {"qSearch", packet_qSearch},
    {"qCRC", packet_qCRC},
    {"qAttached", packet_qAttached},
    {"vKill", packet_vKill},
    {"QUnidbgLease", packet_QUnidbgLease},
    {"qUnidbgStop", packet_qUnidbgStop},
    {"qUnidbgStood", packet_qUnidbgStood},
    {"QThreadSuffixSupported", packet_QThreadSuffixSupported},
    {"QListThreadsInStopReply", packet_QListThreadsInStopReply},
    {"qHostInfo", packet_qHostInfo},
    {"qProcessInfo", packet_qProcessInfo},
    {"qMemoryRegionInfo", packet_qMemoryRegionInfo},
    {"jThreadsInfo", packet_jThreadsInfo},
};

/* A letter is followed by its arguments at once. */
static const struct command letters[] = {
    {"m", packet_m},        {"x", packet_x}, {"g", packet_g}, {"p", packet_p}, {"c", packet_c},
    {"s", packet_s},        {"Z", packet_Z}, {"z", packet_z}, {"H", packet_H}, {"T", packet_T},
    {"?", packet_question}, {"M", packet_M}, {"X", packet_X}, {"G", packet_G}, {"P", packet_P},
    {"C", packet_C},        {"S", packet_S}, {"D", packet_D}, {"k", packet_k}, {"R", packet_R},
    {"!", packet_bang},
};

static bool word_ends(const struct scan *scan) {
    if (scan_done(scan))
        return true;
    return *scan->at == ':' || *scan->at == ';' || *scan->at == ',';
}

static handler *find_word(struct scan *scan) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct scan rest = *scan;
        if (scan_word(&rest, words[i].name) && word_ends(&rest)) {
            *scan = rest;
            return words[i].run;
        }
    }
    return NULL;
}

static handler *find_letter(struct scan *scan) {
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (scan_take(scan, letters[i].name[0]))
            return letters[i].run;
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

    job.run = find_word(&job.scan);
    if (!job.run)
        job.run = find_letter(&job.scan);
    wire_begin(stub);
    if (job.run && !arch_guarded(&stub->guard, do_job, &job))
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
