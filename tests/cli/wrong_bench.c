/* SPDX-License-Identifier: MIT
 *
 * Wrong input for `finale bench`: nothing is started, nothing is written.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "wrong.h"

Test(wrong_bench, options) {
  WRONG_CHECK_ALL(
      {{"bench", "--bogus"}, "'--bogus'", "finale bench --help"},
      {{"bench", "-c", "5"}, "'-c'", "finale bench --help"},
      {{"bench", "--conns"}, "'--conns'", "needs a value"},
      {{"bench", "--conns", "0"}, "--conns 0", "use 1 to 1000000"},
      {{"bench", "--conns", "-1"}, "--conns -1", "20k"},
      {{"bench", "--conns", "many"}, "--conns many", "20k"},
      {{"bench", "--conns", "2m"}, "--conns 2m", "use 1 to 1000000"},
      {{"bench", "--duration", "5"}, "--duration 5", "500ms, 5s, 1m"},
      {{"bench", "--duration", "0s"}, "--duration 0s", "use 1ms to 24d"},
      {{"bench", "--requests", "0"}, "--requests 0", "use 1 to"},
      {{"bench", "--requests", "1.5k"}, "--requests 1.5k", "20k"},
      {{"bench", "--warmup", "-1s"}, "--warmup -1s", "negative; write"},
      {{"bench", "--warmup", "1"}, "--warmup 1", "500ms, 5s, 1m"},
      {{"bench", "--rate", "fast"}, "--rate fast", "20k"},
      {{"bench", "--rate", "0"}, "--rate 0", "use 1 to"},
      {{"bench", "--threads", "0"}, "--threads 0", "use 1 to"},
      {{"bench", "--sources", "0"}, "--sources 0", "use 1 to"},
      {{"bench", "--cpu", "5000"}, "--cpu 5000", "from 0 to 1023"},
      {{"bench", "--cpu", "1023"}, "--cpu 1023", "see taskset"},
      {{"bench", "--depth", "0"}, "--depth 0", "use 1 to"},
      {{"bench", "--size", "0"}, "--size 0", "use 1 to"},
      {{"bench", "--size", "big"}, "--size big", "64k, 1m"},
      {{"bench", "--bound", "5"}, "--bound 5", "500us, 5ms, 1s"},
      {{"bench", "--bound", "5s"}, "--bound 5s", "use 1us to 4s"},
      {{"bench", "--timeout", "never"}, "--timeout never", "30s"},
      {{"bench", "--settle", "never"}, "--settle never", "30s"},
      {{"bench", "--closer", "both"}, "--closer both", "client or server"},
      {{"bench", "--workload", "bogus"}, "--workload bogus", "keepalive, pipeline"},
      {{"bench", "--protocol", "gopher"}, "--protocol gopher", "http, echo, line or tcp"},
      {{"bench", "--json=yes"}, "'--json=yes'", "write --json"},
      {{"bench", "--any-length=1"}, "'--any-length=1'", "write --any-length"},
      {{"bench", "--html"}, "'--html'", "needs a value"},
      {{"bench", "--histogram"}, "'--histogram'", "needs a value"},
      {{"bench", "--html", "/no/such/page"}, "--html /no/such/page: No", "can be written"},
      {{"bench", "--histogram", "/"}, "--histogram /: Is a directory", "can be written"});
}

Test(wrong_bench, what_does_not_go_together) {
  WRONG_CHECK_ALL(
      {{"bench", "--requests", "5", "--duration", "1s"}, "--requests and --duration", "leave one"},
      {{"bench", "--threads", "65"}, "--threads 65", "at most as many"},
      {{"bench", "--depth", "4"}, "--depth means nothing to --workload keepalive", "pipeline"},
      {{"bench", "--bound", "1ms"}, "--bound means nothing", "--workload ramp"},
      {{"bench", "--closer", "server"}, "--closer means nothing", "--workload churn"},
      {{"bench", "--rate=9", "--workload=stream"}, "--rate means nothing", "keepalive"},
      {{"bench", "--rate=9", "--workload=idle"}, "--rate means nothing", "keepalive"},
      {{"bench", "--rate=9", "--mix=polite=100"}, "--rate means nothing to --mix", "keepalive"},
      {{"bench", "--depth=9", "--mix=polite=100"}, "--depth means nothing to --mix", "pipeline"},
      {{"bench", "--requests=9", "--workload=ramp"}, "--requests means nothing", "--duration"},
      {{"bench", "--workload=churn", "--mix=silent=100"}, "--mix and --workload", "leave one out"},
      {{"bench", "http://127.0.0.1:1", "--protocol", "echo"}, "http://127.0.0.1:1", "leave it out"},
      {{"bench", "http://127.0.0.1:1", "tcp://127.0.0.1:1"}, "'tcp://127.0.0.1:1'", "leave one"});
}

Test(wrong_bench, mixes) {
  WRONG_CHECK_ALL(
      {{"bench", "--mix"}, "'--mix'", "needs a value"},
      {{"bench", "--mix", "rude=100"}, "unknown manner 'rude'", "polite, half-close, reset"},
      {{"bench", "--mix", "polit=100"}, "unknown manner 'polit'", "polite, half-close, reset"},
      {{"bench", "--mix", ""}, "unknown manner ''", "polite, half-close, reset"},
      {{"bench", "--mix", "polite=50,,reset=50"}, "unknown manner ''", "polite, half-close, reset"},
      {{"bench", "--mix", "polite=50,reset=50,"}, "unknown manner ''", "polite, half-close, reset"},
      {{"bench", "--mix", "polite=70,reset=29"}, "make 99, not 100", "give the rest"},
      {{"bench", "--mix", "polite=70,reset=31"}, "make 101, not 100", "take what is too much"},
      {{"bench", "--mix", "polite"}, "'polite' is not a share", "polite=5"},
      {{"bench", "--mix", "polite,reset=100"}, "'polite' is not a share", "polite=5"},
      {{"bench", "--mix", "polite="}, "'polite=' is not a share", "polite=5"},
      {{"bench", "--mix", "polite=0,reset=100"}, "'polite=0' is not", "polite=5"},
      {{"bench", "--mix", "polite=101"}, "'polite=101' is not", "polite=5"},
      {{"bench", "--mix", "polite=4294967396"}, "'polite=4294967396' is not", "polite=5"},
      {{"bench", "--mix", "polite=-5"}, "'polite=-5' is not", "polite=5"},
      {{"bench", "--mix", "polite=50%,reset=50%"}, "'polite=50%' is not", "polite=5"},
      {{"bench", "--mix", "polite=50,polite=50"}, "polite is there twice", "leave one"});
}

Test(wrong_bench, gates) {
  WRONG_CHECK_ALL({{"bench", "--expect"}, "'--expect'", "needs a value"},
                  {{"bench", "--expect", ""}, "--expect", "p99<5ms"},
                  {{"bench", "--expect", "bogus<5"}, "'bogus", "finale bench --help"},
                  {{"bench", "--expect", "close_wait==0"}, "'close_wait'", "leftover.close_wait"},
                  {{"bench", "--expect", "p99"}, "'p99'", "<="},
                  {{"bench", "--expect", "p99<"}, "'p99<'", "5ms"},
                  {{"bench", "--expect", "p99<5"}, "'p99<5'", "5ms"},
                  {{"bench", "--expect", "p99=5ms"}, "'p99=5ms'", "=="},
                  {{"bench", "--expect", "errors==0ms"}, "'errors==0ms'", "20k"},
                  {{"bench", "--expect", "errors==-1"}, "'errors==-1'", "20k"});
}

Test(wrong_bench, targets) {
  WRONG_CHECK_ALL({{"bench", "127.0.0.1:80"}, "127.0.0.1:80", "http://"},
                  {{"bench", "gopher://127.0.0.1:70"}, "gopher", "http://"},
                  {{"bench", "http://"}, "http://", "HOST"},
                  {{"bench", "echo://127.0.0.1"}, "echo://127.0.0.1", "PORT"},
                  {{"bench", "http://127.0.0.1:99999"}, "99999", "65535"},
                  {{"bench", "echo://127.0.0.1:0"}, "echo://127.0.0.1:0", "65535"},
                  {{"bench", "echo://127.0.0.1:x"}, "echo://127.0.0.1:x", "65535"});
}

Test(wrong_bench, more_connections_than_descriptors) {
  const struct rlimit limit = {.rlim_cur = 256, .rlim_max = 256};
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  wrong_check((const char *[]){"bench", "--conns", "193", NULL}, "--conns 193: only 256",
              "ulimit -Hn to 259");
}

/* ---- merge ---- */

Test(wrong_bench, merge) {
  WRONG_CHECK_ALL({{"bench", "merge"}, "no file", "finale bench merge FILE"},
                  {{"bench", "merge", "--bogus"}, "'--bogus'", "finale bench merge --help"},
                  {{"bench", "merge", "--json=1"}, "'--json=1'", "write --json"},
                  {{"bench", "merge", "--histogram"}, "'--histogram'", "needs a value"},
                  {{"bench", "merge", "/no/such"}, "/no/such: No", "--histogram"},
                  {{"bench", "merge", "/dev/null"}, "/dev/null: line 1", "--histogram"},
                  {{"bench", "merge", "/"}, "/: Is a directory", "Is a directory"});
}

Test(wrong_bench, merge_of_garbage) {
  char path[] = "/tmp/finale-bench-XXXXXX", line[64];
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  FILE *file = fdopen(fd, "w");
  fprintf(file, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n1.0 0.5 x 2.0\n");
  fclose(file);
  snprintf(line, sizeof line, "%s: line 3", path);
  wrong_check((const char *[]){"bench", "merge", path, NULL}, line, "--histogram");
  unlink(path);
}
