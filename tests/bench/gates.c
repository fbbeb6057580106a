/* SPDX-License-Identifier: MIT
 *
 * Gates: what may be written, what is said of what may not, and which of them hold. The metrics,
 * and how figures are written.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "report/report.h"

/* ---- reading ---- */

static const struct {
  const char *text, *key;
  enum report_operator relation;
  double value;
} good[] = {
    {"p99<5ms", "p99", REPORT_LT, 5e6},
    {"p99<=5ms", "p99", REPORT_LE, 5e6},
    {" p99 < 5 ms ", "p99", REPORT_LT, 5e6},
    {"p999 > 250us", "p999", REPORT_GT, 250e3},
    {"max<1.5s", "max", REPORT_LT, 1.5e9},
    {"mean>=100ns", "mean", REPORT_GE, 100},
    {"p50!=0", "p50", REPORT_NE, 0},
    {"settle<2s", "settle", REPORT_LT, 2e9},
    {"errors==0", "errors", REPORT_EQ, 0},
    {"errors.truncated==0", "errors.truncated", REPORT_EQ, 0},
    {"leftover.close_wait == 0", "leftover.close_wait", REPORT_EQ, 0},
    {"leftover.per_1000<0.5", "leftover.per_1000", REPORT_LT, 0.5},
    {"requests>=1m", "requests", REPORT_GE, 1e6},
    {"rate>=20k", "rate", REPORT_GE, 20e3},
    {"rate>=1.5k", "rate", REPORT_GE, 1500},
    {"bytes.in>1g", "bytes.in", REPORT_GT, 1024.0 * 1024 * 1024},
    {"server.rss<64m", "server.rss", REPORT_LT, 64.0 * 1024 * 1024},
    {"server.memory_per_connection<=480", "server.memory_per_connection", REPORT_LE, 480},
    {"server.idle_cpu<5%", "server.idle_cpu", REPORT_LT, 5},
    {"server.idle_cpu<5", "server.idle_cpu", REPORT_LT, 5},
    {"server.cpu < 99.5 %", "server.cpu", REPORT_LT, 99.5},
    {"server.cpu_per_request<10us", "server.cpu_per_request", REPORT_LT, 10e3},
};

Test(gates, good) {
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char why[LOAD_WHY_MAX] = "";
    struct report_gate gate;
    cr_assert(report_gate_parse(good[i].text, &gate, why), "%s", why);
    cr_expect_str_eq(gate.text, good[i].text);
    cr_expect_str_eq(gate.metric->key, good[i].key, "%s", good[i].text);
    cr_expect_eq(gate.bound.relation, good[i].relation, "%s", good[i].text);
    cr_expect_float_eq(gate.bound.value, good[i].value, 1e-9 * good[i].value, "%s: %g",
                       good[i].text, gate.bound.value);
  }
}

/* Each with what must be said of it. */
static const struct {
  const char *text, *said;
} bad[] = {
    {"", "begins with no metric"},
    {"<5ms", "begins with no metric"},
    {"P99<5ms", "begins with no metric"},
    {"p9<5ms", "no metric 'p9'; is it 'p9"},
    {"p99.9<5ms", "is it 'p999'?"},
    {"error==0", "is it 'errors'?"},
    {"close_wait==0", "is it 'leftover.close_wait'?"},
    {"leftover.closewait==0", "is it 'leftover.close_wait'?"},
    {"leftovers.close_wait==0", "is it 'leftover.close_wait'?"},
    {"idle_cpu<5%", "is it 'server.idle_cpu'?"},
    {"throughput>5", "see finale bench --help"},
    {"p99", "behind p99 comes one of < <= == != >= >"},
    {"p99 5ms", "behind p99 comes one of"},
    {"errors=0", "behind errors comes one of < <= == != >= >, not '=0'"},
    {"errors=>0", "behind errors comes one of"},
    {"p99<", "a time with its unit"},
    {"p99<5", "a time with its unit (ns, us, ms, s), as 5ms, not '5'"},
    {"p99<5m", "a time with its unit"},
    {"p99<5%", "a time with its unit"},
    {"p99<5ms or so", "a time with its unit"},
    {"p99<-5ms", "a time with its unit"},
    {"p99<==5ms", "a time with its unit"},
    {"p99<nan", "a time with its unit"},
    {"p99<infs", "a time with its unit"},
    {"errors==zero", "errors is a number"},
    {"errors==0ms", "errors is a number"},
    {"errors<1e3", "errors is a number"},
    {"errors<0x10", "errors is a number"},
    {"errors<1.2.3", "errors is a number"},
    {"errors<1 000", "errors is a number"},
    {"rate>20K", "rate is a number"},
    {"rate>20k/s", "rate is a number"},
    {"server.rss<64mb", "server.rss is bytes"},
    {"server.idle_cpu<5ms", "server.idle_cpu is a percentage, as 5%, not '5ms'"},
    {"p99<5ms,errors==0", "a time with its unit"},
};

