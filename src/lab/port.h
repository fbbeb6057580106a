/* SPDX-License-Identifier: MIT
 *
 * One interface's frames, raw, over packet(7). They are received into a ring that is shared with
 * the kernel: what a socket's buffer may hold without privilege is less than what TCP sends at
 * once.
 */
#ifndef LAB_PORT_H
#define LAB_PORT_H

#include <stddef.h>
#include <stdint.h>

struct lab_port {
  int fd; /* readable while there are frames */
  uint8_t *ring;
  size_t at;
  uint64_t lost; /* use lab_port_lost */
};

/* 0 or a negative errno. `interface` is an index in the caller's network namespace. */
int lab_port_open(struct lab_port *port, int interface);
void lab_port_close(struct lab_port *port);

/* The frame that came first, until it is dismissed; NULL: there is none. */
const uint8_t *lab_port_next(struct lab_port *port, size_t *size);
void lab_port_dismiss(struct lab_port *port);

int lab_port_send(struct lab_port *port, const uint8_t *frame, size_t size); /* -EAGAIN: later */

uint64_t lab_port_lost(struct lab_port *port); /* frames that found no room in the ring, so far */

#endif
