/* SPDX-License-Identifier: MIT */
#include "load/talk.h"

#include <errno.h>
#include <sys/socket.h>

/* ---- asking ---- */

uint64_t talk_take_turns(struct worker *worker, struct client *client) {
  const struct plan *plan = worker->plan;
  const struct manner *manner = client->manner;
  uint64_t under_way = talk_under_way(client), may = worker_may_ask(worker, client), count;
  count = plan->open ? client->due - client->asked : under_way == 0 ? plan->depth : 0;
  if (count > plan->depth - under_way) count = plan->depth - under_way;
  if (manner->asks > 0 && count > manner->asks - client->visit_asked)
    count = manner->asks - client->visit_asked;
  if (count > may) count = may;
  if (count == 0) return 0;
  if (under_way == 0) client->since_ns = worker->now_ns;
  if (!plan->open) client->asked_ns = worker->now_ns;
  client->asked += count;
  client->visit_asked += (unsigned)count;
  worker->outstanding += count;
  if (!manner->mute) client->left += count * plan->request_len;
  return count;
}

static void ask(struct worker *worker, struct client *client) {
  const struct manner *manner = client->manner;
  size_t len = worker->plan->request_len;
  if (manner->owed) {
    talk_take_turns(worker, client);
  } else if (!manner->mute && client->visit_asked == 0) {
    client->visit_asked = 1;
    client->left = manner->half ? len / 2 : len;
  }
}

static void send_some(struct worker *worker, struct client *client) {
  const struct plan *plan = worker->plan;
  bool slow = client->manner->slow_write;
  while (client->left > 0 && !client->full) {
    size_t len = client->left;
    if (slow && len > client->allowance) len = client->allowance;
    if (len == 0) return;
    ssize_t n = send(client->fd, plan->requests + client->offset, len, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      client->full = true;
      if (errno == EAGAIN) return;
      client->error = errno;
      client->readable = client->ending = true; /* what came before is still there */
      return;
    }
    client->left -= (size_t)n;
    client->offset = (client->offset + (size_t)n) % plan->cycle_len;
    client->sent += (size_t)n;
    if (slow) client->allowance -= (size_t)n;
    if (worker->measuring) worker->counts.bytes_out += (uint64_t)n;
  }
}

void talk_say(struct worker *worker, struct client *client) {
  ask(worker, client);
  send_some(worker, client);
}

/* ---- without a good reply ---- */

struct load_visits *talk_visits(struct worker *worker, const struct client *client) {
  if (!worker->plan->mixed || worker->phase == TALLY_WARMING) return NULL;
  return &worker->visits[client->manner - load_manners];
}

void talk_fail(struct worker *worker, struct client *client, uint64_t *counter) {
  struct load_errors *errors = &worker->counts.errors;
  uint64_t *behind = counter == &errors->late ? counter : &errors->lost, count;
  struct load_visits *visits = talk_visits(worker, client);
  if ((count = talk_under_way(client)) == 0) return;
  if (visits) {
    visits->truncated += client->partial;
    visits->lost += count - client->partial;
  }
  client->answered = client->asked;
  worker->outstanding -= count;
  worker_count_bad(worker, counter);
  for (; count > 1; count--) worker_count_bad(worker, behind);
}

/* ---- replies ---- */

bool talk_judge(struct worker *worker, struct client *client, enum verdict verdict) {
  struct load_errors *errors = &worker->counts.errors;
  if (verdict == VERDICT_CONTENT || verdict == VERDICT_MALFORMED) {
    talk_fail(worker, client, verdict == VERDICT_CONTENT ? &errors->content : &errors->malformed);
    client_depart(worker, client);
    return false;
  }
  uint64_t turn = client->answered++;
  worker->outstanding--;
  client->since_ns = worker->now_ns;
  client_settle(worker, client);
  if (verdict == VERDICT_GOOD) {
    struct load_visits *visits = talk_visits(worker, client);
    uint64_t since = worker->plan->open
                         ? worker_due_ns(worker, client->number + turn * worker->client_count)
                         : client->asked_ns;
    worker_count_good(worker, 1, client->manner->timed ? worker->now_ns - since : WORKER_UNTIMED);
    if (visits) visits->whole++;
  } else {
    worker_count_bad(worker, verdict == VERDICT_STATUS ? &errors->status : &errors->length);
  }
  return true;
}

/* The server will answer no more on this connection. */
static void be_dismissed(struct worker *worker, struct client *client) {
  worker->outstanding -= talk_under_way(client);
  client->asked = client->answered;
  client->left = 0;
  client->state = CLIENT_WAITING;
}

static bool take(struct worker *worker, struct client *client, const char *data, size_t len) {
  if (!client->manner->owed) return true;
  while (len > 0) {
    enum verdict verdict;
    if (talk_under_way(client) == 0) { /* it was not asked */
      worker_count_bad(worker, &worker->counts.errors.malformed);
      client_depart(worker, client);
      return false;
    }
    size_t used = worker->plan->replies->take(&worker->judge, client->reply, data, len, &verdict);
    data += used;
    len -= used;
    client->partial = verdict == VERDICT_PARTIAL;
    if (client->partial) continue;
    if (!talk_judge(worker, client, verdict)) return false;
    if (worker->judge.closes) be_dismissed(worker, client);
  }
  return true;
}

void talk_end(struct worker *worker, struct client *client, int error) {
  struct load_errors *errors = &worker->counts.errors;
  if (error == 0) error = client->error;
  bool reset = error == ECONNRESET || error == EPIPE;
  if (reset && worker->phase != TALLY_WARMING) worker->counts.resets++;
  if (error == 0 && client->partial) {
    enum verdict verdict = worker->plan->replies->end(&worker->judge, client->reply);
    client->partial = verdict == VERDICT_PARTIAL;
    if (!client->partial && !talk_judge(worker, client, verdict)) return;
    /* What was asked for behind a reply that ends with the connection is asked again. */
    if (verdict != VERDICT_PARTIAL) be_dismissed(worker, client);
  }
  talk_fail(worker, client, client->partial ? &errors->truncated : &errors->lost);
  client_depart(worker, client);
}

bool talk_hear(struct worker *worker, struct client *client) {
  const struct manner *manner = client->manner;
  size_t want = sizeof worker->buffer;
  if (manner->slow_read && want > client->allowance) want = client->allowance;
  if (manner->read_max > 0) want = manner->read_max - client->received;
  ssize_t n = recv(client->fd, worker->buffer, want, 0);
  if (n <= 0) {
    if (n < 0 && errno == EINTR) return true;
    client->readable = false;
    if (n < 0 && errno == EAGAIN) return true;
    talk_end(worker, client, n < 0 ? errno : 0);
    return false;
  }
  worker->now_ns = load_now_ns();
  client->received += (size_t)n;
  if (manner->slow_read) client->allowance -= (size_t)n;
  if (worker->measuring) worker->counts.bytes_in += (uint64_t)n;
  /* Less than asked for: the next byte is a new event. But an end that is there is none. */
  if ((size_t)n < want && !client->ending) client->readable = false;
  return take(worker, client, worker->buffer, (size_t)n);
}
