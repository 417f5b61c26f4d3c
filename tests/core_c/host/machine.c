/* SPDX-License-Identifier: BSD-3-Clause */
#include "machine.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unidbg/command.h>

bool arch_own_text(uint64_t address); /* stubs/core/arch.h */

enum { PAGE = 4096 };

static const uint64_t stack_top = 0x304000;
static const uint64_t slot_page = 0x2ff000;
static const uint64_t device_page = 0xfee00000;

struct segment *machine_map(struct machine *machine, const char *name, uint64_t start, uint64_t size,
                            uint32_t flags) {
    struct segment *it = &machine->segments[machine->segment_count];

    if (machine->segment_count == SEGMENTS)
        abort();
    machine->segment_count++;
    *it = (struct segment){start, size, flags, name, calloc(1, size)};
    return it;
}

void machine_free(struct machine *machine) {
    for (unsigned i = 0; i < machine->segment_count; i++)
        free(machine->segments[i].bytes);
    machine->segment_count = 0;
}

static struct segment *find(struct machine *machine, uint64_t address) {
    for (unsigned i = 0; i < machine->segment_count; i++) {
        if (address - machine->segments[i].start < machine->segments[i].size)
            return &machine->segments[i];
    }
    return NULL;
}

/* One run within one segment that has the flags; 0: none. */
static size_t run_of(struct machine *machine, uint64_t address, size_t count, uint32_t flags,
                     uint8_t **bytes) {
    struct segment *it = find(machine, address);

    if (!it || (it->flags & flags) != flags)
        return 0;
    if (it->flags & UNIDBG_DEVICE)
        machine->device_reads++;
    *bytes = it->bytes + (address - it->start);
    return it->start + it->size - address < count ? it->start + it->size - address : count;
}

size_t machine_read(struct machine *machine, void *to, uint64_t address, size_t count) {
    size_t done = 0;
    uint8_t *bytes = NULL;

    while (done < count) {
        size_t now = run_of(machine, address + done, count - done, UNIDBG_READ, &bytes);
        if (now == 0)
            break;
        memcpy((uint8_t *)to + done, bytes, now);
        done += now;
    }
    return done;
}

static size_t write_with(struct machine *machine, uint64_t address, const void *from, size_t count,
                         uint32_t flags) {
    size_t done = 0;
    uint8_t *bytes = NULL;

    while (done < count) {
        size_t now = run_of(machine, address + done, count - done, flags, &bytes);
        if (now == 0)
            break;
        memcpy(bytes, (const uint8_t *)from + done, now);
        done += now;
    }
    return done;
}

size_t machine_write(struct machine *machine, uint64_t address, const void *from, size_t count) {
    return write_with(machine, address, from, count, UNIDBG_READ | UNIDBG_WRITE);
}

/* ---- the port ---- */

static size_t peek(void *context, void *to, uint64_t address, size_t count) {
    return machine_read(context, to, address, count);
}

static size_t poke(void *context, uint64_t address, const void *from, size_t count) {
    return machine_write(context, address, from, count);
}

static size_t poke_text(void *context, uint64_t address, const void *from, size_t count) {
    return write_with(context, address, from, count, UNIDBG_READ);
}

static bool get_region(void *context, unsigned index, struct unidbg_region *region) {
    const struct machine *machine = context;
    const struct segment *it = &machine->segments[index];

    if (index >= machine->segment_count)
        return false;
    *region = (struct unidbg_region){it->start, it->start + it->size, it->flags, it->name};
    return true;
}

/* As if the page of the slot were all of the stub. */
bool arch_own_text(uint64_t address) {
    return address - slot_page < PAGE;
}

static uint64_t get_slot(void *context) {
    (void)context;
    return slot_page;
}

static bool set_hardware(void *context, unsigned slot, enum unidbg_hardware kind, uint64_t address,
                         unsigned length) {
    struct machine *machine = context;

    if (kind == UNIDBG_HW_READ) /* as on x86_64, which cannot watch reads alone */
        kind = UNIDBG_HW_ACCESS;
    machine->slots[slot] = (struct debug_slot){address, length, kind};
    return true;
}

static uint32_t take_hits(void *context) {
    struct machine *machine = context;
    uint32_t hits = machine->hits;

    machine->hits = 0;
    return hits;
}

static bool get_thread(void *context, unsigned index, struct unidbg_thread *thread) {
    static const struct unidbg_thread threads[] = {
        {1, 0, "main", "running"}, {2, 0, "idle <&\">", "waits\x1b[31m"}, {0x1234567, 0, NULL, NULL}};
    const struct machine *machine = context;

    if (index >= (machine->parked ? 1u + PARKED : 1u))
        return false;
    *thread = threads[index];
    return true;
}

static bool get_thread_frame(void *context, uint64_t id, struct unidbg_frame *frame, unsigned *known) {
    (void)context;
    if (id != 2)
        return false;
    *frame =
        (struct unidbg_frame){.rip = 0x200010, .rsp = stack_top - 0x800, .rbp = 0, .rbx = 0xb, .r12 = 12};
    *known = UNIDBG_CALLEE_SAVED;
    return true;
}

static uint64_t get_current(void *context) {
    (void)context;
    return 1;
}

