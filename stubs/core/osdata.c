/* SPDX-License-Identifier: BSD-3-Clause */
/* qXfer:osdata: tables of the guest, for `info os` of GDB. Threads are the stub's own table, the others are
 * the port's. */
#include "osdata.h"

#include "threads.h"

/* Of a table that is damaged: no more rows than this are told. */
enum { ROWS_MAX = 4096 };

static void column(struct unidbg_text *out, const char *name, const char *text) {
    unidbg_column(out, name);
    unidbg_write(out, text);
}

static void end_item(struct text_window *out) {
    text_end_column(out);
    if (out->in_item)
        unidbg_write(&out->text, "</item>");
    out->in_item = false;
}

static bool thread_row(unsigned index, struct unidbg_text *out) {
    struct unidbg_thread thread;

    if (!thread_at(out->stub, index, &thread))
        return false;
    unidbg_column(out, "id");
    unidbg_write_decimal(out, thread.id);
    unidbg_column(out, "cpu");
    unidbg_write_decimal(out, thread.cpu);
    column(out, "name", thread.name ? thread.name : "");
    column(out, "state", thread.detail ? thread.detail : "");
    return true;
}

static const struct unidbg_table threads = {"threads", "Threads of the guest", thread_row};

static const struct unidbg_table *table_at(const struct unidbg_port *port, unsigned index) {
    if (index == 0)
        return &threads;
    return index <= port->table_count ? &port->tables[index - 1] : NULL;
}

/* The table of tables: what the annex is empty for. */
static bool table_row(unsigned index, struct unidbg_text *out) {
    const struct unidbg_table *table = table_at(out->stub->port, index);

    if (!table)
        return false;
    column(out, "Type", table->name);
    column(out, "Description", table->title);
    column(out, "Title", table->title);
    return true;
}

static const struct unidbg_table all_tables = {"types", "", table_row};

static const struct unidbg_table *find_table(struct unidbg_text *out) {
    const struct text_window *window = text_window(out);
    const struct unidbg_table *table;

    if (scan_done(&window->annex))
        return &all_tables;
    for (unsigned i = 0; (table = table_at(out->stub->port, i)); i++) {
        struct scan annex = window->annex;
        if (scan_word(&annex, table->name) && scan_done(&annex))
            break;
    }
    return table;
}

bool osdata_write(struct unidbg_text *out) {
    const struct unidbg_table *table = find_table(out);

    if (!table)
        return false;
    text_format(out, "<?xml version=\"1.0\"?><osdata type=\"%e\">", table->name);
    for (unsigned i = 0; i < ROWS_MAX && table->row(i, out); i++)
        end_item(text_window(out));
    unidbg_write(out, "</osdata>");
    return true;
}
