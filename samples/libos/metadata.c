/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The record in the last sector of a volume is text: a first line that says what it is, then a line KEY=VALUE for each,
 * then zeros. It is taken apart with care: a volume may hold anything.
 */
#include "libos/metadata.h"

#include <stddef.h>

#include "libos/boot.h"
#include "libos/console.h"
#include "libos/format.h"
#include "libos/fw_cfg.h"
#include "libos/http_put.h"
#include "libos/memory.h"
#include "libos/string.h"

#define FW_CFG_PREFIX "opt/unidbg/"
#define FW_CFG_SOURCE "fw_cfg"
#define RECORD_TITLE "unidbg metadata 1\n"
#define NAME_BYTES 32

/* Where what is put goes. */
static struct {
    struct block_volume *volume; /* NULL: to an HTTP server, if there is a name */
    struct block_request request;
    char record[BLOCK_SECTOR_BYTES];
    bool is_writing;
    bool is_changed; /* since the write began */
    char name[48];   /* empty: there is no channel */
} channel;

/* ---- entries ---- */

static bool is_key_byte(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '.' || byte == '_' || byte == '/' || byte == '-';
}

static bool is_key(const char *key) {
    size_t length = 0;
    while (is_key_byte(key[length])) {
        length++;
    }
    return key[length] == '\0' && length > 0 && length < CLOUD_KEY_BYTES;
}

static bool is_value(const char *value) {
    size_t length = 0;
    while (value[length] >= ' ' && value[length] <= '~') {
        length++;
    }
    return value[length] == '\0' && length < CLOUD_VALUE_BYTES;
}

static struct cloud_metadata *entry_of(struct cloud *cloud, const char *key) {
    for (uint32_t i = 0; i < cloud->metadata_count; i++) {
        if (string_equal(cloud->metadata[i].key, key)) {
            return &cloud->metadata[i];
        }
    }
    return NULL;
}

/* NULL: no room. */
static struct cloud_metadata *add_entry(struct cloud *cloud, const char *key, const char *source) {
    if (cloud->metadata_count == CLOUD_METADATA) {
        return NULL;
    }
    struct cloud_metadata *entry = &cloud->metadata[cloud->metadata_count++];
    *entry = (struct cloud_metadata){.source = source};
    string_copy(entry->key, sizeof(entry->key), key);
    return entry;
}

/* ---- fw_cfg ---- */

static void read_fw_cfg(struct cloud *cloud) {
    static struct fw_cfg_file files[CLOUD_METADATA];
    uint32_t count = fw_cfg_list(FW_CFG_PREFIX, files, CLOUD_METADATA);
    for (uint32_t i = 0; i < count; i++) {
        const char *key = files[i].name + sizeof(FW_CFG_PREFIX) - 1;
        struct cloud_metadata *entry = is_key(key) ? add_entry(cloud, key, FW_CFG_SOURCE) : NULL;
        uint32_t room = CLOUD_VALUE_BYTES - 1;
        if (entry != NULL) {
            fw_cfg_read(files[i].selector, entry->value, files[i].size < room ? files[i].size : room);
        }
    }
}

/* ---- the record ---- */

static uint64_t record_sector(void) {
    return channel.volume->capacity_bytes / BLOCK_SECTOR_BYTES - 1;
}

/* False: not all of it fits. */
static bool write_record(const struct cloud *cloud) {
    size_t size = sizeof(channel.record);
    size_t length = string_copy(channel.record, size, RECORD_TITLE);
    for (uint32_t i = 0; i < cloud->metadata_count; i++) {
        const struct cloud_metadata *entry = &cloud->metadata[i];
        if (entry->source != channel.name) {
            continue;
        }
        length += format_text(channel.record + length, size - length, "%s=%s\n", entry->key, entry->value);
        if (length >= size) {
            return false;
        }
    }
    memset(channel.record + length, 0, size - length);
    return true;
}

static void on_written(struct block_request *request, bool is_good);

static void start_write(void) {
    channel.request =
        (struct block_request){.done = on_written, .data = channel.record, .bytes = sizeof(channel.record)};
    channel.is_changed = false;
    channel.is_writing = block_submit(channel.volume, &channel.request, BLOCK_WRITE, record_sector());
    if (!channel.is_writing) {
        log_line("metadata: %s takes nothing", channel.volume->name);
    }
}

