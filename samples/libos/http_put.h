/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts small texts to an HTTP server, one after the other: PUT /KEY. */
#ifndef LIBOS_HTTP_PUT_H
#define LIBOS_HTTP_PUT_H

#include <stdbool.h>

/* To whom: "10.0.2.2:8000". False: that is none, or there is no network. */
bool http_put_init(const char *server);
/* False: too many wait already. The log tells how it went. */
bool http_put(const char *key, const char *value);

#endif
