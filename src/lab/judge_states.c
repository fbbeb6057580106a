/* SPDX-License-Identifier: MIT
 *
 * The claims about sockets. What was inferred between two looks was not seen: neither `see` nor
 * `never` knows of it; but a connection did enter it, so `order` does.
 */
#include <stdlib.h>

#include "lab/judge.h"

/* As long as one socket was as the claim has it. */
struct stretch {
  const struct lab_life *life;
  size_t first, last; /* of its spans */
  uint64_t from_ns, to_ns;
};

struct stretches {
  struct stretch *items;
  size_t count;
};

#define MS UINT64_C(1000000)

static uint64_t length(const struct stretch *stretch) { return stretch->to_ns - stretch->from_ns; }

static bool lasts(const struct stretch *stretch) {
  return stretch->life->open && stretch->last + 1 == stretch->life->count;
}

static double since(const struct lab_case *it, uint64_t ns) {
  return ns < it->story->began_ns ? 0 : (double)(ns - it->story->began_ns) / 1e9;
}

/* ---- what a socket is like ---- */

static bool is_like(const struct lab_claim *claim, const struct lab_state *state, bool loosely) {
  if (state->source == LAB_INFERRED || state->to != claim->states[0]) return false;
  if (loosely) return true;
  if (!lab_number_holds(claim->recv_queue, state->recv_queue)) return false;
  if (!lab_number_holds(claim->send_queue, state->send_queue)) return false;
  if (claim->holder != FIN_HOLDER_ANY && claim->holder != state->holder) return false;
  if (claim->unowned && state->holder == FIN_HOLDER_OWNED) return false;
  return !claim->timed || claim->timer == state->timer;
}

static void collect_of(const struct lab_claim *claim, const struct lab_life *life, bool loosely,
                       struct stretches *found) {
  struct stretch *open = NULL;
  for (size_t i = 0; i < life->count; i++) {
    const struct lab_span *span = &life->spans[i];
    if (!is_like(claim, span->state, loosely)) {
      open = NULL;
      continue;
    }
    if (open == NULL) {
      open = &found->items[found->count++];
      *open = (struct stretch){.life = life, .first = i, .from_ns = span->from_ns};
    }
    open->last = i;
    open->to_ns = span->to_ns;
  }
}

static bool collect(const struct lab_case *it, const struct lab_claim *claim, bool loosely,
                    struct stretches *found) {
  size_t most = 1;
  for (size_t i = 0; i < it->lives.count; i++) most += it->lives.items[i].count;
  *found = (struct stretches){.items = malloc(most * sizeof *found->items)};
  if (found->items == NULL) return false;
  for (size_t i = 0; i < it->lives.count; i++)
    if (it->lives.items[i].side == claim->side)
      collect_of(claim, &it->lives.items[i], loosely, found);
  return true;
}

static const struct stretch *longest(const struct stretches *found, bool lasting) {
  const struct stretch *best = NULL;
  for (size_t i = 0; i < found->count; i++) {
    const struct stretch *stretch = &found->items[i];
    if (lasting && !lasts(stretch)) continue;
    if (best == NULL || length(stretch) > length(best)) best = stretch;
  }
  return best;
}

/* The most sockets that were like this all together for so long; of `lasting` ones, up to the end.
 */
static unsigned together(const struct stretches *found, uint64_t for_ns, bool lasting) {
  unsigned most = 0;
  for (size_t i = 0; i < found->count; i++) {
    const uint64_t from = found->items[i].from_ns;
    unsigned count = 0;
    for (size_t k = 0; k < found->count; k++) {
      const struct stretch *other = &found->items[k];
      if (lasting && (!lasts(other) || length(other) < for_ns)) continue;
      const bool there = other->from_ns <= from && other->to_ns >= from + for_ns &&
                         (other->to_ns > from || other->from_ns == from);
      if (lasting || there) count++;
    }
    if (count > most) most = count;
  }
  return most;
}

/* ---- words ---- */

