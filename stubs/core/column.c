/* SPDX-License-Identifier: BSD-3-Clause */
/* Columns of a table, for the guest's functions that write its rows. */
#include "text.h"

/* Text of a column is escaped on its way to where it was to go. */
static void put_escaped(struct unidbg_text *out, char character) {
    out->put = out->plain;
    text_xml_char(out, character);
    out->put = put_escaped;
}

void text_end_column(struct unidbg_text *out) {
    if (!out->in_column)
        return;
    out->put = out->plain;
    out->in_column = false;
    unidbg_write(out, "</column>");
}

void unidbg_column(struct unidbg_text *out, const char *name) {
    text_end_column(out);
    if (!out->in_item)
        unidbg_write(out, "<item>");
    out->in_item = true;
    unidbg_write(out, "<column name=\"");
    text_xml(out, name);
    unidbg_write(out, "\">");
    out->in_column = true;
    out->plain = out->put;
    out->put = put_escaped;
}
