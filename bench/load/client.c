/* SPDX-License-Identifier: MIT
 *
 * Functions that return bool say whether the connection is still the same: false, and it has been
 * closed, perhaps another one begun, and what was known of it is of no use.
 */
#include "load/client.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/talk.h"

enum { TURNS_MAX = 16 }; /* reads in a row */

void client_settle(struct worker *worker, struct client *client) {
  if (client->settled) return;
  client->settled = true;
  worker->starting--;
  worker->news.settled++;
}

void client_again(struct worker *worker, struct client *client) {
  if (client->listed) return;
  client->listed = true;
  client->again = worker->again;
  worker->again = client;
}

/* ---- the end of a visit ---- */

/* Closes the socket. Of requests that nobody has answered nothing is said: they are asked again. */
static void hang_up(struct worker *worker, struct client *client) {
  if (client->fd >= 0) {
    close(client->fd);
    worker->alive--;
  }
  client->fd = -1;
  client->state = CLIENT_ABSENT;
  worker->outstanding -= talk_under_way(client);
  client->asked = client->answered;
  client_settle(worker, client);
}

/* Unless there is nothing more to ask for. */
static void begin_again(struct worker *worker, struct client *client) {
  if (client->manner->farewell != FAREWELL_STAY && worker_may_ask(worker, client) > 0)
    client_begin(worker, client);
}

void client_depart(struct worker *worker, struct client *client) {
  struct load_visits *visits = talk_visits(worker, client);
  /* Who came when the load was over has not said a word. */
  if (visits && (client->visit_asked > 0 || client->manner->mute)) visits->visits++;
  hang_up(worker, client);
  begin_again(worker, client);
}

/* What was due, and was not answered in time, if it was asked at all. */
static void give_up_turns(struct worker *worker, struct client *client) {
  uint64_t timeout_ns = UINT64_C(1000000) * worker->plan->options.timeout_ms;
  for (uint64_t turn = client->answered; turn < client->due; turn++) {
    uint64_t due_ns = worker_due_ns(worker, client->number + turn * worker->client_count);
    if (worker->now_ns - due_ns <= timeout_ns) break; /* it was stopped */
    worker_count_bad(worker, &worker->counts.errors.late);
  }
  client->due = client->answered;
}

void client_abort(struct worker *worker, struct client *client) {
  if (worker->owes) give_up_turns(worker, client);
  if (client->state != CLIENT_ABSENT) client_depart(worker, client);
}

static void connect_failed(struct worker *worker, struct client *client, int error) {
  uint64_t *counter = &worker->counts.errors.connect;
  if (worker->connect_error == 0) worker->connect_error = error;
  if (talk_under_way(client) > 0)
    talk_fail(worker, client, counter);
  else
    worker_count_bad(worker, counter);
  hang_up(worker, client); /* it tries again at the next scan */
}

static bool say_farewell(struct worker *worker, struct client *client) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  enum farewell farewell = client->manner->farewell;
  /* The load may be over before a word was said. */
  if (worker->phase == TALLY_LEAVING && (farewell == FAREWELL_STAY || client->visit_asked == 0))
    farewell = FAREWELL_CLOSE;
  switch (farewell) {
    case FAREWELL_WAIT:
      client->state = CLIENT_WAITING;
      client->since_ns = worker->now_ns;
      return true;
    case FAREWELL_STAY:
      client->state = CLIENT_STAYING;
      return true;
    case FAREWELL_RESET:
      setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      break;
    case FAREWELL_CLOSE:
      break;
  }
  client_depart(worker, client);
  return false;
}

/* Whether there is nothing more that it wants of this connection. */
static bool is_over(const struct worker *worker, const struct client *client) {
  const struct manner *manner = client->manner;
  bool leaving = worker->phase == TALLY_LEAVING;
  if (manner->mute) return manner->leave_ms == 0 || leaving;
  if (!manner->owed)
    return client->visit_asked > 0 &&
           (manner->read_max > 0 ? client->received >= manner->read_max : client->left == 0);
  if (talk_under_way(client) > 0 || client->left > 0) return false;
  return (leaving && worker_may_ask(worker, client) == 0) ||
         (manner->asks > 0 && client->visit_asked == manner->asks);
}

static bool carry_on(struct worker *worker, struct client *client) {
  const struct manner *manner = client->manner;
  if (client->state != CLIENT_OPEN) return true;
  if (is_over(worker, client)) return say_farewell(worker, client);
  talk_say(worker, client);
  if (manner->ends && !client->ended && client->left == 0 && client->visit_asked > 0) {
    shutdown(client->fd, SHUT_WR);
    client->ended = true;
  }
  /* Some want no more than to have spoken. */
  return manner->owed || !is_over(worker, client) || say_farewell(worker, client);
}

static bool may_read(const struct client *client) {
  return client->readable && (!client->manner->slow_read || client->allowance > 0);
}

void client_act(struct worker *worker, struct client *client) {
  if (client->manner->stream) {
    stream_act(worker, client);
    return;
  }
  for (int turns = 0; turns < TURNS_MAX; turns++) {
    if (may_read(client) && !talk_hear(worker, client)) return;
    if (!carry_on(worker, client)) return;
    if (!may_read(client)) return;
  }
  client_again(worker, client);
}

/* ---- what the worker tells ---- */

