/* SPDX-License-Identifier: MIT
 *
 * See sampler.h. A connection is known by its addresses: cookies are of a request, of a socket and
 * of a bucket in TIME-WAIT different ones. But two sockets with different cookies are two
 * connections, one after the other.
 */
#include "lab/sampler.h"

#include <finale/observe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lab/clock.h"
#include "lab/family.h"
#include "lab/obituary.h"

/* Descriptors may pass from process to process without any socket's knowing; in this time we do. */
enum { HELD_MS = 50 };

struct seen { /* one connection, or a listener */
  uint8_t local[16], remote[16];
  uint16_t local_port, remote_port;
  struct lab_state state; /* as it was told; `to` is what it is in */
  bool here;              /* in this look */
  uint64_t freed_ns;      /* when the kernel said so; 0: it has not */
};

struct lab_sampler {
  struct lab_sampler_options options;
  struct seen *seen;
  size_t count, room;
  uint8_t listening[(1 << 16) / 8]; /* ports that were listened on, by bits */
  int obituaries;
  struct lab_descriptors held; /* by the lab's processes of this side, at held_ns */
  uint64_t held_ns;
  bool counts; /* the program is there */
  uint64_t looked_ns;
  struct lab_count counted;
};

/* ---- telling ---- */

static void tell_state(struct lab_sampler *sampler, const struct lab_state *state, uint64_t at_ns) {
  const struct lab_event event = {.at_ns = at_ns, .kind = LAB_STATE, .state = *state};
  sampler->options.on_event(sampler->options.context, &event);
}

/* From the state told last to state->to, and what must have been between. */
static void tell_way(struct lab_sampler *sampler, fin_tcp_state from, struct lab_state *state,
                     uint64_t at_ns) {
  fin_tcp_state between[4];
  const fin_tcp_state to = state->to;
  const int count = from == to ? 0 : lab_transition_path(from, to, between);
  const uint64_t since = at_ns - sampler->looked_ns;
  struct lab_state inferred = {
      .side = state->side,
      .source = LAB_INFERRED,
      .client_port = state->client_port,
      .server_port = state->server_port,
      .cookie = state->cookie,
      .fd = -1,
  };
  for (int i = 0; i < count; i++) {
    inferred.from = i == 0 ? from : between[i - 1];
    inferred.to = between[i];
    tell_state(sampler, &inferred,
               sampler->looked_ns + since * (uint64_t)(i + 1) / (uint64_t)(count + 1));
  }
  state->from = count > 0 ? between[count - 1] : from;
  tell_state(sampler, state, at_ns);
  state->from = to;
}

/* ---- rows ---- */

static bool was_listening(const struct lab_sampler *sampler, uint16_t port) {
  return (sampler->listening[port / 8] >> (port % 8) & 1) != 0;
}

static bool matters(const struct lab_sampler *sampler, const fin_census_row *row) {
  const struct lab_sampler_options *options = &sampler->options;
  if (options->upstream_port != 0 && row->local_port == options->upstream_port) return false;
  if (!options->shared) return true;
  if (options->server_port == 0) return false;
  if (options->side == LAB_CLIENT) return row->remote_port == options->server_port;
  return row->local_port == options->server_port ||
         (options->upstream_port != 0 && row->remote_port == options->upstream_port);
}

static bool same_socket(const struct seen *seen, const fin_census_row *row) {
  const uint64_t cookie = seen->state.cookie;
  if (seen->local_port != row->local_port || seen->remote_port != row->remote_port) return false;
  if (memcmp(seen->local, row->local, sizeof row->local) != 0 ||
      memcmp(seen->remote, row->remote, sizeof row->remote) != 0)
    return false;
  return row->timer == FIN_TCP_TIMER_TIME_WAIT || seen->state.to == FIN_TCP_SYN_RECV ||
         cookie == row->cookie;
}

static struct seen *find(struct lab_sampler *sampler, const fin_census_row *row) {
  for (size_t i = 0; i < sampler->count; i++)
    if (!sampler->seen[i].here && same_socket(&sampler->seen[i], row)) return &sampler->seen[i];
  return NULL;
}

static struct seen *add(struct lab_sampler *sampler, const fin_census_row *row) {
  const bool accepted = was_listening(sampler, row->local_port);
  struct seen *seen;
  if (sampler->count == sampler->room) {
    const size_t room = sampler->room > 0 ? 2 * sampler->room : 32;
    struct seen *grown = realloc(sampler->seen, room * sizeof *grown);
    if (grown == NULL) return NULL;
    sampler->seen = grown;
    sampler->room = room;
  }
  seen = &sampler->seen[sampler->count++];
  *seen = (struct seen){.local_port = row->local_port, .remote_port = row->remote_port};
  memcpy(seen->local, row->local, sizeof seen->local);
  memcpy(seen->remote, row->remote, sizeof seen->remote);
  seen->state.side = sampler->options.side;
  seen->state.client_port = accepted ? row->remote_port : row->local_port;
  seen->state.server_port = accepted ? row->local_port : row->remote_port;
  seen->state.fd = -1;
  return seen;
}

