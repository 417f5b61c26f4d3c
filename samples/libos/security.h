/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What protects this kernel, each protection to be switched off on its own: those that are compiled in by variables of
 * the Makefile, the others at boot by `security=-smep,-guard_pages` on the command line.
 */
#ifndef LIBOS_SECURITY_H
#define LIBOS_SECURITY_H

#include <stdbool.h>
#include <stdint.h>

/* By the Makefile: what the compiler was told to put in. */
#ifndef SECURITY_CANARY
#define SECURITY_CANARY 0
#define SECURITY_BOUNDS 0
#define SECURITY_TYPES 0
#define SECURITY_CONTROL_FLOW 0
#endif

#define SECURITY_PATH_BYTES 64

struct security_config {
    /* What is configured, and can be had on this processor. */
    bool stack_canaries;
    bool no_execute;        /* of what is only read; what is written is write_xor_execute's */
    bool write_xor_execute; /* else a page for code that is made at run time */
    bool read_only_text;
    bool aslr;
    bool guard_pages;
    bool write_protect;
    bool smep;
    bool smap;
    bool bounds_checks;
    bool type_checks;
    bool control_flow_checks;

    bool debug_port_exposed;
    const uint64_t *canary;
    uint64_t slide; /* bytes from link_address to where the image runs */
    uintptr_t link_address;

    /* Called when a check fails, and by nobody in code that was compiled without it. */
    void (*canary_failed)(void);
    void (*bounds_failed)(const void *site, uintptr_t index);
    void (*type_failed)(const void *site, uintptr_t pointer);
    void (*control_flow_failed)(uintptr_t target);

    /* Told to the debugger, and used by nobody yet: this library has no TLS. */
    bool tls_enabled;
    char tls_certificate[SECURITY_PATH_BYTES];
    char tls_key[SECURITY_PATH_BYTES];
};

const struct security_config *security_config(void);

/* Read the configuration and choose a canary. Functions that are running must not return. */
void security_init(void);
/* Set the bits of the control registers. Needs paging_init(). */
void security_apply(void);
void security_debug_port(bool exposed);

/* A page that can be written and executed where write_xor_execute is off. */
#define SECURITY_CODE_PAGE 0x1000ul

/*
 * Before a call of a function that was registered: panics unless it lies in the code and begins as functions do that may
 * be called so.
 */
#if SECURITY_CONTROL_FLOW
void security_check_call(uintptr_t target);
#define CHECKED(function) (security_check_call((uintptr_t)(function)), (function))
#else
#define CHECKED(function) (function)
#endif

#endif
