/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * leaky: blocks that are leaked, at known places, and blocks that only look so. The table `blocks_made` says which is
 * which; its addresses are masked, so that they keep nothing reachable. A debugger that looks for leaks is right when it
 * names those that have `leaked` set, and no others.
 */
#include <stddef.h>

#include "libos/app.h"
#include "libos/console.h"
#include "libos/cpu.h"
#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/panic.h"

#define MS 1000000ul
#define HOUR_NS (3600000 * MS)
#define MAX_BLOCKS 40
#define MASK 0x5a5a5a5a5a5a5a5aul
#define SESSIONS 3
#define NODES 5
#define NOINLINE __attribute__((noinline)) /* its name is that of the call site */

struct made {
    uint64_t masked; /* address of the data, xor blocks_mask */
    uint64_t size;   /* bytes */
    bool leaked;
    const char *maker; /* the function that allocated it */
    const char *how;
};

struct node {
    struct node *next;
    uint64_t value;
};

struct pair {
    struct pair *other;
    uint64_t value;
};

const volatile uint64_t blocks_mask = MASK; /* volatile: so that it is there to be read */
struct made blocks_made[MAX_BLOCKS];
uint32_t blocks_made_count;

/* Volatile: they are what keeps blocks, although nobody reads them. */
static uint8_t *volatile interior; /* into the middle of a block */
static struct node *volatile list; /* the first of a list */
static void **volatile owner;      /* a block whose last word points to another one */
static void **volatile page;       /* a whole page, not of the heap, that points to a block */
static void *volatile replaced;    /* points to the second of two blocks */
static void *volatile churned;     /* allocated and freed all the time */
static uint64_t round_trips;

const struct app_config app_config = {.name = "leaky", .memory_bytes = 4 << 20};

static void note(const void *block, uint64_t size, bool leaked, const char *maker, const char *how) {
    if (blocks_made_count == MAX_BLOCKS) {
        panic("leaky: more blocks than are told");
    }
    blocks_made[blocks_made_count] = (struct made){(uintptr_t)block ^ blocks_mask, size, leaked, maker, how};
    blocks_made_count++;
}

/* ---- leaked ---- */

NOINLINE static void leak_session(void) {
    void *session = heap_allocate(200);
    note(session, 200, true, __func__, "nobody keeps it");
}

NOINLINE static void leak_buffer(void) {
    void *buffer = heap_allocate(4000);
    note(buffer, 4000, true, __func__, "nobody keeps it");
}

/* Each is pointed to, but only by the other. */
NOINLINE static void leak_pair(void) {
    struct pair *first = heap_allocate(sizeof(*first));
    struct pair *second = heap_allocate(sizeof(*second));
    *first = (struct pair){second, 1};
    *second = (struct pair){first, 2};
    note(first, sizeof(*first), true, __func__, "one of two that point to each other");
    note(second, sizeof(*second), true, __func__, "one of two that point to each other");
}

/* The second would be reachable if the first were. */
NOINLINE static void leak_tree(void) {
    void **parent = heap_allocate(96);
    void *child = heap_allocate(160);
    parent[3] = child;
    note(parent, 96, true, __func__, "nobody keeps it");
    note(child, 160, true, __func__, "only a leaked one points to it");
}

NOINLINE static void leak_replaced(void) {
    for (unsigned i = 0; i < 2; i++) {
        replaced = heap_allocate(56);
        note(replaced, 56, i == 0, __func__,
             i == 0 ? "its pointer was written over" : "a variable points to it");
    }
}

/* What a freed block still holds counts for nothing. The block behind keeps it from being joined. */
NOINLINE static void leak_behind_free(void) {
    void **freed = heap_allocate(304);
    void *block = heap_allocate(72);
    freed[20] = block;
    heap_free(freed);
    note(block, 72, true, __func__, "only a freed one points to it");
}

/* ---- kept, though not by a plain pointer in a variable ---- */

NOINLINE static void keep_interior(void) {
    uint8_t *block = heap_allocate(120);
    interior = block + 40;
    note(block, 120, false, __func__, "a variable points into its middle");
}

NOINLINE static void keep_list(void) {
    for (uint64_t i = 0; i < NODES; i++) {
        struct node *node = heap_allocate(sizeof(*node));
        *node = (struct node){list, i};
        list = node;
        note(node, sizeof(*node), false, __func__, "in a list that begins in a variable");
    }
}

NOINLINE static void keep_by_tail(void) {
    owner = heap_allocate(128);
    void *owned = heap_allocate(80);
    owner[128 / sizeof(void *) - 1] = owned;
    note(owner, 128, false, __func__, "a variable points to it");
    note(owned, 80, false, __func__, "the last word of another one points to it");
}

NOINLINE static void keep_by_page(void) {
    page = page_allocate(1);
    if (page == NULL) {
        panic("leaky: no page");
    }
    page[100] = heap_allocate(88);
    note(page[100], 88, false, __func__, "a whole page points to it");
}

static void never(void *data) {
    heap_free(data);
}

NOINLINE static void keep_by_timer(void) {
    void *block = heap_allocate(104);
    loop_timer_start(never, block, HOUR_NS, 0);
    note(block, 104, false, __func__, "the data of a timer that waits");
}

/* Stop here: the block of `borrow` is held by a register, or by its frame. */
NOINLINE static void leaky_borrowed(uint64_t masked) {
    __asm__ volatile("" : : "r"(masked) : "memory");
}

NOINLINE static void borrow(void) {
    uint8_t *block = heap_allocate(136);
    leaky_borrowed((uintptr_t)block ^ blocks_mask);
    block[0] = 1;
    heap_free(block);
}

/* ---- the application ---- */

/* With interrupts off, so that no saved registers of theirs hold a pointer that is given up here. */
static void make_blocks(void *data) {
    (void)data;
    uint64_t flags = interrupts_save();
    for (unsigned i = 0; i < SESSIONS; i++) {
        leak_session();
    }
    leak_buffer();
    leak_pair();
    leak_tree();
    leak_replaced();
    keep_interior();
    keep_list();
    keep_by_tail();
    keep_by_page();
    keep_by_timer();
    leak_behind_free();
    interrupts_restore(flags);
    log_line("leaky: made %u blocks", blocks_made_count);
}

/* Frees what it got the last time: a call site that has a live block, but no leak. */
static void churn(void *data) {
    uint64_t *count = data;
    heap_free(churned);
    churned = heap_allocate(512);
    borrow();
    ++*count;
}

void app_main(void) {
    loop_timer_start(make_blocks, NULL, 20 * MS, 0);
    loop_timer_start(churn, &round_trips, 10 * MS, 100 * MS);
    log_line("leaky: about to leak");
}
