/* SPDX-License-Identifier: BSD-3-Clause */
/* What a dead guest does with its line: it says that it has a dump, sends it to who asks, and leaves the line to
 * RSP as soon as a client of that speaks. docs/abi.md has the frames. */
#include "parts.h"

enum { QUIET = -1, STANDS = -2 }; /* what is told besides bytes */
enum { VERSION = 1, TEXT_BYTES = 96, OFFSET_BYTES = 8 };
enum { ZEROS_MAX = 1 << 20 }; /* looked through in one turn: the line waits meanwhile */
static const uint64_t second = 1000000000;
static const uint64_t patience_of_receiver = 10; /* seconds without a word: it has gone */

static void plan(struct unidbg_stub *stub, struct unidbg_crash *crash) {
    crash->run_count = 0;
    crash->left_out = 0;
    crash->followed = 0;
    crash->piece_at = 0;
    crash_choose(stub, crash);
    crash_measure(stub, crash, FORM_MINIMAL);
    if (stub->port->region)
        crash_measure(stub, crash, FORM_FULL);
}

/* Two deaths must not be taken for one. */
static uint64_t identity(const struct unidbg_stub *stub) {
    const uint8_t *bytes = (const uint8_t *)stub->frame;
    uint64_t sum = 0xcbf29ce484222325 ^ crash_now(stub) ^ stub->stops << 56; /* FNV-1a */

    for (size_t i = 0; i < sizeof *stub->frame; i++)
        sum = (sum ^ bytes[i]) * 0x100000001b3;
    return sum;
}

struct work {
    struct unidbg_stub *stub;
    void (*run)(struct unidbg_stub *stub, struct unidbg_crash *crash);
};

static void do_work(void *argument) {
    struct work *work = argument;

    work->run(work->stub, crash_of(work->stub));
}

/* Functions of the guest are called, and what they read may be damaged. */
static bool guarded(struct unidbg_stub *stub,
                    void (*run)(struct unidbg_stub *stub, struct unidbg_crash *crash)) {
    struct work work = {stub, run};

    return unidbg_guarded(stub, do_work, &work);
}

static bool is_dead(const struct unidbg_stub *stub, const struct unidbg_crash *crash) {
    return crash->dead && stub->frame;
}

/* A guest that is too damaged for its own functions has no dump; RSP can still look at it. */
static bool planned(struct unidbg_stub *stub, struct unidbg_crash *crash) {
    if (!crash->planned) {
        crash->planned = true;
        crash->id = identity(stub);
        if (!guarded(stub, plan))
            crash->sizes[FORM_MINIMAL] = crash->sizes[FORM_FULL] = 0;
    }
    return crash->sizes[FORM_MINIMAL] > 0;
}

/* ---- what is said ---- */

static void announce(struct unidbg_stub *stub, struct unidbg_crash *crash) {
    bool there = is_dead(stub, crash) && planned(stub, crash);
    const char *text = stub->text;

    crash_frame_begin(stub, 'A');
    crash_frame_byte(stub, VERSION);
    crash_frame_byte(stub, there);
    crash_frame_number(stub, crash->id, 8);
    crash_frame_number(stub, there ? crash->sizes[FORM_MINIMAL] : 0, OFFSET_BYTES);
    crash_frame_number(stub, there ? crash->sizes[FORM_FULL] : 0, OFFSET_BYTES);
    for (unsigned i = 0; there && i < TEXT_BYTES && text[i]; i++)
        crash_frame_byte(stub, (uint8_t)text[i]);
    crash_frame_end(stub);
    crash->announced = true;
    crash->announced_ns = crash_now(stub);
}

/* By words: most of a full dump is looked through for nothing but this. */
static bool is_zero(const uint8_t *bytes, size_t count) {
    size_t i = 0;

    while (i + 8 <= count && *(const uint64_t *)(const void *)(bytes + i) == 0)
        i += 8;
    while (i < count && bytes[i] == 0)
        i++;
    return i == count;
}

/* The end of a run of zeros of which `count` are known; 0: there is none. */
static uint64_t end_of_zeros(struct unidbg_stub *stub, struct unidbg_crash *crash, size_t count) {
    uint64_t end = crash->at;

    while (count > 0 && end - crash->at < ZEROS_MAX && is_zero(crash->chunk, count)) {
        end += count;
        count = crash_fetch(stub, crash, end, sizeof crash->chunk);
    }
    return end;
}

static void remember(struct unidbg_crash *crash) {
    crash->ends[(crash->first + crash->count++) % UNIDBG_CRASH_WINDOW] = crash->at;
}

/* One frame of the dump. */
static void send_part(struct unidbg_stub *stub, struct unidbg_crash *crash) {
    uint64_t at = crash->at;
    size_t count = crash_fetch(stub, crash, at, sizeof crash->chunk);
    uint64_t zeros = end_of_zeros(stub, crash, count);

    crash->at = zeros > at ? zeros : at + count; /* first: what comes meanwhile may set it back */
    remember(crash);
    crash_frame_begin(stub, zeros > at ? 'Z' : 'D');
    crash_frame_number(stub, at, OFFSET_BYTES);
    if (zeros > at) {
        crash_frame_number(stub, zeros - at, OFFSET_BYTES);
    } else {
        crash_frame_number(stub, count, 2);
        crash_frame_packed(stub, crash->chunk, count);
    }
    crash_frame_end(stub);
}

/* ---- what is heard ---- */

static uint64_t number_at(const uint8_t *from, unsigned bytes) {
    uint64_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | from[bytes];
    return value;
}

