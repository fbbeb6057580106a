/* SPDX-License-Identifier: MIT
 *
 * See tunnel_ends.h.
 */
#include "tunnel_ends.h"

enum { BACKLOG = 1024 };

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static const fin_handler unused = {.on_data = consume};
const fin_handler *const ends_unused = &unused;

static int listen_at(uint16_t *port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  cr_assert_geq(listener, 0, "socket: %s", strerror(errno));
  cr_assert_eq(bind(listener, (struct sockaddr *)&at, len), 0, "bind: %s", strerror(errno));
  cr_assert_eq(listen(listener, BACKLOG), 0, "listen: %s", strerror(errno));
  cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
  *port = ntohs(at.sin_port);
  return listener;
}

static void lead(struct ends *ends, const fin_tunnel_options *options) {
  ends->client = ends->target = -1;
  ends->tunnel = fin_tunnel_new(options);
  cr_assert(ends->tunnel != NULL, "fin_tunnel_new: %s", strerror(errno));
  fin_listen to = {.host = "127.0.0.1", .handler = fin_tunnel_handler(ends->tunnel)};
  cr_assert_eq(fin_server_listen(ends->net.server, &to), 0);
  ends->net.port = fin_server_port(ends->net.server);
}

void ends_lead(struct ends *ends, const fin_conn_options *conn) {
  ends->listener = listen_at(&ends->to_port);
  fin_tunnel_options options = {.host = "127.0.0.1", .port = ends->to_port};
  if (conn) options.conn = *conn;
  lead(ends, &options);
}

void ends_begin(struct ends *ends, const fin_conn_options *conn) {
  net_begin(&ends->net, &(fin_listen){.handler = ends_unused});
  ends_lead(ends, conn);
}

void ends_begin_to(struct ends *ends, const fin_tunnel_options *options) {
  net_begin(&ends->net, &(fin_listen){.handler = ends_unused});
  ends->listener = -1;
  lead(ends, options);
}

int ends_dial(struct ends *ends) { return dial(ends->net.port); }

int ends_accept(struct ends *ends) {
  int target = -1;
  net_until(&ends->net,
            (target = accept4(ends->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
  return target;
}

void ends_open(struct ends *ends) {
  ends->client = ends_dial(ends);
  ends->target = ends_accept(ends);
}

/* A backlog of one, and that one taken. */
void ends_be_deaf(struct ends *ends) {
  cr_assert_eq(listen(ends->listener, 0), 0);
  ends->plug = dial(ends->to_port);
}

void ends_answer(struct ends *ends) {
  int plugged = ends_accept(ends);
  net_close(&ends->net, plugged);
  net_close(&ends->net, ends->plug);
  cr_assert_eq(listen(ends->listener, BACKLOG), 0);
}

unsigned ends_legs(const struct ends *ends) { return stats_of(&ends->net).connections; }

int ends_ending(struct ends *ends, int end) {
  int ending;
  net_receive_all(&ends->net, end, NULL, SIZE_MAX, &ending);
  return ending;
}

void ends_end(struct ends *ends) {
  net_until(&ends->net, ends_legs(ends) == 0);
  if (ends->listener >= 0) net_close(&ends->net, ends->listener);
  net_end(&ends->net);
  fin_tunnel_free(ends->tunnel);
}
