/* SPDX-License-Identifier: BSD-3-Clause */
/* The views net and rings. */
#include <stddef.h>

#include "libos/network.h"
#include "libos/ring.h"
#include "libos/stats_output.h"

/* ---- net ---- */

static void say_address(struct output *out, const char *path, unsigned i, const char *field,
                        ipv4_address address) {
    const uint8_t *at = (const uint8_t *)&address;
    stats_say(out, "%s.%u.%s=%u.%u.%u.%u", path, i, field, at[0], at[1], at[2], at[3]);
}

static void say_counters(struct output *out, unsigned i, const char *way,
                         const struct network_counters *counters) {
    stats_say(out, "net.interfaces.%u.%s.packets=%lu", i, way, counters->packets);
    stats_say(out, "net.interfaces.%u.%s.bytes=%lu", i, way, counters->bytes);
    stats_say(out, "net.interfaces.%u.%s.dropped=%lu", i, way, counters->dropped);
}

static void say_interface(struct output *out, unsigned i, const struct network_interface *interface) {
    const uint8_t *mac = interface->mac.bytes;
    stats_say(out, "net.interfaces.%u.name=%s", i, interface->name);
    stats_say(out, "net.interfaces.%u.up=%s", i, stats_boolean(interface->up));
    stats_say(out, "net.interfaces.%u.mac=%02x:%02x:%02x:%02x:%02x:%02x", i, mac[0], mac[1], mac[2], mac[3],
              mac[4], mac[5]);
    say_address(out, "net.interfaces", i, "address", interface->address);
    say_address(out, "net.interfaces", i, "netmask", interface->netmask);
    say_address(out, "net.interfaces", i, "gateway", interface->gateway);
    stats_say(out, "net.interfaces.%u.mtu_bytes=%u", i, interface->mtu);
    say_counters(out, i, "rx", &interface->rx);
    say_counters(out, i, "tx", &interface->tx);
}

static void say_protocol(struct output *out, unsigned i, const struct network_protocol *protocol) {
    stats_say(out, "net.protocols.%u.name=%s", i, protocol->name);
    if (protocol->handler != NULL) {
        stats_say(out, "net.protocols.%u.handler=%p", i, (void *)protocol->handler);
    }
    stats_say(out, "net.protocols.%u.received=%lu", i, protocol->received);
    stats_say(out, "net.protocols.%u.sent=%lu", i, protocol->sent);
    stats_say(out, "net.protocols.%u.dropped=%lu", i, protocol->dropped);
}

static void say_listener(struct output *out, unsigned i, const struct network_listener *listener) {
    stats_say(out, "net.listeners.%u.protocol=%s", i, listener->protocol == PROTOCOL_TCP ? "tcp" : "udp");
    stats_say(out, "net.listeners.%u.port=%u", i, listener->port);
    stats_say(out, "net.listeners.%u.handler=%p", i, (void *)listener->handler);
    stats_say(out, "net.listeners.%u.accepted=%lu", i, listener->accepted);
}

static const char *state_name(enum tcp_state state) {
    static const char *const names[] = {"CLOSED",      "LISTEN",     "SYN-SENT",   "SYN-RECEIVED",
                                        "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",
                                        "CLOSING",     "LAST-ACK",   "TIME-WAIT"};
    return names[state];
}

static void say_connection(struct output *out, unsigned i, const struct tcp_connection *connection) {
    stats_say(out, "net.connections.%u.state=%s", i, state_name(connection->state));
    say_address(out, "net.connections", i, "local_address", connection->local_address);
    stats_say(out, "net.connections.%u.local_port=%u", i, connection->local_port);
    say_address(out, "net.connections", i, "remote_address", connection->remote_address);
    stats_say(out, "net.connections.%u.remote_port=%u", i, connection->remote_port);
    stats_say(out, "net.connections.%u.handler=%p", i, (void *)connection->handler);
    stats_say(out, "net.connections.%u.received_bytes=%lu", i, connection->received_bytes);
    stats_say(out, "net.connections.%u.sent_bytes=%lu", i, connection->sent_bytes);
    stats_say(out, "net.connections.%u.unacknowledged_bytes=%u", i, connection->unacknowledged_bytes);
    stats_say(out, "net.connections.%u.unsent_bytes=%u", i, connection->unsent_bytes);
    stats_say(out, "net.connections.%u.retransmits=%lu", i, connection->retransmits);
}

