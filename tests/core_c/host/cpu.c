/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPU: what the stub can emulate, it executes by the same code; a few more are its own, so that they
 * have to be stepped with the trap flag. */
#include "machine.h"

#include <string.h>

#include "../../../stubs/arch/x86_64/decode.h"
#include "../../../stubs/arch/x86_64/emulate.h"

enum { TF = 0x100, RF = 0x10000 };
enum { DIVIDE = 0, DEBUG = 1, BREAKPOINT = 3, INVALID = 6, PAGE_FAULT = 14 };
enum { FAULT_WRITE = 2, FAULT_FETCH = 16 };

static int raise(struct machine *machine, unsigned vector, uint64_t error, uint64_t address) {
    machine->frame.vector = vector;
    machine->frame.error_code = error;
    if (vector == PAGE_FAULT)
        machine->frame.cr2 = address;
    return (int)vector;
}

static void watch(struct machine *machine, uint64_t address, enum unidbg_hardware kind) {
    for (unsigned i = 0; i < DEBUG_SLOTS; i++) {
        const struct debug_slot *it = &machine->slots[i];
        if (it->length && it->address - (address & ~7ull) < 8 &&
            (it->kind == kind || it->kind == UNIDBG_HW_ACCESS))
            machine->hits |= 1u << i;
    }
}

static int load(struct machine *machine, uint64_t address, uint64_t *value) {
    if (machine_read(machine, value, address, sizeof *value) != sizeof *value)
        return raise(machine, PAGE_FAULT, 0, address);
    watch(machine, address, UNIDBG_HW_READ);
    return CPU_RUNS;
}

static int store(struct machine *machine, uint64_t address, uint64_t value) {
    if (machine_write(machine, address, &value, sizeof value) != sizeof value)
        return raise(machine, PAGE_FAULT, FAULT_WRITE, address);
    watch(machine, address, UNIDBG_HW_WRITE);
    return CPU_RUNS;
}

/* The address of a RIP-relative operand. */
static uint64_t relative(const struct machine *machine, const struct x86_instruction *it,
                         const uint8_t *bytes) {
    int32_t displacement;

    memcpy(&displacement, bytes + it->relative, sizeof displacement);
    return machine->frame.rip + it->length + (uint64_t)(int64_t)displacement;
}

static int increment(struct machine *machine, uint64_t address) {
    uint64_t value = 0;
    int result = load(machine, address, &value);
    return result == CPU_RUNS ? store(machine, address, value + 1) : result;
}

static int call_through(struct machine *machine, uint64_t address, uint8_t length) {
    uint64_t target = 0;
    int result = load(machine, address, &target);

    if (result == CPU_RUNS)
        result = store(machine, machine->frame.rsp - 8, machine->frame.rip + length);
    if (result == CPU_RUNS) {
        machine->frame.rsp -= 8;
        machine->frame.rip = target - length;
    }
    return result;
}

/* One byte of a rep movsb; it stays where it is until rcx is 0. */
static int move_string(struct machine *machine, uint8_t length) {
    struct unidbg_frame *frame = &machine->frame;
    uint8_t byte;

    if (frame->rcx == 0)
        return CPU_RUNS;
    if (machine_read(machine, &byte, frame->rsi, 1) != 1)
        return raise(machine, PAGE_FAULT, 0, frame->rsi);
    if (machine_write(machine, frame->rdi, &byte, 1) != 1)
        return raise(machine, PAGE_FAULT, FAULT_WRITE, frame->rdi);
    frame->rsi++;
    frame->rdi++;
    if (--frame->rcx > 0)
        frame->rip -= length;
    return CPU_RUNS;
}

