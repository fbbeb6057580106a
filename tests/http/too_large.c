/* SPDX-License-Identifier: MIT
 *
 * 413 in the middle of an upload (RFC 9110, 15.5.14): a client that sends all it has before it
 * reads still finds the reply whole (RFC 9112, 9.6).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/web.h"
#include "net/more.h"

#ifdef __SANITIZE_ADDRESS__
enum { CLIENTS = 24 };
#else
enum { CLIENTS = 100 };
#endif
enum { THREADS = 8, PIECE = 1000 * 1000, PIECES = 50, SLOW_PIECES = 40, SLOW_MS = 50 };

static const fin_http_route routes[] = {
    {.method = "POST", .path = "/upload", .on_request = web_echo},
    {.method = "POST", .path = "/stream", .on_request = web_nothing, .on_body = web_drop},
    {0},
};

struct crowd {
  const char *head;
  const char *data;
  size_t len;      /* of a piece, its framing included */
  unsigned pieces; /* of each client */
  unsigned pause_ms;
  uint16_t port;
  atomic_uint left, ready, failed, threads;
};

/* ---- a client, which blocks ---- */

static bool send_all(int peer, const char *data, size_t len) {
  while (len > 0) {
    ssize_t sent = send(peer, data, len, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    len -= (size_t)sent;
  }
  return true;
}

static bool send_pieces(int peer, const struct crowd *crowd) {
  struct timespec pause = {.tv_nsec = crowd->pause_ms * 1000L * 1000L};
  if (!send_all(peer, crowd->head, strlen(crowd->head))) return false;
  for (unsigned i = 0; i < crowd->pieces; i++) {
    if (!send_all(peer, crowd->data, crowd->len)) return false;
    if (crowd->pause_ms > 0) nanosleep(&pause, NULL);
  }
  return true;
}

/* One 413, whole and proper, and then FIN. */
static bool receive_413(int peer) {
  char data[8192];
  size_t len = 0;
  ssize_t count;
  while ((count = recv(peer, data + len, sizeof data - len, 0)) > 0) len += (size_t)count;
  struct http_reply reply;
  long used = http_reply_read(&reply, data, len, false, true);
  bool good = count == 0 && used == (long)len && reply.status == 413 && reply.body_len > 0 &&
              !http_reply_complaint(&reply);
  http_reply_free(&reply);
  return good;
}

static bool upload(const struct crowd *crowd) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(crowd->port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool good = peer >= 0 && connect(peer, (struct sockaddr *)&to, sizeof to) == 0 &&
              send_pieces(peer, crowd) && receive_413(peer);
  close(peer);
  return good;
}

static void *run_clients(void *arg) {
  struct crowd *crowd = arg;
  while (atomic_fetch_sub(&crowd->left, 1) - 1 < CLIENTS) /* it has wrapped when none is left */
    atomic_fetch_add(upload(crowd) ? &crowd->ready : &crowd->failed, 1);
  atomic_fetch_sub(&crowd->threads, 1);
  return NULL;
}

/* ---- all of them ---- */

static void upload_all(struct crowd *crowd, unsigned clients) {
  struct web web;
  pthread_t threads[THREADS];
  web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
  crowd->port = web.net.port;
  crowd->left = clients;
  crowd->threads = THREADS;
  for (size_t i = 0; i < THREADS; i++)
    cr_assert_eq(pthread_create(&threads[i], NULL, run_clients, crowd), 0);
  uint64_t begun = net_now_ms();
  while (atomic_load(&crowd->threads) > 0) {
    net_turn(&web.net, 5);
    cr_assert(net_now_ms() - begun < 40 * 1000, "%u of %u by now", crowd->ready, clients);
  }
  for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  cr_assert_eq(crowd->ready, clients, "%u of %u got the whole reply", crowd->ready, clients);
  net_until(&web.net, web_ended(&web, FIN_REASON_TOO_LONG) == clients);
  cr_assert_eq(web.replied, 0);
  web_end(&web);
}

#define BY_LENGTH(path) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n"
#define BY_CHUNKS(path) "POST " path " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

static char *new_chunk(size_t len) {
  char *chunk = malloc(len + 32);
  cr_assert(chunk != NULL);
  int head = sprintf(chunk, "%08zx\r\n", len);
  memcpy(chunk + head, net_pattern(len), len);
  memcpy(chunk + head + len, "\r\n", 2);
  return chunk;
}

static void upload_chunks(const char *head, size_t len, unsigned pieces, unsigned pause_ms,
                          unsigned clients) {
  struct crowd crowd = {.head = head, .len = len + 12, .pieces = pieces, .pause_ms = pause_ms};
  char *chunk = new_chunk(len);
  crowd.data = chunk;
  upload_all(&crowd, clients);
  free(chunk);
}

Test(http_too_large, announced) {
  struct crowd crowd = {.head = BY_LENGTH("/upload"), .len = PIECE, .pieces = PIECES};
  crowd.data = net_pattern(PIECE);
  upload_all(&crowd, CLIENTS);
}

Test(http_too_large, in_chunks) {
  upload_chunks(BY_CHUNKS("/upload"), PIECE, PIECES, 0, CLIENTS / 2);
}

Test(http_too_large, in_chunks_to_a_stream) {
  upload_chunks(BY_CHUNKS("/stream"), PIECE, PIECES, 0, CLIENTS / 4);
}

Test(http_too_large, in_a_slow_trickle) {
  struct crowd crowd = {.head = BY_LENGTH("/stream"), .len = 1000, .pieces = SLOW_PIECES};
  crowd.pause_ms = SLOW_MS;
  crowd.data = net_pattern(1000);
  upload_all(&crowd, THREADS);
}

Test(http_too_large, in_a_slow_trickle_of_chunks) {
  upload_chunks(BY_CHUNKS("/stream"), PIECE / 20, SLOW_PIECES, SLOW_MS, THREADS);
}
