/* SPDX-License-Identifier: MIT
 *
 * See judge.h.
 */
#include "lab/judge.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lab/counters.h"

/* ---- words ---- */

const char *lab_verdict_name(enum lab_verdict verdict) {
  static const char *const names[] = {
#define NAME(name, text) text,
      LAB_VERDICTS(NAME)
#undef NAME
  };
  return (unsigned)verdict < sizeof names / sizeof *names ? names[verdict] : "?";
}

void lab_say(char *text, size_t size, const char *format, ...) {
  const size_t len = strnlen(text, size - 1);
  va_list values;
  va_start(values, format);
  vsnprintf(text + len, size - len, format, values);
  va_end(values);
}

const char *lab_seconds(uint64_t ns, char text[24]) {
  const double seconds = (double)ns / 1e9;
  snprintf(text, 24, seconds < 1 ? "%.2f s" : "%.1f s", seconds);
  return text;
}

const char *lab_whose(enum lab_side side) {
  return side == LAB_SERVER ? "the server's" : "the client's";
}

/* ---- descriptors ---- */

static void judge_counts(const struct lab_case *it, const struct lab_claim *claim,
                         struct lab_finding *finding) {
  const struct lab_count *first = NULL, *last = NULL;
  for (size_t i = 0; i < it->story->count; i++) {
    if (it->story->events[i].kind != LAB_COUNT) continue;
    last = &it->story->events[i].count;
    if (first == NULL) first = last;
  }
  if (first == NULL) {
    finding->verdict = LAB_OPEN;
    lab_say(finding->seen, LAB_SEEN_MAX, "the program's descriptors could not be counted");
    return;
  }
  const bool invisible = claim->kind == LAB_CLAIM_INVISIBLE;
  const int64_t grew = (int64_t)last->descriptors - (int64_t)first->descriptors;
  finding->verdict = lab_number_holds(claim->number, invisible ? (int64_t)last->invisible : grew)
                         ? LAB_HOLDS
                         : LAB_FAILS;
  if (invisible)
    lab_say(finding->seen, LAB_SEEN_MAX, "%u of its sockets were in no table at the end",
            last->invisible);
  else
    lab_say(finding->seen, LAB_SEEN_MAX,
            "its sockets: %u before the clients came, %u at the end (%+lld)", first->descriptors,
            last->descriptors, (long long)grew);
  if (it->story->exited) lab_say(finding->seen, LAB_SEEN_MAX, "; the program had ended");
}

/* ---- counters ---- */

static void judge_counter(const struct lab_case *it, const struct lab_claim *claim,
                          struct lab_finding *finding) {
  const struct lab_story *story = it->story;
  int64_t grew = 0;
  for (size_t i = 0; i < story->counter_count; i++)
    if (story->counters[i].side == claim->side && strcmp(story->counters[i].name, claim->text) == 0)
      grew = story->counters[i].grew;
  if (grew == 0 && !lab_counter_known(claim->text)) { /* or `+0` would hold of any word */
    finding->verdict = LAB_FAILS;
    lab_say(
        finding->seen, LAB_SEEN_MAX,
        "this kernel counts no %s; nstat -az has the names, here without Tcp or TcpExt in front",
        claim->text);
    return;
  }
  finding->verdict = lab_number_holds(claim->number, grew) ? LAB_HOLDS : LAB_FAILS;
  lab_say(finding->seen, LAB_SEEN_MAX, "%s %s grew by %lld", lab_whose(claim->side), claim->text,
          (long long)grew);
}

/* ---- what the program did ---- */

static void judge_prints(const struct lab_case *it, const struct lab_claim *claim,
                         struct lab_finding *finding) {
  const struct lab_story *story = it->story;
  const char *output = story->output != NULL ? story->output : "";
  const size_t len = story->output != NULL ? story->output_len : 0;
  if (memmem(output, len, claim->text, strlen(claim->text)) != NULL) {
    finding->verdict = LAB_HOLDS;
    lab_say(finding->seen, LAB_SEEN_MAX, "it printed that");
    return;
  }
  finding->verdict = LAB_FAILS;
  size_t end = len;
  while (end > 0 && output[end - 1] == '\n') end--;
  size_t begin = end;
  while (begin > 0 && output[begin - 1] != '\n') begin--;
  if (end == 0)
    lab_say(finding->seen, LAB_SEEN_MAX, "it printed nothing");
  else
    lab_say(finding->seen, LAB_SEEN_MAX, "it did not; its last line was \"%.*s\"",
            end - begin < 120 ? (int)(end - begin) : 120, output + begin);
}

