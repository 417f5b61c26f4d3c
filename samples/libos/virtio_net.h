/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtio network device (Virtual I/O Device 1.1, section 5.1): moves frames between packet rings and virtqueues.
 */
#ifndef LIBOS_VIRTIO_NET_H
#define LIBOS_VIRTIO_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "libos/network.h"
#include "libos/ring.h"

/* Enter the driver; in poll mode `poll` is called at each interval. */
void virtio_net_driver(bool (*poll)(void));

/* Find card number n, give the interface its rings and its MAC address, and start it. False: there is none. */
bool virtio_net_init(struct network_interface *interface, uint32_t n);
/* Let the card do nothing more, frames in flight are lost; and let it work again. False: it will not. */
void virtio_net_stop(struct network_interface *interface);
bool virtio_net_start(struct network_interface *interface);

/* Frames that came in -> rx ring. */
void virtio_net_receive(struct network_interface *interface);
/* A slot of the rx ring has been processed: its memory goes back to the device, which hears of it by refill(). */
void virtio_net_recycle(struct network_interface *interface, struct packet *packet);
void virtio_net_refill(struct network_interface *interface);
/* The slot at the head of the tx ring goes to the device. */
void virtio_net_transmit(struct network_interface *interface);
/* Frames that are sent leave the tx ring. */
void virtio_net_reclaim(struct network_interface *interface);
/* Interrupt when there is something new; with wait_for_room, also when part of the tx ring is free again. False: there
 * is something already. */
bool virtio_net_interrupts_on(struct network_interface *interface, bool wait_for_room);

#endif
