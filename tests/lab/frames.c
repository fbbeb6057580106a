/* SPDX-License-Identifier: MIT
 *
 * Every frame on the wire, taken down by a second pair of eyes and added up here: what leaves a
 * side, and what reaches the other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/rig.h"

enum { FRAME_MAX = 64 * 1024, ETHERNET = 14, LONGEST = ETHERNET + 1500, SIZE = 100 * 1000 };

static struct rig rig;
static int eyes[2];
static unsigned seen[2], passed_on[2];

static int look_at(int interface) {
  const struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface};
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  within_check(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0, "%s",
               strerror(errno));
  return fd;
}

/* RFC 1071: 0xffff, if the checksum is among the bytes and right. */
static unsigned add_up(const uint8_t *bytes, size_t size, unsigned long sum) {
  for (size_t i = 0; i < size; i++) sum += i % 2 == 0 ? (unsigned long)bytes[i] << 8 : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return (unsigned)sum;
}

static void check_frame(const uint8_t *frame, size_t size) {
  const uint8_t *ip = frame + ETHERNET;
  if (frame[12] != 8 || frame[13] != 0) return; /* ARP, IPv6 */
  const size_t header = (ip[0] & 15U) * 4U, total = (size_t)ip[2] << 8 | ip[3];
  within_check(size <= LONGEST && total <= size - ETHERNET, "%zu bytes", size);
  within_check(ip[9] == IPPROTO_TCP, "%u", ip[9]);
  within_check(add_up(ip, header, 0) == 0xffff, "the checksum of IP");
  const unsigned long pseudo = add_up(ip + 12, 8, IPPROTO_TCP + total - header);
  within_check(add_up(ip + header, total - header, pseudo) == 0xffff, "the checksum of TCP, %zu",
               total);
}

static void look(enum lab_side side) {
  static uint8_t frame[FRAME_MAX];
  struct sockaddr_ll from;
  socklen_t size = sizeof from;
  ssize_t len;
  while ((len = recvfrom(eyes[side], frame, sizeof frame, 0, (struct sockaddr *)&from, &size)) >
         0) {
    check_frame(frame, (size_t)len);
    if (from.sll_pkttype == PACKET_OUTGOING)
      passed_on[side]++;
    else
      seen[side]++;
  }
}

WITHIN(frames, have_right_checksums_and_lengths) {
  rig_begin(&rig, 1, (const char *const[]){"duplicate 3rd data from server", NULL});
  for (unsigned side = 0; side < 2; side++) eyes[side] = look_at(rig.spaces.inner[side]);
  rig_connect(&rig);
  for (unsigned round = 0; round < 10; round++) {
    rig_transfer(&rig, rig.client, rig.server, SIZE / 10);
    rig_transfer(&rig, rig.server, rig.client, SIZE / 10 + 1);
    look(LAB_CLIENT);
    look(LAB_SERVER);
  }
  shutdown(rig.client, SHUT_WR);
  rig_until(&rig, rig_ended(rig.server));
  shutdown(rig.server, SHUT_WR);
  rig_until(&rig, rig_ended(rig.client));
  for (unsigned side = 0; side < 2; side++) {
    look((enum lab_side)side);
    within_check(seen[side] > SIZE / 1500 && passed_on[side] > SIZE / 1500, "%u, %u", seen[side],
                 passed_on[side]);
    close(eyes[side]);
  }
  rig_end(&rig);
}
