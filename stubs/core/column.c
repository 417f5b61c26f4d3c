/* SPDX-License-Identifier: BSD-3-Clause */
/* Columns of a table, for the guest's functions that write its rows. */
#include "text.h"

/* Text of a column is escaped on its way to where it was to go. */
static void put_escaped(struct unidbg_text *out, char character) {
    out->put = text_window(out)->plain;
    text_xml_char(out, character);
    out->put = put_escaped;
}

void text_end_column(struct text_window *out) {
    if (!out->in_column)
        return;
    out->text.put = out->plain;
    out->in_column = false;
    unidbg_write(&out->text, "</column>");
}

void unidbg_column(struct unidbg_text *out, const char *name) {
    struct text_window *window = text_window(out);

    text_end_column(window);
    text_format(out, "%s<column name=\"%e\">", window->in_item ? "" : "<item>", name);
    window->in_item = true;
    window->in_column = true;
    window->plain = out->put;
    out->put = put_escaped;
}