void client_begin(struct worker *worker, struct client *client) {
  const struct plan *plan = worker->plan;
  client->manner = &plan->workload;
  if (plan->mixed) client->manner = &load_manners[load_deal(&worker->dealer, plan->options.mix)];
  client->readable = client->full = client->ending = client->partial = client->ended = false;
  client->visit_asked = 0;
  client->offset = load_next_request(plan, client->offset);
  client->left = client->received = client->sent = client->mark = 0;
  client->allowance = client->manner->slow_ms > 0 ? 0 : SIZE_MAX;
  client->error = 0;
  if (plan->replies) memset(client->reply, 0, plan->replies->state_size);
  if (client->manner->from_connect && talk_take_turns(worker, client) == 0) {
    client_settle(worker, client); /* its time will come */
    return;
  }
  client->begun_ns = client->since_ns = worker->now_ns;
  uint64_t number = worker->dialled++ * plan->options.threads + worker->number;
  int fd = load_dial(plan, client->manner, number);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                              .data.ptr = client};
  if (fd >= 0 && epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event)) {
    int error = errno;
    close(fd);
    fd = -error;
  }
  if (fd < 0) {
    connect_failed(worker, client, -fd);
    return;
  }
  client->fd = fd;
  client->state = CLIENT_CONNECTING;
  worker->alive++;
}

static bool be_connected(struct worker *worker, struct client *client) {
  const struct manner *manner = client->manner;
  worker->now_ns = load_now_ns();
  histogram_add(&worker->connect, worker->now_ns - client->begun_ns);
  atomic_fetch_add_explicit(&worker->connections, 1, memory_order_relaxed);
  if (worker->measuring) worker->counts.connections++;
  client->state = CLIENT_OPEN;
  client->since_ns = worker->now_ns;
  /* An idle one is there when the server has answered it: then it is nobody's backlog. */
  if (manner->mute || manner->farewell != FAREWELL_STAY) client_settle(worker, client);
  if (manner->mute && talk_under_way(client) > 0) return talk_judge(worker, client, VERDICT_GOOD);
  return true;
}

void client_event(struct worker *worker, struct client *client, uint32_t events) {
  if (client->state == CLIENT_ABSENT) return; /* it has left since epoll has said so */
  if (client->state == CLIENT_CONNECTING) {
    if (events & (EPOLLERR | EPOLLHUP)) {
      int error = 0;
      socklen_t len = sizeof error;
      getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len);
      if (error != 0) {
        connect_failed(worker, client, error);
        return;
      }
    }
    if (!(events & EPOLLOUT) || !be_connected(worker, client)) return;
  }
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) client->readable = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) client->ending = true;
  if (events & EPOLLOUT) client->full = false;
  client_act(worker, client);
}

void client_turn(struct worker *worker, struct client *client) {
  client->due++;
  if (client->state == CLIENT_OPEN)
    carry_on(worker, client);
  else if (client->state == CLIENT_ABSENT && client->manner->from_connect)
    client_begin(worker, client);
}

/* How much a slow one may read or write. What it writes is spread over all its slow time, as far as
 * a byte at a time goes. */
static size_t allow(const struct worker *worker, const struct client *client, uint64_t age_ms) {
  const struct manner *manner = client->manner;
  if (age_ms >= manner->slow_ms) return SIZE_MAX;
  if (manner->slow_read) return 1;
  return client->sent * manner->slow_ms <= age_ms * worker->plan->request_len;
}

void client_tick(struct worker *worker, struct client *client) {
  if (client->state != CLIENT_OPEN && client->state != CLIENT_WAITING) return;
  const struct manner *manner = client->manner;
  uint64_t age_ms = (worker->now_ns - client->begun_ns) / 1000000;
  if (manner->slow_ms > 0) client->allowance = allow(worker, client, age_ms);
  if (manner->leave_ms > 0 && age_ms >= manner->leave_ms)
    client_depart(worker, client);
  else
    client_act(worker, client);
}

/* Whether it waits for something that the timeout bounds. */
static bool is_waiting(const struct client *client) {
  const struct manner *manner = client->manner;
  if (client->state == CLIENT_WAITING) return true;
  if (manner->stream) return client->sent > client->received;
  return manner->owed ? talk_under_way(client) > 0 : !manner->mute;
}

static void be_late(struct worker *worker, struct client *client) {
  uint64_t *late = &worker->counts.errors.late;
  if (client->manner->stream)
    worker_count_bad(worker, late);
  else if (talk_under_way(client) > 0)
    talk_fail(worker, client, late);
  else if (client->state == CLIENT_WAITING && worker->phase != TALLY_WARMING)
    ++*late; /* the server has yet to close; what was asked is answered, and counted */
}

void client_scan(struct worker *worker, struct client *client) {
  uint64_t timeout_ns = UINT64_C(1000000) * worker->plan->options.timeout_ms;
  const struct manner *manner = client->manner;
  switch (client->state) {
    case CLIENT_ABSENT:
      if (manner) begin_again(worker, client);
      break;
    case CLIENT_CONNECTING:
      if (worker->now_ns - client->begun_ns > timeout_ns) connect_failed(worker, client, ETIMEDOUT);
      break;
    case CLIENT_OPEN:
    case CLIENT_WAITING:
      timeout_ns += UINT64_C(1000000) * manner->slow_ms;
      if (!is_waiting(client) || worker->now_ns - client->since_ns <= timeout_ns) break;
      be_late(worker, client);
      client_depart(worker, client);
      break;
    case CLIENT_STAYING:
      break;
  }
}

void client_leave(struct worker *worker, struct client *client) {
  if (client->state == CLIENT_STAYING)
    client_depart(worker, client);
  else if (client->state == CLIENT_OPEN)
    client_act(worker, client);
}