Test(gates, bad) {
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char why[LOAD_WHY_MAX] = "";
    struct report_gate gate;
    cr_expect_not(report_gate_parse(bad[i].text, &gate, why), "%s", bad[i].text);
    cr_expect_not_null(strstr(why, bad[i].said), "%s: %s", bad[i].text, why);
    cr_expect_null(strchr(why, '\n'), "%s: %s", bad[i].text, why);
    cr_expect_not_null(strstr(why, bad[i].text), "%s does not name it", why);
  }
}

Test(gates, longer_than_any_message) {
  char text[4 * LOAD_WHY_MAX], why[LOAD_WHY_MAX];
  struct report_gate gate;
  memset(text, 'p', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  cr_expect_not(report_gate_parse(text, &gate, why));
  cr_expect_lt(strlen(why), LOAD_WHY_MAX);
  memcpy(text, "errors==", 8);
  cr_expect_not(report_gate_parse(text, &gate, why));
  memset(text + 8, '9', sizeof text - 9);
  report_gate_parse(text, &gate, why);
}

/* ---- checking ---- */

struct shown { /* a report, and what it is about */
  struct load_options options;
  struct load_result load;
  struct watch_result watch;
  struct report report;
};

static void shown_init(struct shown *shown) {
  memset(shown, 0, sizeof *shown);
  shown->load.seconds = 2;
  shown->load.counts = (struct load_counts){
      .requests = 1000, .bytes_in = 64000, .errors = {.truncated = 3, .late = 2}};
  shown->load.connections = 400;
  shown->load.cpu_ns = 5000000;
  for (unsigned i = 1; i <= 100; i++) histogram_add(&shown->load.latency, i * 1000000);
  shown->watch = (struct watch_result){
      .local = true, .processes = 2, .settled = true, .settle_seconds = 0.25, .idle_cpu = 0.02};
  shown->watch.before.descriptors = 10;
  shown->watch.after.descriptors = 14;
  shown->watch.after.connections = 400;
  shown->watch.before.sockets[FIN_TCP_CLOSE_WAIT][FIN_HOLDER_OWNED] = 1;
  shown->watch.after.sockets[FIN_TCP_CLOSE_WAIT][FIN_HOLDER_OWNED] = 3;
  shown->watch.after.sockets[FIN_TCP_TIME_WAIT][FIN_HOLDER_TIME_WAIT] = 7;
  shown->watch.measure = (struct watch_sample){.seconds = 1, .cpu_ns = 100000000};
  shown->watch.measured = (struct watch_sample){.seconds = 3, .cpu_ns = 600000000};
  shown->report =
      (struct report){.options = &shown->options, .load = &shown->load, .watch = &shown->watch};
}

static bool check(const struct shown *shown, const char *text, char said[LOAD_WHY_MAX]) {
  char why[LOAD_WHY_MAX];
  struct report_gate gate;
  cr_assert(report_gate_parse(text, &gate, why), "%s", why);
  return report_gate_check(&gate, &shown->report, said);
}

Test(gates, those_that_hold) {
  static const char *const texts[] = {
      "rate==500",
      "rate<=500",
      "rate>=500",
      "rate<501",
      "rate>499",
      "rate!=501",
      "requests==1k",
      "connections==400",
      "bytes.in==32000",
      "errors==5",
      "errors.truncated==3",
      "errors.lost==0",
      "replies.whole==1000",
      "replies.truncated==3",
      "max==100ms",
      "p50>=50ms",
      "p50<50.1ms",
      "p99<99.2ms",
      "leftover.close_wait==2",
      "leftover.owned==2",
      "leftover.descriptors==4",
      "leftover.per_1000==10",
      "leftover.time_wait==7",
      "leftover.orphan==0",
      "server.cpu==25%",
      "server.cpu_per_request==500us",
      "server.idle_cpu==2%",
      "settle==250ms",
      "generator.cpu_per_request==5us",
      "generator.cpu==0.25%",
  };
  static struct shown shown;
  char said[LOAD_WHY_MAX];
  shown_init(&shown);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    cr_expect(check(&shown, texts[i], said), "%s", said);
    cr_expect(strncmp(said, "wanted ", 7) == 0 && strstr(said, texts[i]), "%s", said);
  }
}

Test(gates, those_that_do_not) {
  static const struct {
    const char *text, *said;
  } cases[] = {
      {"rate<500", "wanted rate<500: rate is 500/s"},
      {"rate>500", "wanted rate>500: rate is 500/s"},
      {"rate!=500", "wanted rate!=500: rate is 500/s"},
      {"rate==501", "wanted rate==501: rate is 500/s"},
      {"max<5ms", "wanted max<5ms: max is 100 ms"},
      {"leftover.close_wait==0", "wanted leftover.close_wait==0: leftover.close_wait is 2"},
      {"connect.p99<1s",
       "wanted connect.p99<1s: connect.p99 is not known: this load has not shown it"},
      {"server.memory_per_connection<1k",
       "wanted server.memory_per_connection<1k: server.memory_per_connection is not known: "
       "this load has not shown it"},
  };
  static struct shown shown;
  char said[LOAD_WHY_MAX];
  shown_init(&shown);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cr_expect_not(check(&shown, cases[i].text, said), "%s", cases[i].text);
    cr_expect_str_eq(said, cases[i].said, "%s", said);
  }
}