static void judge_exits(const struct lab_case *it, const struct lab_claim *claim,
                        struct lab_finding *finding) {
  const struct lab_story *story = it->story;
  const bool holds = story->exited && lab_number_holds(claim->number, story->status);
  finding->verdict = holds ? LAB_HOLDS : LAB_FAILS;
  if (!story->exited)
    lab_say(finding->seen, LAB_SEEN_MAX, "it was still running at the end");
  else if (story->status < 0)
    lab_say(finding->seen, LAB_SEEN_MAX, "signal %d killed it", -story->status);
  else
    lab_say(finding->seen, LAB_SEEN_MAX, "it ended with status %d", story->status);
}

/* ---- players ---- */

struct played {
  const struct lab_said *failed, *waiting; /* the first that failed; what was heard last */
  unsigned total, done;
};

/* What becomes of a server that the lab plays is up to the program: its steps fail nothing. */
static struct played read_players(const struct lab_case *it) {
  struct played played = {0};
  for (size_t i = 0; i < it->clients->count; i++) played.total += it->clients->items[i].times;
  for (size_t i = 0; i < it->story->count; i++) {
    const struct lab_said *said = &it->story->events[i].said;
    if (it->story->events[i].kind != LAB_SAID || said->side != LAB_CLIENT) continue;
    if (said->player > played.total) played.total = said->player;
    if (said->failed && played.failed == NULL) played.failed = said;
    if (!said->failed && said->last) played.done++;
    if (!said->last) played.waiting = said;
  }
  return played;
}

static void judge_players(const struct lab_case *it, bool ok, struct lab_finding *finding) {
  const struct played played = read_players(it);
  const struct lab_said *failed = played.failed;
  const bool good = failed == NULL && played.done >= played.total;
  finding->verdict = (ok ? good : failed != NULL) ? LAB_HOLDS : LAB_FAILS;
  if (failed != NULL)
    lab_say(finding->seen, LAB_SEEN_MAX, "client %u failed at line %u: %s", failed->player,
            failed->line, failed->text);
  else if (good)
    lab_say(finding->seen, LAB_SEEN_MAX,
            played.total > 0 ? "every client did all its steps" : "there are no clients");
  else
    lab_say(finding->seen, LAB_SEEN_MAX,
            "%u of %u clients did not come to the end of their steps%s%s",
            played.total - played.done, played.total,
            played.waiting != NULL ? "; the last that was heard: " : "",
            played.waiting != NULL ? played.waiting->text : "");
}

/* ---- one claim ---- */

/* Over loopback everything is too quick to be seen but what stays. */
static bool needs_wire(enum lab_claim_kind kind) {
  switch (kind) {
    case LAB_CLAIM_SEE:
    case LAB_CLAIM_NEVER:
    case LAB_CLAIM_ORDER:
    case LAB_CLAIM_COUNTER:
    case LAB_CLAIM_CONNECTIONS:
      return true;
    default:
      return false;
  }
}

/* Whether the verdict would be the same, however the run had gone on. */
static bool is_final(const struct lab_case *it, const struct lab_claim *claim,
                     enum lab_verdict verdict) {
  switch (claim->kind) {
    case LAB_CLAIM_SEE:
    case LAB_CLAIM_ORDER:
    case LAB_CLAIM_PRINTS:
      return verdict == LAB_HOLDS;
    case LAB_CLAIM_NEVER:
      return verdict == LAB_FAILS;
    case LAB_CLAIM_COUNTER:
      return verdict == LAB_HOLDS && claim->number.compare != LAB_EXACTLY &&
             claim->number.compare != LAB_LESS;
    case LAB_CLAIM_CLIENT:
      return read_players(it).failed != NULL;
    default:
      return false;
  }
}

