/* SPDX-License-Identifier: BSD-3-Clause */
/* Is the server fit to serve? /healthz answers from the last check. */
#ifndef HTTPD_HEALTH_H
#define HTTPD_HEALTH_H

#include "httpd/session.h"

/* Begin to check. */
void health_init(void);
void health_respond(struct session *session, const struct http_request *request);

#endif
