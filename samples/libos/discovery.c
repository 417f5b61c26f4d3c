/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Service discovery: a datagram to everybody on a network for each service, of text:
 *
 *     unidbg service 1 up httpd 80
 *
 * or `down` when it ends. The address is that of the sender. What is heard comes from anybody: it is taken as a whole or not at all,
 * there is room for so many services and no more, and those that fall silent are forgotten.
 */
#include <stddef.h>

#include "libos/boot.h"
#include "libos/console.h"
#include "libos/format.h"
#include "libos/network.h"
#include "libos/orchestration.h"
#include "libos/string.h"

#define TITLE "unidbg service 1 "
#define TEXT_BYTES 96
#define SILENCE_NS 5000000000ul

static struct service *services;
static uint32_t service_slots;
static uint16_t port; /* of the announcements; 0: neither announce nor listen */

/* ---- the table ---- */

static bool is_name_byte(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '.' || byte == '-';
}

static bool is_name(const char *name) {
    size_t length = 0;
    while (is_name_byte(name[length])) {
        length++;
    }
    return name[length] == '\0' && length > 0 && length < SERVICE_NAME_BYTES;
}

static struct service *find(const char *name, bool own, ipv4_address address) {
    for (uint32_t i = 0; i < service_slots; i++) {
        struct service *service = &services[i];
        if (service->active && service->own == own && (own || service->address == address) &&
            string_equal(service->name, name)) {
            return service;
        }
    }
    return NULL;
}

static uint32_t count(bool own) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < service_slots; i++) {
        found += services[i].active && services[i].own == own;
    }
    return found;
}

/* NULL: no room for one more of its kind. */
static struct service *add(const char *name, bool own) {
    if (count(own) == (own ? SERVICES_OWN : service_slots - SERVICES_OWN)) {
        return NULL;
    }
    struct service *service = services;
    while (service->active) {
        service++;
    }
    *service = (struct service){.own = own, .active = true};
    string_copy(service->name, sizeof(service->name), name);
    return service;
}

static const struct service *first_own(void) {
    for (uint32_t i = 0; i < service_slots; i++) {
        if (services[i].active && services[i].own) {
            return &services[i];
        }
    }
    return NULL;
}

uint32_t service_instances(void) {
    const struct service *ours = first_own();
    uint32_t instances = 1;
    for (uint32_t i = 0; ours != NULL && i < service_slots; i++) {
        const struct service *service = &services[i];
        instances += service->active && !service->own && string_equal(service->name, ours->name);
    }
    return instances;
}

/* ---- announcing ---- */

static void announce(struct service *service, const char *what) {
    char text[TEXT_BYTES];
    size_t length = format_text(text, sizeof(text), TITLE "%s %s %u\n", what, service->name, service->port);
    bool is_sent = false;
    for (uint32_t i = 0; i < network.interface_count && port != 0; i++) {
        const struct udp_datagram datagram = {.interface = &network.interfaces[i],
                                              .remote = IPV4_BROADCAST,
                                              .remote_port = port,
                                              .local_port = port,
                                              .data = (const uint8_t *)text,
                                              .length = (uint32_t)length};
        is_sent |= udp_send(&datagram);
    }
    if (is_sent) {
        service->announcements++;
        service->seen_ns = orchestration_now();
    }
}

bool discovery_register(const char *name, uint16_t its_port) {
    if (!is_name(name)) {
        return false;
    }
    struct service *service = find(name, true, 0);
    service = service != NULL ? service : add(name, true);
    if (service == NULL) {
        return false;
    }
    service->port = its_port;
    service->address = network.interfaces[0].address;
    announce(service, "up");
    return true;
}

bool service_deregister(const char *name) {
    struct service *service = find(name, true, 0);
    if (service != NULL) {
        announce(service, "down");
        service->active = false;
    }
    return service != NULL;
}

/* ---- hearing ---- */

struct heard {
    bool is_up;
    char name[SERVICE_NAME_BYTES];
    uint16_t port;
};

/* Cut off a word and the space or newline behind it; false: there is none that fits. */
static bool take_word(const char **text, char *word, size_t size) {
    size_t length = 0;
    while ((*text)[length] > ' ' && (*text)[length] <= '~') {
        length++;
    }
    if (length == 0 || length >= size || ((*text)[length] != ' ' && (*text)[length] != '\n')) {
        return false;
    }
    memcpy(word, *text, length);
    word[length] = '\0';
    *text += length + 1;
    return true;
}

static bool parse_port(const char *word, uint16_t *number) {
    uint32_t value = 0;
    for (; *word >= '0' && *word <= '9' && value <= UINT16_MAX; word++) {
        value = value * 10 + (uint32_t)(*word - '0');
    }
    *number = (uint16_t)value;
    return *word == '\0' && value > 0 && value <= UINT16_MAX;
}

/* All of it, or nothing. */
static bool parse(const char *text, struct heard *heard) {
    char verb[8];
    char number[8];
    if (!string_starts_with(text, TITLE)) {
        return false;
    }
    text += sizeof(TITLE) - 1;
    if (!take_word(&text, verb, sizeof(verb)) || !take_word(&text, heard->name, sizeof(heard->name)) ||
        !take_word(&text, number, sizeof(number)) || *text != '\0') {
        return false;
    }
    heard->is_up = string_equal(verb, "up");
    return (heard->is_up || string_equal(verb, "down")) && is_name(heard->name) &&
           parse_port(number, &heard->port);
}

static bool is_ours(ipv4_address address) {
    for (uint32_t i = 0; i < network.interface_count; i++) {
        if (network.interfaces[i].address == address) {
            return true;
        }
    }
    return false;
}

static void take(const struct heard *heard, ipv4_address from) {
    struct service *service = find(heard->name, false, from);
    if (!heard->is_up) {
        if (service != NULL) {
            service->active = false;
        }
        return;
    }
    service = service != NULL ? service : add(heard->name, false);
    if (service != NULL) {
        service->address = from;
        service->port = heard->port;
        service->announcements++;
        service->seen_ns = orchestration_now();
    }
}

static void hear(const struct udp_datagram *datagram) {
    char text[TEXT_BYTES];
    struct heard heard;
    if (datagram->length >= sizeof(text) || is_ours(datagram->remote)) {
        return;
    }
    memcpy(text, datagram->data, datagram->length);
    text[datagram->length] = '\0';
    if (strlen(text) == datagram->length && parse(text, &heard)) {
        take(&heard, datagram->remote);
    }
}

/* ---- each second ---- */

void discovery_tick(void) {
    uint64_t now = orchestration_now();
    for (uint32_t i = 0; i < service_slots; i++) {
        struct service *service = &services[i];
        if (service->active && service->own) {
            announce(service, "up");
        } else if (service->active && now - service->seen_ns > SILENCE_NS) {
            service->active = false;
        }
    }
}

void discovery_start(struct service *table, uint32_t slots) {
    services = table;
    service_slots = slots;
    if (boot_option("discovery", NULL, 0) && network.interface_count > 0) {
        uint64_t wanted = boot_option_number("discovery", DISCOVERY_PORT);
        port = wanted > 0 && wanted <= UINT16_MAX ? (uint16_t)wanted : DISCOVERY_PORT;
        udp_listen(port, hear);
        log_line("discovery: on UDP port %u", port);
    }
}
