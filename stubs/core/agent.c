/* SPDX-License-Identifier: BSD-3-Clause */
/* The interpreter. A stack of 64-bit words; the code is bytes, big endian, and nobody's friend: everything
 * that it asks for is checked. */
#include "agent.h"

#include "arch.h"
#include "memory.h"
#include "trace.h"

enum opcode {
    OP_ADD = 0x02,
    OP_SUB = 0x03,
    OP_MUL = 0x04,
    OP_DIV_SIGNED = 0x05,
    OP_DIV_UNSIGNED = 0x06,
    OP_REM_SIGNED = 0x07,
    OP_REM_UNSIGNED = 0x08,
    OP_LSH = 0x09,
    OP_RSH_SIGNED = 0x0a,
    OP_RSH_UNSIGNED = 0x0b,
    OP_LOG_NOT = 0x0e,
    OP_BIT_AND = 0x0f,
    OP_BIT_OR = 0x10,
    OP_BIT_XOR = 0x11,
    OP_BIT_NOT = 0x12,
    OP_EQUAL = 0x13,
    OP_LESS_SIGNED = 0x14,
    OP_LESS_UNSIGNED = 0x15,
    OP_EXT = 0x16,
    OP_REF8 = 0x17,
    OP_REF64 = 0x1a,
    OP_TRACE = 0x0c,
    OP_TRACE_QUICK = 0x0d,
    OP_IF_GOTO = 0x20,
    OP_GOTO = 0x21,
    OP_CONST8 = 0x22,
    OP_CONST64 = 0x25,
    OP_REG = 0x26,
    OP_END = 0x27,
    OP_DUP = 0x28,
    OP_POP = 0x29,
    OP_ZERO_EXT = 0x2a,
    OP_SWAP = 0x2b,
    OP_GETV = 0x2c,
    OP_SETV = 0x2d,
    OP_TRACEV = 0x2e,
    OP_TRACENZ = 0x2f,
    OP_TRACE16 = 0x30,
    OP_PICK = 0x32,
    OP_ROT = 0x33,
    OP_PRINTF = 0x34,
};

struct machine {
    struct unidbg_stub *stub;
    struct agent_code code;
    uint32_t at;
    unsigned depth;
    bool failed;
    int64_t stack[AGENT_STACK];
};

/* An operand in the code. */
static uint64_t operand(struct machine *on, unsigned bytes) {
    uint64_t value = 0;

    if (on->code.length - on->at < bytes) {
        on->failed = true;
        return 0;
    }
    while (bytes-- > 0)
        value = value << 8 | on->code.bytes[on->at++];
    return value;
}

static void push(struct machine *on, int64_t value) {
    if (on->depth == AGENT_STACK)
        on->failed = true;
    else
        on->stack[on->depth++] = value;
}

static int64_t pop(struct machine *on) {
    if (on->depth == 0) {
        on->failed = true;
        return 0;
    }
    return on->stack[--on->depth];
}

/* Copy the word `below` words under the top. */
static int64_t look(struct machine *on, unsigned below) {
    if (below >= on->depth) {
        on->failed = true;
        return 0;
    }
    return on->stack[on->depth - 1 - below];
}

static int64_t divide(struct machine *on, uint8_t opcode, int64_t left, int64_t right) {
    if (right == 0) {
        on->failed = true;
        return 0;
    }
    if (opcode == OP_DIV_UNSIGNED)
        return (int64_t)((uint64_t)left / (uint64_t)right);
    if (opcode == OP_REM_UNSIGNED)
        return (int64_t)((uint64_t)left % (uint64_t)right);
    if (right == -1) /* the one quotient that does not fit wraps around */
        return opcode == OP_DIV_SIGNED ? (int64_t)(0 - (uint64_t)left) : 0;
    return opcode == OP_DIV_SIGNED ? left / right : left % right;
}

static int64_t shift(uint8_t opcode, int64_t value, uint64_t by) {
    bool sign = opcode == OP_RSH_SIGNED && value < 0;

    if (by > 63)
        return sign ? -1 : 0;
    if (opcode == OP_LSH)
        return (int64_t)((uint64_t)value << by);
    return (int64_t)((uint64_t)value >> by | (sign && by > 0 ? ~(uint64_t)0 << (64 - by) : 0));
}

static int64_t binary(struct machine *on, uint8_t opcode, int64_t left, int64_t right) {
    switch (opcode) {
    case OP_ADD:
        return (int64_t)((uint64_t)left + (uint64_t)right);
    case OP_SUB:
        return (int64_t)((uint64_t)left - (uint64_t)right);
    case OP_MUL:
        return (int64_t)((uint64_t)left * (uint64_t)right);
    case OP_BIT_AND:
        return left & right;
    case OP_BIT_OR:
        return left | right;
    case OP_BIT_XOR:
        return left ^ right;
    case OP_EQUAL:
        return left == right;
    case OP_LESS_SIGNED:
        return left < right;
    case OP_LESS_UNSIGNED:
        return (uint64_t)left < (uint64_t)right;
    case OP_LSH:
    case OP_RSH_SIGNED:
    case OP_RSH_UNSIGNED:
        return shift(opcode, left, (uint64_t)right);
    default:
        return divide(on, opcode, left, right);
    }
}

/* Bit n: opcode n takes two words and gives one. */
static const uint32_t two_words = 0x3b8ffc;

/* Keep the low bits of the top, the others like the sign or 0. */
static int64_t extend(int64_t value, uint64_t bits, bool sign) {
    uint64_t mask = bits < 64 ? ((uint64_t)1 << bits) - 1 : ~(uint64_t)0;
    uint64_t low = (uint64_t)value & mask;

    if (sign && bits > 0 && bits < 64 && low >> (bits - 1))
        low |= ~mask;
    return (int64_t)low;
}

