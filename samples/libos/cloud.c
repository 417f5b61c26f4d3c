/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/cloud.h"

#include <stddef.h>

#include <unidbg/probe.h>

#include "libos/metadata.h"
#include "libos/string.h"

#define HOOK(function_)                                                                                      \
    { #function_, (void (*)(void))cloud_##function_ }

static const struct cloud_hook hooks[] = {
    HOOK(metadata_get),  HOOK(metadata_put), HOOK(volume_attach),
    HOOK(volume_detach), HOOK(nic_attach),   HOOK(nic_detach),
};

static struct cloud table = {
    .put_channel = "none", .hooks = hooks, .hook_count = sizeof(hooks) / sizeof(hooks[0])};

UNIDBG_PROBE(cloud, main, &table);

const struct cloud *cloud(void) {
    return &table;
}

/* ---- metadata ---- */

const char *cloud_metadata_get(const char *key) {
    for (uint32_t i = 0; i < table.metadata_count; i++) {
        if (string_equal(table.metadata[i].key, key)) {
            return table.metadata[i].value;
        }
    }
    return NULL;
}

bool cloud_metadata_put(const char *key, const char *value) {
    return metadata_put(&table, key, value);
}

/* ---- volumes ---- */

bool cloud_volume_attach(const char *name) {
    struct block_volume *volume = block_volume(name);
    return volume != NULL && block_attach(volume);
}

bool cloud_volume_detach(const char *name) {
    struct block_volume *volume = block_volume(name);
    if (volume != NULL) {
        block_detach(volume);
    }
    return volume != NULL;
}

/* ---- network cards ---- */

static void read_nics(void) {
    table.nic_count = network.interface_count;
    for (uint32_t i = 0; i < table.nic_count; i++) {
        const struct network_interface *interface = &network.interfaces[i];
        table.nics[i] = (struct cloud_nic){interface->name, interface->up, interface->mac};
    }
}

static struct network_interface *interface_of(const char *name) {
    for (uint32_t i = 0; i < network.interface_count; i++) {
        if (string_equal(network.interfaces[i].name, name)) {
            return &network.interfaces[i];
        }
    }
    return NULL;
}

bool cloud_nic_attach(const char *name) {
    struct network_interface *interface = interface_of(name);
    bool is_good = interface != NULL && network_attach(interface);
    read_nics();
    return is_good;
}

bool cloud_nic_detach(const char *name) {
    struct network_interface *interface = interface_of(name);
    if (interface != NULL) {
        network_detach(interface);
    }
    read_nics();
    return interface != NULL;
}

void cloud_init(void) {
    block_init();
    table.volumes = block_volumes(&table.volume_count);
    read_nics();
    metadata_init(&table);
}
