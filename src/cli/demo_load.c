/* SPDX-License-Identifier: MIT
 *
 * The rude load: thousands of sockets that behave as demo_manners.c says. Events are edge-triggered
 * and only noted; what a client does and when is decided in act(), which runs after its events and
 * every TICK_MS. Every byte of a reply is compared with what its request asks for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "demo.h"
#include "line_protocol.h"

enum {
  RAMP_MS = 1000,   /* all connections are begun within this */
  LOAD_MS = 5000,   /* requests are made until this */
  GRACE_MS = 12000, /* and replies waited for until this long after: seldom needed */
  TICK_MS = 10,
  /* Segments as on an Ethernet and small buffers: loopback's own would swallow megabytes per
   * connection, and back-pressure would never be seen. */
  SEGMENT_LEN = 1448,
  RECEIVE_BUFFER = 8192,
};

struct script { /* a manner's requests, one after the other */
  char *text;
  size_t len, first_len;
};

struct client {
  const struct demo_manner *manner;
  const struct script *script;
  struct demo_load *load; /* what its server is counted for */
  int fd;                 /* -1: not yet connecting, or done */
  uint32_t start_ms, since_ms;
  size_t sent;  /* of the script */
  size_t asked; /* where in the script the request begins whose reply is next */
  size_t got;   /* of that reply */
  size_t received;
  uint32_t read_at_ms, write_at_ms;
  bool begun, connected, can_read, can_write, end_seen, ended;
  bool waiting; /* it is owed something */
};

struct crowd {
  struct client *clients;
  struct script *scripts;
  unsigned count, begun, open, waiting;
  int epoll;
  uint64_t zero_ms;
  uint32_t now_ms; /* since zero_ms */
};

/* ---- scripts ---- */

static int write_script(struct script *script, const struct demo_manner *manner) {
  const char *first = manner->first ? manner->first : "";
  const char *behind = manner->behind ? manner->behind : "";
  script->first_len = strlen(first) * manner->first_times;
  script->len = script->first_len + strlen(behind) * manner->behind_times;
  char *end = script->text = malloc(script->len + 1);
  if (!end) return -ENOMEM;
  for (unsigned i = 0; i < manner->first_times; i++) end = stpcpy(end, first);
  for (unsigned i = 0; i < manner->behind_times; i++) end = stpcpy(end, behind);
  return 0;
}

/* The end of the request at `asked` if it has been sent whole, else NULL. */
static const char *request_end(const struct client *client) {
  return memchr(client->script->text + client->asked, '\n', client->sent - client->asked);
}

/* ---- the end of a client ---- */

static void stop_waiting(struct crowd *crowd, struct client *client) {
  if (client->waiting) crowd->waiting--;
  client->waiting = false;
}

/* Counts what the client has not got, and closes. */
static void conclude(struct crowd *crowd, struct client *client) {
  if (client->fd < 0) return;
  /* Cut off in the middle of its requests. */
  if (client->waiting && client->sent < client->script->len) client->load->lost++;
  for (const char *end; client->manner->stays && (end = request_end(client));) {
    if (client->got > 0)
      client->load->truncated++;
    else
      client->load->lost++;
    client->got = 0;
    client->asked = (size_t)(end + 1 - client->script->text);
  }
  stop_waiting(crowd, client);
  close(client->fd);
  client->fd = -1;
  crowd->open--;
}

static void reset(struct crowd *crowd, struct client *client) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  conclude(crowd, client);
}

static void send_end(struct client *client) {
  if (!client->ended) shutdown(client->fd, SHUT_WR);
  client->ended = true;
}

/* ---- what it does ---- */

/* Whether the manner's time has come. They count from connect(), but from the last byte that it
 * wants to read where there is one: a busy server gets its pause all the same. */
static bool is_time(const struct crowd *crowd, const struct client *client, uint32_t after_ms) {
  return client->received >= client->manner->read_max &&
         crowd->now_ms - client->since_ms >= after_ms;
}

