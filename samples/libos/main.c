/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of things at boot.
 */
#include "libos/apic.h"
#include "libos/app.h"
#include "libos/boot.h"
#include "libos/clock.h"
#include "libos/cloud.h"
#include "libos/commands.h"
#include "libos/console.h"
#include "libos/debug.h"
#include "libos/format.h"
#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/network.h"
#include "libos/paging.h"
#include "libos/panic.h"
#include "libos/power.h"
#include "libos/security.h"
#include "libos/string.h"
#include "libos/trap.h"
#include "libos/uart.h"

#define NS_PER_MILLISECOND 1000000ul
#define PANIC_STATUS 1

static void start_console(void) {
    char log[16];
    uart_init(UART_COM1);
    boot_option("log", log, sizeof(log));
    console_set_quiet(string_starts_with(log, "quiet"));
}

/* The clock is measured against another one, for some milliseconds: memory is set up meanwhile. */
static void start_clock_and_memory(void) {
    unsigned clock = boot_phase("clock");
    clock_calibrate_begin();
    unsigned phase = boot_phase("memory");
    memory_init(app_config.memory_bytes);
    boot_phase_end(phase);
    phase = boot_phase("paging");
    paging_init();
    security_apply();
    boot_phase_end(phase);
    clock_calibrate_end();
    boot_phases_convert();
    boot_phase_end(clock);
}

static void start_network(void) {
    if (!network_init()) {
        log_line("libos: %s needs a network, and there is no virtio-net device", app_config.name);
    }
}

/* The timer is measured against the clock: the other devices are set up meanwhile. */
static void start_devices(void) {
    unsigned timer = boot_phase("timer");
    apic_init();
    lapic_timer_start();
    unsigned phase = boot_phase("serial");
    uart_console_start();
    debug_connect();
    boot_phase_end(phase);
    if (app_config.needs_network) {
        phase = boot_phase("network");
        start_network();
        boot_phase_end(phase);
    }
    if (app_config.needs_network || app_config.needs_storage) {
        phase = boot_phase("cloud");
        cloud_init();
        boot_phase_end(phase);
    }
    lapic_timer_calibrated();
    boot_phase_end(timer);
}

static void say_hello(void) {
    const struct memory_manager *memory = memory_manager();
    log_line("libos: %s, tsc %lu kHz, %lu pages of %lu free", app_config.name,
             clock_ticks_per_second() / 1000, memory->page_free, memory->page_total);
    log_line("libos: command line \"%s\"", boot_info()->command_line);
}

static void exit_now(void *data) {
    (void)data;
    log_line("libos: exit");
    power_off(0);
}

/* `exit=MS`: for tests. */
static void arm_exit(void) {
    if (boot_option("exit", NULL, 0)) {
        loop_timer_start(exit_now, NULL, boot_option_number("exit", 0) * NS_PER_MILLISECOND, 0);
    }
}

static void start_entry(uintptr_t start_info) {
    unsigned phase = boot_phase("entry");
    trap_init();
    bool known = boot_info_read(start_info);
    start_console();
    if (!known) {
        panic("no PVH start information at %p", (void *)start_info);
    }
    boot_phase_end(phase);
}

static void start_debugger(void) {
    unsigned phase = boot_phase("debugger");
    debug_init();
    boot_phase_end(phase);
}

static void start_application(void) {
    unsigned phase = boot_phase("application");
    say_hello();
    arm_exit();
    commands_init();
    app_start();
    boot_phase_end(phase);
}

void libos_main(uintptr_t start_info) {
    start_entry(start_info);
    security_init(); /* here, where no function that has seen another canary is to return */
    start_clock_and_memory();
    start_debugger();
    start_devices();
    start_application();
    loop_run();
}

void panic(const char *format, ...) {
    char reason[160];
    va_list arguments;
    va_start(arguments, format);
    format_arguments(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    interrupts_disable();
    log_line("panic: %s", reason);
    debug_stop(reason);
    power_off(PANIC_STATUS);
}
