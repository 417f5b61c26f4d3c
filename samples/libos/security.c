/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/security.h"

#include <stddef.h>

#include <unidbg/probe.h>

#include "libos/boot.h"
#include "libos/checks.h"
#include "libos/cpu.h"
#include "libos/image.h"
#include "libos/random.h"
#include "libos/relocate.h"
#include "libos/string.h"

#define OPTION_BYTES 256
#define CR0_WRITE_PROTECT (1ul << 16)
#define CR4_SMEP (1ul << 20)
#define CR4_SMAP (1ul << 21)
#define CPUID_EXTENDED_FEATURES 7
#define CPUID_SMEP (1u << 7) /* in ebx */
#define CPUID_SMAP (1u << 20)

/* The compiler's name for it: functions put it on the stack and look whether it is still there. */
uint64_t __stack_chk_guard; // NOLINT(bugprone-reserved-identifier)

static struct security_config config = {
    .stack_canaries = SECURITY_CANARY,
    .bounds_checks = SECURITY_BOUNDS,
    .type_checks = SECURITY_TYPES,
    .control_flow_checks = SECURITY_CONTROL_FLOW,
    .canary = &__stack_chk_guard,
    .canary_failed = __stack_chk_fail,
    .bounds_failed = __ubsan_handle_out_of_bounds_abort,
    .type_failed = __ubsan_handle_type_mismatch_v1_abort,
    .control_flow_failed = control_flow_failed,
};

UNIDBG_PROBE(security, config, &config);

const struct security_config *security_config(void) {
    return &config;
}

/* ---- configuration ---- */

/* Is `-name` among the words of `security=`, which commas separate? */
static bool is_off(const char *options, const char *name) {
    size_t length = strlen(name);
    for (const char *word = options; *word != '\0'; word++) {
        bool begins = word == options || word[-1] == ',';
        if (begins && word[0] == '-' && string_starts_with(word + 1, name) &&
            (word[1 + length] == ',' || word[1 + length] == '\0')) {
            return true;
        }
    }
    return false;
}

static void read_options(void) {
    char options[OPTION_BYTES];
    boot_option("security", options, sizeof(options));
    uint32_t features = cpuid(CPUID_EXTENDED_FEATURES, 0).ebx;
    config.no_execute = !is_off(options, "no_execute");
    config.write_xor_execute = !is_off(options, "write_xor_execute");
    config.read_only_text = !is_off(options, "read_only_text");
    config.guard_pages = !is_off(options, "guard_pages");
    config.write_protect = !is_off(options, "write_protect");
    config.smep = !is_off(options, "smep") && (features & CPUID_SMEP);
    config.smap = !is_off(options, "smap") && (features & CPUID_SMAP);
}

static void read_tls(void) {
    boot_option("tls_cert", config.tls_certificate, sizeof(config.tls_certificate));
    boot_option("tls_key", config.tls_key, sizeof(config.tls_key));
    config.tls_enabled = config.tls_certificate[0] != '\0' && config.tls_key[0] != '\0';
}

__attribute__((no_stack_protector)) void security_init(void) {
    __stack_chk_guard = random_seed();
    config.slide = relocate_slide;
    config.aslr = config.slide != 0;
    config.link_address = (uintptr_t)image_start - config.slide;
    read_options();
    read_tls();
}

void security_apply(void) {
    uint64_t cr4 = read_cr4() | (config.smep ? CR4_SMEP : 0) | (config.smap ? CR4_SMAP : 0);
    write_cr4(cr4);
    uint64_t cr0 = read_cr0() & ~CR0_WRITE_PROTECT;
    write_cr0(cr0 | (config.write_protect ? CR0_WRITE_PROTECT : 0));
}

void security_debug_port(bool exposed) {
    config.debug_port_exposed = exposed;
}
