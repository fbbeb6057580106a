/* SPDX-License-Identifier: MIT
 *
 * The kernel's word that it has freed a connection: sock_diag's group SKNLGRP_INET_TCP_DESTROY, of
 * the caller's network namespace. Needs no privilege. A connection that ends in TIME-WAIT is freed
 * when that begins.
 */
#ifndef LAB_OBITUARY_H
#define LAB_OBITUARY_H

#include <stdbool.h>
#include <stdint.h>

struct lab_obituary {
  uint16_t local_port, remote_port;
  uint64_t cookie;
};

int lab_obituaries_open(void); /* a descriptor, or a negative errno */
bool lab_obituaries_next(int fd, struct lab_obituary *obituary); /* false: no more for now */

#endif
