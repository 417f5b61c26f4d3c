/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses that kernel.ld defines. */
#ifndef LIBOS_IMAGE_H
#define LIBOS_IMAGE_H

extern char image_start[], image_end[];
extern char code_start[], code_end[];
extern char rodata_start[], rodata_end[];
extern char data_start[], data_end[];
extern char app_data_start[], app_data_end[];
extern char stack_start[], stack_end[];

#endif
