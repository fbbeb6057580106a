/* SPDX-License-Identifier: MIT
 *
 * See obituary.h. The socket must be bound to the group: one that only joins it hears nothing.
 */
#include "lab/obituary.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int lab_obituaries_open(void) {
  const struct sockaddr_nl address = {
      .nl_family = AF_NETLINK,
      .nl_groups = 1U << (SKNLGRP_INET_TCP_DESTROY - 1),
  };
  const int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) return -errno;
  if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
  const int error = errno;
  close(fd);
  return -error;
}

bool lab_obituaries_next(int fd, struct lab_obituary *obituary) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_msg message;
    char attributes[1024];
  } buffer;
  for (;;) {
    const ssize_t len = recv(fd, &buffer, sizeof buffer, 0);
    if (len < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
    if (len < 0) return false;
    if (len < (ssize_t)(sizeof buffer.header + sizeof buffer.message)) continue;
    const struct inet_diag_sockid *id = &buffer.message.id;
    *obituary = (struct lab_obituary){
        .local_port = ntohs(id->idiag_sport),
        .remote_port = ntohs(id->idiag_dport),
        .cookie = (uint64_t)id->idiag_cookie[1] << 32 | id->idiag_cookie[0],
    };
    return true;
  }
}
