/* SPDX-License-Identifier: MIT
 *
 * How a load was set, in words.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "report/words.h"

struct options_list {
  struct words_option *list;
  size_t count;
};

static void add(struct options_list *options, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add(struct options_list *options, const char *name, const char *format, ...) {
  if (options->count == WORDS_OPTIONS_MAX) return;
  struct words_option *option = &options->list[options->count++];
  va_list values;
  option->name = name;
  va_start(values, format);
  vsnprintf(option->text, sizeof option->text, format, values);
  va_end(values);
}

static void append(char text[WORDS_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void append(char text[WORDS_MAX], const char *format, ...) {
  size_t len = strlen(text);
  va_list values;
  va_start(values, format);
  vsnprintf(text + len, WORDS_MAX - len, format, values);
  va_end(values);
}

static const char *duration(uint32_t ms, char text[32]) {
  return report_format(REPORT_TIME, 1e6 * ms, text);
}

static const char *mix(const struct load_options *options, char text[WORDS_MAX]) {
  text[0] = '\0';
  for (enum load_manner i = 0; i < LOAD_MANNER_COUNT; i++)
    if (options->mix[i] > 0)
      append(text, "%s%u%% %s", text[0] != '\0' ? ", " : "", options->mix[i], load_manner_name(i));
  return text;
}

static bool has_size(const struct load_options *options) {
  enum load_protocol protocol = options->target.protocol;
  return protocol == LOAD_ECHO || protocol == LOAD_LINE;
}

/* Whether requests have their times, replies or none: as with --rate, and in every trial of a ramp.
 */
static bool is_open(const struct load_options *options) {
  return options->rate > 0 || options->workload == LOAD_RAMP_WORKLOAD;
}

/* ---- one by one ---- */

static void add_what(struct options_list *list, const struct load_options *options) {
  static const char *const help[] = {
#define HELP(name, text, help) help,
      LOAD_WORKLOADS(HELP)
#undef HELP
  };
  char text[WORDS_MAX], bytes[32];
  if (load_is_mixed(options)) {
    add(list, "mix of visits", "%s", mix(options, text));
  } else {
    add(list, "workload", "%s: %s", load_workload_name(options->workload), help[options->workload]);
  }
  if (options->workload == LOAD_PIPELINE_WORKLOAD)
    add(list, "depth", "%u requests at a time", options->depth);
  if (has_size(options))
    add(list, "size", "%s", report_format(REPORT_BYTES, (double)options->size, bytes));
  if (options->workload == LOAD_CHURN_WORKLOAD)
    add(list, "closes first", "%s", options->server_closes ? "the server" : "the client");
}

static void add_how_much(struct options_list *list, const struct load_options *options) {
  char a[32];
  add(list, "connections", "%s at a time", report_format(REPORT_COUNT, options->connections, a));
  if (options->workload == LOAD_RAMP_WORKLOAD)
    add(list, "bound", "99%% within %s", report_format(REPORT_TIME, options->bound_ns, a));
  if (options->rate > 0) {
    add(list, "rate", "%s, whether or not replies have come (open loop)",
        report_format(REPORT_PER_SECOND, options->rate, a));
  } else if (is_open(options)) {
    add(list, "rate", "what is looked for, whether or not replies have come (open loop)");
  } else {
    add(list, "rate", "as replies come (closed loop)");
  }
  if (options->requests > 0) {
    add(list, "requests", "%s", report_format(REPORT_COUNT, (double)options->requests, a));
  } else {
    add(list, "duration", "%s", duration(options->duration_ms, a));
  }
  if (options->warmup_ms > 0)
    add(list, "warm-up", "%s, not measured", duration(options->warmup_ms, a));
  add(list, "timeout", "%s for a reply or a connection", duration(options->timeout_ms, a));
}

static void add_from_where(struct options_list *list, const struct load_options *options) {
  add(list, "threads", "%u", options->threads);
  if (options->first_cpu >= 0)
    add(list, "processors", "threads run on %d and those after it", options->first_cpu);
  if (options->sources > 1) add(list, "sources", "%u addresses of 127.0.0.0/8", options->sources);
  if (options->vary) add(list, "requests", "each has another query than the one before");
  add(list, "replies", "%s",
      options->any_length ? "checked, of any length" : "checked, all of the same length");
}

size_t words_options(const struct load_options *options,
                     struct words_option list[WORDS_OPTIONS_MAX]) {
  struct options_list all = {.list = list};
  add_what(&all, options);
  add_how_much(&all, options);
  add_from_where(&all, options);
  return all.count;
}

/* ---- sentences ---- */

static const char *plural(unsigned count) { return count == 1 ? "" : "s"; }

const char *words_subject(const struct report *report, char text[WORDS_MAX]) {
  const struct load_options *options = report->options;
  char a[32];
  text[0] = '\0';
  append(text, "%s",
         load_is_mixed(options) ? "visits in many manners" : load_workload_name(options->workload));
  if (options->workload == LOAD_PIPELINE_WORKLOAD) append(text, " of %u", options->depth);
  append(text, ", %s connection%s", report_format(REPORT_COUNT, options->connections, a),
         plural(options->connections));
  append(text, ", %u thread%s", options->threads, plural(options->threads));
  if (options->rate > 0) {
    append(text, ", open loop at %s", report_format(REPORT_PER_SECOND, options->rate, a));
  } else {
    append(text, is_open(options) ? ", open loop" : ", closed loop");
  }
  append(text, ", %s", report_format(REPORT_TIME, 1e9 * report->load->seconds, a));
  return text;
}

const char *words_latency(const struct load_options *options) {
  if (is_open(options))
    return "Counted from when each request was due, so that a stall of the server is seen by every "
           "request that it delays.";
  if (!load_is_mixed(options) && words_connects(options))
    return "Counted from connect(): a stall of the server holds back, and hides, the connections "
           "behind it (--rate shows them).";
  return "Counted from when each request was sent: a stall of the server holds back, and hides, "
         "the requests behind it (--rate shows them).";
}
