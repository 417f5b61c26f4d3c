/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's firmware configuration device (docs/specs/fw_cfg of QEMU): named files that whoever starts the guest gives it.
 * They can be read, not written.
 */
#ifndef LIBOS_FW_CFG_H
#define LIBOS_FW_CFG_H

#include <stdbool.h>
#include <stdint.h>

#define FW_CFG_NAME_BYTES 56

struct fw_cfg_file {
    uint32_t size; /* bytes */
    uint16_t selector;
    char name[FW_CFG_NAME_BYTES]; /* terminated */
};

/* Those files, at most `max`, whose name begins with prefix; returns how many. None, too, where there is no such device. */
uint32_t fw_cfg_list(const char *prefix, struct fw_cfg_file *files, uint32_t max);
/* The beginning of a file. False: the device has failed. */
bool fw_cfg_read(uint16_t selector, void *into, uint32_t length);

#endif
