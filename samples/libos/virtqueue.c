/* SPDX-License-Identifier: BSD-3-Clause */
#include "libos/virtqueue.h"

#include <stddef.h>

#include "libos/clock.h"
#include "libos/memory.h"
#include "libos/paging.h"
#include "libos/panic.h"
#include "libos/relocate.h"
#include "libos/string.h"

#define AVAIL_NO_INTERRUPT 1
#define USED_NO_NOTIFY 1

/* The shared memory is exchanged with a device that runs beside us: each access is one load or store. */
#define LOAD(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)
#define STORE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)

/* The event indexes lie right behind the rings, and these are as long as the queue. */
static uint16_t *used_event(const struct virtqueue *queue) {
    return &queue->avail->ring[queue->size];
}

static uint16_t *avail_event(const struct virtqueue *queue) {
    return (uint16_t *)&queue->used->ring[queue->size];
}

uint16_t virtqueue_used_event(const struct virtqueue *queue) {
    return LOAD(*used_event(queue));
}

uint16_t virtqueue_avail_event(const struct virtqueue *queue) {
    return LOAD(*avail_event(queue));
}

static void *shared(uint64_t bytes) {
    void *memory = page_allocate((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
    if (memory == NULL) {
        panic("no memory for a virtqueue");
    }
    return memory;
}

/* A device of one index keeps its size: the memory fits when it is set up again. */
static void take_memory(struct virtqueue *queue) {
    if (queue->desc == NULL) {
        queue->desc = shared(VIRTQUEUE_MAX * sizeof(struct virtq_desc));
        queue->avail = shared(sizeof(struct virtq_avail));
        queue->used = shared(sizeof(struct virtq_used));
    } else {
        memset(queue->desc, 0, VIRTQUEUE_MAX * sizeof(struct virtq_desc));
        memset(queue->avail, 0, sizeof(struct virtq_avail));
        memset(queue->used, 0, sizeof(struct virtq_used));
    }
}

void virtqueue_init(struct virtqueue *queue, uint16_t index, uint16_t size, bool event_idx) {
    queue->index = index;
    queue->size = size;
    queue->event_idx = event_idx;
    queue->last_used = 0;
    queue->kicked = 0;
    take_memory(queue);
    for (uint16_t i = 0; i < size; i++) {
        queue->desc[i].next = (uint16_t)(i + 1);
    }
    queue->free_head = 0;
    queue->free_count = size;
}

static void fill(struct virtq_desc *desc, const struct virtq_buffer *buffer, bool is_last) {
    desc->address = relocate_physical(buffer->data);
    desc->length = buffer->length;
    desc->flags = (buffer->device_writes ? VIRTQ_DESC_WRITE : 0) | (is_last ? 0 : VIRTQ_DESC_NEXT);
}

int virtqueue_add(struct virtqueue *queue, const struct virtq_buffer *buffers, unsigned count) {
    if (queue->free_count < count) {
        return -1;
    }
    if (virtqueue_in_flight(queue) == 0) {
        queue->progress_ns = clock_ns();
    }
    uint16_t head = queue->free_head;
    for (unsigned i = 0; i < count; i++) {
        struct virtq_desc *desc = &queue->desc[queue->free_head];
        fill(desc, &buffers[i], i + 1 == count);
        queue->free_head = desc->next; /* the free ones are linked as a chain will be */
    }
    queue->free_count = (uint16_t)(queue->free_count - count);
    uint16_t at = queue->avail->index;
    queue->avail->ring[at % queue->size] = head;
    STORE(queue->avail->index, (uint16_t)(at + 1));
    return head;
}

/* True when the step from before to after has passed `event` (specification, 2.6.7.2). */
static bool passed(uint16_t event, uint16_t before, uint16_t after) {
    return (uint16_t)(after - event - 1) < (uint16_t)(after - before);
}

static bool wants_notification(struct virtqueue *queue) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* our index before its event */
    if (!queue->event_idx) {
        return !(LOAD(queue->used->flags) & USED_NO_NOTIFY);
    }
    uint16_t added = queue->avail->index;
    return passed(LOAD(*avail_event(queue)), queue->kicked, added);
}

void virtqueue_kick(struct virtqueue *queue) {
    if (wants_notification(queue)) {
        queue->notifications++;
        queue->notify(queue);
    }
    queue->kicked = queue->avail->index;
}

static void release(struct virtqueue *queue, uint16_t head) {
    uint16_t last = head;
    uint16_t count = 1;
    while (queue->desc[last].flags & VIRTQ_DESC_NEXT) {
        last = queue->desc[last].next;
        count++;
    }
    queue->desc[last].next = queue->free_head;
    queue->free_head = head;
    queue->free_count = (uint16_t)(queue->free_count + count);
}

int virtqueue_take(struct virtqueue *queue, uint32_t *length) {
    if (LOAD(queue->used->index) == queue->last_used) {
        return -1;
    }
    const struct virtq_used_element *element = &queue->used->ring[queue->last_used % queue->size];
    uint16_t head = (uint16_t)element->id;
    *length = element->length;
    queue->last_used++;
    queue->completions++;
    queue->progress_ns = clock_ns();
    release(queue, head);
    return head;
}

uint16_t virtqueue_in_flight(const struct virtqueue *queue) {
    return (uint16_t)(queue->avail->index - LOAD(queue->used->index));
}

void virtqueue_interrupt_off(struct virtqueue *queue) {
    if (!queue->event_idx) { /* else: an event that has passed does not come again */
        STORE(queue->avail->flags, AVAIL_NO_INTERRUPT);
    }
}

bool virtqueue_interrupt_after(struct virtqueue *queue, uint16_t after) {
    STORE(*used_event(queue), (uint16_t)(queue->last_used + after - 1));
    STORE(queue->avail->flags, 0);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* our wish before a look at its index */
    return (uint16_t)(LOAD(queue->used->index) - queue->last_used) < after;
}