static bool judge_one(const struct lab_case *it, const struct lab_claim *claim,
                      struct lab_finding *finding) {
  switch (claim->kind) {
    case LAB_CLAIM_DESCRIPTORS:
    case LAB_CLAIM_INVISIBLE:
      judge_counts(it, claim, finding);
      return true;
    case LAB_CLAIM_COUNTER:
      judge_counter(it, claim, finding);
      return true;
    case LAB_CLAIM_CLIENT:
      judge_players(it, claim->ok, finding);
      return true;
    case LAB_CLAIM_PRINTS:
      judge_prints(it, claim, finding);
      return true;
    case LAB_CLAIM_EXITS:
      judge_exits(it, claim, finding);
      return true;
    default:
      return lab_judge_states(it, claim, finding);
  }
}

static bool judge_claim(const struct lab_case *it, const struct lab_claim *claim,
                        struct lab_finding *finding) {
  char seen[LAB_SEEN_MAX];
  *finding = (struct lab_finding){.claim = claim};
  if (!it->story->wire && needs_wire(claim->kind)) {
    finding->verdict = LAB_OPEN;
    lab_say(finding->seen, LAB_SEEN_MAX, "over loopback this is too quick to be seen");
    return true;
  }
  if (!judge_one(it, claim, finding)) return false;
  if (!it->story->stopped || finding->verdict == LAB_OPEN || is_final(it, claim, finding->verdict))
    return true;
  finding->verdict = LAB_OPEN;
  snprintf(seen, sizeof seen, "%s", finding->seen);
  finding->seen[0] = '\0';
  lab_say(finding->seen, LAB_SEEN_MAX, "the run was stopped; until then: %s", seen);
  return true;
}

/* ---- transitions ---- */

static bool find_breaches(const struct lab_story *story, struct lab_judgement *judgement) {
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_event *event = &story->events[i];
    const struct lab_state *state = &event->state;
    if (event->kind != LAB_STATE || state->from == state->to) continue;
    if (lab_transition_legal(state->from, state->to)) continue;
    struct lab_breach *breaches =
        realloc(judgement->breaches, (judgement->breach_count + 1) * sizeof *breaches);
    if (breaches == NULL) return false;
    judgement->breaches = breaches;
    struct lab_breach *breach = &breaches[judgement->breach_count++];
    *breach = (struct lab_breach){.event = event, .from = state->from};
    lab_say(breach->text, sizeof breach->text,
            "%s socket of port %u went from %s to %s, which TCP does not know",
            lab_whose(state->side), state->client_port,
            lab_is_closed(state->from) ? "CLOSED" : fin_tcp_state_name(state->from),
            lab_is_closed(state->to) ? "CLOSED" : fin_tcp_state_name(state->to));
  }
  return true;
}

/* ---- all of it ---- */

static bool judge_all(const struct lab_case *it, const struct lab_group *group,
                      struct lab_judgement *judgement) {
  for (size_t i = 0; i < group->claim_count; i++) {
    struct lab_finding *finding = &judgement->findings[judgement->count];
    if (!judge_claim(it, &group->claims[i], finding)) return false;
    judgement->count++;
    judgement->verdicts[finding->verdict]++;
  }
  judge_players(it, true, &judgement->clients);
  if (it->story->stopped && read_players(it).failed == NULL) judgement->clients.verdict = LAB_OPEN;
  return find_breaches(it->story, judgement);
}

bool lab_judge(const struct lab_story *story, const struct lab_expect *expect,
               const struct lab_group *group, struct lab_judgement *judgement) {
  struct lab_case it = {
      .story = story,
      .expect = expect,
      .clients = group->clients.count > 0 ? &group->clients : &expect->clients,
  };
  *judgement = (struct lab_judgement){0};
  judgement->findings = calloc(group->claim_count + 1, sizeof *judgement->findings);
  if (judgement->findings == NULL) return false;
  bool done = lab_lives_read(story, &it.lives);
  if (done) {
    done = judge_all(&it, group, judgement);
    lab_lives_release(&it.lives);
  }
  if (!done) lab_judgement_release(judgement);
  return done;
}

void lab_judgement_release(struct lab_judgement *judgement) {
  free(judgement->findings);
  free(judgement->breaches);
  *judgement = (struct lab_judgement){0};
}
