/* SPDX-License-Identifier: MIT */
#include "support/callgrind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/scratch.h"

static char *output_path;

const char *const *callgrind_prefix(void) {
  static char *output;
  static const char *prefix[] = {NULL, "-q", "--tool=callgrind", NULL, NULL};
  prefix[0] = find_program("valgrind");
  if (!prefix[0]) return NULL;
  if (!output) {
    output_path = scratch_path("callgrind");
    if (asprintf(&output, "--callgrind-out-file=%s", output_path) < 0) bench_fail("no memory");
    prefix[3] = output;
  }
  return prefix;
}

uint64_t callgrind_stop(struct server_process *server) {
  server_process_stop(server);
  FILE *file = fopen(output_path, "r");
  if (!file) bench_fail("valgrind wrote nothing: %s", strerror(errno));
  uint64_t total = 0;
  char line[4096];
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "totals: %" SCNu64, &total) == 1) break;
  fclose(file);
  remove(output_path);
  if (total == 0) bench_fail("no total in what valgrind wrote");
  return total;
}