enum { GO_BYTES = 1 + 8 + 1 + OFFSET_BYTES + 1, SEEN_BYTES = 1 + OFFSET_BYTES, BYE_BYTES = 2 };

static void go(struct unidbg_stub *stub, struct unidbg_crash *crash) {
    uint64_t at = number_at(crash->in + 10, OFFSET_BYTES);
    uint8_t form = crash->in[9];
    uint8_t window = crash->in[18];

    if (!is_dead(stub, crash) || !planned(stub, crash) || number_at(crash->in + 1, 8) != crash->id ||
        form > FORM_FULL || at >= crash->sizes[form]) {
        announce(stub, crash); /* so that it learns what there is */
        return;
    }
    if (form != crash->form)
        crash->piece_at = 0;
    crash->form = form;
    crash->at = at;
    crash->window = window < 1 ? 1 : window > UNIDBG_CRASH_WINDOW ? UNIDBG_CRASH_WINDOW : window;
    crash->first = crash->count = 0;
    crash->sending = true;
    crash->cut = true; /* a frame that is under way */
}

static void seen(struct unidbg_crash *crash) {
    uint64_t all = number_at(crash->in + 1, OFFSET_BYTES);

    while (crash->count > 0 && crash->ends[crash->first] <= all) {
        crash->first = (uint8_t)((crash->first + 1) % UNIDBG_CRASH_WINDOW);
        crash->count--;
    }
}

static void end(struct unidbg_stub *stub, struct unidbg_crash *crash, enum unidbg_crash_end how) {
    if (crash->ended)
        return;
    crash->ended = true;
    if (crash->after)
        crash->after(stub->port->context, how);
}

static void handle(struct unidbg_stub *stub, struct unidbg_crash *crash) {
    crash->quiet = false;
    crash->heard_ns = crash_now(stub);
    if (crash->in[0] == 'H') {
        announce(stub, crash);
    } else if (crash->in[0] == 'G' && crash->in_length == GO_BYTES) {
        go(stub, crash);
    } else if (crash->in[0] == 'K' && crash->in_length == SEEN_BYTES) {
        seen(crash);
    } else if (crash->in[0] == 'B' && crash->in_length == BYE_BYTES) {
        crash->sending = false;
        if (crash->in[1] && is_dead(stub, crash))
            end(stub, crash, UNIDBG_CRASH_TAKEN);
    }
}

/* True: it was ours. */
static bool hear(struct unidbg_stub *stub, struct unidbg_crash *crash, uint8_t byte) {
    switch (crash_take(stub, byte)) {
    case TAKEN_FRAME:
        handle(stub, crash);
        return true;
    case TAKEN:
        return true;
    default:
        if (byte == '$' || byte == 0x03 || byte == '+') {
            crash->quiet = true;
            crash->sending = false;
        }
        return false;
    }
}

/* While a frame goes out, only what cannot lead to another one is done with a frame that comes. */
void crash_listen(struct unidbg_stub *stub) {
    struct unidbg_crash *crash = crash_of(stub);
    int byte;

    if (crash->listening)
        return;
    crash->listening = true;
    while (crash->sending && !crash->cut && (byte = stub->port->get(stub->port->line)) >= 0) {
        enum crash_taken taken = crash_take(stub, (uint8_t)byte);
        if (taken == NOT_OURS) {
            stub->pending = (int16_t)byte;
            crash->sending = false;
            crash->quiet = true;
            crash->cut = true;
        } else if (taken == TAKEN_FRAME && crash->in[0] != 'H') {
            handle(stub, crash);
        }
    }
    crash->listening = false;
}

/* ---- turns ---- */

static bool is_gone(const struct unidbg_stub *stub, const struct unidbg_crash *crash, uint64_t limit_ns) {
    return stub->port->now_ns && crash_now(stub) - crash->heard_ns > limit_ns;
}

/* The line is quiet. True: something was done. */
static bool turn(struct unidbg_stub *stub, struct unidbg_crash *crash) {
    if (!is_dead(stub, crash) || crash->quiet)
        return false;
    if (crash->sending && crash->count < crash->window && crash->at < crash->sizes[crash->form]) {
        if (!guarded(stub, send_part))
            crash->sending = false;
        return true;
    }
    if (crash->sending && is_gone(stub, crash, patience_of_receiver * second))
        crash->sending = false;
    if (crash->sending || crash->ended)
        return false;
    if (crash->patience_ms && is_gone(stub, crash, crash->patience_ms * (second / 1000)))
        end(stub, crash, UNIDBG_CRASH_NOBODY);
    if (crash->announced && (!stub->port->now_ns || crash_now(stub) - crash->announced_ns < second))
        return false;
    announce(stub, crash);
    return true;
}

/* A fatal stop leaves a text. Whoever resumed the guest, or holds it by a lease, is there and is told by RSP. */
static void begin(struct unidbg_stub *stub, struct unidbg_crash *crash) {
    crash->dead = stub->text[0] != '\0';
    crash->quiet = stub->awaited || stub->nonstop || stub->lease_ns > 0;
    crash->planned = crash->announced = crash->sending = crash->ended = false;
    crash->heard_ns = crash_now(stub);
}

static bool on_event(struct unidbg_stub *stub, int event) {
    struct unidbg_crash *crash = crash_of(stub);

    if (event == STANDS)
        begin(stub, crash);
    else if (event == QUIET)
        return turn(stub, crash);
    else
        return hear(stub, crash, (uint8_t)event);
    return false;
}

void unidbg_crash_port(struct unidbg_crash *crash, struct unidbg_port *port) {
    port->crash = on_event;
    port->crash_state = crash;
}
