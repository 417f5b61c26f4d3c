/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/apic.h"

#include "libos/clock.h"
#include "libos/cpu.h"
#include "libos/debug.h"
#include "libos/device.h"
#include "libos/paging.h"
#include "libos/trap.h"

#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK 0xa1

#define IOAPIC_0 0xfec00000ul
#define IOAPIC_1 0xfec10000ul /* microvm: lines 24 and up */
#define IOAPIC_LINES 24
#define IOAPIC_SELECT 0x00
#define IOAPIC_WINDOW 0x10
#define IOAPIC_VERSION 1
#define IOAPIC_REDIRECTION 0x10
#define IOAPIC_MASKED 0x10000

#define LAPIC 0xfee00000ul
enum {
    LAPIC_ID = 0x20,
    LAPIC_EOI = 0xb0,
    LAPIC_SPURIOUS = 0xf0,
    LAPIC_COMMAND = 0x300,
    LAPIC_LVT_TIMER = 0x320,
    LAPIC_LVT_LINT0 = 0x350,
    LAPIC_LVT_LINT1 = 0x360,
    LAPIC_TIMER_INITIAL = 0x380,
    LAPIC_TIMER_CURRENT = 0x390,
    LAPIC_TIMER_DIVIDE = 0x3e0,
};
#define LAPIC_ENABLE 0x100
#define LAPIC_MASKED 0x10000
#define LAPIC_DELIVER_NMI 0x400
#define LAPIC_TO_SELF 0x40000
#define LAPIC_DIVIDE_BY_16 0x3

#define NS_PER_SECOND 1000000000ul
#define CALIBRATION_NS 1000000ul
#define LONGEST_DELAY_NS (60 * NS_PER_SECOND)
#define ATTACHED_DELAY_NS (NS_PER_SECOND / 20)

static unsigned ioapics;
static uint64_t timer_ticks_per_second;
static uint64_t measured_from_ns;
static uint64_t timer_deadline_ns; /* of clock_ns(), for the interrupt that only serves the debugger */

static uint32_t lapic_read(uintptr_t reg) {
    return mmio_read32(LAPIC + reg);
}

static void lapic_write(uintptr_t reg, uint32_t value) {
    mmio_write32(LAPIC + reg, value);
}

static uint32_t ioapic_read(uintptr_t ioapic, uint32_t reg) {
    mmio_write32(ioapic + IOAPIC_SELECT, reg);
    return mmio_read32(ioapic + IOAPIC_WINDOW);
}

static void ioapic_write(uintptr_t ioapic, uint32_t reg, uint32_t value) {
    mmio_write32(ioapic + IOAPIC_SELECT, reg);
    mmio_write32(ioapic + IOAPIC_WINDOW, value);
}

/* Unpopulated MMIO reads as all ones or all zeros. */
static bool ioapic_present(uintptr_t ioapic) {
    uint32_t version = ioapic_read(ioapic, IOAPIC_VERSION);
    return (version >> 16 & 0xff) == IOAPIC_LINES - 1;
}

static void ioapic_mask_all(uintptr_t ioapic) {
    for (uint32_t line = 0; line < IOAPIC_LINES; line++) {
        ioapic_write(ioapic, IOAPIC_REDIRECTION + 2 * line, IOAPIC_MASKED);
    }
}

static void ioapic_start(const char *name, uintptr_t ioapic) {
    if (ioapic_present(ioapic)) {
        ioapics++;
        ioapic_mask_all(ioapic);
        device_add((struct device_access){.name = name, .mmio_base = ioapic, .irq = DEVICE_NO_IRQ});
    }
}

unsigned ioapic_count(void) {
    return ioapics;
}

void ioapic_route(uint32_t line, uint8_t vector) {
    uintptr_t ioapic = line < IOAPIC_LINES ? IOAPIC_0 : IOAPIC_1;
    uint32_t entry = IOAPIC_REDIRECTION + 2 * (line % IOAPIC_LINES);
    ioapic_write(ioapic, entry + 1, lapic_read(LAPIC_ID)); /* the id has the same place in both */
    ioapic_write(ioapic, entry, vector);
}

