/* SPDX-License-Identifier: MIT
 *
 * One claim: `stay server CLOSE-WAIT recv-q 1 owned x3 for 2s`, `descriptors +1`.
 */
#include <string.h>

#include "lab/expect_line.h"

static const char *const states[FIN_TCP_STATE_COUNT] = {
#define STATE(name, number, text) [number] = text,
    FIN_TCP_STATES(STATE)
#undef STATE
};

static const char *const timers[] = {
#define TIMER(name, text) text,
    FIN_TCP_TIMERS(TIMER)
#undef TIMER
};

static const char *const holders[] = {
#define HOLDER(name, text) [FIN_HOLDER_##name] = text,
    FIN_HOLDERS(HOLDER)
#undef HOLDER
};

static bool parse_state(struct lab_line *line, fin_tcp_state *state) {
  const int found = lab_line_choose(line, states, FIN_TCP_STATE_COUNT);
  *state = (fin_tcp_state)found;
  return found >= 0 ||
         lab_line_refuse(line,
                         "\"%s\": \"%s\" does not begin with a state as ss(8) writes it: "
                         "ESTAB, SYN-SENT, SYN-RECV, FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT, "
                         "CLOSE-WAIT, LAST-ACK, CLOSING, LISTEN",
                         line->source, line->at);
}

/* "x3", if that is what comes. */
static bool parse_times(struct lab_line *line, unsigned *times) {
  int64_t value;
  if (line->at[0] != 'x' || line->at[1] < '0' || line->at[1] > '9') return true;
  line->at++;
  if (!lab_line_count(line, "a number", 100000, &value)) return false;
  *times = (unsigned)value;
  return value > 0 || lab_line_refuse(line, "x0: \"never\" says that");
}

static bool parse_timer(struct lab_line *line, struct lab_claim *claim) {
  const int found = lab_line_choose(line, timers, sizeof timers / sizeof *timers);
  claim->timed = true;
  claim->timer = (fin_tcp_timer)found;
  return found >= 0 || lab_line_refuse(line,
                                       "\"%s\": timers are off, on, keepalive, timewait, "
                                       "persist",
                                       line->source);
}

/* What is said of the socket behind its state, in any order. */
static bool parse_qualities(struct lab_line *line, struct lab_claim *claim) {
  while (!lab_line_over(line)) {
    const char *const before = line->at;
    if (!parse_times(line, &claim->sockets)) return false;
    if (line->at != before) continue;
    if (lab_line_take(line, "recv-q")) {
      if (!lab_line_number(line, "a number of bytes", &claim->recv_queue)) return false;
    } else if (lab_line_take(line, "send-q")) {
      if (!lab_line_number(line, "a number of bytes", &claim->send_queue)) return false;
    } else if (lab_line_take(line, "timer")) {
      if (!parse_timer(line, claim)) return false;
    } else if (lab_line_take(line, "for")) {
      if (!lab_line_ms(line, &claim->for_ms)) return false;
    } else if (lab_line_take(line, "unowned")) {
      claim->unowned = true;
    } else {
      const int holder = lab_line_choose(line, holders, sizeof holders / sizeof *holders);
      if (holder < 0)
        return lab_line_refuse(line,
                               "\"%s\": \"%s\" is not recv-q N, send-q N, owned, queued, "
                               "orphan, unowned, timer NAME, x3, for 1s",
                               line->source, line->at);
      claim->holder = (fin_holder)holder;
    }
  }
  return true;
}

static bool parse_socket(struct lab_line *line, struct lab_claim *claim) {
  claim->state_count = 1;
  claim->sockets = 1;
  claim->side = LAB_SERVER;
  if (!lab_line_is(line, "LISTEN") && !lab_line_side(line, &claim->side)) return false;
  return parse_state(line, &claim->states[0]) && parse_qualities(line, claim);
}

static bool parse_see(struct lab_line *line, struct lab_claim *claim) {
  claim->kind = LAB_CLAIM_SEE;
  return parse_socket(line, claim);
}

static bool parse_stay(struct lab_line *line, struct lab_claim *claim) {
  claim->kind = LAB_CLAIM_STAY;
  return parse_socket(line, claim);
}

static bool parse_never(struct lab_line *line, struct lab_claim *claim) {
  claim->kind = LAB_CLAIM_NEVER;
  return parse_socket(line, claim);
}

static bool parse_gone(struct lab_line *line, struct lab_claim *claim) {
  claim->kind = LAB_CLAIM_GONE;
  return lab_line_side(line, &claim->side);
}

