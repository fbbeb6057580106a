/* SPDX-License-Identifier: MIT
 *
 * See net.h. The server's loop is turned by whatever the test waits for, so that server and peers
 * take their steps in one order.
 */
#include "support/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/conn.h"

#ifdef __SANITIZE_ADDRESS__ /* gcc's way of saying it */
#define FINDS_LEAKS
#elif defined(__has_feature) /* clang's */
#if __has_feature(address_sanitizer)
#define FINDS_LEAKS
#endif
#endif
#ifdef FINDS_LEAKS
#include <sanitizer/lsan_interface.h>
#endif

/* ---- the server ---- */

/* The context may be the test's own, but the handler is always that of a net. */
static struct net *net_of(const fin_conn *conn) {
  return fin_container(fin_conn_handler(conn), struct net, handler);
}

static void on_open(fin_conn *conn) {
  struct net *net = net_of(conn);
  net->opened++;
  net->conn = conn;
  if (net->wrapped->on_open) net->wrapped->on_open(conn);
}

static void on_end(fin_conn *conn) {
  struct net *net = net_of(conn);
  net->ended++;
  net->wrapped->on_end(conn);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct net *net = net_of(conn);
  net->reports = realloc(net->reports, (net->closed + 1) * sizeof *net->reports);
  cr_assert(net->reports != NULL);
  net->report = net->reports[net->closed++] = *report;
  if (net->conn == conn) net->conn = NULL;
  if (net->wrapped->on_close) net->wrapped->on_close(conn, report);
}

static void on_drained(fin_server *server, void *context) {
  struct net *net = context;
  net->drained = true;
  if (net->options.on_drained) net->options.on_drained(server, net->options.context);
}

/* The first loop of a process opens descriptors that stay. */
static void open_what_stays(void) {
  uv_loop_t first;
  cr_assert(uv_loop_init(&first) == 0);
  cr_assert(uv_loop_close(&first) == 0);
}

void net_begin_with(struct net *net, const fin_server_options *options, const fin_listen *listen) {
  fin_server_options server = {0};
  fin_listen here = *listen;

  memset(net, 0, sizeof *net);
  open_what_stays();
  net->baseline = leftover_begin();
  cr_assert(uv_loop_init(&net->loop) == 0);
  cr_assert(uv_timer_init(&net->loop, &net->wake) == 0);

  if (options) server = net->options = *options;
  server.loop = &net->loop;
  server.on_drained = on_drained;
  server.context = net;
  net->server = fin_server_new(&server);
  cr_assert(net->server != NULL, "fin_server_new: %s", strerror(errno));

  net->wrapped = listen->handler;
  net->handler = *listen->handler; /* on_data, on_writable, on_timer and on_drain as they are */
  net->handler.on_open = on_open;
  net->handler.on_close = on_close;
  if (net->wrapped->on_end) net->handler.on_end = on_end;

  here.handler = &net->handler;
  if (!here.context) here.context = net;
  if (!here.host)
    here.host = "127.0.0.1";
  else if (strcmp(here.host, NET_EVERY_HOST) == 0)
    here.host = NULL;
  int error = fin_server_listen(net->server, &here);
  cr_assert(error == 0, "fin_server_listen: %s", fin_strerror(error));
  net->port = fin_server_port(net->server);
}

void net_begin(struct net *net, const fin_listen *listen) { net_begin_with(net, NULL, listen); }

/* At the end of the process it would depend on ASAN_OPTIONS, and Criterion would still count the
 * test among those that passed. */
static void expect_no_leaks(void) {
#ifdef FINDS_LEAKS
  cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "memory is left over, listed on stderr");
#endif
}

void net_end(struct net *net) {
  fin_server_drain(net->server);
  net_until(net, net->drained);
  fin_server_free(net->server);
  cr_assert(net->opened <= net->closed, "%u of %u opened connections were closed", net->closed,
            net->opened);
  uv_close((uv_handle_t *)&net->wake, NULL);
  uv_run(&net->loop, UV_RUN_NOWAIT);
  cr_assert(uv_loop_close(&net->loop) == 0, "handles are left in the loop");
  free(net->reports);
  net->reports = NULL;
  leftover_end(&net->baseline);
  expect_no_leaks();
}

static void on_wake(uv_timer_t *timer) { (void)timer; }

