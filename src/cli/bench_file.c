/* SPDX-License-Identifier: MIT
 *
 * Files that are written at the end and must be writable from the beginning.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "cli.h"

int bench_file_open(struct bench_file *file) {
  if (!file->path) return 0;
  const int flags = O_WRONLY | O_CLOEXEC;
  int fd = open(file->path, flags);
  if (fd < 0 && errno == ENOENT) {
    fd = open(file->path, flags | O_CREAT | O_EXCL, 0666);
    file->made = fd >= 0;
  }
  file->out = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (file->out) return 0;
  return cli_fail("%s %s: %s; give a file that can be written", file->option, file->path,
                  strerror(errno));
}

bool bench_file_is(const struct bench_file *file, const struct bench_file *other) {
  struct stat one, two;
  return file->out && other->out && fstat(fileno(file->out), &one) == 0 && S_ISREG(one.st_mode) &&
         fstat(fileno(other->out), &two) == 0 && one.st_dev == two.st_dev &&
         one.st_ino == two.st_ino;
}

FILE *bench_file_begin(struct bench_file *file) {
  /* A pipe or a terminal cannot be emptied, and need not be. */
  if (ftruncate(fileno(file->out), 0) < 0) errno = 0;
  file->made = false;
  return file->out;
}

int bench_file_end(struct bench_file *file, bool written) {
  FILE *out = file->out;
  file->out = NULL;
  bool failed = ferror(out) != 0;
  if (fclose(out) != 0 || failed) written = false;
  if (written) return 0;
  cli_fail("%s %s: it could not be written in full; is there room?", file->option, file->path);
  return 1;
}

void bench_file_drop(struct bench_file *file) {
  if (!file->out) return;
  fclose(file->out);
  if (file->made) unlink(file->path);
  file->out = NULL;
}