static void say_connections(struct output *out) {
    unsigned shown = 0;
    for (uint32_t i = 0; i < network.connection_count; i++) {
        if (network.connections[i].state != TCP_CLOSED) {
            say_connection(out, shown++, &network.connections[i]);
        }
    }
}

void stats_net(struct output *out) {
    for (uint32_t i = 0; i < network.interface_count; i++) {
        say_interface(out, i, &network.interfaces[i]);
    }
    for (uint32_t i = 0; i < network.protocol_count; i++) {
        say_protocol(out, i, &network.protocols[i]);
    }
    for (uint32_t i = 0; i < network.listener_count; i++) {
        say_listener(out, i, &network.listeners[i]);
    }
    say_connections(out);
}

/* ---- rings ---- */

static uint64_t stalled_ns(const struct packet_ring *ring) {
    const struct virtqueue *queue = &ring->queue;
    uint16_t waiting = (uint16_t)((ring->direction == RING_TX ? queue->avail->index : queue->used->index) -
                                  queue->last_used);
    uint64_t now = ring_table()->now_ns;
    return waiting != 0 && now > queue->progress_ns ? now - queue->progress_ns : 0;
}

static void say_queue_indexes(struct output *out, unsigned i, const struct virtqueue *queue) {
    uint16_t available = queue->avail->index;
    uint16_t used = queue->used->index;
    stats_say(out, "rings.rings.%u.queue.avail_index=%u", i, available);
    stats_say(out, "rings.rings.%u.queue.used_index=%u", i, used);
    stats_say(out, "rings.rings.%u.queue.last_used=%u", i, queue->last_used);
    stats_say(out, "rings.rings.%u.queue.in_flight=%u", i, (uint16_t)(available - used));
    stats_say(out, "rings.rings.%u.queue.untaken=%u", i, (uint16_t)(used - queue->last_used));
    stats_say(out, "rings.rings.%u.queue.free_descriptors=%u", i, queue->free_count);
}

static void say_queue_events(struct output *out, unsigned i, const struct virtqueue *queue) {
    stats_say(out, "rings.rings.%u.queue.event_idx=%s", i, stats_boolean(queue->event_idx));
    if (queue->event_idx) {
        stats_say(out, "rings.rings.%u.queue.used_event=%u", i, virtqueue_used_event(queue));
        stats_say(out, "rings.rings.%u.queue.avail_event=%u", i, virtqueue_avail_event(queue));
    }
    stats_say(out, "rings.rings.%u.queue.no_interrupt=%s", i, stats_boolean(queue->avail->flags & 1));
    stats_say(out, "rings.rings.%u.queue.no_notify=%s", i, stats_boolean(queue->used->flags & 1));
    stats_say(out, "rings.rings.%u.queue.notifications=%lu", i, queue->notifications);
    stats_say(out, "rings.rings.%u.queue.completions=%lu", i, queue->completions);
}

static void say_queue(struct output *out, unsigned i, const struct virtqueue *queue) {
    stats_say(out, "rings.rings.%u.queue.size=%u", i, queue->size);
    stats_say(out, "rings.rings.%u.queue.descriptors=%p", i, (void *)queue->desc);
    stats_say(out, "rings.rings.%u.queue.avail=%p", i, (void *)queue->avail);
    stats_say(out, "rings.rings.%u.queue.used=%p", i, (void *)queue->used);
    say_queue_indexes(out, i, queue);
    say_queue_events(out, i, queue);
}

