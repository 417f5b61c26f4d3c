/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/virtio_net.h"

#include <stddef.h>

#include "libos/clock.h"
#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/paging.h"
#include "libos/panic.h"
#include "libos/runtime.h"
#include "libos/string.h"
#include "libos/virtio.h"

#define FEATURE_MAC (1ul << 5)
#define RX_QUEUE 0
#define TX_QUEUE 1
#define RX_SLOTS 256
#define RX_SPARE 32  /* buffers that are with nobody */
#define TX_SLOTS 128 /* a frame takes two descriptors, header and frame */

/* Before each frame, in both directions. All zero: nothing is offloaded. */
struct net_header {
    uint8_t flags;
    uint8_t segmentation;
    uint16_t header_length;
    uint16_t segment_bytes;
    uint16_t checksum_start;
    uint16_t checksum_offset;
    uint16_t buffers;
};

/* A card. */
struct virtio_net {
    struct virtio_device device;
    struct packet_ring *rx;
    struct packet_ring *tx;
    struct buffer_pool *pool; /* each buffer a header and a frame; out: with the device, or in the rx ring */
    uint8_t *
        rx_by_head[VIRTQUEUE_MAX]; /* buffer of the chain with this head; NULL: the device does not have it */
    uint8_t *tx_buffers;           /* TX_SLOTS of PACKET_BYTES, slot by slot */
    uint32_t tx_slot_by_head[VIRTQUEUE_MAX];
    bool tx_is_sent[TX_SLOTS];
};

static struct virtio_net cards[NETWORK_INTERFACES];
static const char *const rx_names[NETWORK_INTERFACES] = {"net0 rx", "net1 rx"};
static const char *const tx_names[NETWORK_INTERFACES] = {"net0 tx", "net1 tx"};
static struct net_header tx_header; /* the same for all */
static struct runtime_driver *driver;

/* ---- receiving ---- */

/* Give the device a buffer, as long as there are both: a frame that is still being looked at has its own. */
static bool post(struct virtio_net *card) {
    uint8_t *buffer = card->rx->queue.free_count > 0 ? pool_take(card->pool) : NULL;
    if (buffer == NULL) {
        return false;
    }
    struct virtq_buffer whole = {buffer, PACKET_BYTES, true};
    card->rx_by_head[virtqueue_add(&card->rx->queue, &whole, 1)] = buffer;
    return true;
}

void virtio_net_receive(struct network_interface *interface) {
    struct virtio_net *card = interface->card;
    struct packet_ring *rx = card->rx;
    uint32_t length;
    virtqueue_interrupt_off(&rx->queue);
    while (ring_in_flight(rx) < rx->size) {
        int head = virtqueue_take(&rx->queue, &length);
        if (head < 0) {
            break;
        }
        uint32_t frame_length = length > sizeof(struct net_header) ? length - sizeof(struct net_header) : 0;
        uint8_t *frame = card->rx_by_head[head] + sizeof(struct net_header);
        card->rx_by_head[head] = NULL;
        *ring_slot(rx, rx->head) = (struct packet){frame, frame_length, clock_ns()};
        rx->head++;
    }
}

void virtio_net_recycle(struct network_interface *interface, struct packet *packet) {
    struct virtio_net *card = interface->card;
    pool_release(card->pool, packet->data - sizeof(struct net_header));
    post(card);
}

void virtio_net_refill(struct network_interface *interface) {
    virtqueue_kick(&interface->rx_ring->queue);
}

/* ---- sending ---- */

void virtio_net_transmit(struct network_interface *interface) {
    struct virtio_net *card = interface->card;
    struct packet_ring *tx = card->tx;
    uint32_t slot = tx->head % tx->size;
    struct packet *packet = &tx->slots[slot];
    struct virtq_buffer parts[] = {{&tx_header, sizeof(tx_header), false},
                                   {packet->data, packet->length, false}};
    packet->time_ns = clock_ns();
    int head = virtqueue_add(&tx->queue, parts, 2);
    if (head < 0) {
        panic("tx ring and virtqueue disagree");
    }
    card->tx_slot_by_head[head] = slot;
    card->tx_is_sent[slot] = false;
    tx->head++;
    virtqueue_kick(&tx->queue);
}

/* The device may finish frames out of order; the tail waits for the oldest. */
void virtio_net_reclaim(struct network_interface *interface) {
    struct virtio_net *card = interface->card;
    struct packet_ring *tx = card->tx;
    uint32_t length;
    for (int head = virtqueue_take(&tx->queue, &length); head >= 0;
         head = virtqueue_take(&tx->queue, &length)) {
        card->tx_is_sent[card->tx_slot_by_head[head]] = true;
    }
    while (tx->tail != tx->head && card->tx_is_sent[tx->tail % tx->size]) {
        tx->tail++;
    }
}