static const struct lab_descriptor *holder_of(const struct lab_sampler *sampler, uint64_t inode) {
  for (size_t i = 0; i < sampler->held.count && inode != 0; i++)
    if (sampler->held.items[i].inode == inode) return &sampler->held.items[i];
  return NULL;
}

static struct lab_state state_of(const struct lab_sampler *sampler, const struct seen *seen,
                                 const fin_census_row *row) {
  const struct lab_descriptor *const holder = holder_of(sampler, row->inode);
  struct lab_state state = seen->state;
  state.source = LAB_SAMPLED;
  state.to = row->state;
  state.cookie = row->timer == FIN_TCP_TIMER_TIME_WAIT ? 0 : row->cookie;
  state.holder = row->holder;
  state.recv_queue = row->recv_queue;
  state.send_queue = row->send_queue;
  state.timer = row->timer;
  state.timer_ms = row->timer_ms;
  state.fd = holder != NULL ? holder->fd : -1;
  memset(state.owner, 0, sizeof state.owner);
  if (holder != NULL) memcpy(state.owner, holder->name, sizeof state.owner);
  return state;
}

static bool differs(const struct lab_state *a, const struct lab_state *b) {
  return a->to != b->to || a->holder != b->holder || a->recv_queue != b->recv_queue ||
         a->send_queue != b->send_queue || a->timer != b->timer || a->fd != b->fd ||
         strcmp(a->owner, b->owner) != 0;
}

/* What a connection was before it was seen. A row without a beginning, as of a client's that was
 * quicker than we, has begun by connecting. */
static fin_tcp_state beginning(struct lab_sampler *sampler, const struct lab_state *state,
                               const fin_census_row *row, uint64_t at_ns) {
  if (row->state == FIN_TCP_LISTEN) return FIN_TCP_ANY;
  if (was_listening(sampler, row->local_port)) return FIN_TCP_LISTEN;
  if (row->state == FIN_TCP_SYN_SENT) return FIN_TCP_ANY;
  const struct lab_state sent = {
      .side = state->side,
      .source = LAB_INFERRED,
      .client_port = state->client_port,
      .server_port = state->server_port,
      .cookie = state->cookie,
      .to = FIN_TCP_SYN_SENT,
      .fd = -1,
  };
  tell_state(sampler, &sent, sampler->looked_ns + (at_ns - sampler->looked_ns) / 8);
  return FIN_TCP_SYN_SENT;
}

static void look_at(struct lab_sampler *sampler, const fin_census_row *row, uint64_t at_ns) {
  struct seen *seen = find(sampler, row);
  const bool is_new = seen == NULL;
  if (is_new) seen = add(sampler, row);
  if (seen == NULL) return;
  struct lab_state state = state_of(sampler, seen, row);
  seen->here = true;
  if (is_new)
    tell_way(sampler, beginning(sampler, &state, row, at_ns), &state, at_ns);
  else if (differs(&state, &seen->state))
    tell_way(sampler, seen->state.to, &state, at_ns);
  seen->state = state;
}

/* Those that are not there any more. When exactly, the kernel may have said. */
static void bury(struct lab_sampler *sampler, uint64_t at_ns) {
  size_t kept = 0;
  for (size_t i = 0; i < sampler->count; i++) {
    struct seen *seen = &sampler->seen[i];
    if (seen->here) {
      seen->here = false;
      seen->freed_ns = 0; /* it goes on as a bucket */
      sampler->seen[kept++] = *seen;
      continue;
    }
    struct lab_state state = seen->state;
    const fin_tcp_state from = state.to;
    state = (struct lab_state){
        .side = state.side,
        .source = seen->freed_ns != 0 ? LAB_KERNEL : LAB_SAMPLED,
        .client_port = state.client_port,
        .server_port = state.server_port,
        .cookie = state.cookie,
        .from = from,
        .fd = -1,
    };
    tell_state(sampler, &state, seen->freed_ns != 0 ? seen->freed_ns : at_ns);
  }
  sampler->count = kept;
}

/* ---- counting ---- */

static bool is_tcp(const struct lab_descriptor *descriptor) {
  char path[48], protocol[16] = "", link[64] = "", still[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)descriptor->pid, descriptor->fd);
  snprintf(still, sizeof still, "socket:[%llu]", (unsigned long long)descriptor->inode);
  if (getxattr(path, "system.sockprotoname", protocol, sizeof protocol - 1) < 0) return false;
  if (strcmp(protocol, "TCP") != 0 && strcmp(protocol, "TCPv6") != 0) return false;
  return readlink(path, link, sizeof link - 1) > 0 && strcmp(link, still) == 0;
}

static const fin_census_row *row_of(const fin_census *census, uint64_t inode) {
  for (size_t i = 0; i < census->row_count; i++)
    if (census->rows[i].inode == inode) return &census->rows[i];
  return NULL;
}

/* `held` must have been read before the rows: then a descriptor without a row, if it is still there
 * now, truly has none. */