void stats_rings(struct output *out) {
    const struct ring_table *table = ring_table();
    stats_say(out, "rings.now_ns=%lu", table->now_ns);
    for (unsigned i = 0; i < table->ring_count; i++) {
        const struct packet_ring *ring = &table->rings[i];
        stats_say(out, "rings.rings.%u.name=%s", i, ring->name);
        stats_say(out, "rings.rings.%u.direction=%s", i, ring->direction == RING_RX ? "rx" : "tx");
        stats_say(out, "rings.rings.%u.size=%u", i, ring->size);
        stats_say(out, "rings.rings.%u.head=%u", i, ring->head);
        stats_say(out, "rings.rings.%u.tail=%u", i, ring->tail);
        stats_say(out, "rings.rings.%u.in_flight=%u", i, ring_in_flight(ring));
        say_queue(out, i, &ring->queue);
        stats_say(out, "rings.rings.%u.queue.stalled_ns=%lu", i, stalled_ns(ring));
    }
}

/* ---- slots and chains ---- */

static void say_slot(struct output *out, unsigned i, unsigned n, const struct packet_ring *ring, uint32_t at,
                     const char *state) {
    const struct packet *packet = ring_slot(ring, at);
    stats_say(out, "rings.rings.%u.slots.%u.index=%u", i, n, at % ring->size);
    stats_say(out, "rings.rings.%u.slots.%u.state=%s", i, n, state);
    stats_say(out, "rings.rings.%u.slots.%u.address=%p", i, n, (void *)packet->data);
    stats_say(out, "rings.rings.%u.slots.%u.length_bytes=%u", i, n, packet->length);
    stats_say(out, "rings.rings.%u.slots.%u.time_ns=%lu", i, n, packet->time_ns);
}

/* Those in flight, oldest first; then the older ones, newest first. */
static void say_slots(struct output *out, unsigned i, const struct packet_ring *ring) {
    unsigned n = 0;
    for (uint32_t at = ring->tail; at != ring->head; at++) {
        say_slot(out, i, n++, ring, at, "in flight");
    }
    for (uint32_t at = ring->tail - 1; n < ring->size && ring_slot(ring, at)->length != 0; at--) {
        say_slot(out, i, n++, ring, at, "done");
    }
}

static void say_descriptors(struct output *out, unsigned i, unsigned n, const struct virtqueue *queue,
                            uint16_t head) {
    bool has_next = true;
    for (unsigned k = 0; has_next; k++) {
        const struct virtq_desc *desc = &queue->desc[head];
        stats_say(out, "rings.rings.%u.queue.chains.%u.descriptors.%u.index=%u", i, n, k, head);
        stats_say(out, "rings.rings.%u.queue.chains.%u.descriptors.%u.address=0x%lx", i, n, k, desc->address);
        stats_say(out, "rings.rings.%u.queue.chains.%u.descriptors.%u.length_bytes=%u", i, n, k,
                  desc->length);
        stats_say(out, "rings.rings.%u.queue.chains.%u.descriptors.%u.device_writes=%s", i, n, k,
                  stats_boolean(desc->flags & VIRTQ_DESC_WRITE));
        stats_say(out, "rings.rings.%u.queue.chains.%u.descriptors.%u.indirect=false", i, n, k);
        has_next = desc->flags & VIRTQ_DESC_NEXT;
        head = desc->next;
    }
}

static void say_chain(struct output *out, unsigned i, unsigned n, const struct virtqueue *queue,
                      uint16_t head, const char *state) {
    stats_say(out, "rings.rings.%u.queue.chains.%u.head=%u", i, n, head);
    stats_say(out, "rings.rings.%u.queue.chains.%u.state=%s", i, n, state);
    say_descriptors(out, i, n, queue, head);
}

static void say_chains(struct output *out, unsigned i, const struct virtqueue *queue) {
    unsigned n = 0;
    for (uint16_t at = queue->last_used; at != queue->used->index; at++) {
        const struct virtq_used_element *element = &queue->used->ring[at % queue->size];
        stats_say(out, "rings.rings.%u.queue.chains.%u.written_bytes=%u", i, n, element->length);
        say_chain(out, i, n++, queue, (uint16_t)element->id, "used");
    }
    for (uint16_t at = queue->used->index; at != queue->avail->index; at++) {
        say_chain(out, i, n++, queue, queue->avail->ring[at % queue->size], "available");
    }
}

void stats_slots(struct output *out) {
    const struct ring_table *table = ring_table();
    for (unsigned i = 0; i < table->ring_count; i++) {
        say_slots(out, i, &table->rings[i]);
        say_chains(out, i, &table->rings[i].queue);
    }
}
