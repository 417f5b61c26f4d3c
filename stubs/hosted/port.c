/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory, regions and time of a Linux process. All that is called here may be called in a signal handler. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <unidbg/hosted.h>

#include "hosted.h"

enum { NS_PER_SECOND = 1000000000, MAPS = 65536 };

/* The kernel copies, and says how far it came: no fault of ours. */
static size_t peek(void *context, void *to, uint64_t address, size_t count) {
    struct iovec ours = {to, count};
    struct iovec theirs = {(void *)address, count}; // NOLINT(performance-no-int-to-ptr)
    ssize_t done = process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0);

    (void)context;
    return done < 0 ? 0 : (size_t)done;
}

static size_t poke(void *context, uint64_t address, const void *from, size_t count) {
    struct iovec ours = {(void *)from, count};      // NOLINT(performance-no-int-to-ptr)
    struct iovec theirs = {(void *)address, count}; // NOLINT(performance-no-int-to-ptr)
    ssize_t done = process_vm_writev(getpid(), &ours, 1, &theirs, 1, 0);

    (void)context;
    return done < 0 ? 0 : (size_t)done;
}

/* This file writes where the mapping does not allow it: the kernel copies the page first. */
static size_t poke_text(void *context, uint64_t address, const void *from, size_t count) {
    int file = open("/proc/self/mem", O_WRONLY | O_CLOEXEC);
    ssize_t done = file < 0 ? -1 : pwrite(file, from, count, (off_t)address);

    (void)context;
    if (file >= 0)
        close(file);
    return done < 0 ? 0 : (size_t)done;
}

static uint64_t slot(void *context) {
    (void)context;
    return (uintptr_t)x86_slot_area;
}

bool arch_own_text(uint64_t address) {
    return address - (uintptr_t)unidbg_text_start < (uintptr_t)(unidbg_text_end - unidbg_text_start);
}

uint64_t hosted_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static uint64_t now_ns(void *context) {
    (void)context;
    return hosted_now();
}

/* ---- regions: /proc/self/maps, as it was a moment ago ---- */

static struct {
    char text[MAPS];
    size_t length;
    uint64_t read_ns;
    const char *at; /* of region `next` */
    unsigned next;
} maps;

/* Each read of memory asks: what was read for the last is good for the next. */
static const uint64_t stale_ns = 20000000;

static void read_maps(void) {
    int file;
    ssize_t got = 1;

    maps.at = maps.text;
    maps.next = 0;
    if (maps.length > 0 && hosted_now() - maps.read_ns < stale_ns)
        return;
    maps.read_ns = hosted_now();
    file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    maps.length = 0;
    while (file >= 0 && got > 0 && maps.length < MAPS - 1) {
        got = read(file, maps.text + maps.length, MAPS - 1 - maps.length);
        maps.length += got > 0 ? (size_t)got : 0;
    }
    if (file >= 0)
        close(file);
    maps.text[maps.length] = '\0';
}

static uint64_t hexadecimal(const char **text) {
    uint64_t value = 0;
    for (;; (*text)++) {
        char digit = **text;
        if (digit >= '0' && digit <= '9')
            value = value << 4 | (uint64_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            value = value << 4 | (uint64_t)(digit - 'a' + 10);
        else
            return value;
    }
}

/* "start-end rwxp ...": pages that are there for the kernel alone count as devices. */
static bool parse(const char *line, const char *end, struct unidbg_region *region) {
    const char *text = line;

    region->start = hexadecimal(&text);
    if (*text++ != '-')
        return false;
    region->end = hexadecimal(&text);
    if (*text++ != ' ' || end - text < 4)
        return false;
    region->flags = (text[0] == 'r' ? UNIDBG_READ : 0u) | (text[1] == 'w' ? UNIDBG_WRITE : 0u) |
                    (text[2] == 'x' ? UNIDBG_EXECUTE : 0u);
    if (memmem(text, (size_t)(end - text), "[vvar", 5) || memmem(text, (size_t)(end - text), "[vsyscall", 9))
        region->flags |= UNIDBG_DEVICE;
    region->name = region->flags & UNIDBG_DEVICE ? "kernel" : "process";
    return true;
}

static bool get_region(void *context, unsigned index, struct unidbg_region *region) {
    (void)context;
    if (index == 0 || index < maps.next)
        read_maps();
    while (*maps.at != '\0') {
        const char *line = maps.at;
        const char *end = strchr(line, '\n');
        if (!end)
            break;
        maps.at = end + 1;
        if (maps.next++ == index)
            return parse(line, end, region);
    }
    return false;
}

void unidbg_hosted_port(struct unidbg_port *port) {
    port->peek = peek;
    port->poke = poke;
    port->poke_text = poke_text;
    port->slot = slot;
    port->region = get_region;
    port->now_ns = now_ns;
    port->lacks = UNIDBG_SYSTEM;
    hosted_files(port);
}
