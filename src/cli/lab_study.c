/* SPDX-License-Identifier: MIT
 *
 * A student's folder of one lab: the program, and a file `progress` with the hints seen and the
 * quiz.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "lab.h"

static const char progress[] = "progress";

bool labs_is_file(const char *path) {
  struct stat file;
  return stat(path, &file) == 0 && S_ISREG(file.st_mode) && access(path, R_OK) == 0;
}

int labs_study_read_at(struct labs_study *study, const char *path) {
  char file[PATH_MAX], line[128];
  *study = (struct labs_study){.hints = 0};
  if (strlen(path) >= sizeof study->path || !labs_join(file, path, progress))
    return cli_fail("%s: the path is too long", path);
  memcpy(study->path, path, strlen(path) + 1);
  if (access(file, F_OK) == 0 && !labs_is_file(file))
    return cli_fail("%s: not a file that can be read; move it away", file);
  FILE *in = fopen(file, "re");
  if (!in)
    return errno == ENOENT || errno == ENOTDIR ? 0 : cli_fail("%s: %s", file, strerror(errno));
  while (fgets(line, sizeof line, in)) {
    sscanf(line, "hints %u", &study->hints);
    sscanf(line, "quiz %u of %u", &study->right, &study->asked);
  }
  fclose(in);
  return 0;
}

int labs_study_read(struct labs_study *study, const char *root, const struct labs_entry *entry) {
  char path[PATH_MAX];
  if (!labs_join(path, root ? root : LABS_STUDY, entry->name))
    return cli_fail("%s: the path is too long", root);
  return labs_study_read_at(study, path);
}

bool labs_study_program(const struct labs_study *study, const struct labs_entry *entry,
                        char path[PATH_MAX]) {
  char file[NAME_MAX + 1];
  snprintf(file, sizeof file, "%.200s.c", entry->name);
  return labs_join(path, study->path, file);
}

/* As mkdir -p. */
int labs_study_make(const char *path) {
  char part[PATH_MAX];
  snprintf(part, sizeof part, "%s", path);
  for (char *slash = part + 1; slash; *slash++ = '/') {
    slash = strchr(slash, '/');
    if (slash) *slash = '\0';
    if (mkdir(part, 0777) < 0 && errno != EEXIST) {
      cli_fail("%s: %s; give a folder that can be written in", part, strerror(errno));
      return 1;
    }
    if (!slash) break;
  }
  return 0;
}

/* Whoever else may write in that folder does not choose where it leads: no link is followed. */
static FILE *create(const char *path) {
  unlink(path);
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (!out && fd >= 0) close(fd);
  return out;
}

int labs_study_write(const struct labs_study *study) {
  char path[PATH_MAX], fresh[PATH_MAX];
  if (labs_study_make(study->path) != 0) return 1;
  if (!labs_join(path, study->path, progress) || !labs_join(fresh, study->path, ".progress"))
    return cli_fail("%s: the path is too long", study->path);
  FILE *out = create(fresh);
  bool written = out && fprintf(out,
                                "# Kept by finale lab.\n"
                                "hints %u\n"
                                "quiz %u of %u\n",
                                study->hints, study->right, study->asked) > 0;
  if (out && fclose(out) != 0) written = false;
  if (written && rename(fresh, path) == 0) return 0;
  cli_fail("%s: %s", path, strerror(errno));
  unlink(fresh);
  return 1;
}