static void say_like(char *seen, const struct lab_state *state) {
  lab_say(seen, LAB_SEEN_MAX, "Recv-Q %u, Send-Q %u, ", state->recv_queue, state->send_queue);
  lab_say(seen, LAB_SEEN_MAX, "%s", fin_holder_name(state->holder));
  if (state->owner[0] != '\0') lab_say(seen, LAB_SEEN_MAX, " by %s", state->owner);
  lab_say(seen, LAB_SEEN_MAX, ", timer %s", fin_tcp_timer_name(state->timer));
}

static void say_end(char *seen, const struct stretch *stretch, bool loosely) {
  const struct lab_life *life = stretch->life;
  if (lasts(stretch)) {
    lab_say(seen, LAB_SEEN_MAX, ", and it is still there at the end");
  } else if (stretch->last + 1 == life->count) {
    lab_say(seen, LAB_SEEN_MAX, "; then it was gone");
  } else {
    const struct lab_state *next = life->spans[stretch->last + 1].state;
    if (next->to != life->spans[stretch->last].state->to)
      lab_say(seen, LAB_SEEN_MAX, "; then came %s", fin_tcp_state_name(next->to));
    else if (!loosely)
      lab_say(seen, LAB_SEEN_MAX, "; then its Recv-Q was %u, its Send-Q %u", next->recv_queue,
              next->send_queue);
  }
}

/* The longest that came nearest to the claim, as it was in the end. */
static void say_stretch(const struct lab_claim *claim, char *seen, const struct stretch *stretch,
                        bool loosely) {
  char text[24];
  lab_say(seen, LAB_SEEN_MAX, "%s %s lasted %s, with ", lab_whose(claim->side),
          fin_tcp_state_name(claim->states[0]), lab_seconds(length(stretch), text));
  say_like(seen, stretch->life->spans[stretch->last].state);
  say_end(seen, stretch, loosely);
}

static bool was_inferred(const struct lab_case *it, const struct lab_claim *claim) {
  for (size_t i = 0; i < it->lives.count; i++)
    for (size_t k = 0; k < it->lives.items[i].count; k++)
      if (it->lives.items[i].side == claim->side &&
          it->lives.items[i].spans[k].state->to == claim->states[0])
        return true;
  return false;
}

/* The states that were there instead, in the order of their first appearance. */
static void say_others(const struct lab_case *it, const struct lab_claim *claim, char *seen) {
  unsigned known = 0;
  lab_say(seen, LAB_SEEN_MAX, "no %s was seen of %s side", fin_tcp_state_name(claim->states[0]),
          lab_whose(claim->side));
  if (was_inferred(it, claim))
    lab_say(seen, LAB_SEEN_MAX, " (it was too short: it is only inferred)");
  for (size_t i = 0; i < it->lives.count; i++) {
    const struct lab_life *life = &it->lives.items[i];
    for (size_t k = 0; k < life->count && life->side == claim->side; k++) {
      const struct lab_state *state = life->spans[k].state;
      if (state->source == LAB_INFERRED || (known >> state->to & 1U) != 0) continue;
      if (life->client_port == 0) continue;
      lab_say(seen, LAB_SEEN_MAX, "%s%s", known == 0 ? "; there were " : ", ",
              fin_tcp_state_name(state->to));
      known |= 1U << state->to;
    }
  }
  if (known == 0) lab_say(seen, LAB_SEEN_MAX, "; it had no connection at all");
}

/* ---- see, stay, never ---- */

static void say_failed(const struct lab_case *it, const struct lab_claim *claim,
                       const struct stretches *like, const struct stretches *loose, char *seen) {
  const bool stay = claim->kind == LAB_CLAIM_STAY;
  const struct stretch *best = longest(like, stay);
  const unsigned most = together(like, claim->for_ms * MS, stay);
  const bool loosely = best == NULL && longest(like, false) == NULL;
  if (best == NULL) best = longest(loosely ? loose : like, false);
  if (best == NULL) {
    say_others(it, claim, seen);
    return;
  }
  if (most > 0 && most < claim->sockets)
    lab_say(seen, LAB_SEEN_MAX, "%u, not %u, were like that at one time; ", most, claim->sockets);
  say_stretch(claim, seen, best, loosely);
}

