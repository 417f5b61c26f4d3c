/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/wall_clock.h"

#include <stdbool.h>

#include "libos/boot.h"
#include "libos/clock.h"
#include "libos/cpu.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
enum { CMOS_SECOND = 0, CMOS_MINUTE = 2, CMOS_HOUR = 4, CMOS_DAY = 7, CMOS_MONTH = 8, CMOS_YEAR = 9 };
#define CMOS_STATUS_A 10
#define UPDATE_IN_PROGRESS 0x80
#define READS 1000 /* of a clock that says it is in the midst of a second */

#define DAYS_TO_2000 10957ul /* from 1970 */
#define NS_PER_SECOND 1000000000ul

static uint64_t seconds_at_boot;

static uint8_t cmos_read(uint8_t index) {
    outb(CMOS_INDEX, index);
    return inb(CMOS_DATA);
}

static bool settle(void) {
    for (unsigned i = 0; i < READS; i++) {
        if (!(cmos_read(CMOS_STATUS_A) & UPDATE_IN_PROGRESS)) {
            return true;
        }
    }
    return false;
}

/* Two decimal digits in a byte. */
static uint64_t cmos_number(uint8_t index) {
    uint8_t value = cmos_read(index);
    return (uint64_t)(value >> 4) * 10 + (value & 15);
}

/* Days from 2000-01-01 to the begin of a month; every fourth year is a leap year until 2100. */
static uint64_t days_to(uint64_t year, uint64_t month) {
    static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    uint64_t days = year * 365 + (year + 3) / 4 + before[(month - 1) % 12];
    return days + (year % 4 == 0 && month > 2);
}

void wall_clock_start(void) {
    uint64_t now = clock_ns() / NS_PER_SECOND;
    if (!settle() || cmos_number(CMOS_MONTH) - 1 >= 12) {
        return; /* there is none */
    }
    uint64_t days =
        DAYS_TO_2000 + days_to(cmos_number(CMOS_YEAR), cmos_number(CMOS_MONTH)) + cmos_number(CMOS_DAY) - 1;
    uint64_t seconds =
        (cmos_number(CMOS_HOUR) * 60 + cmos_number(CMOS_MINUTE)) * 60 + cmos_number(CMOS_SECOND);
    seconds_at_boot = days * 86400 + seconds - now;
}

uint64_t wall_clock_seconds(void) {
    boot_need(BOOT_NEED_WALL_CLOCK);
    return seconds_at_boot + clock_ns() / NS_PER_SECOND;
}
