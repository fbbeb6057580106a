/* SPDX-License-Identifier: MIT
 *
 * sock_diag(7): the kernel's TCP tables as rows. All rows, always: the search for invisible
 * descriptors needs every inode.
 */
#include "observe/census.h"

#ifdef FINALE_HAVE_LIBMNL

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

/* The kernel fills at most 32 KiB at a time, however large the buffer. */
enum { REPLY_MAX = 64 * 1024, SEQUENCE = 1 };

/* The states of the hash tables and of the listeners. Since Linux 6.8 bit 13 would add sockets that
 * are bound and nothing else; without it the meaning of `invisible` is the same on every kernel. */
#define ALL_STATES ((1U << FIN_TCP_STATE_COUNT) - (1U << FIN_TCP_ESTABLISHED))

/* Without an inode no process has, or has yet, a descriptor. Which of the two, the state tells:
 * only a close makes a socket send its FIN, and what has not been accepted cannot be closed. A
 * FIN_WAIT2 in a time-wait bucket still waits for the peer's FIN: an orphan like any other. */
static fin_holder classify(const struct inet_diag_msg *message) {
  switch (message->idiag_state) {
    case FIN_TCP_TIME_WAIT:
      return FIN_HOLDER_TIME_WAIT;
    case FIN_TCP_SYN_RECV:
    case FIN_TCP_ESTABLISHED:
    case FIN_TCP_CLOSE_WAIT:
      return message->idiag_inode != 0 ? FIN_HOLDER_OWNED : FIN_HOLDER_QUEUED;
    default:
      return message->idiag_inode != 0 ? FIN_HOLDER_OWNED : FIN_HOLDER_ORPHAN;
  }
}

/* The shorter of the times since the last data and the last acknowledgement: a FIN carries one. */
static int on_attribute(const struct nlattr *attribute, void *arg) {
  uint32_t *heard_ms = arg;
  struct tcp_info info = {0};
  const size_t len = mnl_attr_get_payload_len(attribute);
  if (mnl_attr_get_type(attribute) != INET_DIAG_INFO) return MNL_CB_OK;
  if (len < offsetof(struct tcp_info, tcpi_pmtu)) return MNL_CB_OK;
  memcpy(&info, mnl_attr_get_payload(attribute), len < sizeof info ? len : sizeof info);
  /* Neither has heard anything yet: its times are those of a clock never set. */
  if (info.tcpi_state == FIN_TCP_LISTEN || info.tcpi_state == FIN_TCP_SYN_SENT) return MNL_CB_OK;
  *heard_ms = info.tcpi_last_data_recv < info.tcpi_last_ack_recv ? info.tcpi_last_data_recv
                                                                 : info.tcpi_last_ack_recv;
  return MNL_CB_OK;
}

static int on_row(const struct nlmsghdr *header, void *arg) {
  struct fin_census_rows *rows = arg;
  const struct inet_diag_msg *message = mnl_nlmsg_get_payload(header);
  fin_census_row *row;
  if (mnl_nlmsg_get_payload_len(header) < sizeof *message) {
    errno = EBADMSG;
    return MNL_CB_ERROR;
  }
  if (fin_census_grow((void **)&rows->items, rows->count, &rows->capacity, sizeof *row) != 0) {
    errno = ENOMEM;
    return MNL_CB_ERROR;
  }
  row = &rows->items[rows->count++];
  *row = (fin_census_row){
      .family = message->idiag_family,
      .state = (fin_tcp_state)message->idiag_state,
      .holder = classify(message),
      .local_port = ntohs(message->id.idiag_sport),
      .remote_port = ntohs(message->id.idiag_dport),
      .recv_queue = message->idiag_rqueue,
      .send_queue = message->idiag_wqueue,
      .timer = (fin_tcp_timer)message->idiag_timer,
      .timer_ms = message->idiag_timer != 0 ? message->idiag_expires : 0,
      .retransmits = message->idiag_retrans,
      .heard_ms = UINT32_MAX,
      .uid = message->idiag_uid,
      .inode = message->idiag_inode,
      .cookie = (uint64_t)message->id.idiag_cookie[1] << 32 | message->id.idiag_cookie[0],
  };
  memcpy(row->local, message->id.idiag_src, sizeof row->local);
  memcpy(row->remote, message->id.idiag_dst, sizeof row->remote);
  return mnl_attr_parse(header, sizeof *message, on_attribute, &row->heard_ms);
}

static int ask(struct mnl_socket *socket, int family, bool heard) {
  union {
    struct nlmsghdr header;
    char bytes[256];
  } buffer;
  struct nlmsghdr *header = mnl_nlmsg_put_header(&buffer);
  struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(header, sizeof *request);
  header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header->nlmsg_seq = SEQUENCE;
  request->sdiag_family = (__u8)family;
  request->sdiag_protocol = IPPROTO_TCP;
  request->idiag_ext = heard ? 1U << (INET_DIAG_INFO - 1) : 0;
  request->idiag_states = ALL_STATES;
  return mnl_socket_sendto(socket, header, header->nlmsg_len) < 0 ? -errno : 0;
}

static int answer(struct mnl_socket *socket, char *buffer, struct fin_census_rows *rows) {
  const unsigned port_id = mnl_socket_get_portid(socket);
  int status = MNL_CB_OK;
  while (status == MNL_CB_OK) {
    const ssize_t len = mnl_socket_recvfrom(socket, buffer, REPLY_MAX);
    if (len < 0 && errno == EINTR) continue;
    if (len < 0) return -errno;
    status = mnl_cb_run(buffer, (size_t)len, SEQUENCE, port_id, on_row, rows);
  }
  return status == MNL_CB_ERROR ? -errno : 0;
}

int fin_sock_diag_read(struct fin_census_rows *rows, bool heard) {
  static const int families[] = {AF_INET, AF_INET6};
  char *buffer = fin_alloc(REPLY_MAX);
  struct mnl_socket *socket = NULL;
  int error = 0;
  if (buffer == NULL) return -ENOMEM;
  socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
  if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) != 0) error = -errno;
  for (size_t i = 0; i < sizeof families / sizeof *families && error == 0; i++) {
    error = ask(socket, families[i], heard);
    if (error == 0) error = answer(socket, buffer, rows);
  }
  if (socket != NULL) mnl_socket_close(socket);
  fin_release(buffer);
  return error;
}

#endif
