/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt controllers: the I/O APICs (one on q35, two on microvm) bring in the lines of the devices, the local APIC
 * of the CPU takes them and has the timer. The old PICs are masked.
 */
#ifndef LIBOS_APIC_H
#define LIBOS_APIC_H

#include <stdint.h>

/* Needs paging_map_device() and the clock. Interrupts stay off. */
void apic_init(void);

/* I/O APICs found. */
unsigned ioapic_count(void);

/* Let a line (global system interrupt) raise a vector, edge triggered, on this CPU. */
void ioapic_route(uint32_t line, uint8_t vector);

void lapic_end_of_interrupt(void);
/* Raise a vector on this CPU, as soon as interrupts are on. */
void lapic_interrupt_self(uint8_t vector);

/* Raise the timer's interrupt once, this many ns from now (at most a minute; 0: at once). */
void lapic_timer_arm(uint64_t delay_ns);
/* Enter the timer into the table of devices. */
void lapic_timer_start(void);

/* Measure the timer, from apic_init() on: the longer ago that was, the less is left to wait. Needed before
 * lapic_timer_arm(). */
void lapic_timer_calibrated(void);

#endif
