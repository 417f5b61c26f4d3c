/* A table with values, to be decoded in one go; -DNEWER changes its layout. */
enum kind { KIND_NONE, KIND_FIVE = 5 };

struct place {
    short x, y;
};

struct entry {
#ifdef NEWER
    void *owner;
#endif
    unsigned int id;
#ifdef NEWER
    long delta;
#else
    int delta;
#endif
    char name[16];
    struct place at;
    unsigned short counts[2];
    enum kind kind;
    union {
        unsigned int word;
        unsigned short halves[2];
    };
    struct entry *next;
#ifndef NEWER
    double ratio;
#endif
    _Bool ready;
    char tail[12];
#ifdef NEWER
    double later[2];
#endif
};

#ifndef NEWER
struct entry entries[3] = {
    {1, -1, "one", {10, 11}, {11, 12}, KIND_NONE, {0x01020304}, entries, 0.5, 1, ""},
    {2, -2, "two", {20, 21}, {21, 22}, KIND_FIVE, {0}, 0, 1.5, 0, ""},
    {3, -3, "three", {30, 31}, {31, 32}, KIND_FIVE, {7}, 0, 2.5, 1, ""},
};
#else
struct entry entries[3];
#endif

void _start(void) {
    for (;;)
        entries[0].id++;
}
