/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each machine has its own switch; a write where there is none does nothing, so all are tried in turn.
 */
#include "libos/power.h"

#include "libos/boot.h"
#include "libos/cpu.h"
#include "libos/paging.h"

#define DEBUG_EXIT_PORT 0x501 /* QEMU's isa-debug-exit, where it is by default */

/* q35: the PM1a control register where the firmware puts it; sleep type 0 with the enable bit is S5. */
#define Q35_PM1A_CONTROL 0x604
#define Q35_SLEEP_S5 0x2000

/* microvm: the sleep control register of the generic event device; type 5 with the enable bit is S5. */
#define MICROVM_GED 0xfea00000ul
#define MICROVM_SLEEP_CONTROL 0x200
#define MICROVM_RESET 0x202
#define MICROVM_SLEEP_S5 0x34
#define MICROVM_RESET_VALUE 0x42

#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_PULSE_RESET 0xfe

static _Noreturn void halt_for_ever(void) {
    interrupts_disable();
    for (;;) {
        __asm__ volatile("hlt");
    }
}

void power_start(void) {
    paging_map_device(MICROVM_GED, PAGE_BYTES);
}

/* In a panic before there are page tables it cannot be reached. */
static void write_ged(uintptr_t reg, uint8_t value) {
    if (paging_is_ready()) {
        boot_need(BOOT_NEED_POWER);
        mmio_write8(MICROVM_GED + reg, value);
    }
}

void power_off(uint8_t status) {
    outb(DEBUG_EXIT_PORT, status);
    outw(Q35_PM1A_CONTROL, Q35_SLEEP_S5);
    write_ged(MICROVM_SLEEP_CONTROL, MICROVM_SLEEP_S5);
    halt_for_ever();
}

void power_reset(void) {
    outb(KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
    write_ged(MICROVM_RESET, MICROVM_RESET_VALUE);
    halt_for_ever();
}
