/* SPDX-License-Identifier: MIT
 *
 * What a story has to say about why it went as it did.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/cause.h"
#include "lab/segment.h"

#define MS UINT64_C(1000000)

/* ---- calls ---- */

static bool is_call(const struct lab_call *call, const char *name) {
  return strcmp(call->name, name) == 0;
}

/* Calls tell a connection's ports, and so which life they are of; by time where a port was used
 * again. */
static void read_calls_of(const struct lab_story *story, const struct lab_life *life,
                          struct lab_leftover *socket) {
  const uint64_t until = life->open ? UINT64_MAX : life->spans[life->count - 1].to_ns;
  bool refused = false;
  for (size_t i = 0; i < story->count && story->events[i].at_ns <= until; i++) {
    const struct lab_call *call = &story->events[i].call;
    if (story->events[i].kind != LAB_CALL || call->client_port != life->client_port) continue;
    /* The server's port is not known while a connection is being made. */
    if (call->server_port != 0 && call->server_port != life->server_port) continue;
    if (call->fd >= 0) socket->fd = call->fd;
    if (is_call(call, "accept") || is_call(call, "connect"))
      socket->eof_read = socket->ended = socket->closed = LAB_NO;
    if (is_call(call, "connect"))
      refused = call->error != 0 && call->error != EINPROGRESS && call->error != EISCONN;
    if (is_call(call, "eof")) socket->eof_read = LAB_YES;
    if (is_call(call, "shutdown") && call->error == 0) socket->ended = LAB_YES;
    if (is_call(call, "close") && call->error == 0) socket->closed = LAB_YES;
    if (is_call(call, "read") && call->result > 0) socket->bytes_read += (uint64_t)call->result;
    if (is_call(call, "write") && call->result > 0) socket->bytes_written += (uint64_t)call->result;
    if (refused && (is_call(call, "write") || is_call(call, "read")))
      socket->used_unopened = LAB_YES;
  }
}

static void read_calls(const struct lab_story *story, struct lab_evidence *evidence) {
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_call *call = &story->events[i].call;
    if (story->events[i].kind != LAB_CALL) continue;
    const unsigned times = call->times > 1 ? call->times : 1;
    evidence->calls_known = true;
    if (is_call(call, "fork") && call->result > 0) evidence->forks++;
    if (is_call(call, "accept") && (call->error == EMFILE || call->error == ENFILE))
      evidence->no_descriptor += times;
    if (is_call(call, "connect") && call->error == EADDRNOTAVAIL) evidence->no_port += times;
  }
}

/* ---- sockets ---- */

static const struct lab_life *peer_of(const struct lab_lives *lives, const struct lab_life *life) {
  for (size_t i = 0; i < lives->count; i++)
    if (lives->items[i].connection == life->connection && lives->items[i].side != life->side)
      return &lives->items[i];
  return NULL;
}

static void read_socket(const struct lab_story *story, const struct lab_lives *lives,
                        const struct lab_life *life, struct lab_leftover *socket) {
  const struct lab_span *last = &life->spans[life->count - 1];
  const struct lab_life *peer = peer_of(lives, life);
  size_t first = life->count - 1;
  while (first > 0 && life->spans[first - 1].state->to == last->state->to &&
         life->spans[first - 1].state->holder == last->state->holder)
    first--;
  *socket = (struct lab_leftover){
      .connection = life->connection,
      .here = life->open,
      .made = life->spans[0].state->from != FIN_TCP_LISTEN,
      .state = last->state->to,
      .holder = last->state->holder,
      .timer = last->state->timer,
      .recv_queue = last->state->recv_queue,
      .send_queue = last->state->send_queue,
      .for_ms = (uint32_t)((last->to_ns - life->spans[first].from_ns) / MS),
      .fd = -1,
  };
  memcpy(socket->owner, last->state->owner, sizeof socket->owner);
  if (peer != NULL && peer->open) {
    socket->peer = peer->spans[peer->count - 1].state->to;
    socket->peer_send_queue = peer->spans[peer->count - 1].state->send_queue;
  }
  read_calls_of(story, life, socket);
}

static bool read_sockets(const struct lab_story *story, const struct lab_lives *lives,
                         struct lab_evidence *evidence) {
  evidence->sockets = calloc(lives->count + 1, sizeof *evidence->sockets);
  if (evidence->sockets == NULL) return false;
  for (size_t i = 0; i < lives->count; i++) {
    const struct lab_life *life = &lives->items[i];
    if (life->side != evidence->side || life->count == 0 || life->client_port == 0) continue;
    read_socket(story, lives, life, &evidence->sockets[evidence->count++]);
  }
  return true;
}

/* ---- standstill ---- */

/* Whether at this time some connection has input that nobody reads, and others are not even
 * accepted. */
