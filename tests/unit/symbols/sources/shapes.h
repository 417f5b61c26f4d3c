/* Types in many shapes, shared by the units of the test images. */
#ifndef SHAPES_H
#define SHAPES_H

enum colour { RED, GREEN = 5, BLUE = -3 };
enum wide { WIDE_LOW = 1, WIDE_HIGH = 0x7fffffff };

struct node;
struct opaque;
typedef struct node node_t;
typedef int (*compare_t)(const node_t *a, const node_t *b, ...);

struct bits {
    unsigned char first : 3;
    unsigned int second : 11;
    int third : 7;
    unsigned long long fourth : 40;
    unsigned int : 0;
    unsigned int fifth : 1;
    _Bool sixth : 1;
};

struct __attribute__((packed)) packed_bits {
    char lead;
    unsigned int low : 20;
    unsigned int crossing : 20;
    unsigned short tail;
};

union number {
    int i;
    float f;
    double d;
    unsigned char bytes[8];
    struct {
        unsigned int low;
        unsigned int high;
    };
};

struct node {
    struct node *next, *previous;
    const char *name;
    compare_t compare;
    void (*callback)(void *);
    union {
        int small;
        long large;
        struct {
            short x, y;
        };
    };
    union number number;
    enum colour colour;
    volatile unsigned int flags;
    char *const labels[3];
    int matrix[2][3][4];
    struct bits bits;
    struct opaque *hidden;
    long double extended;
    _Bool ready;
};

struct flexible {
    unsigned int count;
    struct node *items[];
};

struct empty_tail {
    long head;
    char none[0];
};

struct holes {
    char a;
    long b;
    char c;
    short d;
    struct {
        char e;
        int f;
    } inner;
};

extern struct node root;
extern int shared_count;
extern struct flexible table;
extern const struct holes constants;
int walk(const struct node *node, int depth);
int other_walk(int depth);

#endif
