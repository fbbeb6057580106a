/* SPDX-License-Identifier: MIT */
#include "support/wrk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/scratch.h"
#include "support/server_process.h"

/* A script without `request` does not slow wrk down: it is asked for its request once. */
static const char report[] =
    "function done(summary)\n"
    "  local e = summary.errors\n"
    "  print(string.format('figures %d %d %d %d', summary.requests, summary.bytes,\n"
    "    summary.duration, e.connect + e.read + e.write + e.status + e.timeout))\n"
    "end\n";
static const char requests[] =
    "local batches, at = {}, 0\n"
    "function init()\n"
    "  for i = 1, 256 do\n"
    "    batches[i] = ''\n"
    "    for k = 1, %u do\n"
    "      batches[i] = batches[i] .. wrk.format(nil, '/' .. (%s and '?' .. i * 1000 + k or ''))\n"
    "    end\n"
    "  end\n"
    "end\n"
    "function request() at = at %% 256 + 1; return batches[at] end\n";

static char *write_script(const struct wrk_load *load) {
  char text[2048];
  int len = 0;
  if (load->pipeline > 1 || load->vary)
    len = snprintf(text, sizeof text, requests, load->pipeline, load->vary ? "true" : "false");
  snprintf(text + len, sizeof text - (size_t)len, "%s", report);
  return scratch_write("wrk.lua", text);
}

struct wrk_figures wrk_run(uint16_t port, const struct wrk_load *load) {
  char *program = find_program("wrk");
  if (!program) bench_fail("wrk is not installed; on Debian: apt-get install wrk");
  char *script = write_script(load), *command, line[256];
  if (asprintf(&command, "exec '%s' -t1 -c%u -d%us -s '%s' http://127.0.0.1:%u/ 2>&1", program,
               load->connections, load->seconds, script, port) < 0)
    bench_fail("no memory");
  FILE *output = popen(command, "r");
  if (!output) bench_fail("cannot run wrk");

  struct wrk_figures figures = {0};
  uint64_t microseconds = 0, errors = 0;
  bool reported = false;
  char said[4096] = "";
  while (fgets(line, sizeof line, output)) {
    strncat(said, line, sizeof said - strlen(said) - 1);
    if (sscanf(line, "figures %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &figures.requests,
               &figures.bytes, &microseconds, &errors) == 4)
      reported = true;
  }
  if (pclose(output) != 0 || !reported || errors > 0 || figures.requests == 0)
    bench_fail("wrk failed, or saw errors:\n%s", said);
  figures.seconds = (double)microseconds / 1e6;
  free(program);
  free(command);
  free(script);
  return figures;
}