static void say_held(const struct lab_claim *claim, const struct stretches *like, char *seen) {
  const bool stay = claim->kind == LAB_CLAIM_STAY;
  const struct stretch *best = longest(like, stay);
  if (best == NULL) return;
  if (claim->sockets > 1)
    lab_say(seen, LAB_SEEN_MAX, "%u at one time; ", together(like, claim->for_ms * MS, stay));
  say_stretch(claim, seen, best, false);
}

static void judge_socket(const struct lab_case *it, const struct lab_claim *claim,
                         const struct stretches *like, const struct stretches *loose,
                         struct lab_finding *finding) {
  const bool stay = claim->kind == LAB_CLAIM_STAY;
  const bool there = together(like, claim->for_ms * MS, stay) >= claim->sockets;
  if (claim->kind != LAB_CLAIM_NEVER) {
    finding->verdict = there ? LAB_HOLDS : LAB_FAILS;
    if (there)
      say_held(claim, like, finding->seen);
    else
      say_failed(it, claim, like, loose, finding->seen);
    return;
  }
  finding->verdict = there ? LAB_FAILS : LAB_HOLDS;
  const struct stretch *best = longest(like, false);
  if (best != NULL) {
    say_stretch(claim, finding->seen, best, false);
    lab_say(finding->seen, LAB_SEEN_MAX, " (from %.2f s on)", since(it, best->from_ns));
  } else {
    lab_say(finding->seen, LAB_SEEN_MAX, "none was seen");
  }
}

/* ---- gone ---- */

/* Over loopback the kernel ends what nobody owns by its own settings, not by the lab's. */
static void judge_gone(const struct lab_case *it, const struct lab_claim *claim,
                       struct lab_finding *finding) {
  char text[24];
  unsigned left = 0, owned = 0, time_wait = 0;
  for (size_t i = 0; i < it->lives.count; i++) {
    const struct lab_life *life = &it->lives.items[i];
    if (!life->open || life->side != claim->side || life->count == 0) continue;
    const struct lab_span *span = &life->spans[life->count - 1];
    if (span->state->to == FIN_TCP_LISTEN) continue;
    if (span->state->to == FIN_TCP_TIME_WAIT) {
      time_wait++;
      continue;
    }
    if (span->state->holder != FIN_HOLDER_ORPHAN) owned++;
    if (left++ > 0) continue;
    size_t first = life->count - 1;
    while (first > 0 && life->spans[first - 1].state->to == span->state->to) first--;
    lab_say(finding->seen, LAB_SEEN_MAX, "%s %s was still there, since %s, with ",
            lab_whose(claim->side), fin_tcp_state_name(span->state->to),
            lab_seconds(span->to_ns - life->spans[first].from_ns, text));
    say_like(finding->seen, span->state);
  }
  if (left > 1) lab_say(finding->seen, LAB_SEEN_MAX, "; and %u more", left - 1);
  const bool kernels = owned == 0 && !it->story->wire;
  finding->verdict = left == 0 ? LAB_HOLDS : kernels ? LAB_OPEN : LAB_FAILS;
  if (left > 0) return;
  lab_say(finding->seen, LAB_SEEN_MAX, "no socket was left");
  if (time_wait > 0) lab_say(finding->seen, LAB_SEEN_MAX, " but %u in TIME-WAIT", time_wait);
}

/* ---- order ---- */

struct entries { /* the states that a socket came to */
  fin_tcp_state states[64];
  bool inferred[64];
  size_t count;
};

static void enter(const struct lab_life *life, struct entries *entries) {
  *entries = (struct entries){0};
  for (size_t i = 0; i < life->count; i++) {
    const struct lab_state *state = life->spans[i].state;
    if (i > 0 && state->to == life->spans[i - 1].state->to) continue;
    if (entries->count == sizeof entries->states / sizeof *entries->states) return;
    entries->states[entries->count] = state->to;
    entries->inferred[entries->count++] = state->source == LAB_INFERRED;
  }
}