/* Instructions of its own; a fault leaves the pc where it was. */
static int execute(struct machine *machine, const struct x86_instruction *it, const uint8_t *bytes) {
    struct unidbg_frame *frame = &machine->frame;
    int32_t immediate = 0;

    if (it->map == MAP_0F && it->opcode == 0x0b)
        return raise(machine, INVALID, 0, 0);
    if (it->map != MAP_ONE)
        return raise(machine, INVALID, 0, 0);
    if (it->length - it->immediate == 4)
        memcpy(&immediate, bytes + it->immediate, sizeof immediate);
    switch (it->opcode) {
    case 0xff: /* inc and call of a RIP-relative operand */
        if (it->modrm == 0x05)
            return increment(machine, relative(machine, it, bytes));
        return it->modrm == 0x15 ? call_through(machine, relative(machine, it, bytes), it->length)
                                 : raise(machine, INVALID, 0, 0);
    case 0x8d: /* lea rsi or rdi, RIP-relative */
        *(it->modrm == 0x35 ? &frame->rsi : &frame->rdi) = relative(machine, it, bytes);
        return CPU_RUNS;
    case 0x8b: /* mov rax, [rax] */
        return load(machine, frame->rax, &frame->rax);
    case 0x89: /* mov [rax], rcx */
        return store(machine, frame->rax, frame->rcx);
    case 0xc7: /* mov rax, immediate */
        frame->rax = (uint64_t)(int64_t)immediate;
        return CPU_RUNS;
    case 0xb9: /* mov ecx, immediate */
        frame->rcx = (uint32_t)immediate;
        return CPU_RUNS;
    case 0xa4: /* rep movsb */
        return move_string(machine, it->length);
    case 0xf7: /* div rcx */
        return frame->rcx == 0 ? raise(machine, DIVIDE, 0, 0) : CPU_RUNS;
    default:
        return raise(machine, INVALID, 0, 0);
    }
}

static int hardware_execute(struct machine *machine) {
    if (machine->frame.rflags & RF) {
        machine->frame.rflags &= ~(uint64_t)RF;
        return CPU_RUNS;
    }
    for (unsigned i = 0; i < DEBUG_SLOTS; i++) {
        const struct debug_slot *it = &machine->slots[i];
        if (it->length && it->kind == UNIDBG_HW_EXECUTE && it->address == machine->frame.rip)
            machine->hits |= 1u << i;
    }
    return machine->hits ? raise(machine, DEBUG, 0, 0) : CPU_RUNS;
}

static int execute_any(struct machine *machine, const struct x86_instruction *it, const uint8_t *bytes) {
    struct unidbg_port port;
    struct unidbg_stub as_cpu = {.port = &port, .frame = &machine->frame};
    int result;

    machine_port(machine, &port);
    if (x86_emulate(&as_cpu, it, bytes, false))
        return CPU_RUNS;
    result = execute(machine, it, bytes);
    if (result == CPU_RUNS)
        machine->frame.rip += it->length;
    return result;
}

int cpu_step(struct machine *machine) {
    struct unidbg_frame *frame = &machine->frame;
    struct x86_instruction it;
    uint8_t bytes[X86_LENGTH_MAX];
    size_t count = machine_read(machine, bytes, frame->rip, sizeof bytes);
    bool trap = frame->rflags & TF;
    int result = hardware_execute(machine);

    if (result != CPU_RUNS)
        return result;
    if (count == 0)
        return raise(machine, PAGE_FAULT, FAULT_FETCH, frame->rip);
    if (bytes[0] == 0xcc) {
        frame->rip++;
        return raise(machine, BREAKPOINT, 0, 0);
    }
    if (!x86_decode(&it, bytes, count))
        return raise(machine, INVALID, 0, 0);
    machine->instructions++;
    if (it.map == MAP_ONE && it.opcode == 0xf4 && !trap) {
        frame->rip++;
        return CPU_HALTS;
    }
    if (it.map == MAP_ONE && it.opcode == 0xcd) { /* its handler clears the trap flag and gives the number */
        frame->rax = bytes[1];
        frame->rip += it.length;
        return CPU_RUNS;
    }
    result = execute_any(machine, &it, bytes);
    if (result == CPU_RUNS && (trap || machine->hits))
        result = raise(machine, DEBUG, 0, 0);
    return result;
}
