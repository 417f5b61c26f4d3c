/* SPDX-License-Identifier: BSD-3-Clause */
/* What stats.c says of protections. The counts are of its own walk over the live page tables. */
#include "libos/cpu.h"
#include "libos/memory.h"
#include "libos/paging.h"
#include "libos/security.h"
#include "libos/stats_output.h"

#define MSR_EFER 0xc0000080

static uint64_t common_pages(struct range a, struct range b) {
    uintptr_t start = a.start > b.start ? a.start : b.start;
    uintptr_t end = a.end < b.end ? a.end : b.end;
    return start < end ? (end - start) / PAGE_BYTES : 0;
}

/* Pages of a range, grown to whole ones, that are mapped with one flag set, or with it clear. */
static uint64_t mapped_pages(struct range range, uint64_t flag, bool is_set) {
    struct range whole = {align_down(range.start, PAGE_BYTES), align_up(range.end, PAGE_BYTES)};
    struct page_region region;
    uint64_t pages = 0;
    for (uintptr_t cursor = 0; paging_next_region(&cursor, &region);) {
        if (((region.flags & flag) != 0) == is_set) {
            pages += common_pages((struct range){region.start, region.end}, whole);
        }
    }
    return pages;
}

static uint64_t executable_pages(struct range range) {
    return mapped_pages(range, PAGE_NO_EXECUTE, false);
}

static uint64_t guard_pages(const struct memory_layout *layout) {
    uint64_t pages = 0;
    for (unsigned i = 0; i < layout->guard_count; i++) {
        pages += (layout->guards[i].end - layout->guards[i].start) / PAGE_BYTES;
        pages -= mapped_pages(layout->guards[i], 0, false);
    }
    return pages;
}

static void say_protections(struct output *out, const struct security_config *config) {
    const struct {
        const char *name;
        bool configured;
    } all[] = {
        {"stack_canaries", config->stack_canaries},
        {"no_execute", config->no_execute},
        {"write_xor_execute", config->write_xor_execute},
        {"read_only_text", config->read_only_text},
        {"aslr", config->aslr},
        {"guard_pages", config->guard_pages},
        {"write_protect", config->write_protect},
        {"smep", config->smep},
        {"smap", config->smap},
        {"bounds_checks", config->bounds_checks},
        {"type_checks", config->type_checks},
        {"control_flow_checks", config->control_flow_checks},
    };
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        stats_say(out, "security.protections.%u.name=%s", i, all[i].name);
        stats_say(out, "security.protections.%u.configured=%s", i, stats_boolean(all[i].configured));
    }
}

static void say_pages(struct output *out, const struct memory_layout *layout) {
    uint64_t executable_data = executable_pages(layout->rodata) + executable_pages(layout->data) +
                               executable_pages(layout->heap) + executable_pages(layout->stack);
    stats_say(out, "security.writable_executable_pages=%lu", paging_count().writable_executable);
    stats_say(out, "security.writable_text_pages=%lu", mapped_pages(layout->code, PAGE_WRITABLE, true));
    stats_say(out, "security.executable_data_pages=%lu", executable_data);
    stats_say(out, "security.guard_pages=%lu", guard_pages(layout));
}

void stats_security(struct output *out) {
    const struct security_config *config = security_config();
    say_protections(out, config);
    stats_say(out, "security.canary=0x%lx", *config->canary);
    stats_say(out, "security.canary_at=%p", (const void *)config->canary);
    stats_say(out, "security.slide_bytes=0x%lx", config->slide);
    stats_say(out, "security.link_address=0x%lx", config->link_address);
    stats_say(out, "security.registers.cr0=0x%lx", read_cr0());
    stats_say(out, "security.registers.cr4=0x%lx", read_cr4());
    stats_say(out, "security.registers.efer=0x%lx", read_msr(MSR_EFER));
    say_pages(out, memory_layout());
    stats_say(out, "security.debug_port_exposed=%s", stats_boolean(config->debug_port_exposed));
    stats_say(out, "security.tls.enabled=%s", stats_boolean(config->tls_enabled));
    stats_say_text(out, "security.tls.certificate", config->tls_certificate);
    stats_say_text(out, "security.tls.key", config->tls_key);
}
