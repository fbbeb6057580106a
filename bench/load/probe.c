/* SPDX-License-Identifier: MIT
 *
 * One connection, one request, one reply, before a load: what is wrong here is said in words, and
 * not counted a million times.
 */
#include "load/probe.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/plan.h"
#include "load/tally.h"

enum { LOOK_MS = 100 }; /* at least so often, whether it is stopped */

struct probe {
  struct plan plan;
  struct judge judge;
  int fd;
  uint64_t until_ns;
  char buffer[64 * 1024];
  char *why;
};

static bool say(struct probe *probe, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool say(struct probe *probe, const char *format, ...) {
  char target[LOAD_TARGET_TEXT_MAX], what[LOAD_WHY_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  load_target_text(&probe->plan.options.target, target);
  if (snprintf(probe->why, LOAD_WHY_MAX, "%s: %s", target, what) >= LOAD_WHY_MAX)
    probe->why[LOAD_WHY_MAX - 1] = '\0';
  return false;
}

/* False: the time is over, or `stopped` (which may be NULL) is set. */
static bool wait_for(int fd, short events, uint64_t until_ns,
                     const volatile sig_atomic_t *stopped) {
  struct pollfd look = {.fd = fd, .events = events};
  uint64_t now_ns;
  while ((now_ns = load_now_ns()) < until_ns && !(stopped && *stopped)) {
    uint64_t wait_ms = (until_ns - now_ns + 999999) / 1000000;
    int n = poll(&look, 1, wait_ms < LOOK_MS ? (int)wait_ms : LOOK_MS);
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
  return false;
}

/* The same for the probe; if it is not stopped, this is what has not happened within the timeout,
 * and a remedy. */
static bool await(struct probe *probe, short events, const char *what, const char *remedy) {
  const struct load_options *options = &probe->plan.options;
  if (wait_for(probe->fd, events, probe->until_ns, options->stopped)) return true;
  if (options->stopped && *options->stopped) return say(probe, "interrupted before the load began");
  return say(probe, "%s within %u ms%s", what, options->timeout_ms, remedy);
}

static int socket_error(int fd) {
  int error = 0;
  socklen_t len = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
  return error;
}

bool load_can_connect(const struct sockaddr *address, socklen_t len) {
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool connected = (connect(fd, address, len) == 0 || errno == EINPROGRESS) &&
                   wait_for(fd, POLLOUT, load_now_ns() + 1000000000, NULL) && socket_error(fd) == 0;
  close(fd);
  return connected;
}

static bool open_connection(struct probe *probe) {
  int error = probe->fd = load_dial(&probe->plan, &probe->plan.workload, 0);
  if (probe->fd >= 0) {
    if (!await(probe, POLLOUT, "no connection", "; check the address, or allow it more time"))
      return false;
    error = -socket_error(probe->fd);
  }
  if (error == -ECONNREFUSED)
    return say(probe, "nobody listens there; start the server first, or correct the port");
  if (error < 0) return say(probe, "no connection: %s; check the address", strerror(-error));
  return true;
}

static bool send_request(struct probe *probe) {
  const struct plan *plan = &probe->plan;
  for (size_t sent = 0; sent < plan->request_len;) {
    ssize_t n = send(probe->fd, plan->requests + sent, plan->request_len - sent, MSG_NOSIGNAL);
    if (n > 0)
      sent += (size_t)n;
    else if (errno == EAGAIN && !await(probe, POLLIN | POLLOUT, "it does not take the request", ""))
      return false;
    else if (errno != EAGAIN && errno != EINTR)
      return true; /* what it has said before it went is worth hearing */
    else if (plan->options.target.protocol == LOAD_ECHO)
      return true; /* larger than what lies between us: it must be read first */
  }
  return true;
}

static bool judge_reply(struct probe *probe, enum verdict verdict) {
  static const char *const others[LOAD_PROTOCOL_COUNT] = {
      [LOAD_HTTP] = "it answers, but not in HTTP/1.1; use the protocol that it speaks",
      [LOAD_ECHO] = "it sends back other bytes than it was sent; echo:// is for a real echo",
      [LOAD_LINE] = "its reply is no line",
  };
  switch (verdict) {
    case VERDICT_STATUS:
      return say(probe, "it answers %u to %s; use a path that is answered with 2xx",
                 probe->judge.status, probe->plan.options.target.path);
    case VERDICT_CONTENT:
    case VERDICT_MALFORMED:
      return say(probe, "%s", others[probe->plan.options.target.protocol]);
    default:
      return true;
  }
}

/* The connection has ended within the reply. */
static bool judge_end(struct probe *probe, void *state, bool partial, int error) {
  if (error == 0 && partial) {
    enum verdict verdict = probe->plan.replies->end(&probe->judge, state);
    if (verdict != VERDICT_PARTIAL) return judge_reply(probe, verdict);
  }
  const char *how = error == 0 ? "closes" : "resets";
  if (partial) return say(probe, "it %s the connection in the middle of its reply", how);
  return say(probe,
             "it accepts and %s the connection without a reply; does it speak this protocol?", how);
}

static bool hear_reply(struct probe *probe, void *state) {
  enum verdict verdict = VERDICT_PARTIAL;
  bool partial = false;
  while (verdict == VERDICT_PARTIAL) {
    if (!await(probe, POLLIN, "it accepts, but gives no whole reply",
               "; does it speak this protocol? If it is slow, allow it more time"))
      return false;
    ssize_t n = recv(probe->fd, probe->buffer, sizeof probe->buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return judge_end(probe, state, partial, n < 0 ? errno : 0);
    partial = true;
    probe->plan.replies->take(&probe->judge, state, probe->buffer, (size_t)n, &verdict);
  }
  return judge_reply(probe, verdict);
}

/* A message that does not fit between us and an echo is not sent at once: one that does tells as
 * much. */
static bool ask(struct probe *probe) {
  if (probe->plan.workload.mute || !probe->plan.replies) return true;
  void *state = calloc(1, probe->plan.replies->state_size);
  if (!state) return say(probe, "no memory");
  bool good = send_request(probe) && hear_reply(probe, state);
  free(state);
  return good;
}

bool load_target_probe(const struct load_options *options, char why[LOAD_WHY_MAX]) {
  struct load_options small = *options;
  if (small.size > 1024) small.size = 1024;
  struct probe *probe = calloc(1, sizeof *probe);
  if (!probe || !load_plan_init(&probe->plan, &small, why)) {
    if (!probe) snprintf(why, LOAD_WHY_MAX, "no memory");
    free(probe);
    return false;
  }
  probe->why = why;
  probe->judge.plan = &probe->plan;
  probe->until_ns = load_now_ns() + UINT64_C(1000000) * options->timeout_ms;
  bool good = open_connection(probe) && ask(probe);
  if (probe->fd >= 0) close(probe->fd);
  load_plan_fini(&probe->plan);
  free(probe);
  return good;
}
