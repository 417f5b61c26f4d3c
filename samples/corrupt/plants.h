/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is planted: each spoils one structure that a view reads. The library must not run on any of them afterwards.
 */
#ifndef CORRUPT_PLANTS_H
#define CORRUPT_PLANTS_H

void plant_cycle(void);   /* a chain of descriptors that runs in a circle: rings */
void plant_pointer(void); /* a name that is no address, a handler that is no code: devices */
void plant_length(void);  /* a log of 2^60 bytes: log */
void plant_pages(void);   /* a bitmap of 2^60 pages: heap */
void plant_block(void);   /* a block of the heap that is its own successor: heap */
void plant_timers(void);  /* a table that claims a million timers: loop */
void plant_names(void);   /* names and lines of log that a terminal or a markup would act on: devices, log */

#endif
