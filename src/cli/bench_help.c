/* SPDX-License-Identifier: MIT
 *
 * `finale bench --help`: what there is, from the tables that say so.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"

enum { WIDTH = 80, NAME_COLUMN = 2, TEXT_COLUMN = 15 };

/* `text` from `column` on, where the line is already, in as many lines as it takes. */
static void wrap(const char *text, int column) {
  int at = column;
  while (*text) {
    int len = (int)strcspn(text, " ");
    if (at > column && at + 1 + len > WIDTH) {
      printf("\n%*s", column, "");
      at = column;
    }
    at += printf("%s%.*s", at > column ? " " : "", len, text);
    text += len;
    text += *text == ' ';
  }
  putchar('\n');
}

static void entry(const char *name, int column, const char *text) {
  int used = printf("%*s%s", NAME_COLUMN, "", name);
  if (used >= column) used = printf("\n") - 1;
  printf("%*s", column - used, "");
  wrap(text, column);
}

static void manner(const char *name, const char *does, const char *must) {
  char text[256];
  snprintf(text, sizeof text, "%s. The server must %s.", does, must);
  entry(name, TEXT_COLUMN, text);
}

static void metrics(void) {
  enum { COLUMN = 28 };
  for (size_t i = 0; i < report_metric_count; i++)
    entry(report_metrics[i].key, COLUMN, report_metrics[i].help);
}

static void targets(void) {
  puts(
      "Usage: finale bench [TARGET] [OPTION...]\n"
      "       finale bench merge FILE... [--histogram OUT] [--json]\n"
      "       finale bench compare --help\n"
      "\n"
      "Puts load on a TCP server, checks every reply, and counts the sockets that it\n"
      "still holds when all clients have left.\n"
      "\n"
      "TARGET is one of:\n"
      "  http://HOST:PORT/PATH    GET; status, length and framing are checked\n"
      "  echo://HOST:PORT         every byte comes back; each is compared\n"
      "  line://HOST:PORT         a line is answered with a line\n"
      "  tcp://HOST:PORT          nothing is said: for connect and idle\n"
      "Without one, finale serve is started on the first processor and the load runs\n"
      "on the last; --protocol http, echo, line or tcp chooses what it speaks.");
}

int bench_help(void) {
  targets();
  puts("\n--workload NAME: what is done (keepalive).");
#define WORKLOAD(name, text, help) entry(text, TEXT_COLUMN, help);
  LOAD_WORKLOADS(WORKLOAD)
#undef WORKLOAD
  puts(
      "\n--mix NAME=PERCENT,...: clients that come again and again, each time with one of\n"
      "these manners. 100 in all, as in polite=70,reset=20,silent=10.");
#define MANNER(name, text, does, must) manner(text, does, must);
  LOAD_MANNERS(MANNER)
#undef MANNER
  puts("\nHow much:");
  cli_flags_help(bench_amount_flags, stdout);
  puts("  --cpu N                   processor of the first thread, the others after it");
  puts("\nHow:");
  puts("  --closer WHO              churn: who closes, client or server (client)");
  cli_flags_help(bench_manner_flags, stdout);
  puts("\nWhat comes of it; without these, a table:");
  cli_flags_help(bench_output_flags, stdout);
  puts(
      "\nA TIME has a unit (500us, 5ms, 10s, 1m), N may have k or m (20k), a SIZE too.\n"
      "\n"
      "--expect GATE: must hold, as in 'p99<5ms', 'errors==0', 'rate>=20k',\n"
      "'leftover.close_wait==0', 'server.idle_cpu<5%'; may be repeated. Compared with\n"
      "< <= == != >= > are:");
  metrics();
  puts(
      "\n"
      "SIGINT or SIGTERM ends the load, and what it showed until then is reported; a\n"
      "second one does not wait for what is left over.\n"
      "\n"
      "Exit status: 0 if there was any answer and every gate holds, 1 if not, 2 for\n"
      "wrong usage or a dead target.");
  return 0;
}