/* ---- interrupts ---- */

static void interrupt(struct device_access *access, struct unidbg_frame *frame) {
    struct virtio_net *card = access->driver;
    (void)frame;
    driver->interrupts++;
    card->device.transport->interrupt_done(&card->device);
    loop_notify(LOOP_NETWORK);
}

bool virtio_net_interrupts_on(struct network_interface *interface, bool wait_for_room) {
    struct virtqueue *tx = &interface->tx_ring->queue;
    struct virtqueue *rx = &interface->rx_ring->queue;
    if (driver->poll) {
        return virtqueue_in_flight(rx) == (uint16_t)(rx->avail->index - rx->last_used);
    }
    uint16_t sending = virtqueue_in_flight(tx);
    if (wait_for_room && sending > 1 && !virtqueue_interrupt_after(tx, sending / 2)) {
        return false;
    }
    return virtqueue_interrupt_after(rx, 1);
}

void virtio_net_driver(bool (*poll)(void)) {
    driver = driver_add("virtio-net", poll);
}

/* ---- starting and stopping ---- */

static bool start_queues(struct virtio_net *card) {
    if (!virtio_queue(&card->device, &card->rx->queue, RX_QUEUE, RX_SLOTS) ||
        !virtio_queue(&card->device, &card->tx->queue, TX_QUEUE, 2 * TX_SLOTS)) {
        return false;
    }
    card->rx->size = card->rx->queue.size;
    card->tx->size = card->tx->queue.size / 2;
    virtqueue_interrupt_off(&card->rx->queue);
    virtqueue_interrupt_off(&card->tx->queue);
    return true;
}

/* A device that is polled has no event indexes: they cannot say "never". */
bool virtio_net_start(struct network_interface *interface) {
    struct virtio_net *card = interface->card;
    uint64_t wanted = FEATURE_MAC | (driver->poll ? 0 : VIRTIO_F_EVENT_IDX);
    if (!virtio_negotiate(&card->device, wanted) || !start_queues(card)) {
        return false;
    }
    for (uint32_t i = 0; i < sizeof(interface->mac.bytes); i++) {
        interface->mac.bytes[i] = (uint8_t)virtio_config(&card->device, i, 1);
    }
    virtio_start(&card->device);
    while (post(card)) {
    }
    virtio_net_refill(interface);
    interface->up = true;
    return true;
}

void virtio_net_stop(struct network_interface *interface) {
    struct virtio_net *card = interface->card;
    interface->up = false;
    virtio_reset(&card->device);
    for (uint32_t head = 0; head < VIRTQUEUE_MAX; head++) {
        if (card->rx_by_head[head] != NULL) {
            pool_release(card->pool, card->rx_by_head[head]);
            card->rx_by_head[head] = NULL;
        }
    }
    card->tx->tail = card->tx->head;
}

/* ---- setting up ---- */

static void make_rings(struct network_interface *interface, uint32_t n) {
    struct virtio_net *card = interface->card;
    card->rx = interface->rx_ring = ring_add(rx_names[n], RING_RX, RX_SLOTS);
    card->tx = interface->tx_ring = ring_add(tx_names[n], RING_TX, TX_SLOTS);
    card->pool = pool_create(rx_names[n], PACKET_BYTES, RX_SLOTS + RX_SPARE);
    card->tx_buffers = page_allocate((uint64_t)TX_SLOTS * PACKET_BYTES / PAGE_BYTES);
    if (card->tx_buffers == NULL) {
        panic("no memory for packets");
    }
    for (uint32_t i = 0; i < TX_SLOTS; i++) {
        card->tx->slots[i].data = card->tx_buffers + (uint64_t)i * PACKET_BYTES;
    }
}

bool virtio_net_init(struct network_interface *interface, uint32_t n) {
    struct virtio_net *card = &cards[n];
    if (!virtio_find(VIRTIO_ID_NET, n, &card->device)) {
        return false;
    }
    interface->card = card;
    make_rings(interface, n);
    struct device_access *access = device_add((struct device_access){.name = "virtio-net",
                                                                     .mmio_base = card->device.registers,
                                                                     .irq = DEVICE_NO_IRQ,
                                                                     .handler = interrupt,
                                                                     .driver = card});
    card->device.transport->interrupt_connect(&card->device, access);
    return virtio_net_start(interface);
}
