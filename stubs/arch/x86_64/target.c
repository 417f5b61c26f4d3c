/* SPDX-License-Identifier: BSD-3-Clause */
/* target.xml: all registers, before GDB asks for the first. Made from the register table. */
#include "../../core/arch.h"
#include "registers.h"

struct flag {
    char name[7];
    uint8_t bit;
};

static const struct flag eflags[] = {{"CF", 0},  {"PF", 2},   {"AF", 4},   {"ZF", 6},  {"SF", 7},  {"TF", 8},
                                     {"IF", 9},  {"DF", 10},  {"OF", 11},  {"NT", 14}, {"RF", 16}, {"VM", 17},
                                     {"AC", 18}, {"VIF", 19}, {"VIP", 20}, {"ID", 21}, {"", 0}};
static const struct flag cr0[] = {{"PE", 0},  {"MP", 1},  {"EM", 2},  {"TS", 3},  {"ET", 4},  {"NE", 5},
                                  {"WP", 16}, {"AM", 18}, {"NW", 29}, {"CD", 30}, {"PG", 31}, {"", 0}};
static const struct flag cr4[] = {{"VME", 0},    {"PVI", 1},     {"TSD", 2},   {"DE", 3},    {"PSE", 4},
                                  {"PAE", 5},    {"MCE", 6},     {"PGE", 7},   {"PCE", 8},   {"OSFXSR", 9},
                                  {"OSXMM", 10}, {"UMIP", 11},   {"LA57", 12}, {"VMXE", 13}, {"FSGS", 16},
                                  {"PCIDE", 17}, {"OSXSAV", 18}, {"SMEP", 20}, {"SMAP", 21}, {"PKE", 22},
                                  {"CET", 23},   {"", 0}};
static const struct flag efer[] = {{"SCE", 0},   {"LME", 8},    {"LMA", 10}, {"NXE", 11},
                                   {"SVME", 12}, {"FFXSR", 14}, {"", 0}};

static void write_flags(struct unidbg_text *out, const char *id, char size, const struct flag *flag) {
    unidbg_write(out, "<flags id=\"");
    unidbg_write(out, id);
    unidbg_write(out, "\" size=\"");
    out->put(out, size);
    unidbg_write(out, "\">");
    for (; flag->name[0]; flag++) {
        unidbg_write(out, "<field name=\"");
        unidbg_write(out, flag->name);
        unidbg_write(out, "\" start=\"");
        unidbg_write_decimal(out, flag->bit);
        unidbg_write(out, "\" end=\"");
        unidbg_write_decimal(out, flag->bit);
        unidbg_write(out, "\"/>");
    }
    unidbg_write(out, "</flags>\n");
}

static const char *type_name(unsigned type, unsigned size) {
    switch (type) {
    case TYPE_DATA:
    case TYPE_ADDRESS:
        return "data_ptr";
    case TYPE_CODE:
        return "code_ptr";
    case TYPE_FLOAT:
        return "i387_ext";
    case TYPE_VECTOR:
        return "vec128";
    case TYPE_EFLAGS:
        return "eflags";
    case TYPE_CR0:
        return "cr0";
    case TYPE_CR4:
        return "cr4";
    case TYPE_EFER:
        return "efer";
    default:
        return size == 4 ? "int32" : "uint64";
    }
}

static void write_register(struct unidbg_text *out, unsigned number) {
    const struct x86_register *it = &x86_registers[number];

    unidbg_write(out, "<reg name=\"");
    unidbg_write(out, it->name);
    unidbg_write(out, "\" bitsize=\"");
    unidbg_write_decimal(out, (uint64_t)8 * it->size);
    unidbg_write(out, "\" type=\"");
    unidbg_write(out, type_name(it->type, it->size));
    if (it->group == UNIDBG_FLOATING)
        unidbg_write(out, number < X86_FIRST_SSE ? "\" group=\"float" : "\" group=\"vector");
    if (it->group == UNIDBG_SYSTEM && number >= X86_FIRST_SEGMENTS)
        unidbg_write(out, "\" group=\"system");
    unidbg_write(out, "\" regnum=\"");
    unidbg_write_decimal(out, number);
    unidbg_write(out, "\"/>\n"); /* gdb's trace files bear no long lines */
}

static void begin(struct unidbg_text *out, const char *feature) {
    unidbg_write(out, "<feature name=\"org.");
    unidbg_write(out, feature);
    unidbg_write(out, "\">");
}

static void end(struct unidbg_text *out, unsigned from, unsigned to) {
    for (; from < to; from++)
        write_register(out, from);
    unidbg_write(out, "</feature>\n");
}

static const char vector_types[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v2d\" type=\"ieee_double\" "
    "count=\"2\"/>"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/><vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/><vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
    "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
    "<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
    "<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
    "<field name=\"uint128\" type=\"uint128\"/></union>\n";

void arch_target_xml(struct unidbg_text *out) {
    unidbg_write(out,
                 "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
                 "<architecture>i386:x86-64</architecture><osabi>none</osabi>");
    begin(out, "gnu.gdb.i386.core");
    write_flags(out, "eflags", '4', eflags);
    end(out, 0, X86_FIRST_SSE);
    begin(out, "gnu.gdb.i386.sse");
    unidbg_write(out, vector_types);
    end(out, X86_FIRST_SSE, X86_FIRST_SEGMENTS);
    begin(out, "gnu.gdb.i386.segments");
    end(out, X86_FIRST_SEGMENTS, X86_FIRST_SYSTEM);
    begin(out, "unidbg.x86_64.system");
    write_flags(out, "cr0", '8', cr0);
    write_flags(out, "cr4", '8', cr4);
    write_flags(out, "efer", '8', efer);
    end(out, X86_FIRST_SYSTEM, X86_REGISTERS);
    unidbg_write(out, "</target>");
}