/* What is not known holds in neither direction. */
Test(gates, what_is_not_known) {
  static const char *const texts[] = {"leftover.close_wait==0", "leftover.close_wait!=0",
                                      "server.rss<1g", "server.rss>=0", "settle<10s"};
  static struct shown shown;
  char said[LOAD_WHY_MAX];
  shown_init(&shown);
  for (unsigned step = 0; step < 3; step++) {
    if (step == 1) shown.watch.error = 24; /* EMFILE */
    if (step == 2) shown.report.watch = NULL;
    shown.watch.local = false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
      cr_expect_not(check(&shown, texts[i], said), "%s", texts[i]);
      cr_expect_not_null(strstr(said, "is not known: "), "%s", said);
    }
  }
}

/* ---- metrics ---- */

Test(gates, every_metric_has_a_name_of_its_own_and_can_be_asked) {
  static struct shown shown, empty;
  static const struct watch_result nothing = {.local = true, .processes = 1};
  shown_init(&shown);
  empty.report = (struct report){.options = &empty.options, .load = &empty.load, .watch = &nothing};
  for (size_t i = 0; i < report_metric_count; i++) {
    const struct report_metric *metric = &report_metrics[i];
    double value = 0;
    cr_expect_eq(report_metric_find(metric->key, strlen(metric->key)), metric, "%s", metric->key);
    cr_expect_gt(strlen(metric->help), 0);
    if (metric->get(&empty.report, &value)) {
      cr_expect(value - value == 0, "%s is %g of an empty load", metric->key, value);
    }
    metric->get(&shown.report, &value);
    cr_expect(value - value == 0, "%s is %g", metric->key, value);
  }
  cr_expect_null(report_metric_find("p9", 2));
  cr_expect_null(report_metric_find("p99x", 4));
  cr_expect_not_null(report_metric_find("p99<5ms", 3));
}

Test(gates, memory_per_connection) {
  static struct shown shown;
  char said[LOAD_WHY_MAX];
  shown_init(&shown);
  shown.options.workload = LOAD_IDLE_WORKLOAD;
  shown.options.connections = LOAD_IDLE_WARM + 1000;
  shown.watch.warm.anonymous_bytes = 1 << 20;
  shown.watch.measure.anonymous_bytes = (1 << 20) + 400000;
  cr_expect(check(&shown, "server.memory_per_connection==400", said), "%s", said);
  shown.options.connections = LOAD_IDLE_WARM;
  cr_expect_not(check(&shown, "server.memory_per_connection==400", said));
}

/* With a mix, replies are those that the visitors were owed. */
Test(gates, replies_of_a_mix) {
  static struct shown shown;
  char said[LOAD_WHY_MAX];
  shown_init(&shown);
  shown.load.visits[LOAD_POLITE] = (struct load_visits){.visits = 3, .whole = 30};
  shown.load.visits[LOAD_HALF_CLOSE] =
      (struct load_visits){.visits = 3, .whole = 1, .truncated = 1, .lost = 1};
  cr_expect(check(&shown, "replies.whole==31", said), "%s", said);
  cr_expect(check(&shown, "replies.truncated==1", said), "%s", said);
  cr_expect(check(&shown, "replies.lost==1", said), "%s", said);
}

Test(gates, figures_as_they_are_written) {
  static const struct {
    enum report_unit unit;
    double value;
    const char *text;
  } cases[] = {
      {REPORT_COUNT, 0, "0"},
      {REPORT_COUNT, 999, "999"},
      {REPORT_COUNT, 1000, "1,000"},
      {REPORT_COUNT, 12345, "12,345"},
      {REPORT_COUNT, 1234567, "1,234,567"},
      {REPORT_COUNT, 0.5, "0.50"},
      {REPORT_COUNT, 10.25, "10.2"},
      {REPORT_COUNT, 12345.6, "12,346"},
      {REPORT_COUNT, -1500, "-1,500"},
      {REPORT_PER_SECOND, 48211.4, "48,211/s"},
      {REPORT_TIME, 0, "0 ns"},
      {REPORT_TIME, 850, "850 ns"},
      {REPORT_TIME, 999.7, "1.00 us"},
      {REPORT_TIME, 12340, "12.3 us"},
      {REPORT_TIME, 1250000, "1.25 ms"},
      {REPORT_TIME, 999960000, "1.00 s"},
      {REPORT_TIME, 3e11, "300 s"},
      {REPORT_BYTES, 404, "404 B"},
      {REPORT_BYTES, -12, "-12 B"},
      {REPORT_BYTES, 3355443, "3.20 MiB"},
      {REPORT_BYTES, 1024, "1.00 KiB"},
      {REPORT_PERCENT, 99.9, "99.9%"},
      {REPORT_PERCENT, 0.25, "0.25%"},
      {REPORT_PERCENT, 0, "0%"},
      {REPORT_PERCENT, 187.4, "187%"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[32];
    cr_expect_str_eq(report_format(cases[i].unit, cases[i].value, text), cases[i].text, "%g: %s",
                     cases[i].value, text);
  }
}