static void count(struct lab_sampler *sampler, const fin_census *census, bool always,
                  uint64_t at_ns) {
  struct lab_count now = {0};
  for (size_t i = 0; i < sampler->held.count; i++) {
    const struct lab_descriptor *const descriptor = &sampler->held.items[i];
    const fin_census_row *const row = row_of(census, descriptor->inode);
    if (descriptor->pid == getpid()) continue;
    if (row != NULL && row->state == FIN_TCP_LISTEN) now.backlog += row->recv_queue;
    if (row == NULL && !is_tcp(descriptor)) continue;
    now.descriptors++;
    if (row == NULL) now.invisible++;
  }
  if (!always && memcmp(&now, &sampler->counted, sizeof now) == 0) return;
  sampler->counted = now;
  const struct lab_event event = {.at_ns = at_ns, .kind = LAB_COUNT, .count = now};
  sampler->options.on_event(sampler->options.context, &event);
}

/* ---- looking ---- */

static void note_listeners(struct lab_sampler *sampler, const fin_census *census) {
  for (size_t i = 0; i < census->row_count; i++) {
    const fin_census_row *const row = &census->rows[i];
    if (row->state == FIN_TCP_LISTEN)
      sampler->listening[row->local_port / 8] |= (uint8_t)(1U << (row->local_port % 8));
  }
}

/* Whether a row is younger than the look at the descriptors. */
static bool lacks_holder(const struct lab_sampler *sampler, const fin_census *census) {
  for (size_t i = 0; i < census->row_count; i++) {
    const fin_census_row *const row = &census->rows[i];
    if (row->holder == FIN_HOLDER_OWNED && matters(sampler, row) &&
        holder_of(sampler, row->inode) == NULL)
      return true;
  }
  return false;
}

/* Whether a connection is new, gone, in another state or in other hands than at the last look. */
static bool moved(struct lab_sampler *sampler, const fin_census *census) {
  size_t here = 0;
  for (size_t i = 0; i < census->row_count; i++) {
    const fin_census_row *const row = &census->rows[i];
    if (!matters(sampler, row)) continue;
    const struct seen *const seen = find(sampler, row);
    if (seen == NULL || seen->state.to != row->state || seen->state.holder != row->holder)
      return true;
    here++;
  }
  return here != sampler->count;
}

/* All descriptors of a family are some fifty system calls: they are read when they may have
 * changed, and before the rows that they are compared with. */
static fin_census *take(struct lab_sampler *sampler, bool count_always) {
  const uint64_t now = lab_now();
  fin_census *census = fin_census_take(NULL);
  if (census == NULL) return NULL; /* the next look may do better */
  if (!count_always && now - sampler->held_ns < HELD_MS * LAB_MS && !moved(sampler, census))
    return census;
  fin_census_free(census);
  sampler->held_ns = now;
  lab_family_descriptors(&sampler->held);
  census = fin_census_take(NULL);
  if (census == NULL) return NULL;
  if (sampler->counts) count(sampler, census, count_always, lab_now());
  if (lacks_holder(sampler, census)) lab_family_descriptors(&sampler->held);
  return census;
}

void lab_sampler_look(struct lab_sampler *sampler, bool count_always) {
  fin_census *const census = take(sampler, count_always);
  const uint64_t now = lab_now();
  if (census == NULL) return;
  note_listeners(sampler, census);
  for (size_t i = 0; i < census->row_count; i++)
    if (matters(sampler, &census->rows[i])) look_at(sampler, &census->rows[i], now);
  bury(sampler, now);
  sampler->looked_ns = now;
  fin_census_free(census);
}

bool lab_sampler_hear(struct lab_sampler *sampler) {
  struct lab_obituary obituary;
  const uint64_t now = lab_now();
  bool ours = false;
  while (sampler->obituaries >= 0 && lab_obituaries_next(sampler->obituaries, &obituary))
    for (size_t i = 0; i < sampler->count; i++) {
      struct seen *seen = &sampler->seen[i];
      if (seen->local_port == obituary.local_port && seen->remote_port == obituary.remote_port &&
          seen->state.cookie == obituary.cookie) {
        seen->freed_ns = now;
        ours = true;
      }
    }
  return ours;
}

/* ---- the sampler ---- */

struct lab_sampler *lab_sampler_new(const struct lab_sampler_options *options) {
  struct lab_sampler *sampler = calloc(1, sizeof *sampler);
  if (sampler == NULL) return NULL;
  sampler->options = *options;
  sampler->obituaries = lab_obituaries_open();
  sampler->looked_ns = lab_now();
  return sampler;
}

void lab_sampler_free(struct lab_sampler *sampler) {
  if (sampler == NULL) return;
  if (sampler->obituaries >= 0) close(sampler->obituaries);
  free(sampler->held.items);
  free(sampler->seen);
  free(sampler);
}

void lab_sampler_serve(struct lab_sampler *sampler, uint16_t server_port) {
  sampler->options.server_port = server_port;
}

void lab_sampler_count(struct lab_sampler *sampler) { sampler->counts = true; }

int lab_sampler_ear(const struct lab_sampler *sampler) { return sampler->obituaries; }
