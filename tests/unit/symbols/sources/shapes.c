/* The first unit: definitions, statics, functions that inline and recurse. */
#include "shapes.h"

struct node root;
int shared_count = 3;
struct flexible table;
const struct holes constants = {1, 2, 3, 4, {5, 6}};
static int private_count = 7;
static struct packed_bits packed;
static struct empty_tail tail;
enum wide how_wide = WIDE_HIGH;
unsigned long long counters[4][2];
struct {
    int x, y;
} nameless;

static inline __attribute__((always_inline)) int innermost(int value) {
    if (value > 1000)
        value -= shared_count;
    return value * 3 + root.flags;
}

static inline __attribute__((always_inline)) int middle(int value) {
    int doubled = value * 2;

    root.flags += doubled;
    return innermost(doubled) + innermost(value + 1);
}

__attribute__((noinline)) int walk(const struct node *node, int depth) {
    static int calls;

    calls++;
    if (!node || depth > 8)
        return middle(depth) + calls;
    return walk(node->next, depth + 1) + middle(node->bits.second);
}

__attribute__((noinline)) static int helper(int a, int b, int c, int d, int e, int f, long g, char h) {
    volatile int kept[8];

    for (int i = 0; i < 8; i++)
        kept[i] = a + b * i + c - d + e * f + (int)g + h;
    return kept[a & 7];
}

int entry(int argument) {
    packed.low = argument;
    tail.head = argument;
    private_count += helper(argument, 2, 3, 4, 5, 6, 7, 8);
    return walk(&root, argument) + other_walk(argument) + private_count;
}

void _start(void) {
    for (;;)
        entry(nameless.x);
}
