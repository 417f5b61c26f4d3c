/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guest gets from where it runs: metadata, volumes, network cards; and what it tells there.
 *
 * Metadata are got from fw_cfg: the files opt/unidbg/KEY. They are read-only, so what is put goes elsewhere: with
 * `metadata=VOLUME` on the command line to the last sector of that volume, from which it is read at the next boot; with
 * `cloud=A.B.C.D:PORT` to an HTTP server, as PUT /KEY. One of both, a volume if there is that.
 */
#ifndef LIBOS_CLOUD_H
#define LIBOS_CLOUD_H

#include <stdbool.h>
#include <stdint.h>

#include "libos/block.h"
#include "libos/network.h"

#define CLOUD_METADATA 16
#define CLOUD_KEY_BYTES 32
#define CLOUD_VALUE_BYTES 128

struct cloud_metadata {
    char key[CLOUD_KEY_BYTES];
    char value[CLOUD_VALUE_BYTES];
    const char *source; /* "fw_cfg", or put_channel */
};

struct cloud_nic {
    const char *name;
    bool attached;
    struct ethernet_address mac;
};

struct cloud_hook {
    const char *name;
    void (*function)(void); /* as a mere address */
};

struct cloud {
    const char *put_channel;
    struct cloud_metadata metadata[CLOUD_METADATA];
    uint32_t metadata_count;
    const struct block_volume *volumes;
    uint32_t volume_count;
    struct cloud_nic nics[NETWORK_INTERFACES];
    uint32_t nic_count;
    const struct cloud_hook *hooks;
    uint32_t hook_count;
};

const struct cloud *cloud(void);

/* Find all of it. After network_init(). */
void cloud_init(void);

/* NULL: there is no such key. */
const char *cloud_metadata_get(const char *key);
/* A key of letters, digits, dots, underscores, slashes and hyphens; a value of printable characters. False: it is not, or there is no
 * channel, no room, or the key is one of fw_cfg. Sent when the event loop comes to it. */
bool cloud_metadata_put(const char *key, const char *value);

/* By name, as "vda" and "net0". False: there is none, or it does not work. */
bool cloud_volume_attach(const char *name);
bool cloud_volume_detach(const char *name);
bool cloud_nic_attach(const char *name);
bool cloud_nic_detach(const char *name);

#endif