static int64_t reference(struct machine *on, uint8_t opcode) {
    size_t size = (size_t)1 << (opcode - OP_REF8);
    uint64_t value = 0;

    if (memory_read(on->stub, &value, (uint64_t)pop(on), size) != size)
        on->failed = true;
    return (int64_t)value;
}

static int64_t read_register(struct machine *on, uint64_t number) {
    uint64_t value = 0;

    if (number >= arch_register_count() || arch_register_size((unsigned)number) > sizeof value) {
        on->failed = true;
        return 0;
    }
    if (arch_register_group((unsigned)number) == UNIDBG_SYSTEM)
        stop_capture(on->stub);
    arch_register_get(on->stub->frame, (unsigned)number, (uint8_t *)&value);
    return (int64_t)value;
}

static void jump(struct machine *on, bool taken) {
    uint64_t to = operand(on, 2);

    if (!taken)
        return;
    if (to >= on->code.length)
        on->failed = true;
    else
        on->at = (uint32_t)to;
}

/* Function and channel are what a host's printf would need; the format must end inside the code. */
static void print(struct machine *on) {
    unsigned count = (unsigned)operand(on, 1);
    uint64_t length = operand(on, 2);
    const char *format = (const char *)on->code.bytes + on->at;
    int64_t arguments[AGENT_STACK];

    if (on->failed || count > AGENT_STACK || length == 0 || length > on->code.length - on->at ||
        format[length - 1] != 0) {
        on->failed = true;
        return;
    }
    on->at += (uint32_t)length;
    pop(on);
    pop(on);
    for (unsigned i = 0; i < count; i++)
        arguments[i] = pop(on);
    if (!on->failed)
        agent_print(on->stub, format, arguments, count);
}

static void rotate(struct machine *on) {
    int64_t top = pop(on);
    int64_t second = pop(on);
    int64_t third = pop(on);

    push(on, top);
    push(on, third);
    push(on, second);
}

static void swap(struct machine *on) {
    int64_t top = pop(on);
    int64_t second = pop(on);

    push(on, top);
    push(on, second);
}

/* Collecting, and the variables of tracepoints. */
static bool trace(struct machine *on, uint8_t opcode) {
    int64_t value = 0;
    uint32_t number;

    switch (opcode) {
    case OP_TRACE:
    case OP_TRACENZ:
        value = pop(on);
        return (opcode == OP_TRACE ? trace_memory : trace_text)(on->stub, (uint64_t)pop(on), (uint64_t)value);
    case OP_TRACE_QUICK:
    case OP_TRACE16:
        return trace_memory(on->stub, (uint64_t)look(on, 0), operand(on, opcode == OP_TRACE16 ? 2 : 1));
    case OP_TRACEV:
        return trace_value(on->stub, (uint32_t)operand(on, 2));
    case OP_SETV:
        return trace_set(on->stub, (uint32_t)operand(on, 2), look(on, 0));
    case OP_GETV:
        number = (uint32_t)operand(on, 2);
        if (trace_get(on->stub, number, &value))
            push(on, value);
        else
            on->failed = true;
        return true;
    default:
        return false;
    }
}

/* Opcodes that change the stack in their own ways. */
static void other(struct machine *on, uint8_t opcode) {
    switch (opcode) {
    case OP_LOG_NOT:
        push(on, !pop(on));
        break;
    case OP_BIT_NOT:
        push(on, ~pop(on));
        break;
    case OP_EXT:
    case OP_ZERO_EXT: {
        uint64_t bits = operand(on, 1);
        push(on, extend(pop(on), bits, opcode == OP_EXT));
        break;
    }
    case OP_REG:
        push(on, read_register(on, operand(on, 2)));
        break;
    case OP_IF_GOTO:
        jump(on, pop(on) != 0);
        break;
    case OP_GOTO:
        jump(on, true);
        break;
    case OP_DUP:
        push(on, look(on, 0));
        break;
    case OP_POP:
        pop(on);
        break;
    case OP_SWAP:
        swap(on);
        break;
    case OP_PICK:
        push(on, look(on, (unsigned)operand(on, 1)));
        break;
    case OP_ROT:
        rotate(on);
        break;
    case OP_PRINTF:
        print(on);
        break;
    default:
        if (!trace(on, opcode))
            on->failed = true;
        break;
    }
}

static void execute(struct machine *on, uint8_t opcode) {
    if (opcode < 32 && two_words >> opcode & 1) {
        int64_t right = pop(on);
        int64_t left = pop(on);
        push(on, binary(on, opcode, left, right));
    } else if (opcode >= OP_REF8 && opcode <= OP_REF64) {
        push(on, reference(on, opcode));
    } else if (opcode >= OP_CONST8 && opcode <= OP_CONST64) {
        push(on, (int64_t)operand(on, 1u << (opcode - OP_CONST8)));
    } else {
        other(on, opcode);
    }
}

bool agent_evaluate(struct unidbg_stub *stub, struct agent_code code, int64_t *value) {
    struct machine on;
    uint8_t opcode = 0;

    on.stub = stub;
    on.code = code;
    on.at = 0;
    on.depth = 0;
    on.failed = false;
    for (unsigned budget = AGENT_BUDGET; budget > 0 && !on.failed; budget--) {
        opcode = (uint8_t)operand(&on, 1);
        if (opcode == OP_END)
            break;
        execute(&on, opcode);
    }
    if (on.failed || opcode != OP_END)
        return false;
    *value = on.depth > 0 ? on.stack[on.depth - 1] : 0;
    return true;
}
