/* SPDX-License-Identifier: MIT */
#include "support/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/server_process.h"

static char directory[4096];

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw) {
  (void)info;
  (void)type;
  (void)ftw;
  return remove(path);
}

static void remove_all(void) { nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

char *scratch_path(const char *name) {
  if (!*directory) {
    const char *parent = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/finale-bench.XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(directory)) bench_fail("%s: %s", directory, strerror(errno));
    atexit(remove_all);
  }
  char *path;
  if (asprintf(&path, "%s/%s", directory, name) < 0) bench_fail("no memory");
  return path;
}

char *scratch_write(const char *name, const char *text) {
  char *path = scratch_path(name);
  FILE *file = fopen(path, "w");
  if (!file || fputs(text, file) < 0 || fclose(file)) bench_fail("%s: %s", path, strerror(errno));
  return path;
}