/* The record may have changed under the write: then it is written again. */
static void on_written(struct block_request *request, bool is_good) {
    (void)request;
    channel.is_writing = false;
    if (!is_good) {
        log_line("metadata: not written to %s", channel.volume->name);
    } else if (channel.is_changed) {
        start_write();
    } else {
        log_line("metadata: written to %s", channel.volume->name);
    }
}

/* A line, cut off from the text; NULL: no more. */
static char *next_line(char **text) {
    char *line = *text;
    char *end = line;
    while (*end != '\n' && *end != '\0') {
        end++;
    }
    if (*end == '\0') {
        return NULL;
    }
    *end = '\0';
    *text = end + 1;
    return line;
}

static void take_line(struct cloud *cloud, char *line) {
    char *value = line;
    while (*value != '=' && *value != '\0') {
        value++;
    }
    if (*value == '\0') {
        return;
    }
    *value++ = '\0';
    if (!is_key(line) || !is_value(value) || entry_of(cloud, line) != NULL) {
        return;
    }
    struct cloud_metadata *entry = add_entry(cloud, line, channel.name);
    if (entry != NULL) {
        string_copy(entry->value, sizeof(entry->value), value);
    }
}

static void read_record(struct cloud *cloud) {
    static char text[BLOCK_SECTOR_BYTES + 1];
    char *rest = text + sizeof(RECORD_TITLE) - 1;
    if (!block_transfer(channel.volume, BLOCK_READ, record_sector(), text, BLOCK_SECTOR_BYTES) ||
        !string_starts_with(text, RECORD_TITLE)) {
        return;
    }
    for (char *line = next_line(&rest); line != NULL; line = next_line(&rest)) {
        take_line(cloud, line);
    }
}

/* ---- putting ---- */

static bool put_on_volume(const struct cloud *cloud) {
    if (!channel.volume->attached || !write_record(cloud)) {
        return false;
    }
    channel.is_changed = true;
    if (!channel.is_writing) {
        start_write();
    }
    return true;
}

/* After a record that did not fit. A write that is under way may have seen it. */
static void restore_record(const struct cloud *cloud) {
    write_record(cloud);
    channel.is_changed |= channel.is_writing;
}

bool metadata_put(struct cloud *cloud, const char *key, const char *value) {
    struct cloud_metadata *entry = entry_of(cloud, key);
    struct cloud_metadata before = entry != NULL ? *entry : (struct cloud_metadata){.source = NULL};
    if (channel.name[0] == '\0' || !is_key(key) || !is_value(value) ||
        (entry != NULL && entry->source != channel.name)) {
        return false;
    }
    entry = entry != NULL ? entry : add_entry(cloud, key, channel.name);
    if (entry == NULL) {
        return false;
    }
    string_copy(entry->value, sizeof(entry->value), value);
    bool is_good = channel.volume != NULL ? put_on_volume(cloud) : http_put(key, value);
    if (!is_good) {
        cloud->metadata_count -= before.source == NULL;
        *entry = before;
        restore_record(cloud);
    }
    return is_good;
}

static void use_volume(struct cloud *cloud, const char *name) {
    channel.volume = block_volume(name);
    if (channel.volume == NULL || channel.volume->capacity_bytes < BLOCK_SECTOR_BYTES) {
        log_line("metadata: there is no volume %s", name);
        channel.volume = NULL;
        return;
    }
    format_text(channel.name, sizeof(channel.name), "last sector of %s", channel.volume->name);
    cloud->put_channel = channel.name;
    read_record(cloud);
}

static void use_server(struct cloud *cloud, const char *name) {
    if (!http_put_init(name)) {
        log_line("metadata: %s is no server: ADDRESS:PORT", name);
        return;
    }
    format_text(channel.name, sizeof(channel.name), "http://%s", name);
    cloud->put_channel = channel.name;
}

void metadata_init(struct cloud *cloud) {
    char name[NAME_BYTES];
    read_fw_cfg(cloud);
    if (boot_option("metadata", name, sizeof(name))) {
        use_volume(cloud, name);
    }
    if (channel.volume == NULL && boot_option("cloud", name, sizeof(name))) {
        use_server(cloud, name);
    }
}
