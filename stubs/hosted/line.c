/* SPDX-License-Identifier: BSD-3-Clause */
/* A socket as the stub's line: one client at a time; the next waits in the queue of the listener. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hosted.h"

enum { PATIENCE_MS = 1000, IDLE_MS = 20 };

/* Tell this process by SIGIO when something comes. */
static void announce(int descriptor) {
    fcntl(descriptor, F_SETOWN, getpid());
    fcntl(descriptor, F_SETFL, O_NONBLOCK | O_ASYNC);
}

static bool connected(struct unidbg_hosted *hosted) {
    int on = 1;

    if (hosted->client < 0) {
        hosted->client = accept4(hosted->listener, NULL, NULL, SOCK_CLOEXEC);
        if (hosted->client < 0)
            return false;
        setsockopt(hosted->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        announce(hosted->client);
        hosted_tick(true);
    }
    return true;
}

static void hang_up(struct unidbg_hosted *hosted) {
    close(hosted->client);
    hosted->client = -1;
    hosted->first = hosted->count = 0;
    hosted->gone_ns = hosted_now();
}

static int get(void *line) {
    struct unidbg_hosted *hosted = line;

    while (hosted->first == hosted->count) {
        ssize_t got;
        if (!connected(hosted))
            return -1;
        got = recv(hosted->client, hosted->input, sizeof hosted->input, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return -1;
        if (got <= 0)
            hang_up(hosted);
        hosted->first = 0;
        hosted->count = got > 0 ? (uint16_t)got : 0;
    }
    return hosted->input[hosted->first++];
}

static void put(void *line, const void *bytes, size_t count) {
    struct unidbg_hosted *hosted = line;
    const char *from = bytes;

    while (count > 0 && hosted->client >= 0) {
        struct pollfd room = {.fd = hosted->client, .events = POLLOUT};
        ssize_t sent = send(hosted->client, from, count, MSG_NOSIGNAL);
        if (sent > 0) {
            from += sent;
            count -= (size_t)sent;
        } else if (errno != EAGAIN || poll(&room, 1, PATIENCE_MS) <= 0) {
            return; /* who does not read is given up; who has gone is noticed by get */
        }
    }
}

static void idle(void *context) {
    struct unidbg_hosted *hosted = context;
    struct pollfd input = {.fd = hosted->client >= 0 ? hosted->client : hosted->listener, .events = POLLIN};
    poll(&input, 1, IDLE_MS);
}

static int listen_unix(struct unidbg_hosted *hosted, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path); // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
    unlink(path);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    snprintf(hosted->address, sizeof hosted->address, "unix:%s", path);
    return listener;
}

/* Whoever can write to the line owns the process: loopback, and nothing else. */
static int listen_tcp(struct unidbg_hosted *hosted, const char *text) {
    const char *colon = strrchr(text, ':');
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (!colon) {
        errno = EINVAL;
        return -1;
    }
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        return -1;
    snprintf(hosted->address, sizeof hosted->address, "127.0.0.1:%u", ntohs(address.sin_port));
    return listener;
}

bool unidbg_hosted_listen(struct unidbg_hosted *hosted, const char *address, struct unidbg_port *port) {
    *hosted = (struct unidbg_hosted){.client = -1};
    hosted->listener =
        strncmp(address, "unix:", 5) == 0 ? listen_unix(hosted, address + 5) : listen_tcp(hosted, address);
    if (hosted->listener < 0 || listen(hosted->listener, 4) < 0)
        return false;
    port->line = hosted;
    port->context = hosted;
    port->get = get;
    port->put = put;
    port->idle = idle;
    return true;
}

void hosted_announce(struct unidbg_hosted *hosted) {
    announce(hosted->listener);
}