/* FIN and the ACK of ours in one segment lead over FIN-WAIT-2 without a stop (RFC 9293, 3.5). */
static bool passes(const struct lab_claim *claim, size_t done, fin_tcp_state state) {
  return state == FIN_TCP_FIN_WAIT2 && claim->states[done] == FIN_TCP_TIME_WAIT;
}

/* How many of the claim's states came one after the other. */
static size_t follow(const struct lab_claim *claim, const struct entries *entries) {
  size_t best = 0;
  for (size_t start = 0; start < entries->count; start++) {
    size_t done = 0;
    for (size_t i = start; i < entries->count && done < claim->state_count; i++) {
      if (entries->states[i] == claim->states[done])
        done++;
      else if (done == 0 || (!entries->inferred[i] && !passes(claim, done, entries->states[i])))
        break;
    }
    if (done > best) best = done;
  }
  return best;
}

static void judge_order(const struct lab_case *it, const struct lab_claim *claim,
                        struct lab_finding *finding) {
  struct entries entries, nearest = {0};
  size_t best = 0;
  for (size_t i = 0; i < it->lives.count; i++) {
    const struct lab_life *life = &it->lives.items[i];
    if (life->side != claim->side || life->client_port == 0) continue;
    enter(life, &entries);
    const size_t done = follow(claim, &entries);
    if (done < best || (done == best && entries.count <= nearest.count)) continue;
    best = done;
    nearest = entries;
  }
  finding->verdict = best == claim->state_count ? LAB_HOLDS : LAB_FAILS;
  if (nearest.count == 0) {
    lab_say(finding->seen, LAB_SEEN_MAX, "%s side had no connection", lab_whose(claim->side));
    return;
  }
  lab_say(finding->seen, LAB_SEEN_MAX, "it went through ");
  for (size_t i = 0; i < nearest.count; i++)
    lab_say(finding->seen, LAB_SEEN_MAX, "%s%s%s", i > 0 ? ", " : "",
            nearest.inferred[i] ? "~" : "", fin_tcp_state_name(nearest.states[i]));
}

/* ---- connections ---- */

/* Those of the program that came to be, a server's to its upstream. */
static void judge_connections(const struct lab_case *it, const struct lab_claim *claim,
                              struct lab_finding *finding) {
  const enum lab_side side = it->expect->under_test;
  int64_t made = 0, tried = 0;
  for (size_t i = 0; i < it->lives.count; i++) {
    const struct lab_life *life = &it->lives.items[i];
    bool open = false;
    if (life->side != side || life->count == 0 || life->client_port == 0) continue;
    if (life->spans[0].state->from == FIN_TCP_LISTEN) continue; /* it was accepted */
    for (size_t k = 0; k < life->count; k++)
      open = open || life->spans[k].state->to != FIN_TCP_SYN_SENT;
    tried++;
    if (open) made++;
  }
  finding->verdict = lab_number_holds(claim->number, made) ? LAB_HOLDS : LAB_FAILS;
  lab_say(finding->seen, LAB_SEEN_MAX, "the program made %lld", (long long)made);
  if (tried > made)
    lab_say(finding->seen, LAB_SEEN_MAX, ", and %lld did not come about",
            (long long)(tried - made));
}

bool lab_judge_states(const struct lab_case *it, const struct lab_claim *claim,
                      struct lab_finding *finding) {
  struct stretches like, loose;
  switch (claim->kind) {
    case LAB_CLAIM_GONE:
      judge_gone(it, claim, finding);
      return true;
    case LAB_CLAIM_ORDER:
      judge_order(it, claim, finding);
      return true;
    case LAB_CLAIM_CONNECTIONS:
      judge_connections(it, claim, finding);
      return true;
    default:
      break;
  }
  if (!collect(it, claim, false, &like)) return false;
  if (!collect(it, claim, true, &loose)) {
    free(like.items);
    return false;
  }
  judge_socket(it, claim, &like, &loose, finding);
  free(like.items);
  free(loose.items);
  return true;
}
