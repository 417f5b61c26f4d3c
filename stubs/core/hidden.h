/* SPDX-License-Identifier: BSD-3-Clause */
/* Included before everything (Makefile): all names are found inside the object, so no access goes through a
 * GOT. */
#pragma GCC visibility push(hidden)
