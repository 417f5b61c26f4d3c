/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio network card (Virtual I/O Device 1.1, sections 2.6 and 5.1), the device's side of it: the driver above sees
 * no difference to one of a hypervisor. For libos/virtio.h; it takes the place of the PCI transport.
 */
#include <stddef.h>
#include <string.h>

#include "hosted.h"
#include "libos/virtio.h"

enum { QUEUE_RX, QUEUE_TX, QUEUES };
#define FEATURE_MAC (1u << 5)
#define HEADER_BYTES 12       /* before each frame */
#define HEADER_NUM_BUFFERS 10 /* its last member: 1 buffer */
#define FRAME_BYTES 2048
#define AVAIL_NO_INTERRUPT 1
#define MAC_BYTES 6

static const uint8_t mac[MAC_BYTES] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x57};

static struct {
    bool is_found;
    uint8_t status;
    uint8_t vector;
    struct virtqueue *queues[QUEUES];
    uint16_t taken[QUEUES]; /* of the avail ring */
} card;

/* ---- queues ---- */

static bool has_chain(unsigned index) {
    return card.queues[index] != NULL && card.taken[index] != card.queues[index]->avail->index;
}

static uint16_t take_chain(unsigned index) {
    const struct virtqueue *queue = card.queues[index];
    uint16_t head = queue->avail->ring[card.taken[index] % queue->size];
    card.taken[index]++;
    return head % queue->size;
}

static void give_back(unsigned index, uint16_t head, uint32_t length) {
    struct virtqueue *queue = card.queues[index];
    queue->used->ring[queue->used->index % queue->size] = (struct virtq_used_element){head, length};
    __atomic_store_n(&queue->used->index, (uint16_t)(queue->used->index + 1), __ATOMIC_RELEASE);
    if (!(queue->avail->flags & AVAIL_NO_INTERRUPT) && card.vector != 0) {
        hosted_raise(card.vector);
    }
}

/* Copy between a chain and one piece of memory; returns the bytes moved. A chain is no longer than its queue. */
static uint32_t move(const struct virtqueue *queue, uint16_t head, uint8_t *bytes, uint32_t size, bool in) {
    uint32_t done = 0;
    for (unsigned i = 0; i < queue->size && done < size; i++) {
        const struct virtq_desc *desc = &queue->desc[head % queue->size];
        uint32_t length = desc->length < size - done ? desc->length : size - done;
        if (in) {
            memcpy((void *)(uintptr_t)desc->address, bytes + done, length);
        } else {
            memcpy(bytes + done, (const void *)(uintptr_t)desc->address, length);
        }
        done += length;
        if (!(desc->flags & VIRTQ_DESC_NEXT)) {
            break;
        }
        head = desc->next;
    }
    return done;
}

static void transmit(void) {
    static uint8_t frame[HEADER_BYTES + FRAME_BYTES];
    while (has_chain(QUEUE_TX)) {
        uint16_t head = take_chain(QUEUE_TX);
        uint32_t length = move(card.queues[QUEUE_TX], head, frame, sizeof(frame), false);
        give_back(QUEUE_TX, head, 0);
        if (length > HEADER_BYTES) {
            hosted_network_send(frame + HEADER_BYTES, length - HEADER_BYTES);
        }
    }
}

/* A frame for which the driver has given no room is lost, as on a wire. */
void hosted_net_receive(const uint8_t *frame, uint32_t length) {
    static uint8_t whole[HEADER_BYTES + FRAME_BYTES];
    if (!has_chain(QUEUE_RX) || length > FRAME_BYTES) {
        return;
    }
    memset(whole, 0, HEADER_BYTES);
    whole[HEADER_NUM_BUFFERS] = 1;
    memcpy(whole + HEADER_BYTES, frame, length);
    uint16_t head = take_chain(QUEUE_RX);
    give_back(QUEUE_RX, head, move(card.queues[QUEUE_RX], head, whole, HEADER_BYTES + length, true));
}

static void notify(struct virtqueue *queue) {
    if (queue->index == QUEUE_TX) {
        transmit();
    }
}

/* ---- the transport ---- */

static uint8_t get_status(struct virtio_device *device) {
    (void)device;
    return card.status;
}

static void set_status(struct virtio_device *device, uint8_t status) {
    (void)device;
    card.status = status;
    if (status == 0) {
        memset(card.queues, 0, sizeof(card.queues));
        memset(card.taken, 0, sizeof(card.taken));
    }
}

static uint32_t get_features(struct virtio_device *device, uint32_t word) {
    (void)device;
    return word == 0 ? FEATURE_MAC : (uint32_t)(VIRTIO_F_VERSION_1 >> 32);
}

static void set_features(struct virtio_device *device, uint32_t word, uint32_t value) {
    (void)device;
    (void)word;
    (void)value;
}

static uint16_t queue_size(struct virtio_device *device, uint16_t index) {
    (void)device;
    return index < QUEUES ? VIRTQUEUE_MAX : 0;
}

static void queue_start(struct virtio_device *device, struct virtqueue *queue) {
    (void)device;
    queue->notify = notify;
    card.queues[queue->index] = queue;
    card.taken[queue->index] = 0;
}

static uint8_t config_read(struct virtio_device *device, uint32_t offset) {
    (void)device;
    return offset < MAC_BYTES ? mac[offset] : 0;
}

static void interrupt_connect(struct virtio_device *device, struct device_access *access) {
    (void)device;
    card.vector = device_connect(access);
}

static void interrupt_done(struct virtio_device *device) {
    (void)device;
}

static const struct virtio_transport hosted = {
    .name = "hosted",
    .get_status = get_status,
    .set_status = set_status,
    .get_features = get_features,
    .set_features = set_features,
    .queue_size = queue_size,
    .queue_start = queue_start,
    .config_read = config_read,
    .interrupt_connect = interrupt_connect,
    .interrupt_done = interrupt_done,
};

bool virtio_pci_find(uint32_t id, uint32_t n, struct virtio_device *device) {
    if (id != VIRTIO_ID_NET || n != 0 || !(card.is_found || hosted_network_start())) {
        return false;
    }
    card.is_found = true;
    *device = (struct virtio_device){.transport = &hosted, .irq = DEVICE_NO_IRQ};
    return true;
}
