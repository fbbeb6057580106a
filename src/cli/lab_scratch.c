/* SPDX-License-Identifier: MIT
 *
 * What is built lies in a folder of its own until the command ends.
 */
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "lab.h"

int labs_scratch_make(char path[PATH_MAX]) {
  const char *base = getenv("TMPDIR");
  if (!base || !*base) base = "/tmp";
  if (labs_join(path, base, "finale-lab-XXXXXX") && mkdtemp(path)) return 0;
  cli_fail("%s: no folder can be made there: %s; set $TMPDIR to one that can be written in", base,
           strerror(errno));
  return 1;
}

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *at) {
  (void)file;
  (void)type;
  (void)at;
  remove(path);
  return 0;
}

void labs_scratch_remove(const char *path) { nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS); }
