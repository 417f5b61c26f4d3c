/* SPDX-License-Identifier: BSD-3-Clause */
/* A kernel of somebody who has read docs/porting.md: counts, and crashes when it is told to. */
#include <stdint.h>

void debug_init(void);
void idt_init(uint16_t code_selector);
void pic_init(void);
void kernel_main(void);

volatile uint64_t counter;
volatile int crash;

__attribute__((noinline)) int add(int one, int other) {
    counter++;
    return one + other;
}

static void fall(void) {
    *(volatile int *)0x7fffffff0000 = 1;
}

void kernel_main(void) {
    idt_init(8);
    debug_init();
    pic_init();
    __asm__ volatile("sti");
    for (;;) {
        add(1, 2);
        if (crash)
            fall();
    }
}