static void write_lines(struct unidbg_text *out, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        unidbg_write(out, "line ");
        unidbg_write_decimal(out, i);
        unidbg_write(out, "\n");
    }
}

static void echo(const char *arguments, struct unidbg_text *out) {
    unidbg_write(out, "[");
    unidbg_write(out, arguments);
    unidbg_write(out, "]\n");
}
UNIDBG_COMMAND(echo, "echo WORDS: say them again", echo);

static bool fruit_row(unsigned index, struct unidbg_text *out) {
    static const char *const names[] = {"apple", "<pear & \x01>"};

    if (index >= sizeof names / sizeof *names)
        return false;
    unidbg_column(out, "fruit");
    unidbg_write(out, names[index]);
    unidbg_column(out, "weight");
    unidbg_write_decimal(out, 100 + index);
    unidbg_column(out, "at");
    unidbg_write_hex(out, 0x1000u * index);
    return true;
}

static bool empty_row(unsigned index, struct unidbg_text *out) {
    (void)index;
    (void)out;
    return false;
}

static const struct unidbg_table tables[] = {{"fruit", "What is in the basket", fruit_row},
                                             {"empty", "Nothing", empty_row}};

static bool monitor(void *context, const char *command, struct unidbg_text *out) {
    const struct machine *machine = context;

    if (strcmp(command, "help") == 0) {
        unidbg_write(out, "lines: a thousand lines\ninstructions: executed so far\nsilence: no output\n");
    } else if (strcmp(command, "lines") == 0) {
        write_lines(out, 1000);
    } else if (strcmp(command, "instructions") == 0) {
        unidbg_write_decimal(out, machine->instructions);
        unidbg_write(out, " = ");
        unidbg_write_hex(out, machine->instructions);
        unidbg_write(out, "\n");
    } else if (strcmp(command, "device reads") == 0) {
        unidbg_write_decimal(out, machine->device_reads);
        unidbg_write(out, "\n");
    } else {
        return strcmp(command, "silence") == 0;
    }
    return true;
}

void machine_port(struct machine *machine, struct unidbg_port *port) {
    *port = (struct unidbg_port){
        .context = machine,
        .peek = peek,
        .poke = poke,
        .poke_text = poke_text,
        .region = get_region,
        .slot = get_slot,
        .hardware_slots = DEBUG_SLOTS,
        .hardware = set_hardware,
        .hardware_hits = take_hits,
        .thread = get_thread,
        .thread_frame = get_thread_frame,
        .current = get_current,
        .monitor = monitor,
        .name = "host",
        .tables = tables,
        .table_count = sizeof tables / sizeof *tables,
    };
    UNIDBG_COMMANDS(port);
}

/* ---- the image ---- */

static bool read_at(FILE *file, uint64_t offset, void *to, size_t count) {
    return fseek(file, (long)offset, SEEK_SET) == 0 && fread(to, 1, count, file) == count;
}

static uint32_t access_of(uint32_t flags) {
    return UNIDBG_READ | (flags & PF_W ? (uint32_t)UNIDBG_WRITE : 0) |
           (flags & PF_X ? (uint32_t)UNIDBG_EXECUTE : 0);
}

static bool load_segment(struct machine *machine, FILE *file, const Elf64_Phdr *header) {
    uint64_t start = header->p_vaddr & ~(uint64_t)(PAGE - 1);
    uint64_t size = (header->p_vaddr + header->p_memsz - start + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    struct segment *it = machine_map(machine, "image", start, size, access_of(header->p_flags));

    return read_at(file, header->p_offset, it->bytes + (header->p_vaddr - start), header->p_filesz);
}

static bool load(struct machine *machine, FILE *file) {
    Elf64_Ehdr header;
    Elf64_Phdr program;

    if (!read_at(file, 0, &header, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (!read_at(file, header.e_phoff + (uint64_t)i * sizeof program, &program, sizeof program))
            return false;
        if (program.p_type == PT_LOAD && program.p_memsz > 0 && !load_segment(machine, file, &program))
            return false;
    }
    machine->frame.rip = header.e_entry;
    return true;
}

bool machine_load(struct machine *machine, const char *path) {
    FILE *file = fopen(path, "rb");
    bool done;

    if (!file)
        return false;
    done = load(machine, file);
    fclose(file);
    machine_map(machine, "stack", stack_top - 0x4000, 0x4000, UNIDBG_READ | UNIDBG_WRITE);
    machine_map(machine, "slot", slot_page, PAGE, UNIDBG_READ | UNIDBG_EXECUTE);
    machine_map(machine, "device", device_page, PAGE, UNIDBG_READ | UNIDBG_WRITE | UNIDBG_DEVICE);
    machine->frame.rsp = stack_top;
    machine->frame.rflags = 0x202;
    machine->frame.cs = 8;
    machine->frame.ss = 16;
    machine->frame.cr0 = 0x80010013;
    machine->frame.cr4 = 0x620;
    machine->frame.efer = 0xd00;
    machine->frame.fxsave[0] = 0x7f; /* fctrl 0x37f, mxcsr 0x1f80: as fninit leaves them */
    machine->frame.fxsave[1] = 0x03;
    machine->frame.fxsave[24] = 0x80;
    machine->frame.fxsave[25] = 0x1f;
    return done;
}
