/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals as traps: the kernel saves the registers, and takes them back as the stub leaves them. */
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#include "hosted.h"

enum { STACK = 262144, TICK_US = 50000, INTERRUPT = 32 };
/* Of the 512 bytes of fxsave the last 48 are the kernel's own. */
enum { FXSAVE = 464 };
static const uint64_t linger_ns = 10000000000; /* longer than any lease that a client asks for */

static struct unidbg_hosted *the_hosted;
static struct unidbg_hosted_events the_events;
static uint8_t stack[STACK] __attribute__((aligned(16)));

struct place {
    uint16_t offset; /* in the frame */
    uint16_t number; /* in gregs */
};

#define AT(member, number)                                                                                   \
    { offsetof(struct unidbg_frame, member), number }
static const struct place places[] = {
    AT(rax, REG_RAX), AT(rbx, REG_RBX), AT(rcx, REG_RCX),    AT(rdx, REG_RDX), AT(rsi, REG_RSI),
    AT(rdi, REG_RDI), AT(rbp, REG_RBP), AT(r8, REG_R8),      AT(r9, REG_R9),   AT(r10, REG_R10),
    AT(r11, REG_R11), AT(r12, REG_R12), AT(r13, REG_R13),    AT(r14, REG_R14), AT(r15, REG_R15),
    AT(rip, REG_RIP), AT(rsp, REG_RSP), AT(rflags, REG_EFL),
};

static uint64_t *member(struct unidbg_frame *frame, const struct place *place) {
    return (uint64_t *)((uint8_t *)frame + place->offset);
}

static void take(struct unidbg_frame *frame, const ucontext_t *context) {
    const greg_t *from = context->uc_mcontext.gregs;

    memset(frame, 0, sizeof *frame);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        *member(frame, &places[i]) = (uint64_t)from[places[i].number];
    frame->vector = (uint64_t)from[REG_TRAPNO];
    frame->error_code = (uint64_t)from[REG_ERR];
    frame->cr2 = (uint64_t)from[REG_CR2];
    frame->cs = (uint64_t)from[REG_CSGSFS] & 0xffff;
    if (context->uc_mcontext.fpregs)
        memcpy(frame->fxsave, context->uc_mcontext.fpregs, FXSAVE);
}

static void give(struct unidbg_frame *frame, ucontext_t *context) {
    greg_t *to = context->uc_mcontext.gregs;

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        to[places[i].number] = (greg_t)*member(frame, &places[i]);
    if (context->uc_mcontext.fpregs)
        memcpy(context->uc_mcontext.fpregs, frame->fxsave, FXSAVE);
}

static void run(int number, struct unidbg_frame *frame) {
    if (number != SIGIO && number != SIGALRM) {
        the_events.exception(frame);
        return;
    }
    frame->vector = INTERRUPT;
    if (number == SIGIO)
        the_events.line(frame);
    else
        the_events.tick(frame);
}

static void on_signal(int number, siginfo_t *info, void *context) {
    struct unidbg_frame frame;

    (void)info;
    take(&frame, context);
    run(number, &frame);
    give(&frame, context);
    if (number == SIGALRM && the_hosted->client < 0 && hosted_now() - the_hosted->gone_ns > linger_ns)
        hosted_tick(false);
}

void hosted_tick(bool on) {
    struct timeval period = {.tv_usec = on ? TICK_US : 0};
    struct itimerval timer = {period, period};
    setitimer(ITIMER_REAL, &timer, NULL);
}

void unidbg_hosted_signals(struct unidbg_hosted *hosted, const struct unidbg_hosted_events *events) {
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGIO, SIGALRM};
    /* A fault inside of a handler is the stub's own, and has to come through. */
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER};
    stack_t where = {.ss_sp = stack, .ss_size = sizeof stack};

    the_hosted = hosted;
    the_events = *events;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGIO);
    sigaddset(&action.sa_mask, SIGALRM);
    sigaltstack(&where, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    hosted_announce(hosted);
}