static bool everybody_waits(const struct lab_lives *lives, enum lab_side side, uint64_t at_ns) {
  bool unread = false, queued = false;
  for (size_t i = 0; i < lives->count; i++) {
    const struct lab_life *life = &lives->items[i];
    for (size_t k = 0; k < life->count && life->side == side; k++) {
      const struct lab_span *span = &life->spans[k];
      if (at_ns < span->from_ns || at_ns >= span->to_ns) continue;
      if (span->state->to == FIN_TCP_LISTEN || span->state->recv_queue == 0) continue;
      if (span->state->holder == FIN_HOLDER_QUEUED) queued = true;
      if (span->state->holder == FIN_HOLDER_OWNED) unread = true;
    }
  }
  return unread && queued;
}

/* Between two calls: behind the second one it was over. */
static void read_pauses(const struct lab_story *story, const struct lab_lives *lives,
                        struct lab_evidence *evidence) {
  uint64_t before = 0;
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_event *event = &story->events[i];
    if (event->kind != LAB_CALL) continue;
    const uint64_t pause = before > 0 ? (event->at_ns - before) / MS : 0;
    if (pause > evidence->pause_ms &&
        everybody_waits(lives, evidence->side, event->at_ns - 20 * MS))
      evidence->pause_ms = (uint32_t)pause;
    before = event->at_ns;
  }
}

/* ---- the wire, the kernel, the players ---- */

static bool is_fin_again(const struct lab_story *story, size_t at) {
  const struct lab_segment *segment = &story->events[at].segment;
  for (size_t i = 0; i < at; i++) {
    const struct lab_segment *other = &story->events[i].segment;
    if (story->events[i].kind == LAB_SEGMENT && !other->leaves && other->from == segment->from &&
        (other->flags & TCP_FIN) != 0 && other->client_port == segment->client_port &&
        other->server_port == segment->server_port && other->seq == segment->seq)
      return true;
  }
  return false;
}

static void read_wire(const struct lab_story *story, struct lab_evidence *evidence) {
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_segment *segment = &story->events[i].segment;
    if (story->events[i].kind != LAB_SEGMENT || segment->leaves) continue;
    const bool bare = (segment->flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0 && segment->len == 0;
    if ((segment->flags & TCP_RST) != 0 && segment->from == evidence->side) evidence->resets++;
    if (bare && segment->fate == LAB_DROPPED) evidence->lost_acks++;
    if ((segment->flags & TCP_FIN) != 0 && is_fin_again(story, i)) evidence->repeated_fins++;
  }
}

static void read_counters(const struct lab_story *story, struct lab_evidence *evidence) {
  for (size_t i = 0; i < story->counter_count; i++) {
    const struct lab_counter *counter = &story->counters[i];
    if (counter->side != evidence->side) continue;
    if (strcmp(counter->name, "TCPAbortOnClose") == 0) evidence->aborts_on_close = counter->grew;
    if (strcmp(counter->name, "TCPAbortOnData") == 0) evidence->aborts_on_data = counter->grew;
    if (strcmp(counter->name, "TCPKeepAlive") == 0) evidence->keepalives = counter->grew;
    if (strcmp(counter->name, "ListenOverflows") == 0) evidence->overflows = counter->grew;
  }
}

static void read_rest(const struct lab_story *story, struct lab_evidence *evidence) {
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_event *event = &story->events[i];
    if (event->kind == LAB_COUNT) {
      evidence->invisible = event->count.invisible;
      evidence->backlog = event->count.backlog;
      if (event->count.backlog > evidence->backlog_most)
        evidence->backlog_most = event->count.backlog;
    }
    if (event->kind != LAB_SAID) continue;
    if (strncmp(event->said.text, "vanish", 6) == 0) evidence->vanished = true;
    if (!event->said.failed || event->said.side == evidence->side) continue;
    if (strstr(event->said.text, ": EOF behind") != NULL) evidence->cut_short = true;
    if (!evidence->peer_failed)
      memcpy(evidence->peer_said, event->said.text, sizeof evidence->peer_said);
    evidence->peer_failed = true;
  }
}

bool lab_evidence_read(const struct lab_story *story, enum lab_side under_test,
                       struct lab_evidence *evidence) {
  struct lab_lives lives;
  *evidence = (struct lab_evidence){.side = under_test};
  if (!lab_lives_read(story, &lives)) return false;
  const bool done = read_sockets(story, &lives, evidence);
  if (done) {
    read_calls(story, evidence);
    read_pauses(story, &lives, evidence);
    read_wire(story, evidence);
    read_counters(story, evidence);
    read_rest(story, evidence);
  }
  lab_lives_release(&lives);
  return done;
}

void lab_evidence_release(struct lab_evidence *evidence) {
  free(evidence->sockets);
  *evidence = (struct lab_evidence){0};
}
