/* SPDX-License-Identifier: MIT
 *
 * An echo without pause: the socket is kept full of messages, and what comes back is compared as it
 * comes. Replies need no one's turn, so the counters of requests under way are not used.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "load/talk.h"

enum { TURNS_MAX = 16 };

static bool wants_to_write(const struct worker *worker, const struct client *client) {
  return !client->full && worker->phase != TALLY_LEAVING && worker_may_ask(worker, client) > 0;
}

/* The rest of the message that is being sent, or a whole one. */
static void write_message(struct worker *worker, struct client *client) {
  const struct plan *plan = worker->plan;
  size_t at = client->sent % plan->request_len;
  uint64_t now_ns = client->mark == 0 && at == 0 ? load_now_ns() : 0;
  if (client->sent == client->received) client->since_ns = worker->now_ns;
  ssize_t n = send(client->fd, plan->requests + at, plan->request_len - at, MSG_NOSIGNAL);
  if (n < 0 && errno == EINTR) return;
  if (n < 0) {
    client->full = true;
    if (errno == EAGAIN) return;
    client->error = errno;
    client->readable = client->ending = true;
    return;
  }
  client->sent += (size_t)n;
  if (worker->measuring) worker->counts.bytes_out += (uint64_t)n;
  if (now_ns == 0) return;
  client->mark = client->sent - (size_t)n + plan->request_len;
  client->mark_ns = now_ns;
}

static void count(struct worker *worker, struct client *client, size_t n) {
  size_t len = worker->plan->request_len;
  uint64_t whole = (client->received + n) / len - client->received / len;
  client->received += n;
  client->partial = client->received % len != 0;
  if (whole == 0) return;
  client_settle(worker, client);
  bool timed = client->mark > 0 && client->received >= client->mark;
  worker_count_good(worker, whole, timed ? worker->now_ns - client->mark_ns : WORKER_UNTIMED);
  if (timed) client->mark = 0;
}

static bool fail(struct worker *worker, struct client *client, uint64_t *counter) {
  worker_count_bad(worker, counter);
  client_depart(worker, client);
  return false;
}

static bool read_messages(struct worker *worker, struct client *client) {
  const struct plan *plan = worker->plan;
  struct load_errors *errors = &worker->counts.errors;
  ssize_t n = recv(client->fd, worker->buffer, sizeof worker->buffer, 0);
  if (n < 0 && errno == EINTR) return true;
  if (n < 0 && errno == EAGAIN) {
    client->readable = false;
    return true;
  }
  if (n <= 0) {
    if (client->sent > client->received)
      worker_count_bad(worker, client->partial ? &errors->truncated : &errors->lost);
    client->partial = false;
    talk_end(worker, client, n < 0 ? errno : 0);
    return false;
  }
  worker->now_ns = client->since_ns = load_now_ns();
  if (worker->measuring) worker->counts.bytes_in += (uint64_t)n;
  if ((size_t)n > client->sent - client->received) return fail(worker, client, &errors->malformed);
  if (memcmp(worker->buffer, plan->requests + client->received % plan->request_len, (size_t)n) != 0)
    return fail(worker, client, &errors->content);
  count(worker, client, (size_t)n);
  if ((size_t)n < sizeof worker->buffer && !client->ending) client->readable = false;
  return true;
}

void stream_act(struct worker *worker, struct client *client) {
  for (int turns = 0; turns < TURNS_MAX; turns++) {
    if (client->readable && !read_messages(worker, client)) return;
    if (wants_to_write(worker, client)) write_message(worker, client);
    if (worker->phase == TALLY_LEAVING && client->sent == client->received) {
      client_depart(worker, client);
      return;
    }
    if (!client->readable && !wants_to_write(worker, client)) return;
  }
  client_again(worker, client);
}
