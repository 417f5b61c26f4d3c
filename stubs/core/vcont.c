/* SPDX-License-Identifier: BSD-3-Clause */
/* vCont: what each thread is to do. */
#include "allow.h"
#include "nonstop.h"
#include "packet.h"
#include "resume.h"
#include "threads.h"

enum verdict packet_vCont_question(struct unidbg_stub *stub, struct scan *scan) {
    (void)scan;
    return reply_text(stub, stub->allowed & ALLOW_STEPS ? "vCont;c;C;s;S;t;r" : "vCont;c;C;t");
}

bool resume_scan_action(struct scan *scan, struct resume_action *action) {
    char letter = scan_done(scan) ? 0 : (char)*scan->at++;

    *action = (struct resume_action){.stop = letter == 't',
                                     .step = letter == 's' || letter == 'S' || letter == 'r'};
    if (letter == 'r')
        scan_fields(scan, "x,x", &action->start, &action->end);
    else if (letter == 'C' || letter == 'S')
        scan_hex(scan);
    else if (letter != 'c' && letter != 's' && letter != 't')
        scan->failed = true;
    return !scan->failed;
}

/* The leftmost action that means a thread is the thread's. One CPU stands, so what it runs decides: other
 * threads go on when the guest's scheduler says so. Thread 0 is any. */
enum verdict packet_vCont(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t current = thread_current(stub);
    struct resume_action action;

    if (stub->nonstop)
        return nonstop_resume(stub, scan);
    while (scan_take(scan, ';') && resume_scan_action(scan, &action)) {
        uint64_t thread = scan_take(scan, ':') ? thread_scan(scan) : THREAD_ALL;
        if (scan->failed)
            break;
        if (!action.stop && (thread == THREAD_ALL || thread == THREAD_ANY || thread == current))
            return resume_as(stub, action);
    }
    return reply_error(stub, ERROR_INVALID, "no action for the stopped thread: others cannot run without it");
}