/* The comma sticks to the state before it. */
static bool parse_ordered(struct lab_line *line, fin_tcp_state *state, bool *more) {
  const size_t len = strcspn(line->at, " \t");
  char word[24];
  *more = len > 0 && line->at[len - 1] == ',';
  if (!*more || len > sizeof word) return parse_state(line, state);
  memcpy(word, line->at, len - 1);
  word[len - 1] = '\0';
  for (int i = 1; i < FIN_TCP_STATE_COUNT; i++) {
    if (states[i] == NULL || strcmp(states[i], word) != 0) continue;
    *state = (fin_tcp_state)i;
    line->at += len + strspn(line->at + len, " \t");
    return true;
  }
  return parse_state(line, state);
}

static bool parse_order(struct lab_line *line, struct lab_claim *claim) {
  bool more = true;
  claim->kind = LAB_CLAIM_ORDER;
  if (!lab_line_side(line, &claim->side)) return false;
  while (more) {
    if (claim->state_count == LAB_STATES_MAX)
      return lab_line_refuse(line, "at most %d states in one order", LAB_STATES_MAX);
    if (!parse_ordered(line, &claim->states[claim->state_count], &more)) return false;
    claim->state_count++;
  }
  return claim->state_count > 1 ||
         lab_line_refuse(line, "\"%s\": an order has several states, with commas", line->source);
}

/* `descriptors +1`: the sign says "more than before", not "at least". */
static bool parse_exact(struct lab_line *line, struct lab_claim *claim) {
  if (!lab_line_number(line, "a number", &claim->number)) return false;
  if (claim->number.compare == LAB_AT_LEAST) claim->number.compare = LAB_EXACTLY;
  return true;
}

static bool parse_descriptors(struct lab_line *line, struct lab_claim *claim) {
  claim->kind = LAB_CLAIM_DESCRIPTORS;
  return parse_exact(line, claim);
}

static bool parse_invisible(struct lab_line *line, struct lab_claim *claim) {
  claim->kind = LAB_CLAIM_INVISIBLE;
  return parse_exact(line, claim);
}

static bool parse_connections(struct lab_line *line, struct lab_claim *claim) {
  claim->kind = LAB_CLAIM_CONNECTIONS;
  return lab_line_number(line, "a number", &claim->number);
}

static bool parse_counter(struct lab_line *line, struct lab_claim *claim) {
  claim->kind = LAB_CLAIM_COUNTER;
  if (!lab_line_side(line, &claim->side) ||
      !lab_line_word(line, "the counter's name", &claim->text) ||
      !lab_line_number(line, "by how much it grew", &claim->number))
    return false;
  if (claim->number.value == 0 && claim->number.compare == LAB_AT_LEAST)
    claim->number.compare = LAB_EXACTLY; /* "+0": it did not */
  return true;
}

static bool parse_client(struct lab_line *line, struct lab_claim *claim) {
  claim->kind = LAB_CLAIM_CLIENT;
  claim->ok = lab_line_take(line, "ok");
  return claim->ok || lab_line_take(line, "failed") ||
         lab_line_refuse(line, "\"%s\": a client is ok or failed", line->source);
}

static bool parse_prints(struct lab_line *line, struct lab_claim *claim) {
  size_t len;
  claim->kind = LAB_CLAIM_PRINTS;
  return lab_line_string(line, &claim->text, &len);
}

static bool parse_exits(struct lab_line *line, struct lab_claim *claim) {
  claim->kind = LAB_CLAIM_EXITS;
  return lab_line_number(line, "an exit status", &claim->number);
}

bool lab_claim_parse(struct lab_line *line, struct lab_claim *claim) {
  static const struct {
    const char *name;
    bool (*parse)(struct lab_line *line, struct lab_claim *claim);
  } claims[] = {{"see", parse_see},
                {"stay", parse_stay},
                {"never", parse_never},
                {"gone", parse_gone},
                {"order", parse_order},
                {"descriptors", parse_descriptors},
                {"invisible", parse_invisible},
                {"counter", parse_counter},
                {"client", parse_client},
                {"prints", parse_prints},
                {"exits", parse_exits},
                {"connections", parse_connections}};
  claim->line = line->number;
  claim->source = line->source;
  for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
    if (lab_line_take(line, claims[i].name))
      return claims[i].parse(line, claim) && lab_line_end(line);
  return lab_line_refuse(line,
                         "\"%s\" is no claim: see, stay, never, gone, order, descriptors, "
                         "invisible, counter, client, prints, exits, connections",
                         line->source);
}

bool lab_number_holds(struct lab_number number, int64_t value) {
  switch (number.compare) {
    case LAB_EXACTLY:
      return value == number.value;
    case LAB_AT_LEAST:
      return value >= number.value;
    case LAB_MORE:
      return value > number.value;
    case LAB_LESS:
      return value < number.value;
    default:
      return true;
  }
}