void net_turn(struct net *net, int wait_ms) {
  uv_update_time(&net->loop); /* the test may have been busy */
  /* Repeated: the first may come before the poll, which then waits for the second. */
  uv_timer_start(&net->wake, on_wake, (uint64_t)wait_ms, (uint64_t)wait_ms);
  uv_run(&net->loop, wait_ms > 0 ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

uint64_t net_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- peers ---- */

static socklen_t address_of(struct sockaddr_storage *address, const char *text, uint16_t port) {
  struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (inet_pton(AF_INET, text, &in4.sin_addr) == 1) {
    memcpy(address, &in4, sizeof in4);
    return sizeof in4;
  }
  cr_assert(inet_pton(AF_INET6, text, &in6.sin6_addr) == 1, "not an address: %s", text);
  memcpy(address, &in6, sizeof in6);
  return sizeof in6;
}

static void set_buffer(int peer, int name, int size) {
  if (size > 0) cr_assert(setsockopt(peer, SOL_SOCKET, name, &size, sizeof size) == 0);
}

static int dial(struct net *net, const char *text, int receive_buffer, int send_buffer) {
  struct sockaddr_storage address;
  socklen_t len = address_of(&address, text, net->port);
  int peer = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  cr_assert(peer >= 0, "socket: %s", strerror(errno));
  set_buffer(peer, SO_RCVBUF, receive_buffer);
  set_buffer(peer, SO_SNDBUF, send_buffer);
  if (connect(peer, (struct sockaddr *)&address, len))
    cr_assert(errno == EINPROGRESS, "connect: %s", strerror(errno));
  return peer;
}

static int connect_peer(struct net *net, const char *text, int receive_buffer, int send_buffer) {
  unsigned opened = net->opened;
  int peer = dial(net, text, receive_buffer, send_buffer);
  net_until(net, net->opened > opened);
  return peer;
}

int net_dial(struct net *net) { return dial(net, "127.0.0.1", 0, 0); }

int net_connect(struct net *net) { return connect_peer(net, "127.0.0.1", 0, 0); }

int net_connect_to(struct net *net, const char *address) {
  return connect_peer(net, address, 0, 0);
}

int net_connect_small(struct net *net, int receive_buffer, int send_buffer) {
  return connect_peer(net, "127.0.0.1", receive_buffer, send_buffer);
}

static bool would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK; }

size_t net_send_some(int peer, const void *data, size_t len) {
  ssize_t sent = send(peer, data, len, MSG_NOSIGNAL);
  if (sent < 0) cr_assert(would_block(), "send: %s", strerror(errno));
  return sent < 0 ? 0 : (size_t)sent;
}

/* The deadline of what follows is for each piece: large amounts may take longer in all. */
void net_send(struct net *net, int peer, const void *data, size_t len) {
  const char *next = data;
  while (len > 0) {
    size_t sent = 0;
    net_until(net, (sent = net_send_some(peer, next, len)) > 0);
    next += sent;
    len -= sent;
  }
  net_turn(net, 0);
}

/* Turns the loop until something arrives: recv's result, errno with it. */
static ssize_t receive(struct net *net, int peer, void *data, size_t len) {
  ssize_t count = 0;
  net_until(net, (count = recv(peer, data, len, 0)) >= 0 || !would_block());
  return count;
}

void net_expect(struct net *net, int peer, const void *data, size_t len) {
  char piece[4096];
  size_t done = 0;
  while (done < len) {
    size_t most = len - done < sizeof piece ? len - done : sizeof piece;
    ssize_t count = receive(net, peer, piece, most);
    cr_assert(count > 0, "%s after %zu of %zu bytes", count ? strerror(errno) : "FIN", done, len);
    cr_assert(memcmp(piece, (const char *)data + done, (size_t)count) == 0,
              "other bytes than expected within %zu after the first %zu", (size_t)count, done);
    done += (size_t)count;
  }
}

size_t net_receive_all(struct net *net, int peer, void *data, size_t max, int *ending) {
  char piece[64 * 1024];
  size_t done = 0;
  while (done < max) {
    size_t most = max - done < sizeof piece ? max - done : sizeof piece;
    ssize_t count = receive(net, peer, piece, most);
    if (count <= 0) {
      *ending = count == 0 ? 0 : errno;
      return done;
    }
    if (data) memcpy((char *)data + done, piece, (size_t)count);
    done += (size_t)count;
  }
  *ending = -1;
  return done;
}

size_t net_receive_some(int peer, void *data, size_t max) {
  ssize_t count = recv(peer, data, max, 0);
  if (count < 0) cr_assert(would_block(), "recv: %s", strerror(errno));
  return count < 0 ? 0 : (size_t)count;
}

void net_fin(int peer) { cr_assert(shutdown(peer, SHUT_WR) == 0, "shutdown: %s", strerror(errno)); }

void net_reset(struct net *net, int peer) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  cr_assert(setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  net_close(net, peer);
}

void net_close(struct net *net, int peer) {
  cr_assert(close(peer) == 0, "close: %s", strerror(errno));
  net_turn(net, 0);
}

/* ---- looking ---- */

int net_tcp_state(int fd) {
  struct tcp_info info;
  socklen_t len = sizeof info;
  cr_assert(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0, "%s", strerror(errno));
  return info.tcpi_state;
}

static size_t queued(int fd, unsigned long request) {
  int len = 0;
  cr_assert(ioctl(fd, request, &len) == 0, "ioctl: %s", strerror(errno));
  return (size_t)len;
}

size_t net_unread(int fd) { return queued(fd, SIOCINQ); }
size_t net_unacked(int fd) { return queued(fd, SIOCOUTQ); }

int net_fd(const fin_conn *conn) { return fin_io_fd(fin_conn_stream(conn)); }

unsigned net_life(const struct net *net) {
  return net->conn ? fin_conn_life(net->conn) : FIN_STATES_MAX;
}

const char *net_pattern(size_t len) {
  static char *pattern; /* mapped once, so that it never moves; filled as far as it was asked for */
  static size_t filled;
  cr_assert(len <= NET_PATTERN_MAX);
  if (!pattern) {
    pattern = mmap(NULL, NET_PATTERN_MAX, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    cr_assert(pattern != MAP_FAILED);
  }
  for (; filled < len; filled++) {
    size_t digits = filled + filled / 26 + filled / 676 + filled / 17576 + filled / 456976;
    pattern[filled] = (char)('a' + digits % 26);
  }
  return pattern;
}
