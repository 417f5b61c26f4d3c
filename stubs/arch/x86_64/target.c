/* SPDX-License-Identifier: BSD-3-Clause */
/* target.xml: all registers, before GDB asks for the first. Made from the register table. */
#include "../../core/arch.h"
#include "registers.h"

/* Names of bits, each behind the number of bits that were left out before it, as a letter from A. */
static const char eflags[] =
    "ACF\0BPF\0BAF\0BZF\0ASF\0ATF\0AIF\0ADF\0AOF\0CNT\0BRF\0AVM\0AAC\0AVIF\0AVIP\0AID\0";
static const char cr0[] = "APE\0AMP\0AEM\0ATS\0AET\0ANE\0KWP\0BAM\0KNW\0ACD\0APG\0";
static const char cr4[] =
    "AVME\0APVI\0ATSD\0ADE\0APSE\0APAE\0AMCE\0APGE\0APCE\0AOSFXSR\0AOSXMM\0AUMIP\0ALA57\0AVMXE\0"
    "CFSGS\0APCIDE\0AOSXSAV\0BSMEP\0ASMAP\0APKE\0ACET\0";
static const char efer[] = "ASCE\0HLME\0BLMA\0ANXE\0ASVME\0BFFXSR\0";

static void write_flags(struct unidbg_text *out, const char *id, char size, const char *flag) {
    uint64_t bit = 0;

    text_format(out, "<flags id=\"%s\" size=\"%c\">", id, size);
    for (; *flag; flag = text_at(flag, 1), bit++) {
        bit += (unsigned)(*flag - 'A');
        text_format(out, "<field name=\"%s\" start=\"%d\" end=\"%d\"/>", flag + 1, bit, bit);
    }
    unidbg_write(out, "</flags>\n");
}

/* By enum x86_type. */
static const char type_names[] =
    "uint64\0data_ptr\0i387_ext\0vec128\0cr0\0cr4\0efer\0eflags\0int32\0int32\0int32\0"
    "code_ptr\0data_ptr";

/* Of all registers, by number. */
static const char register_names[] =
    "rax\0rbx\0rcx\0rdx\0rsi\0rdi\0rbp\0rsp\0r8\0r9\0r10\0r11\0r12\0r13\0r14\0r15\0rip\0eflags\0cs\0ss\0ds\0e"
    "s\0fs\0gs\0"
    "st0\0st1\0st2\0st3\0st4\0st5\0st6\0st7\0fctrl\0fstat\0ftag\0fiseg\0fioff\0foseg\0fooff\0fop\0"
    "xmm0\0xmm1\0xmm2\0xmm3\0xmm4\0xmm5\0xmm6\0xmm7\0xmm8\0xmm9\0xmm10\0xmm11\0xmm12\0xmm13\0xmm14\0xmm15\0mx"
    "csr\0"
    "fs_base\0gs_base\0k_gs_base\0cr0\0cr2\0cr3\0cr4\0cr8\0efer";

/* gdb's trace files bear no long lines. */
static void write_register(struct unidbg_text *out, unsigned number) {
    struct x86_register it = x86_register(number);
    const char *group = "";

    if (it.group == UNIDBG_FLOATING)
        group = number < X86_FIRST_SSE ? "\" group=\"float" : "\" group=\"vector";
    if (number >= X86_FIRST_SEGMENTS)
        group = "\" group=\"system";
    text_format(out, "<reg name=\"%s\" bitsize=\"%d\" type=\"%s%s\" regnum=\"%d\"/>\n",
                text_at(register_names, number), (uint64_t)8 * it.size,
                it.type == TYPE_INT && it.size == 4 ? "int32" : text_at(type_names, it.type), group,
                (uint64_t)number);
}

static void begin_feature(struct unidbg_text *out, const char *feature) {
    text_format(out, "<feature name=\"org.%s\">", feature);
}

static void end_feature(struct unidbg_text *out, unsigned from, unsigned to) {
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
    begin_feature(out, "gnu.gdb.i386.core");
    write_flags(out, "eflags", '4', eflags);
    end_feature(out, 0, X86_FIRST_SSE);
    begin_feature(out, "gnu.gdb.i386.sse");
    unidbg_write(out, vector_types);
    end_feature(out, X86_FIRST_SSE, X86_FIRST_SEGMENTS);
    begin_feature(out, "gnu.gdb.i386.segments");
    end_feature(out, X86_FIRST_SEGMENTS, X86_FIRST_SYSTEM);
    begin_feature(out, "unidbg.x86_64.system");
    write_flags(out, "cr0", '8', cr0);
    write_flags(out, "cr4", '8', cr4);
    write_flags(out, "efer", '8', efer);
    end_feature(out, X86_FIRST_SYSTEM, X86_REGISTERS);
    unidbg_write(out, "</target>");
}
