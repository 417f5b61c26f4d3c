/* SPDX-License-Identifier: BSD-3-Clause */
/* The state of the stub. It stands here so that a kernel can allocate it; its members are the stub's own. */
#ifndef UNIDBG_PRIVATE_H
#define UNIDBG_PRIVATE_H

#include <unidbg/frame.h>

/* Breakpoints that can be set at one time. */
#ifndef UNIDBG_BREAKPOINTS
#define UNIDBG_BREAKPOINTS 64
#endif
/* Hardware slots that are used, at most. */
#define UNIDBG_HARDWARE 8

/* Threads that a client in non-stop mode can hold at one time. */
#ifndef UNIDBG_HELD
#define UNIDBG_HELD 16
#endif

/* Bytes of conditions and commands of breakpoints. */
#ifndef UNIDBG_AGENT_BYTES
#define UNIDBG_AGENT_BYTES 1024
#endif

/* Bytes of the reason for which the guest stands, for those who read memory past the stub. */
#define UNIDBG_TEXT_BYTES 192

struct unidbg_breakpoint {
    uint64_t address;
    uint8_t original; /* the byte under it */
    bool used;
    uint16_t agent_at; /* its code in `agent` */
    uint16_t agent_length;
    bool client; /* a client set it */
    bool traced; /* a tracepoint needs it */
};

struct unidbg_watchpoint {
    uint64_t address;
    uint8_t length; /* 0: slot free */
    uint8_t kind;   /* enum unidbg_hardware */
};

/* Where a packet that comes in stands. */
struct unidbg_receiver {
    uint8_t *data; /* a NUL follows the packet */
    uint32_t size;
    uint32_t length;
    uint8_t state;
    uint8_t sum;      /* of the data, as counted */
    uint8_t expected; /* as sent */
};

/* A packet that goes out; complete (`$...#cc`) after it was sent, for a retransmission. */
struct unidbg_sender {
    uint8_t *data;
    uint32_t size;
    uint32_t length;
    bool overflow;
    bool binary; /* it has binary data: lengths of runs are not put in */
};

/* Bytes that wait to be sent, in a ring. */
struct unidbg_queue {
    uint8_t *data;
    uint32_t size;
    uint32_t first;
    uint32_t count;
    bool notified; /* the line was asked to interrupt */
};

/* Takes the characters of a text. */
struct unidbg_text {
    void (*put)(struct unidbg_text *out, char character);
    struct unidbg_stub *stub;
};

/* What is used most stands first: it is reached by shorter instructions. What ends together stands together. */
struct unidbg_stub {
    const struct unidbg_port *port;
    struct unidbg_frame *frame; /* of the CPU that stands; NULL while the guest runs */
    struct unidbg_receiver in;
    struct unidbg_sender out;
    struct unidbg_text reply; /* text of the packet in `out` */

    /* What a client negotiated: it means nothing to the next. */
    uint8_t allowed;    /* ALLOW_... of core/allow.h: what this client may change */
    bool text_errors;   /* error-message+ */
    bool bare_binary;   /* x as LLDB has it */
    bool nonstop;       /* QNonStop:1 */
    bool notifying;     /* a notification was sent, vStopped has not been answered OK yet */
    bool lldb;          /* a packet came that only LLDB sends */
    bool lldb_threads;  /* QListThreadsInStopReply */
    bool error_strings; /* error-message+ as LLDB has it */

    /* The session: what a client's going ends. */
    bool no_ack;       /* the client asked for it */
    bool spare_ack;    /* the `+` for that answer may still come */
    bool awaited;      /* the client resumed the guest and waits for a stop reply */
    uint8_t probation; /* somebody stopped the guest: answers that it has still to take note of */
    bool stepping;     /* one instruction, or out of the range below */

    bool greeted;           /* a `+` outside of any exchange: a client has just come */
    bool live;              /* a packet is answered while the guest runs */
    bool told_gone;         /* the thread that was told last is not held any more */
    bool quiet;             /* all is sent, and nothing came since */
    bool heard;             /* a byte came since heard_ns was set */
    bool waits;             /* a packet in `in` came while the guest ran */
    bool step_interrupts;   /* steps let interrupts in */
    int16_t pending;        /* a byte that was looked at too early; -1: none */
    uint32_t thread_listed; /* index at which qsThreadInfo goes on */
    uint64_t lease_ns;      /* 0: no lease */

    /* The stop. */
    uint8_t signal;
    uint8_t stop_kind;     /* enum stop_kind of core/stop.h */
    uint8_t stop_hardware; /* enum unidbg_hardware that hit; 0: none */
    uint8_t panic_signal;
    bool captured;          /* the frame has the system registers */
    uint64_t stops;         /* counted since boot */
    uint64_t stop_address;  /* of the watchpoint */
    const char *reason;     /* for people */
    const char *panic_text; /* set by unidbg_panic for the trap that it makes */
    uint64_t heard_ns;      /* when the line last gave a byte */
    uint64_t stood_ns;      /* how long the guest stood at the last of them that ended */

    /* The thread that g and p mean (Hg); 0: any. */
    uint64_t thread_general;
    uint64_t other_id; /* 0: `other` holds nothing */
    unsigned other_known;
    struct unidbg_queue queue;
    char text[UNIDBG_TEXT_BYTES]; /* the whole reason of a fatal stop; empty: there is none */

    /* Non-stop: threads that are held, `told` of them told. */
    uint64_t held[UNIDBG_HELD];
    uint64_t stop_asked; /* a thread is to stop; 0: none, THREAD_ALL: all */
    uint8_t held_count;
    uint8_t told;
    uint8_t asked_signal;

    struct unidbg_frame other; /* registers of a thread that is not the stopped one */

    struct unidbg_guard guard; /* around the handling of a packet */

    /* Going on. */
    uint64_t range_start;
    uint64_t range_end;
    struct unidbg_step step; /* the architecture's: the step under way */
    struct unidbg_slot slot;
    uint64_t passing; /* a breakpoint that is taken out inside of the stub */

    struct unidbg_breakpoint breakpoints[UNIDBG_BREAKPOINTS];
    struct unidbg_watchpoint watchpoints[UNIDBG_HARDWARE];
    uint32_t agent_used;
    uint8_t agent[UNIDBG_AGENT_BYTES];
};

#endif
