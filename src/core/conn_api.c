/* SPDX-License-Identifier: MIT
 *
 * What handlers call on a connection. Nothing here runs a callback, and nothing here settles: the
 * connection is marked, and settled when the running callback returns or the turn ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/conn.h"

/* ---- the three verbs ---- */

static void say(fin_conn *conn, enum fin_event event, fin_reason reason) {
  if (conn->state >= FIN_ST_CLOSING) return;
  fin_conn_blame(conn, reason, 0);
  fin_conn_event(conn, event);
  fin_conn_touch(conn);
}

void fin_conn_end(fin_conn *conn) {
  if (conn->blocked) conn->offer = true; /* an ended output holds nothing back any more */
  say(conn, FIN_EV_END, FIN_REASON_ENDED);
}

void fin_conn_close(fin_conn *conn, fin_reason reason) {
  bool known = reason > FIN_REASON_BUG && reason < FIN_REASON_COUNT;
  /* Dialling goes on only for the sake of what was written. */
  bool in_vain = conn->state == FIN_ST_OPENING && conn->bytes_accepted == 0;
  say(conn, in_vain ? FIN_EV_ABORT : FIN_EV_CLOSE, known ? reason : FIN_REASON_CLOSED);
}

void fin_conn_abort(fin_conn *conn) { say(conn, FIN_EV_ABORT, FIN_REASON_ABORTED); }

/* ---- output ---- */

enum {
  /* Larger writes go to the socket at once, without a copy of what it takes. */
  SEND_NOW_MIN = 16 * 1024,
  PARTS_MAX = 64
};

/* A refused write leaves a hole in what the peer receives, which handlers that do not look at the
 * result would not notice. So none is survived, and no FIN follows. */
static int refuse(fin_conn *conn, int error) {
  fin_conn_blame(conn, error == -ENOBUFS ? FIN_REASON_OUTPUT_FULL : FIN_REASON_NO_MEMORY, -error);
  fin_conn_event(conn, FIN_EV_ABORT);
  return error;
}

static int may_write(fin_conn *conn, size_t len) {
  if (fin_conn_info(conn)->output != FIN_OUTPUT_ACCEPT) return -EPIPE;
  size_t waits = fin_conn_output_len(conn), most = conn->service->limits.output_max;
  size_t room = waits < most ? most - waits : 0;
  return len > room ? refuse(conn, -ENOBUFS) : 0;
}

static void accepted(fin_conn *conn, size_t len) {
  conn->bytes_accepted += len;
  if (conn->output.len > conn->service->limits.output_high) conn->blocked = true;
  fin_conn_touch(conn);
}

/* Whether `len` more bytes may go to the socket right now, behind what is queued. */
static bool may_send_now(const fin_conn *conn, size_t len) {
  return conn->output.len + len >= SEND_NOW_MIN && fin_conn_info(conn)->input != FIN_INPUT_HOLD &&
         !fin_io_writing(fin_conn_stream(conn));
}

/* Sends the queue and `data` in one call; returns how much of `data` left, or a negative errno. */
static ptrdiff_t send_now(fin_conn *conn, const void *data, size_t len) {
  struct iovec parts[PARTS_MAX];
  unsigned count = fin_queue_parts(&conn->output, parts, PARTS_MAX - 1);
  size_t queued = 0;
  for (unsigned i = 0; i < count; i++) queued += parts[i].iov_len;
  if (queued < conn->output.len) return 0; /* too many parts: the queue goes first, when settled */
  parts[count++] = (struct iovec){.iov_base = (char *)(uintptr_t)data, .iov_len = len};
  ptrdiff_t sent = fin_io_send(fin_conn_stream(conn), parts, count);
  if (sent == -EAGAIN) return 0;
  if (sent < 0) return sent;
  conn->traffic_ms = fin_io_now(conn->service->loop->io);
  size_t of_queue = (size_t)sent < queued ? (size_t)sent : queued;
  fin_conn_sent(conn, of_queue);
  return sent - (ptrdiff_t)of_queue;
}

/* Queues what of `data` has not been sent. */
static int queue_rest(fin_conn *conn, const char *data, size_t len, size_t sent) {
  struct fin_pool *chunks = &conn->service->loop->chunks;
  int error = fin_queue_append(&conn->output, chunks, data + sent, len - sent);
  if (error) {
    conn->bytes_accepted += sent; /* so that the report can count what of it was acknowledged */
    return refuse(conn, error);
  }
  accepted(conn, len);
  return 0;
}

/* Not inline: small writes would pay for its registers. */
__attribute__((noinline)) static int write_through(fin_conn *conn, const void *data, size_t len) {
  ptrdiff_t sent = send_now(conn, data, len);
  if (sent >= 0) return queue_rest(conn, data, len, (size_t)sent);
  fin_conn_fail(conn, (int)-sent);
  return -EPIPE;
}

