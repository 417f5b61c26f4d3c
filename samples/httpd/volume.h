/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Volumes over HTTP: /volume lists them, /volume/NAME is all of one, /volume/NAME/OFFSET/LENGTH so many bytes. The device
 * writes into a buffer of a pool, and TCP sends from there.
 */
#ifndef HTTPD_VOLUME_H
#define HTTPD_VOLUME_H

#include "httpd/session.h"

void volume_init(void);
/* Answer; `rest` is what follows /volume in the path. */
void volume_answer(struct session *session, const struct http_request *request, const char *rest);
/* What was sent is acknowledged. False: the response is complete. */
bool volume_sent(struct session *session);
/* The session ends. */
void volume_end(struct session *session);

#endif
