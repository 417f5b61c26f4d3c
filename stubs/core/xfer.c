/* SPDX-License-Identifier: BSD-3-Clause */
/* qXfer: documents that are longer than a packet. Each is made anew for every part that is asked, and only
 * the window that was asked is kept. */
#include "arch.h"
#include "osdata.h"
#include "packet.h"
#include "stop.h"
#include "threads.h"
#include "trace.h"

static void put_windowed(struct unidbg_text *out, char character) {
    struct text_window *window = text_window(out);

    if (window->skip > 0) {
        window->skip--;
    } else if (window->room > 0 && reply_room(out->stub) >= 2) {
        window->room--;
        reply_binary(out->stub, &character, 1);
    } else {
        window->room = 0; /* once there is a gap, nothing may follow */
        window->more = true;
    }
}

static bool write_threads(struct unidbg_text *out) {
    struct unidbg_thread thread;

    unidbg_write(out, "<?xml version=\"1.0\"?><threads>");
    for (unsigned i = 0; thread_at(out->stub, i, &thread); i++)
        text_format(out, "<thread id=\"%x\" core=\"%d\" name=\"%e\">%e</thread>", thread.id,
                    (uint64_t)thread.cpu, thread.name ? thread.name : "thread",
                    thread.detail ? thread.detail : "");
    unidbg_write(out, "</threads>");
    return true;
}

/* Everything is RAM to GDB: for ROM it would refuse to set breakpoints. Devices are left out. */
static bool write_memory_map(struct unidbg_text *out) {
    const struct unidbg_port *port = out->stub->port;
    struct unidbg_region region;

    unidbg_write(out, "<?xml version=\"1.0\"?><memory-map>");
    for (unsigned i = 0; port->region(port->context, i, &region); i++) {
        if (!(region.flags & UNIDBG_DEVICE) && region.start < region.end)
            text_format(out, "<memory type=\"ram\" start=\"0x%x\" length=\"0x%x\"/>", region.start,
                        region.end - region.start);
    }
    unidbg_write(out, "</memory-map>");
    return true;
}

static bool write_libraries(struct unidbg_text *out) {
    const struct unidbg_port *port = out->stub->port;
    struct unidbg_module module;

    unidbg_write(out, "<library-list>");
    for (unsigned i = 0; port->module(port->context, i, &module); i++) {
        unidbg_write(out, "<library name=\"");
        text_xml(out, module.file);
        unidbg_write(out, "\"><segment address=\"");
        unidbg_write_hex(out, module.address);
        unidbg_write(out, "\"/></library>");
    }
    unidbg_write(out, "</library-list>");
    return true;
}

static bool write_exec_file(struct unidbg_text *out) {
    unidbg_write(out, out->stub->port->exec_file);
    return true;
}

static bool write_target(struct unidbg_text *out) {
    arch_target_xml(out);
    return true;
}

struct document {
    const char *name;
    const char *annex;                      /* NULL: any (exec-file has a process id there) */
    bool (*write)(struct unidbg_text *out); /* false: there is none of that annex */
};

static const struct document documents[] = {
    {":features:read:", "target.xml", write_target}, {":threads:read:", "", write_threads},
    {":memory-map:read:", "", write_memory_map},     {":exec-file:read:", NULL, write_exec_file},
    {":osdata:read:", NULL, osdata_write},           {":traceframe-info:read:", "", trace_frame_info},
    {":libraries:read:", "", write_libraries},
};

static bool offered(const struct unidbg_stub *stub, const struct document *document) {
    if (document->write == write_memory_map)
        return stub->port->region != NULL;
    if (document->write == write_exec_file)
        return stub->port->exec_file != NULL;
    if (document->write == write_libraries)
        return stub->port->module != NULL;
    if (document->write == trace_frame_info)
        return stub->port->trace != NULL;
    return true;
}

static const struct document *find_document(const struct unidbg_stub *stub, struct scan *scan) {
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        if (scan_word(scan, documents[i].name))
            return offered(stub, &documents[i]) ? &documents[i] : NULL;
    }
    return NULL;
}

/* `m` is put for "there is more", and corrected to `l` where there is not. */
static enum verdict write_window(struct unidbg_stub *stub, const struct document *document,
                                 struct text_window *out) {
    uint32_t at = stub->out.length;

    reply_char(stub, 'm');
    if (!document->write(&out->text))
        return reply_error(stub, ERROR_ANNEX, NULL);
    if (!out->more)
        stub->out.data[at] = 'l';
    return REPLY;
}

static bool scan_annex(struct scan *scan, const char *annex, struct scan *found) {
    *found = *scan;
    if (!scan_past(scan, ':'))
        return false;
    found->end = scan->at - 1;
    if (annex) {
        struct scan wanted = *found;
        return scan_word(&wanted, annex) && scan_done(&wanted);
    }
    return true;
}

enum verdict packet_qXfer(struct unidbg_stub *stub, struct scan *scan) {
    const struct document *document = find_document(stub, scan);
    struct text_window out = {.text = {put_windowed, stub}};

    if (!document)
        return REPLY;
    if (!scan_annex(scan, document->annex, &out.annex))
        return reply_error(stub, ERROR_ANNEX, NULL);
    if (!scan_fields(scan, "x,x", &out.skip, &out.room))
        return reply_error(stub, ERROR_INVALID, "malformed qXfer packet");
    return write_window(stub, document, &out);
}

/* Both segments have moved by the same. */
enum verdict packet_qOffsets(struct unidbg_stub *stub, struct scan *scan) {
    uint64_t bias = stub->port->bias;

    (void)scan;
    return bias ? reply_format(stub, "Text=%x;Data=%x;Bss=%x", bias, bias, bias) : REPLY;
}
