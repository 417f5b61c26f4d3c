/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/virtio_net.h"

#include "libos/clock.h"
#include "libos/loop.h"
#include "libos/memory.h"
#include "libos/paging.h"
#include "libos/panic.h"
#include "libos/virtio.h"

#define FEATURE_MAC (1ul << 5)
#define RX_QUEUE 0
#define TX_QUEUE 1
#define RX_SLOTS 256
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

static struct virtio_device device;
static struct packet_ring *rx;
static struct packet_ring *tx;
static uint8_t *rx_buffers;                /* RX_SLOTS of PACKET_BYTES, each a header and a frame */
static uint8_t *rx_by_head[VIRTQUEUE_MAX]; /* buffer of the chain with this head */
static uint8_t *tx_buffers;                /* TX_SLOTS of PACKET_BYTES, slot by slot */
static uint32_t tx_slot_by_head[VIRTQUEUE_MAX];
static bool tx_is_sent[TX_SLOTS];
static struct net_header tx_header; /* the same for all */

static uint8_t *packet_buffers(uint32_t count) {
    uint8_t *buffers = page_allocate((uint64_t)count * PACKET_BYTES / PAGE_BYTES);
    if (buffers == NULL) {
        panic("no memory for %u packets", count);
    }
    return buffers;
}

/* ---- receiving ---- */

static void post(uint8_t *buffer) {
    struct virtq_buffer whole = {buffer, PACKET_BYTES, true};
    int head = virtqueue_add(&rx->queue, &whole, 1);
    if (head >= 0) { /* always: there are no more buffers than descriptors */
        rx_by_head[head] = buffer;
    }
}

void virtio_net_receive(void) {
    uint32_t length;
    virtqueue_interrupt_off(&rx->queue);
    while (ring_in_flight(rx) < rx->size) {
        int head = virtqueue_take(&rx->queue, &length);
        if (head < 0) {
            break;
        }
        uint32_t frame_length = length > sizeof(struct net_header) ? length - sizeof(struct net_header) : 0;
        uint8_t *frame = rx_by_head[head] + sizeof(struct net_header);
        *ring_slot(rx, rx->head) = (struct packet){frame, frame_length, clock_ns()};
        rx->head++;
    }
}

void virtio_net_recycle(struct packet *packet) {
    post(packet->data - sizeof(struct net_header));
}

void virtio_net_refill(void) {
    virtqueue_kick(&rx->queue);
}

/* ---- sending ---- */

void virtio_net_transmit(void) {
    uint32_t slot = tx->head % tx->size;
    struct packet *packet = &tx->slots[slot];
    struct virtq_buffer parts[] = {{&tx_header, sizeof(tx_header), false},
                                   {packet->data, packet->length, false}};
    packet->time_ns = clock_ns();
    int head = virtqueue_add(&tx->queue, parts, 2);
    if (head < 0) {
        panic("tx ring and virtqueue disagree");
    }
    tx_slot_by_head[head] = slot;
    tx_is_sent[slot] = false;
    tx->head++;
    virtqueue_kick(&tx->queue);
}

/* The device may finish frames out of order; the tail waits for the oldest. */
void virtio_net_reclaim(void) {
    uint32_t length;
    for (int head = virtqueue_take(&tx->queue, &length); head >= 0;
         head = virtqueue_take(&tx->queue, &length)) {
        tx_is_sent[tx_slot_by_head[head]] = true;
    }
    while (tx->tail != tx->head && tx_is_sent[tx->tail % tx->size]) {
        tx->tail++;
    }
}

/* ---- interrupts ---- */

static void interrupt(struct device_access *access, struct unidbg_frame *frame) {
    (void)access;
    (void)frame;
    device.transport->interrupt_done(&device);
    loop_notify(LOOP_NETWORK);
}

bool virtio_net_interrupts_on(bool wait_for_room) {
    uint16_t sending = virtqueue_in_flight(&tx->queue);
    if (wait_for_room && sending > 1 && !virtqueue_interrupt_after(&tx->queue, sending / 2)) {
        return false;
    }
    return virtqueue_interrupt_after(&rx->queue, 1);
}

/* ---- setting up ---- */

static void read_mac(struct network_interface *interface) {
    for (uint32_t i = 0; i < sizeof(interface->mac.bytes); i++) {
        interface->mac.bytes[i] = device.transport->config_read(&device, i);
    }
}

static bool make_rings(struct network_interface *interface) {
    rx = interface->rx_ring = ring_add("net0 rx", RING_RX, RX_SLOTS);
    tx = interface->tx_ring = ring_add("net0 tx", RING_TX, TX_SLOTS);
    if (!virtio_queue(&device, &rx->queue, RX_QUEUE, RX_SLOTS) ||
        !virtio_queue(&device, &tx->queue, TX_QUEUE, 2 * TX_SLOTS)) {
        return false;
    }
    rx->size = rx->queue.size;
    tx->size = tx->queue.size / 2;
    return true;
}

static void make_buffers(void) {
    rx_buffers = packet_buffers(RX_SLOTS);
    tx_buffers = packet_buffers(TX_SLOTS);
    for (uint32_t i = 0; i < rx->size; i++) {
        post(rx_buffers + (uint64_t)i * PACKET_BYTES);
    }
    for (uint32_t i = 0; i < tx->size; i++) {
        tx->slots[i].data = tx_buffers + (uint64_t)i * PACKET_BYTES;
    }
}

bool virtio_net_init(struct network_interface *interface) {
    if (!virtio_find(VIRTIO_ID_NET, &device) ||
        !virtio_negotiate(&device, VIRTIO_F_EVENT_IDX | FEATURE_MAC) || !make_rings(interface)) {
        return false;
    }
    read_mac(interface);
    make_buffers();
    struct device_access *access = device_add((struct device_access){
        .name = "virtio-net", .mmio_base = device.registers, .irq = DEVICE_NO_IRQ, .handler = interrupt});
    device.transport->interrupt_connect(&device, access);
    virtqueue_interrupt_off(&tx->queue);
    virtio_start(&device);
    virtio_net_refill();
    return true;
}
