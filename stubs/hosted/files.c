/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of a Linux process: its image, and the libraries that it had when it began. */
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "hosted.h"

enum { LIBRARIES = 32, PATH_BYTES = 256 };

static struct library {
    char file[PATH_BYTES];
    uint64_t address;
} libraries[LIBRARIES];
static unsigned library_count;
static char image[4096];

/* The linker's list is locked while it is walked: not to be done in a signal handler. */
static int note(struct dl_phdr_info *info, size_t size, void *context) {
    struct library *it = &libraries[library_count];

    (void)size;
    (void)context;
    if (info->dlpi_name[0] != '/' || strlen(info->dlpi_name) >= PATH_BYTES)
        return 0; /* the image, and what the kernel has put there */
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD) {
            memcpy(it->file, info->dlpi_name, strlen(info->dlpi_name) + 1);
            it->address = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            return ++library_count == LIBRARIES;
        }
    }
    return 0;
}

static bool get_module(void *context, unsigned index, struct unidbg_module *module) {
    (void)context;
    if (index >= library_count)
        return false;
    *module = (struct unidbg_module){libraries[index].file, libraries[index].address};
    return true;
}

void hosted_files(struct unidbg_port *port) {
    ssize_t length = readlink("/proc/self/exe", image, sizeof image - 1);

    port->exec_file = length > 0 ? image : NULL;
    library_count = 0;
    dl_iterate_phdr(note, NULL);
    port->module = get_module;
}