int fin_conn_write(fin_conn *conn, const void *data, size_t len) {
  int refused = may_write(conn, len);
  if (refused || len == 0) return refused;
  fin_conn_await_ack(conn, len);
  return may_send_now(conn, len) ? write_through(conn, data, len) : queue_rest(conn, data, len, 0);
}

int fin_conn_write_take(fin_conn *conn, const void *data, size_t len,
                        void (*release)(void *arg, const void *data), void *arg) {
  int error = may_write(conn, len);
  if (!error && len > 0) {
    error = fin_queue_take(&conn->output, data, len, release, arg);
    if (error) refuse(conn, error);
  }
  if (error || len == 0) {
    if (release) release(arg, data);
    return error;
  }
  fin_conn_await_ack(conn, len);
  accepted(conn, len);
  return 0;
}

size_t fin_conn_output_len(const fin_conn *conn) {
  return conn->output.len - fin_io_write_taken(fin_conn_stream(conn));
}

/* ---- input ---- */

void fin_conn_pause(fin_conn *conn) {
  conn->paused = true;
  fin_conn_touch(conn);
}

void fin_conn_resume(fin_conn *conn) {
  if (!conn->paused) return;
  conn->paused = false;
  conn->offer = true;
  fin_conn_await_message(conn); /* its rest was held back by the handler, not by the peer */
  fin_conn_touch(conn);
}

bool fin_conn_reading(const fin_conn *conn) {
  const struct fin_state_info *info = fin_conn_info(conn);
  /* Back-pressure is for those who can still write: an ended output drains by itself. */
  bool held_back =
      conn->blocked && info->output == FIN_OUTPUT_ACCEPT && !conn->service->handler->full_duplex;
  return fin_conn_delivers(conn) && !conn->greet_owed && !conn->paused && !held_back;
}

/* ---- the rest ---- */

void fin_conn_set_timer(fin_conn *conn, uint32_t after_ms) {
  conn->timer_set = after_ms != FIN_NEVER;
  if (!conn->timer_set) return;
  /* Of the time that really is: the handler may have worked long since the turn began. */
  conn->timer_ms = fin_io_update_now(conn->service->loop->io) +
                   (after_ms < FIN_TIME_MAX_MS ? after_ms : FIN_TIME_MAX_MS);
  conn->rearm = true;
  fin_conn_touch(conn);
}

void fin_conn_set_busy(fin_conn *conn, bool busy) {
  bool over = conn->busy && !busy;
  conn->busy = busy;
  if (!over) return;
  fin_conn_await_anew(conn);
  fin_conn_touch(conn);
}

void *fin_conn_context(const fin_conn *conn) { return conn->service->context; }
const fin_handler *fin_conn_handler(const fin_conn *conn) { return conn->service->handler; }
fin_server *fin_conn_server(const fin_conn *conn) { return conn->service->loop->server; }
uint64_t fin_conn_id(const fin_conn *conn) { return conn->id; }
unsigned fin_conn_life(const fin_conn *conn) { return conn->state; }
const fin_conn_options *fin_conn_limits(const fin_conn *conn) { return &conn->service->limits; }

uint32_t fin_conn_age_ms(const fin_conn *conn) {
  uint32_t age_ms = fin_io_now(conn->service->loop->io) - conn->entered_ms;
  /* States only ever follow those before them in the table. */
  for (unsigned state = 0; state < conn->state && state < FIN_ST_CLOSING; state++)
    age_ms += conn->state_ms[state];
  return age_ms;
}

static int format_address(const struct sockaddr_storage *address, char *text, size_t size) {
  char host[INET6_ADDRSTRLEN];
  int len;
  if (address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
    if (mapped)
      inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, sizeof host);
    else
      inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
    len = snprintf(text, size, mapped ? "%s:%u" : "[%s]:%u", host, ntohs(in6->sin6_port));
  } else {
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)address;
    inet_ntop(AF_INET, &in4->sin_addr, host, sizeof host);
    len = snprintf(text, size, "%s:%u", host, ntohs(in4->sin_port));
  }
  return len >= 0 && (size_t)len < size ? 0 : -ENOSPC;
}

static int address_of(const fin_conn *conn, int (*name)(int, struct sockaddr *, socklen_t *),
                      char *text, size_t size) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  int fd = fin_io_fd(fin_conn_stream(conn));
  if (fd < 0 || name(fd, (struct sockaddr *)&address, &len)) return -ENOTCONN;
  return format_address(&address, text, size);
}

int fin_conn_peer_address(const fin_conn *conn, char *text, size_t size) {
  return address_of(conn, getpeername, text, size);
}

int fin_conn_own_address(const fin_conn *conn, char *text, size_t size) {
  return address_of(conn, getsockname, text, size);
}
