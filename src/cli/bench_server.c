/* SPDX-License-Identifier: MIT
 *
 * The server that `finale bench` starts if it is given no target: this program, `serve`, in a
 * process of its own on the first processor.
 */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "cli.h"

static const char *const names[LOAD_PROTOCOL_COUNT] = {
    [LOAD_HTTP] = "http", [LOAD_ECHO] = "echo", [LOAD_LINE] = "line", [LOAD_TCP] = "echo"};

int bench_server_begin(struct process *server, struct bench *bench) {
  static char self[4096], target[64];
  char why[PROCESS_WHY_MAX], no_target[LOAD_WHY_MAX];
  ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
  if (len <= 0)
    return cli_fail("no server: /proc is not there; give a target, as http://HOST:PORT");
  self[len] = '\0';
  const char *const argv[] = {self,       "serve",       names[bench->protocol],
                              "--listen", "127.0.0.1:0", NULL};
  int first_cpu, last_cpu;
  process_find_cpus(&first_cpu, &last_cpu);
  const struct process_start start = {
      .argv = argv,
      .cpu = first_cpu == last_cpu ? -1 : first_cpu, /* a single one is for whoever needs it */
  };
  if (!process_begin(server, &start, why)) return cli_fail("%s", why);
  snprintf(target, sizeof target, "%s://127.0.0.1:%u", load_protocol_name(bench->protocol),
           server->port);
  bench->target = target;
  return load_target_parse(target, &bench->load.target, no_target) ? 0 : cli_fail("%s", no_target);
}

int bench_server_end(struct process *server) {
  if (server->pid == 0) return 0;
  int status = process_end(server);
  if (status == 0) return 0;
  if (status < 0)
    cli_fail("the server that was started for this was killed; see what it said");
  else
    cli_fail("the server that was started for this ended with status %d; see what it said", status);
  return 1;
}
