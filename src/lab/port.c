/* SPDX-License-Identifier: MIT
 *
 * See port.h.
 */
#include "lab/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* A slot holds a frame of 1514 bytes behind its header. 4 MiB: what two windows of Linux's default
 * size let be sent before anybody looks. */
enum { SLOT_SIZE = 2048, SLOTS = 2048, BLOCK_SIZE = 64 * 1024, RING_SIZE = SLOT_SIZE * SLOTS };

_Static_assert(sizeof(struct tpacket2_hdr) % TPACKET_ALIGNMENT == 0, "the address follows at once");

static int map_ring(struct lab_port *port) {
  const int version = TPACKET_V2;
  const struct tpacket_req request = {.tp_block_size = BLOCK_SIZE,
                                      .tp_block_nr = RING_SIZE / BLOCK_SIZE,
                                      .tp_frame_size = SLOT_SIZE,
                                      .tp_frame_nr = SLOTS};
  void *ring;
  if (setsockopt(port->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0 ||
      setsockopt(port->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0)
    return -errno;
  ring = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, port->fd, 0);
  if (ring == MAP_FAILED) return -errno;
  port->ring = ring;
  return 0;
}

int lab_port_open(struct lab_port *port, int interface) {
  const struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface};
  int error;
  *port = (struct lab_port){.fd = -1};
  /* Protocol 0: nothing of any other interface comes in before bind. */
  port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (port->fd < 0) return -errno;
  error = map_ring(port);
  if (error == 0 && bind(port->fd, (const struct sockaddr *)&address, sizeof address) != 0)
    error = -errno;
  if (error != 0) lab_port_close(port);
  return error;
}

void lab_port_close(struct lab_port *port) {
  if (port->ring != NULL) munmap(port->ring, RING_SIZE);
  if (port->fd >= 0) close(port->fd);
  *port = (struct lab_port){.fd = -1};
}

static struct tpacket2_hdr *slot(struct lab_port *port) {
  return (struct tpacket2_hdr *)(void *)(port->ring + port->at * SLOT_SIZE);
}

/* What this namespace itself sends through the interface (it does: IPv6 says hello) comes by, too.
 * A frame that is longer than a slot cannot be forwarded. */
static bool foreign(struct lab_port *port) {
  const struct tpacket2_hdr *header = slot(port);
  const struct sockaddr_ll *from = (const void *)(header + 1);
  if (from->sll_pkttype == PACKET_OUTGOING) return false;
  if (header->tp_snaplen == header->tp_len) return true;
  port->lost++;
  return false;
}

const uint8_t *lab_port_next(struct lab_port *port, size_t *size) {
  while ((__atomic_load_n(&slot(port)->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0) {
    if (foreign(port)) {
      *size = slot(port)->tp_snaplen;
      return port->ring + port->at * SLOT_SIZE + slot(port)->tp_mac;
    }
    lab_port_dismiss(port);
  }
  return NULL;
}

void lab_port_dismiss(struct lab_port *port) {
  __atomic_store_n(&slot(port)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  port->at = (port->at + 1) % SLOTS;
}

int lab_port_send(struct lab_port *port, const uint8_t *frame, size_t size) {
  if (send(port->fd, frame, size, 0) >= 0) return 0;
  return errno == EINTR || errno == ENOBUFS ? -EAGAIN : -errno;
}

uint64_t lab_port_lost(struct lab_port *port) {
  struct tpacket_stats since; /* the last time it was read */
  socklen_t size = sizeof since;
  if (getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &since, &size) == 0)
    port->lost += since.tp_drops;
  return port->lost;
}
