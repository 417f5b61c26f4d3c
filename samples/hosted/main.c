/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From Linux to libos_main: options, and the start information that a hypervisor would give.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hosted.h"
#include "libos/clock.h"

#define HVM_START_MAGIC 0x336ec578u
#define USABLE 1

/* public/arch-x86/hvm/start_info.h of Xen. */
struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp, memory_map;
    uint32_t memory_map_entries, reserved;
};

struct memory {
    uint64_t address, size;
    uint32_t type, reserved;
};

extern char hosted_ram[], hosted_ram_end[];
_Noreturn void hosted_enter(uintptr_t start_info);

struct hosted_options hosted_options = {.debug_address = "127.0.0.1:0", .append = ""};

static const char usage[] = "usage: %s [-d ADDRESS] [-f [tcp:|udp:]PORT:GUEST-PORT]... [-a COMMAND-LINE]\n"
                            "  -d  where the stub listens: HOST:PORT (port 0: any), unix:PATH, or none\n"
                            "  -f  lead a port of 127.0.0.1 to one of the guest\n";

static bool parse_forward(const char *text, struct hosted_forward *forward) {
    char *end;
    forward->is_udp = strncmp(text, "udp:", 4) == 0;
    if (forward->is_udp || strncmp(text, "tcp:", 4) == 0) {
        text += 4;
    }
    forward->host_port = (uint16_t)strtoul(text, &end, 10);
    if (end == text || *end != ':') {
        return false;
    }
    forward->guest_port = (uint16_t)strtoul(end + 1, &end, 10);
    return *end == '\0' && forward->guest_port != 0;
}

static bool add_forward(const char *text) {
    if (hosted_options.forward_count == HOSTED_FORWARDS) {
        return false;
    }
    return parse_forward(text, &hosted_options.forwards[hosted_options.forward_count++]);
}

static bool parse(int count, char **arguments) {
    int option;
    bool good = true;
    hosted_options.arguments = arguments;
    while (good && (option = getopt(count, arguments, "d:f:a:")) != -1) {
        switch (option) {
        case 'd':
            hosted_options.debug_address = strcmp(optarg, "none") == 0 ? NULL : optarg;
            break;
        case 'f':
            good = add_forward(optarg);
            break;
        case 'a':
            hosted_options.append = optarg;
            break;
        default:
            good = false;
        }
    }
    return good && optind == count;
}

int main(int count, char **arguments) {
    static struct memory memory = {.type = USABLE};
    static struct start_info info = {.magic = HVM_START_MAGIC, .version = 1, .memory_map_entries = 1};
    if (!parse(count, arguments)) {
        fprintf(stderr, usage, arguments[0]);
        return 2;
    }
    memory.address = (uintptr_t)hosted_ram;
    memory.size = (uint64_t)(hosted_ram_end - hosted_ram);
    info.memory_map = (uintptr_t)&memory;
    info.command_line = (uintptr_t)hosted_options.append;
    boot_first_tick = clock_ticks();
    hosted_enter((uintptr_t)&info);
}
