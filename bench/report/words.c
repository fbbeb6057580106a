/* SPDX-License-Identifier: MIT */
#include "report/words.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

/* How long the character at `text` is; 0 if it is not UTF-8, or a control character. */
static size_t character(const char *text) {
  const unsigned char *byte = (const unsigned char *)text;
  size_t more = byte[0] >= 0xf0 ? 3 : byte[0] >= 0xe0 ? 2 : 1;
  uint32_t code = byte[0] & (0x3fU >> more);
  if (byte[0] < 0x80) return byte[0] >= 0x20 && byte[0] != 0x7f;
  if (byte[0] < 0xc2 || byte[0] > 0xf4) return 0;
  for (size_t i = 1; i <= more; i++) {
    if ((byte[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte[i] & 0x3fU);
  }
  static const uint32_t least[] = {0, 0xa0, 0x800, 0x10000}; /* below 0xa0: control characters */
  bool surrogate = code >= 0xd800 && code <= 0xdfff;
  bool nothing = (code & 0xfffe) == 0xfffe; /* not allowed in XML, nor meant for anybody */
  return code < least[more] || code > 0x10ffff || surrogate || nothing ? 0 : more + 1;
}

char *report_clean(const char *text) {
  char *copy = malloc(strlen(text) + 1), *to = copy;
  if (!copy) return NULL;
  while (*text != '\0') {
    size_t len = character(text);
    if (len == 0) {
      *to++ = '?';
      text++;
      continue;
    }
    memcpy(to, text, len);
    to += len;
    text += len;
  }
  *to = '\0';
  return copy;
}

/* ---- figures ---- */

bool words_value(const struct report *report, const char *key, double *value) {
  const struct report_metric *metric = report_metric_find(key, strlen(key));
  return metric && metric->get(report, value) && isfinite(*value);
}

const char *words_figure(const struct report *report, const char *key, char text[32]) {
  double value;
  if (!words_value(report, key, &value)) return NULL;
  return report_format(report_metric_find(key, strlen(key))->unit, value, text);
}

/* ---- names ---- */

struct words_error words_error(const struct load_errors *errors, size_t number) {
  const struct words_error all[] = {
#define ERROR(name, text) {#name, text, errors->name},
      LOAD_ERRORS(ERROR)
#undef ERROR
  };
  return all[number];
}

const char *words_request(const struct load_options *options, bool plural) {
  if (!load_is_mixed(options) && options->workload == LOAD_CONNECT_WORKLOAD)
    return plural ? "connections" : "connection";
  return plural ? "good replies" : "good reply";
}

bool words_connects(const struct load_options *options) {
  return options->workload == LOAD_CHURN_WORKLOAD || options->workload == LOAD_CONNECT_WORKLOAD ||
         load_is_mixed(options);
}

/* ---- leftovers ---- */

static const char *meaning(fin_tcp_state state, fin_holder holder, bool left) {
  if (holder == FIN_HOLDER_OWNED && !left) return "";
  if (holder == FIN_HOLDER_QUEUED) return "nobody has accepted it";
  if (holder == FIN_HOLDER_TIME_WAIT) return "the wait that ends a healthy connection";
  if (holder == FIN_HOLDER_ORPHAN) return "closed by the server; the kernel says farewell";
  switch (state) {
    case FIN_TCP_ESTABLISHED:
      return "a FIN of its client has not been reached";
    case FIN_TCP_CLOSE_WAIT:
      return "its client has left, the server has not closed";
    case FIN_TCP_FIN_WAIT1:
    case FIN_TCP_CLOSING:
    case FIN_TCP_LAST_ACK:
      return "the server's FIN is not acknowledged";
    case FIN_TCP_FIN_WAIT2:
      return "the server has sent FIN and waits for one";
    default:
      return "";
  }
}

const struct watch_result *words_watch(const struct report *report) {
  static const struct watch_result nothing = {.idle_cpu = -1};
  return report->watch ? report->watch : &nothing;
}

uint32_t words_sockets(const struct report *report, const struct watch_sample *sample,
                       fin_tcp_state state, fin_holder holder) {
  if (words_watch(report)->local) return sample->sockets[state][holder];
  return holder == FIN_HOLDER_OWNED ? sample->clients[state] : 0;
}

size_t words_leftovers(const struct report *report,
                       struct words_leftover list[WORDS_LEFTOVERS_MAX]) {
  const struct watch_result *watch = words_watch(report);
  size_t count = 0;
  for (fin_holder holder = FIN_HOLDER_OWNED; holder < FIN_HOLDER_COUNT; holder++)
    for (fin_tcp_state state = FIN_TCP_ESTABLISHED; state < FIN_TCP_STATE_COUNT; state++) {
      struct words_leftover line = {
          .state = state,
          .holder = holder,
          .name = fin_tcp_state_name(state),
          .before = words_sockets(report, &watch->before, state, holder),
          .measured = words_sockets(report, &watch->measured, state, holder),
          .after = words_sockets(report, &watch->after, state, holder),
      };
      line.bad = watch->local && holder == FIN_HOLDER_OWNED && line.after > line.before;
      line.meaning = watch->local ? meaning(state, holder, line.bad) : "";
      if (line.before + line.measured + line.after > 0) list[count++] = line;
    }
  return count;
}

bool words_left_over(const struct report *report) {
  double sockets = 0, descriptors = 0;
  words_value(report, "leftover.owned", &sockets);
  words_value(report, "leftover.descriptors", &descriptors);
  return sockets + descriptors > 0;
}

static bool spins(const struct report *report) {
  double idle;
  return words_value(report, "server.idle_cpu", &idle) && idle >= WORDS_IDLE_CPU_BAD;
}

bool words_is_bad(const struct report *report) { return words_left_over(report) || spins(report); }

/* ---- the verdict ---- */

static const char *unseen(const struct watch_result *watch, char text[WORDS_MAX]) {
  if (watch->series_count == 0 && watch->error == 0)
    snprintf(text, WORDS_MAX, "Nobody looked at what the server holds.");
  else if (watch->error != 0)
    snprintf(text, WORDS_MAX,
             "What the server holds is not known: the kernel's sockets could not "
             "be counted (%s).",
             strerror(watch->error));
  else
    snprintf(text, WORDS_MAX,
             "The server is on another machine: what it holds and what it costs "
             "cannot be seen from here. Ask finale census there.");
  return text;
}

static const char *plural(double count) { return count == 1 ? "" : "s"; }

/* Adds a sentence to others. */
static void say(char text[WORDS_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(char text[WORDS_MAX], const char *format, ...) {
  size_t len = strlen(text);
  if (len > 0 && len + 1 < WORDS_MAX) text[len++] = ' ';
  va_list values;
  va_start(values, format);
  vsnprintf(text + len, WORDS_MAX - len, format, values);
  va_end(values);
}

static void say_left_over(const struct report *report, char text[WORDS_MAX]) {
  double sockets = 0, descriptors = 0, slope = 0;
  char a[32], b[32] = "", c[32];
  words_value(report, "leftover.owned", &sockets);
  words_value(report, "leftover.per_1000", &slope);
  if (words_value(report, "leftover.descriptors", &descriptors))
    snprintf(b, sizeof b, " and %s descriptor%s", report_format(REPORT_COUNT, descriptors, a),
             plural(descriptors));
  say(text, "The server holds %s socket%s%s more than before, though every client has left:",
      report_format(REPORT_COUNT, sockets, a), plural(sockets), b);
  if (slope > 0)
    say(text, "%s more for every 1,000 connections.", report_format(REPORT_COUNT, slope, c));
  else
    say(text, "no more than when the warm-up was over.");
}

/* It is no word on the server, but on what may be said of it. */
static void say_limit(const struct report *report, char text[WORDS_MAX]) {
  double busy;
  char figure[32];
  if (words_value(report, "generator.cpu", &busy) && busy > WORDS_GENERATOR_BUSY)
    say(text,
        "The generator was the limit, busy for %s of its time: latencies and rates are its own.",
        words_figure(report, "generator.cpu", figure));
}

static const char *verdict(const struct report *report, char text[WORDS_MAX]) {
  const struct watch_result *watch = words_watch(report);
  char figure[32];
  double settle;
  text[0] = '\0';
  if (!watch->local) return unseen(watch, text);
  if (words_left_over(report)) {
    say_left_over(report, text);
  } else {
    say(text, "Nothing is left over: the server holds no more than before.");
  }
  if (spins(report))
    say(text, "It spins: with nothing to do it takes %s of a processor.",
        words_figure(report, "server.idle_cpu", figure));
  if (watch->processes == 0)
    say(text, "Its processes are somebody else's: descriptors, memory and CPU time are not known.");
  if (!watch->settled) say(text, "The watch ended before the server was seen at rest.");
  if (words_value(report, "settle", &settle) && settle > 0)
    say(text, "The last change was %s after the load.", words_figure(report, "settle", figure));
  return text;
}

const char *words_verdict(const struct report *report, char text[WORDS_MAX]) {
  verdict(report, text);
  say_limit(report, text);
  return text;
}