void lapic_end_of_interrupt(void) {
    lapic_write(LAPIC_EOI, 0);
}

void lapic_interrupt_self(uint8_t vector) {
    lapic_write(LAPIC_COMMAND, LAPIC_TO_SELF | vector);
}

/* Count the timer against the clock. A vCPU that loses its processor between the two counts too much. */
static void measure_begin(void) {
    lapic_write(LAPIC_TIMER_INITIAL, UINT32_MAX);
    measured_from_ns = clock_ns();
}

static uint64_t measure_end(void) {
    uint64_t elapsed_ns;
    do {
        elapsed_ns = clock_ns() - measured_from_ns;
    } while (elapsed_ns < CALIBRATION_NS);
    uint64_t counted = UINT32_MAX - lapic_read(LAPIC_TIMER_CURRENT);
    return counted * NS_PER_SECOND / elapsed_ns;
}

static uint64_t measure_timer(void) {
    measure_begin();
    return measure_end();
}

static void timer_calibrate_begin(void) {
    lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_BY_16);
    lapic_write(LAPIC_LVT_TIMER, LAPIC_MASKED);
    measure_begin();
}

void lapic_timer_calibrated(void) {
    timer_ticks_per_second = clock_agreed(measure_end(), measure_timer);
}

static void lapic_start(void) {
    lapic_write(LAPIC_SPURIOUS, LAPIC_ENABLE | TRAP_SPURIOUS);
    lapic_write(LAPIC_LVT_LINT0, LAPIC_MASKED);
    lapic_write(LAPIC_LVT_LINT1,
                LAPIC_DELIVER_NMI); /* microvm leaves it masked; QMP inject-nmi comes by it */
    timer_calibrate_begin();
}

void apic_init(void) {
    outb(PIC_MASTER_MASK, 0xff);
    outb(PIC_SLAVE_MASK, 0xff);
    paging_map_device(LAPIC, PAGE_BYTES);
    paging_map_device(IOAPIC_0, PAGE_BYTES);
    paging_map_device(IOAPIC_1, PAGE_BYTES);
    ioapic_start("ioapic0", IOAPIC_0);
    ioapic_start("ioapic1", IOAPIC_1);
    lapic_start();
}

static void timer_program(uint64_t delay_ns) {
    uint64_t delay = delay_ns < LONGEST_DELAY_NS ? delay_ns : LONGEST_DELAY_NS;
    uint64_t ticks = delay * timer_ticks_per_second / NS_PER_SECOND;
    lapic_write(LAPIC_TIMER_INITIAL, ticks > 0 ? (uint32_t)ticks : 1);
}

/* While a debugger is attached its stub wants a look at the clock some twenty times a second, also when the loop is
 * busy elsewhere. */
static void timer_rearm(void) {
    uint64_t now = clock_ns();
    if (debug_attached()) {
        timer_program(ATTACHED_DELAY_NS);
    } else if (timer_deadline_ns > now) {
        timer_program(timer_deadline_ns - now);
    }
}

static void timer_interrupt(struct device_access *device, struct unidbg_frame *frame) {
    (void)device;
    debug_tick(frame);
    timer_rearm();
}

void lapic_timer_arm(uint64_t delay_ns) {
    uint64_t flags = interrupts_save();
    timer_deadline_ns = clock_ns() + delay_ns;
    timer_program(debug_attached() && delay_ns > ATTACHED_DELAY_NS ? ATTACHED_DELAY_NS : delay_ns);
    interrupts_restore(flags);
}

void lapic_timer_start(void) {
    struct device_access *device = device_add((struct device_access){
        .name = "lapic-timer", .mmio_base = LAPIC, .irq = DEVICE_NO_IRQ, .handler = timer_interrupt});
    lapic_write(LAPIC_LVT_TIMER, device_connect(device)); /* mode 0: one shot */
}
