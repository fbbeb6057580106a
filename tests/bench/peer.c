/* SPDX-License-Identifier: MIT
 *
 * See peer.h.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct peer_parts {
  void (*serve)(struct peer *peer, int fd);
  int listener;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;

  /* Under the lock. */
  unsigned open;
  char fault[512];
};

struct guest {
  struct peer *peer;
  int fd;
};

uint64_t peer_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- threads ---- */

static void *host_guest(void *arg) {
  struct guest *guest = arg;
  struct peer_parts *parts = guest->peer->parts;
  parts->serve(guest->peer, guest->fd);
  close(guest->fd);
  free(guest);
  pthread_mutex_lock(&parts->lock);
  parts->open--;
  pthread_cond_signal(&parts->changed);
  pthread_mutex_unlock(&parts->lock);
  return NULL;
}

static void let_in(struct peer *peer, int fd) {
  struct timeval patience = {.tv_sec = PEER_PATIENCE_MS / 1000};
  struct guest *guest = malloc(sizeof *guest);
  pthread_attr_t attributes;
  pthread_t thread;
  int one = 1;
  *guest = (struct guest){.peer = peer, .fd = fd};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  pthread_mutex_lock(&peer->parts->lock);
  peer->parts->open++;
  pthread_mutex_unlock(&peer->parts->lock);
  peer->visits++;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (pthread_create(&thread, &attributes, host_guest, guest)) abort();
  pthread_attr_destroy(&attributes);
}

static void *listen_for_guests(void *arg) {
  struct peer *peer = arg;
  int fd;
  while ((fd = accept4(peer->parts->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) let_in(peer, fd);
  return NULL;
}

struct peer *peer_begin(void (*serve)(struct peer *peer, int fd), void *context) {
  struct peer *peer = calloc(1, sizeof *peer);
  struct peer_parts *parts = peer->parts = calloc(1, sizeof *parts);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  peer->baseline = leftover_begin();
  peer->context = context;
  parts->serve = serve;
  pthread_mutex_init(&parts->lock, NULL);
  pthread_cond_init(&parts->changed, NULL);
  parts->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(bind(parts->listener, (struct sockaddr *)&address, len), 0);
  cr_assert_eq(listen(parts->listener, 512), 0);
  cr_assert_eq(getsockname(parts->listener, (struct sockaddr *)&address, &len), 0);
  peer->port = ntohs(address.sin_port);
  cr_assert_eq(pthread_create(&parts->thread, NULL, listen_for_guests, peer), 0);
  return peer;
}

void peer_end(struct peer *peer) {
  struct peer_parts *parts = peer->parts;
  shutdown(parts->listener, SHUT_RDWR); /* accept returns */
  pthread_join(parts->thread, NULL);
  close(parts->listener);
  pthread_mutex_lock(&parts->lock);
  while (parts->open > 0) pthread_cond_wait(&parts->changed, &parts->lock);
  pthread_mutex_unlock(&parts->lock);
  cr_expect(parts->fault[0] == '\0', "%s", parts->fault);
  leftover_end(&peer->baseline);
  pthread_cond_destroy(&parts->changed);
  pthread_mutex_destroy(&parts->lock);
  free(parts);
  free(peer);
}

/* ---- the load ---- */

struct load_options peer_options(const struct peer *peer, const char *scheme) {
  struct load_options options = {.connections = 1,
                                 .threads = 1,
                                 .size = 64,
                                 .requests = 20,
                                 .timeout_ms = PEER_PATIENCE_MS,
                                 .first_cpu = -1};
  char text[64], why[LOAD_WHY_MAX] = "";
  snprintf(text, sizeof text, "%s://127.0.0.1:%u", scheme, peer->port);
  cr_assert(load_target_parse(text, &options.target, why), "%s", why);
  return options;
}

struct load_result *peer_load(const struct load_options *options) {
  struct load_result *result = malloc(sizeof *result);
  char why[LOAD_WHY_MAX] = "";
  cr_assert(load_run(options, NULL, result, why), "%s", why);
  return result;
}

void peer_load_free(struct load_result *result) {
  load_result_release(result);
  free(result);
}

/* ---- in `serve` ---- */

void peer_blame(struct peer *peer, const char *file, int line, const char *format, ...) {
  struct peer_parts *parts = peer->parts;
  va_list args;
  va_start(args, format);
  pthread_mutex_lock(&parts->lock);
  if (parts->fault[0] == '\0') { /* the first is the cause */
    int len = snprintf(parts->fault, sizeof parts->fault, "%s:%d: ", file, line);
    vsnprintf(parts->fault + len, sizeof parts->fault - (size_t)len, format, args);
  }
  pthread_mutex_unlock(&parts->lock);
  va_end(args);
}

bool peer_ask(int fd) {
  char last[4] = "";
  for (bool http = false;;) {
    char c;
    if (recv(fd, &c, 1, 0) <= 0) return false;
    memmove(last, last + 1, 3);
    last[3] = c;
    if (c == '\r') http = true;
    if (http ? memcmp(last, "\r\n\r\n", 4) == 0 : c == '\n') return true;
  }
}

bool peer_say(int fd, const char *text) {
  size_t len = strlen(text);
  for (ssize_t n; len > 0; text += n, len -= (size_t)n)
    if ((n = send(fd, text, len, MSG_NOSIGNAL)) < 0) return false;
  return true;
}

void peer_reset(int fd) {
  struct linger at_once = {.l_onoff = 1};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

enum peer_end peer_next(int fd) {
  char byte;
  ssize_t n = recv(fd, &byte, 1, MSG_PEEK);
  if (n > 0) return PEER_DATA;
  if (n == 0) return PEER_FIN;
  return errno == ECONNRESET || errno == EPIPE ? PEER_RST : PEER_NOTHING;
}