static void begin(struct crowd *crowd, struct client *client) {
  int segment = SEGMENT_LEN, buffer = RECEIVE_BUFFER;
  client->begun = true;
  client->since_ms = crowd->now_ms;
  crowd->begun++;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = client};
    setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    struct sockaddr_in server = {.sin_family = AF_INET,
                                 .sin_port = htons(client->load->port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int error = connect(fd, (struct sockaddr *)&server, sizeof server);
    if ((error == 0 || errno == EINPROGRESS) &&
        epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, fd, &event) == 0) {
      client->fd = fd;
      client->waiting = client->manner->stays;
      crowd->waiting += client->waiting;
      crowd->open++;
      return;
    }
    close(fd);
  }
}

/* Compares input with what was asked for. False: it is something else. */
static bool take_replies(struct client *client, const char *data, size_t len) {
  char buffer[LINE_MAX_LEN + 1];
  while (len > 0) {
    const char *line = client->script->text + client->asked, *end = request_end(client);
    if (!end) return false;
    struct line_reply reply = line_reply_to(line, (size_t)(end - line), buffer);
    size_t part = reply.len - client->got < len ? reply.len - client->got : len;
    if (memcmp(reply.data + client->got, data, part) != 0) return false;
    data += part;
    len -= part;
    client->got += part;
    if (client->got < reply.len) continue;
    client->got = 0;
    client->asked += (size_t)(end + 1 - line);
    if (client->manner->stays) client->load->whole++;
  }
  return true;
}

/* A reply that is not what was asked for is as good as cut off. */
static void spoil(struct crowd *crowd, struct client *client) {
  const char *end = request_end(client);
  client->load->truncated++;
  if (end) client->asked = (size_t)(end + 1 - client->script->text);
  client->got = 0;
  conclude(crowd, client);
}

static void read_some(struct crowd *crowd, struct client *client) {
  static char buffer[64 * 1024];
  const struct demo_manner *manner = client->manner;
  while (client->can_read) {
    size_t want = manner->read_step ? manner->read_step : sizeof buffer;
    if (manner->read_max && manner->read_max - client->received < want)
      want = manner->read_max - client->received;
    if (want == 0 || crowd->now_ms - client->since_ms < manner->read_from_ms) return;
    if (crowd->now_ms < client->read_at_ms) return;
    ssize_t n = recv(client->fd, buffer, want, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      client->can_read = false;
    } else if (n < 0 || (n == 0 && manner->stays)) {
      conclude(crowd, client);
      return;
    } else if (n == 0) {
      client->can_read = false; /* the server has ended; the rude one does not care */
    } else {
      client->received += (size_t)n;
      if (client->received == manner->read_max) client->since_ms = crowd->now_ms;
      client->can_read = (size_t)n == want || client->end_seen; /* else more is a new event */
      client->read_at_ms = crowd->now_ms + manner->read_every_ms;
      if (!take_replies(client, buffer, (size_t)n)) {
        spoil(crowd, client);
        return;
      }
    }
  }
}

static void write_some(struct crowd *crowd, struct client *client) {
  const struct demo_manner *manner = client->manner;
  const struct script *script = client->script;
  size_t until = is_time(crowd, client, manner->behind_ms) ? script->len : script->first_len;
  while (client->can_write && !client->ended && client->sent < until &&
         crowd->now_ms >= client->write_at_ms) {
    size_t len = until - client->sent;
    if (manner->write_step && len > manner->write_step) len = manner->write_step;
    ssize_t n = send(client->fd, script->text + client->sent, len, MSG_NOSIGNAL);
    if (n < 0) {
      client->can_write = false; /* an error is for recv to tell */
      break;
    }
    client->sent += (size_t)n;
    client->write_at_ms = crowd->now_ms + manner->write_every_ms;
  }
  if (manner->ends && client->sent == script->len) send_end(client);
}

/* When all is said and answered: once more, or a polite farewell. */
static void after_reply(struct crowd *crowd, struct client *client) {
  if (!client->waiting || client->asked < client->script->len) return;
  if (client->manner->repeats && crowd->now_ms < LOAD_MS) {
    client->sent = client->asked = 0;
    return;
  }
  send_end(client);
  stop_waiting(crowd, client);
}

static void act(struct crowd *crowd, struct client *client) {
  const struct demo_manner *manner = client->manner;
  if (!client->begun && crowd->now_ms >= client->start_ms) begin(crowd, client);
  if (client->fd < 0 || !client->connected) return;
  read_some(crowd, client);
  if (client->fd < 0) return;
  after_reply(crowd, client);
  write_some(crowd, client);
  if (manner->end_ms && is_time(crowd, client, manner->end_ms)) send_end(client);
  if (manner->reset_ms && is_time(crowd, client, manner->reset_ms))
    reset(crowd, client);
  else if (manner->close_ms && is_time(crowd, client, manner->close_ms))
    conclude(crowd, client);
}

