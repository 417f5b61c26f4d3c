/* The second unit: the same names again, some of them for something else. */
#include "shapes.h"

struct opaque {
    int secret;
    struct opaque *self;
};

struct local_type {
    int from_other;
};

static int private_count = 9;
static const char *private_name = "other";
struct opaque the_opaque = {42, &the_opaque};
struct local_type local_value;
struct xserver {
    int x;
} xserver;
struct server {
    long s;
} server;

__attribute__((noinline)) static int helper(int depth) {
    return depth + private_count + (int)the_opaque.secret;
}

__attribute__((noinline)) int other_walk(int depth) {
    static int calls;

    calls += 2;
    if (depth > 4)
        return helper(depth) + (int)private_name[0];
    return other_walk(depth + 1) + local_value.from_other + shared_count + (int)server.s + xserver.x;
}
