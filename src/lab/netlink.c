/* SPDX-License-Identifier: MIT
 *
 * See netlink.h.
 */
#include "lab/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SEQUENCE = 1, BUFFER_SIZE = 8192 };

union buffer {
  struct nlmsghdr header;
  char bytes[BUFFER_SIZE];
};

static struct nlmsghdr *request(union buffer *buffer, uint16_t type, uint16_t flags) {
  struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
  header->nlmsg_type = type;
  header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
  header->nlmsg_seq = SEQUENCE;
  return header;
}

/* Sends what is in the buffer, and reads the answer into it. */
static int ask(union buffer *buffer) {
  struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  int error = 0;
  ssize_t len = -1;
  if (socket == NULL) return -errno;
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
      mnl_socket_sendto(socket, buffer, buffer->header.nlmsg_len) >= 0) {
    do {
      len = mnl_socket_recvfrom(socket, buffer, sizeof *buffer);
    } while (len < 0 && errno == EINTR);
  }
  if (len < 0 || mnl_cb_run(buffer, (size_t)len, SEQUENCE, mnl_socket_get_portid(socket), NULL,
                            NULL) == MNL_CB_ERROR)
    error = -errno;
  mnl_socket_close(socket);
  return error;
}

int lab_link_pair(const char *name, const char *peer_name, int peer_net) {
  union buffer buffer;
  struct nlmsghdr *header = request(&buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  struct nlattr *info, *data, *peer;
  mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
  mnl_attr_put_strz(header, IFLA_IFNAME, name);
  info = mnl_attr_nest_start(header, IFLA_LINKINFO);
  mnl_attr_put_strz(header, IFLA_INFO_KIND, "veth");
  data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
  peer = mnl_attr_nest_start(header, VETH_INFO_PEER);
  mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
  mnl_attr_put_strz(header, IFLA_IFNAME, peer_name);
  mnl_attr_put_u32(header, IFLA_NET_NS_FD, (uint32_t)peer_net);
  mnl_attr_nest_end(header, peer);
  mnl_attr_nest_end(header, data);
  mnl_attr_nest_end(header, info);
  return ask(&buffer);
}

int lab_link_up(const char *name) {
  union buffer buffer;
  struct nlmsghdr *header = request(&buffer, RTM_NEWLINK, 0);
  struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof *link);
  link->ifi_index = (int)if_nametoindex(name);
  link->ifi_flags = link->ifi_change = IFF_UP;
  return link->ifi_index > 0 ? ask(&buffer) : -errno;
}

int lab_link_address(const char *name, const char *address, unsigned char prefix) {
  union buffer buffer;
  struct nlmsghdr *header = request(&buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(header, sizeof *message);
  message->ifa_family = AF_INET;
  message->ifa_prefixlen = prefix;
  message->ifa_index = if_nametoindex(name);
  mnl_attr_put_u32(header, IFA_LOCAL, inet_addr(address));
  mnl_attr_put_u32(header, IFA_ADDRESS, inet_addr(address));
  return message->ifa_index > 0 ? ask(&buffer) : -errno;
}

int lab_link_plain_frames(const char *name) {
  static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO};
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int error = any >= 0 ? 0 : -errno;
  for (size_t i = 0; i < sizeof commands / sizeof *commands && error == 0; i++) {
    struct ethtool_value value = {.cmd = commands[i], .data = 0};
    struct ifreq asked = {.ifr_data = (void *)&value};
    strncpy(asked.ifr_name, name, sizeof asked.ifr_name - 1);
    if (ioctl(any, SIOCETHTOOL, &asked) != 0) error = -errno;
  }
  if (any >= 0) close(any);
  return error;
}