static void on_event(struct crowd *crowd, struct client *client, uint32_t events) {
  if (client->fd < 0) return;
  if (!client->connected) {
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
      conclude(crowd, client);
      return;
    }
    if (!(events & EPOLLOUT)) return;
    client->connected = true;
    client->load->connections++;
  }
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) client->can_read = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) client->end_seen = true;
  if (events & EPOLLOUT) client->can_write = true;
  act(crowd, client);
}

/* ---- the whole ---- */

/* Every hundred clients of a server hold every manner, well mixed: 37 has no divisor in common with
 * 100. The servers take turns. */
static void cast(struct crowd *crowd, struct demo_load *loads, unsigned servers) {
  for (unsigned i = 0; i < crowd->count; i++) {
    unsigned lot = i / servers * 37 % 100;
    size_t manner = 0;
    while (manner + 1 < demo_manner_count && lot >= demo_manners[manner].share)
      lot -= demo_manners[manner++].share;
    crowd->clients[i] =
        (struct client){.manner = &demo_manners[manner],
                        .script = &crowd->scripts[manner],
                        .load = &loads[i % servers],
                        .fd = -1,
                        .start_ms = (uint32_t)(i * (uint64_t)RAMP_MS / crowd->count)};
  }
}

static int prepare(struct crowd *crowd) {
  crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
  crowd->clients = calloc(crowd->count, sizeof *crowd->clients);
  crowd->scripts = calloc(demo_manner_count, sizeof *crowd->scripts);
  if (crowd->epoll < 0 || !crowd->clients || !crowd->scripts) return -errno;
  for (size_t i = 0; i < demo_manner_count; i++)
    if (write_script(&crowd->scripts[i], &demo_manners[i]) < 0) return -ENOMEM;
  return 0;
}

static void finish(struct crowd *crowd) {
  for (unsigned i = 0; crowd->clients && i < crowd->begun; i++) conclude(crowd, &crowd->clients[i]);
  for (size_t i = 0; crowd->scripts && i < demo_manner_count; i++) free(crowd->scripts[i].text);
  free(crowd->scripts);
  free(crowd->clients);
  if (crowd->epoll >= 0) close(crowd->epoll);
}

static void drive(struct crowd *crowd, struct demo_load *loads, unsigned servers) {
  uint32_t tick_ms = 0, show_ms = 0;
  bool measured = false;
  while (!demo_stopped) {
    struct epoll_event events[256];
    int n = epoll_wait(crowd->epoll, events, sizeof events / sizeof *events, TICK_MS);
    crowd->now_ms = (uint32_t)(demo_now_ms() - crowd->zero_ms);
    for (int i = 0; i < n; i++) on_event(crowd, events[i].data.ptr, events[i].events);
    if (crowd->now_ms < tick_ms) continue;
    tick_ms = crowd->now_ms + TICK_MS;
    for (unsigned i = 0; i < crowd->count; i++) act(crowd, &crowd->clients[i]);
    if (!measured && crowd->now_ms >= LOAD_MS) {
      for (unsigned i = 0; i < servers; i++)
        loads[i].per_second = (double)loads[i].whole * 1000 / crowd->now_ms;
      measured = true;
    }
    if (measured && (crowd->waiting == 0 || crowd->now_ms >= LOAD_MS + GRACE_MS)) break;
    if (crowd->now_ms < show_ms) continue;
    show_ms = crowd->now_ms + 200;
    demo_progress("%4.1f s: %u connections made, %u open, %u wait for replies",
                  (double)crowd->now_ms / 1000, crowd->begun, crowd->open, crowd->waiting);
  }
}

int demo_load_run(struct demo_load *loads, unsigned servers, unsigned connections) {
  struct crowd crowd = {.count = connections * servers, .zero_ms = demo_now_ms()};
  int error = prepare(&crowd);
  if (error == 0) {
    cast(&crowd, loads, servers);
    drive(&crowd, loads, servers);
  }
  finish(&crowd);
  return error == 0 && demo_stopped ? -EINTR : error;
}
