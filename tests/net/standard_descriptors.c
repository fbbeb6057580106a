/* SPDX-License-Identifier: MIT
 *
 * A server that is started with some of descriptors 0-2 closed, as daemons are: no connection ever
 * gets one of them, where it would receive what the program prints and where libuv never closes it.
 */
#include <finale/observe.h>

#include "more.h"

enum {
  ON_STANDARD = 10, /* what the child leaves with */
  NOT_NULL,
  NO_SERVER,
  LEFT_OVER,
  RUN_FAILED
};

static size_t echo(fin_conn *conn, const char *data, size_t len) {
  if (net_fd(conn) <= STDERR_FILENO) _exit(ON_STANDARD);
  fin_conn_write(conn, data, len);
  return len;
}

static void on_close(fin_conn *conn, const fin_report *report) {
  (void)report;
  fin_server_drain(fin_conn_server(conn));
}

static const fin_handler handler = {.on_data = echo, .on_close = on_close};

static bool is_null_device(int fd) {
  char path[32], link[32] = "";
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return readlink(path, link, sizeof link - 1) > 0 && strcmp(link, "/dev/null") == 0;
}

/* Sockets of this process. */
static size_t census(void) {
  fin_census *census = fin_census_take(&(fin_census_query){.pid = getpid()});
  size_t count = census ? census->row_count + census->invisible_count : 0;
  fin_census_free(census);
  return count;
}

static int serve_without(unsigned closed, const struct child *child) {
  size_t before = census();
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    if (closed & 1u << fd) close(fd);
  fin_server *server = fin_server_new(NULL);
  fin_listen listen = {.host = "127.0.0.1", .handler = &handler};
  if (!server || fin_server_listen(server, &listen)) return NO_SERVER;
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    if (closed & 1u << fd && !is_null_device(fd)) return NOT_NULL;
  uint16_t port = fin_server_port(server);
  child_tell(child, &port, sizeof port);
  if (fin_server_run(server)) return RUN_FAILED;
  fin_server_free(server);
  return census() == before ? 0 : LEFT_OVER;
}

Test(standard_descriptors, closed_at_start) {
  for (unsigned closed = 0; closed <= 7; closed++) {
    struct child child = child_new();
    if (child.pid == 0) _exit(serve_without(closed, &child));
    uint16_t port;
    cr_assert(child_hear(&child, &port, sizeof port), "the child left with %d", child_end(&child));
    int peer = dial(port);
    char reply[5];
    cr_assert_eq(fcntl(peer, F_SETFL, 0), 0);
    cr_assert_eq(send(peer, "hello", 5, MSG_NOSIGNAL), 5);
    cr_assert_eq(recv(peer, reply, 5, MSG_WAITALL), 5);
    cr_assert_arr_eq(reply, "hello", 5);
    close(peer);
    int left_with = child_end(&child);
    cr_assert_eq(left_with, 0, "with mask %u closed the child left with %d", closed, left_with);
  }
}
