/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/stats.h"

#include "libos/app.h"
#include "libos/boot.h"
#include "libos/console.h"
#include "libos/device.h"
#include "libos/format.h"
#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/paging.h"
#include "libos/stats_output.h"
#include "libos/string.h"

#define LINE_BYTES 256
#define PARTS 5 /* of the memory layout */

/* ---- values ---- */

void stats_say(struct output *out, const char *format, ...) {
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    format_arguments(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    out->emit(out->context, line);
    out->emit(out->context, "\n");
}

void stats_say_text(struct output *out, const char *path, const char *text) {
    out->emit(out->context, path);
    out->emit(out->context, "=");
    out->emit(out->context, text);
    out->emit(out->context, "\n");
}

static void say_range(struct output *out, const char *path, struct range range) {
    stats_say(out, "%s.start=0x%lx", path, range.start);
    stats_say(out, "%s.end=0x%lx", path, range.end);
}

/* ---- views ---- */

/* A part of the memory layout, grown to whole pages. */
struct part {
    const char *kind;
    struct range pages;
};

static struct part part_of(const char *kind, struct range range) {
    return (struct part){kind, {align_down(range.start, PAGE_BYTES), align_up(range.end, PAGE_BYTES)}};
}

static uintptr_t nearer(uintptr_t edge, uintptr_t start, uintptr_t end) {
    return edge > start && edge < end ? edge : end;
}

/* Where a region that starts at `start` has to be cut: at the next edge of a part, if that comes before its end. */
static uintptr_t cut_at(const struct part parts[PARTS], uintptr_t start, uintptr_t end) {
    for (unsigned i = 0; i < PARTS; i++) {
        end = nearer(parts[i].pages.start, start, end);
        end = nearer(parts[i].pages.end, start, end);
    }
    return end;
}

static const char *kind_of(const struct part parts[PARTS], uintptr_t address) {
    for (unsigned i = 0; i < PARTS; i++) {
        if (range_contains(parts[i].pages, address)) {
            return parts[i].kind;
        }
    }
    return "";
}

static void say_region(struct output *out, unsigned i, const struct page_region *region, const char *kind) {
    stats_say(out, "memory.regions.%u.start=0x%lx", i, region->start);
    stats_say(out, "memory.regions.%u.end=0x%lx", i, region->end);
    stats_say(out, "memory.regions.%u.physical=0x%lx", i, region->physical);
    stats_say(out, "memory.regions.%u.writable=%s", i, stats_boolean(region->flags & PAGE_WRITABLE));
    stats_say(out, "memory.regions.%u.user=%s", i, stats_boolean(region->flags & PAGE_USER));
    stats_say(out, "memory.regions.%u.no_execute=%s", i, stats_boolean(region->flags & PAGE_NO_EXECUTE));
    stats_say(out, "memory.regions.%u.kind=%s", i, kind);
}

static void say_regions(struct output *out, const struct memory_layout *layout) {
    const struct part parts[PARTS] = {part_of("code", layout->code), part_of("rodata", layout->rodata),
                                      part_of("data", layout->data), part_of("heap", layout->heap),
                                      part_of("stack", layout->stack)};
    struct page_region run;
    unsigned i = 0;
    for (uintptr_t cursor = 0; paging_next_region(&cursor, &run);) {
        while (run.start < run.end) {
            struct page_region piece = run;
            piece.end = cut_at(parts, run.start, run.end);
            say_region(out, i++, &piece, kind_of(parts, piece.start));
            run.physical += piece.end - run.start;
            run.start = piece.end;
        }
    }
}

static void say_guards(struct output *out, const struct memory_layout *layout) {
    for (unsigned i = 0; i < layout->guard_count; i++) {
        stats_say(out, "memory.guards.%u.start=0x%lx", i, layout->guards[i].start);
        stats_say(out, "memory.guards.%u.end=0x%lx", i, layout->guards[i].end);
    }
}

static void say_memory(struct output *out) {
    const struct memory_layout *layout = memory_layout();
    const struct page_counts pages = paging_count();
    say_range(out, "memory.code", layout->code);
    say_range(out, "memory.rodata", layout->rodata);
    say_range(out, "memory.data", layout->data);
    say_range(out, "memory.heap", layout->heap);
    say_range(out, "memory.stack", layout->stack);
    stats_say(out, "memory.page_table_root=0x%lx", paging_root());
    stats_say(out, "memory.pages.present=%lu", pages.present);
    stats_say(out, "memory.pages.writable=%lu", pages.writable);
    stats_say(out, "memory.pages.user=%lu", pages.user);
    stats_say(out, "memory.pages.no_execute=%lu", pages.no_execute);
    stats_say(out, "memory.pages.writable_executable=%lu", pages.writable_executable);
    say_guards(out, layout);
    say_regions(out, layout);
}

static void say_device(struct output *out, unsigned i, const struct device_access *device) {
    stats_say(out, "devices.devices.%u.name=%s", i, device->name);
    if (device->mmio_base != 0) {
        stats_say(out, "devices.devices.%u.mmio_base=0x%lx", i, device->mmio_base);
    }
    if (device->port_base != 0) {
        stats_say(out, "devices.devices.%u.port_base=%u", i, device->port_base);
    }
    if (device->irq != DEVICE_NO_IRQ) {
        stats_say(out, "devices.devices.%u.irq=%d", i, device->irq);
    }
    if (device->handler != NULL) {
        stats_say(out, "devices.devices.%u.handler=%p", i, (void *)device->handler);
    }
    stats_say(out, "devices.devices.%u.interrupts=%lu", i, device->interrupts);
}

static void say_devices(struct output *out) {
    const struct device_table *table = device_table();
    for (unsigned i = 0; i < table->device_count; i++) {
        say_device(out, i, &table->devices[i]);
    }
}

static const char *memory_type(uint32_t type) {
    static const char *const names[] = {"",    "usable",   "reserved", "acpi",
                                        "nvs", "unusable", "disabled", "persistent"};
    return type < sizeof(names) / sizeof(names[0]) ? names[type] : "";
}

static void say_memory_map(struct output *out, const struct boot_info *boot) {
    for (unsigned i = 0; i < boot->memory_map_count; i++) {
        const struct boot_memory *entry = &boot->memory_maps[i];
        const char *type = memory_type(entry->type);
        stats_say(out, "boot.memory_map.%u.start=0x%lx", i, entry->start);
        stats_say(out, "boot.memory_map.%u.length_bytes=%lu", i, entry->length);
        if (*type != '\0') {
            stats_say(out, "boot.memory_map.%u.type=%s", i, type);
        } else {
            stats_say(out, "boot.memory_map.%u.type=type %u", i, entry->type);
        }
    }
}

static void say_phases(struct output *out, const struct boot_info *boot) {
    uint64_t total_ns = 0;
    for (unsigned i = 0; i < boot->phase_count; i++) {
        const struct boot_phase *phase = &boot->phases[i];
        stats_say(out, "boot.phases.%u.name=%s", i, phase->name);
        stats_say(out, "boot.phases.%u.start_ns=%lu", i, phase->start_ns);
        stats_say(out, "boot.phases.%u.duration_ns=%lu", i,
                  phase->end_ns != 0 ? phase->end_ns - phase->start_ns : 0);
        total_ns = phase->end_ns > total_ns ? phase->end_ns : total_ns;
    }
    stats_say(out, "boot.total_ns=%lu", total_ns);
}

static void say_initializers(struct output *out, const struct boot_info *boot) {
    for (unsigned i = 0; i < boot->initializer_count; i++) {
        const struct boot_initializer *initializer = &boot->initializers[i];
        stats_say(out, "boot.initializers.%u.function=%p", i, (void *)initializer->function);
        stats_say(out, "boot.initializers.%u.state=%s", i, initializer->completed ? "done" : "pending");
        stats_say(out, "boot.initializers.%u.duration_ns=%lu", i, initializer->duration_ns);
    }
}

static void say_boot(struct output *out) {
    const struct boot_info *boot = boot_info();
    say_memory_map(out, boot);
    stats_say_text(out, "boot.command_line", boot->command_line);
    if (boot->initrd.start != boot->initrd.end) {
        say_range(out, "boot.initrd", boot->initrd);
    }
    say_phases(out, boot);
    say_initializers(out, boot);
    say_range(out, "boot.preallocated", boot->preallocated);
    stats_say(out, "boot.preallocated_free=%u", boot->preallocated_free);
}

static void say_app(struct output *out) {
    const struct uni_app *app = uni_app();
    stats_say_text(out, "app.name", app->config->name);
    stats_say(out, "app.entry=%p", (void *)app->entry);
    say_range(out, "app.heap", app->heap);
    say_range(out, "app.data", app->data);
    stats_say(out, "app.memory_bytes=%lu", app->config->memory_bytes);
    stats_say(out, "app.needs_network=%s", stats_boolean(app->config->needs_network));
    stats_say(out, "app.needs_storage=%s", stats_boolean(app->config->needs_storage));
    for (unsigned i = 0; i < app->config->port_count; i++) {
        stats_say(out, "app.ports.%u=%u", i, app->config->ports[i]);
    }
}

/* Armed timers alone, and numbered without gaps. Overdue against the time at which the loop last looked. */
static void say_timers(struct output *out, const struct event_loop *loop) {
    unsigned i = 0;
    for (uint32_t slot = 0; slot < loop->timer_count; slot++) {
        const struct loop_timer *timer = &loop->timers[slot];
        if (!timer->active) {
            continue;
        }
        bool overdue = timer->deadline_ns < loop->now_ns;
        stats_say(out, "loop.timers.%u.callback=%p", i, (void *)timer->callback);
        stats_say(out, "loop.timers.%u.data=%p", i, timer->data);
        stats_say(out, "loop.timers.%u.deadline_ns=%lu", i, timer->deadline_ns);
        stats_say(out, "loop.timers.%u.period_ns=%lu", i, timer->period_ns);
        stats_say(out, "loop.timers.%u.overdue_ns=%lu", i, overdue ? loop->now_ns - timer->deadline_ns : 0);
        stats_say(out, "loop.timers.%u.fired=%lu", i, timer->fired);
        i++;
    }
}

static void say_handlers(struct output *out, const struct event_loop *loop) {
    unsigned i = 0;
    for (uint32_t slot = 0; slot < loop->handler_count; slot++) {
        const struct loop_handler *handler = &loop->handlers[slot];
        if (!handler->active) {
            continue;
        }
        stats_say(out, "loop.handlers.%u.descriptor=%d", i, handler->descriptor);
        stats_say(out, "loop.handlers.%u.callback=%p", i, (void *)handler->callback);
        stats_say(out, "loop.handlers.%u.data=%p", i, handler->data);
        stats_say(out, "loop.handlers.%u.events=%lu", i, handler->events);
        i++;
    }
}

static void say_loop(struct output *out) {
    const struct event_loop *loop = event_loop();
    stats_say(out, "loop.now_ns=%lu", loop->now_ns);
    stats_say(out, "loop.iterations=%lu", loop->iterations);
    stats_say(out, "loop.timers_fired=%lu", loop->timers_fired);
    stats_say(out, "loop.events_handled=%lu", loop->events_handled);
    say_timers(out, loop);
    say_handlers(out, loop);
}

static void say_log(struct output *out) {
    const struct console_ring *ring = console_ring();
    stats_say(out, "log.size_bytes=%lu", ring->size);
    stats_say(out, "log.written_bytes=%lu", ring->written);
    stats_say(out, "log.lost_bytes=%lu", ring->written > ring->size ? ring->written - ring->size : 0);
}

static const struct {
    const char *name;
    void (*say)(struct output *out);
} views[] = {
    {"memory", say_memory},
    {"devices", say_devices},
    {"boot", say_boot},
    {"app", say_app},
    {"heap", stats_heap},
    {"loop", say_loop},
    {"log", say_log},
    {"net", stats_net},
    {"rings", stats_rings},
    {"cloud", stats_cloud},
    {"orchestration", stats_orchestration},
    {"runtime", stats_runtime},
    {"security", stats_security},
};

void stats_print(const char *view, void (*emit)(void *context, const char *text), void *context) {
    struct output out = {emit, context};
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        if (*view == '\0' || string_equal(view, views[i].name)) {
            views[i].say(&out);
        }
    }
    if (string_equal(view, "slots")) {
        stats_slots(&out);
    }
}
