/* SPDX-License-Identifier: MIT
 *
 * Which labs there are: every folder with a file `expect` is one.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "lab.h"

bool labs_join(char path[PATH_MAX], const char *directory, const char *file) {
  const int len = snprintf(path, PATH_MAX, "%s/%s", directory, file);
  return len > 0 && len < PATH_MAX;
}

bool labs_file(const struct labs_entry *entry, const char *file, char path[PATH_MAX]) {
  return labs_join(path, entry->path, file) && access(path, R_OK) == 0;
}

const char *labs_part(const struct labs_entry *entry) {
  return entry->expect.under_test == LAB_CLIENT ? "client" : "server";
}

/* ---- where they are ---- */

static bool is_directory(const char *path) {
  struct stat file;
  return stat(path, &file) == 0 && S_ISDIR(file.st_mode);
}

/* Beside the command as it was installed: the installation may have been moved. */
static bool find_installed(char path[PATH_MAX]) {
  char self[PATH_MAX];
  const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
  if (len <= 0) return false;
  self[len] = '\0';
  char *slash = strrchr(self, '/');
  if (!slash) return false;
  *slash = '\0';
  return labs_join(path, self, FINALE_LABS_FROM_BINARY) && is_directory(path);
}

static int find_directory(const char *directory, char path[PATH_MAX]) {
  const char *named = directory ? directory : getenv("FINALE_LABS");
  if (named && *named) {
    const char *by = directory ? "--labs" : "$FINALE_LABS";
    if (!is_directory(named))
      return cli_fail("%s %s: %s; give the directory that holds the labs", by, named,
                      errno == 0 ? "not a directory" : strerror(errno));
    if (!realpath(named, path)) return cli_fail("%s %s: %s", by, named, strerror(errno));
    return 0;
  }
  if (find_installed(path)) return 0;
  snprintf(path, PATH_MAX, "%s", FINALE_LABS_SOURCE);
  if (is_directory(path)) return 0;
  return cli_fail("the labs are not beside this command; give their directory as --labs DIR");
}

/* ---- reading them ---- */

static int by_folder(const void *a, const void *b) {
  const struct labs_entry *left = a, *right = b;
  return strcmp(left->folder, right->folder);
}

/* The name is what follows the number. */
static const char *name_of(const char *folder) {
  const char *name = folder + strspn(folder, "0123456789");
  return name > folder && *name == '-' && name[1] ? name + 1 : folder;
}

static void read_entry(struct labs_entry *entry) {
  char path[PATH_MAX];
  entry->folder = strrchr(entry->path, '/') + 1;
  entry->name = name_of(entry->folder);
  if (!labs_file(entry, "expect", path))
    snprintf(entry->error, sizeof entry->error, "%.200s/expect: %s", entry->path, strerror(errno));
  else
    lab_expect_read(path, &entry->expect, entry->error);
}

/* Whether it is a lab's folder; then its path. */
static bool is_lab(const struct labs *labs, const char *folder, char path[PATH_MAX]) {
  char expect[PATH_MAX];
  return folder[0] != '.' && labs_join(path, labs->path, folder) &&
         labs_join(expect, path, "expect") && access(expect, F_OK) == 0;
}

static bool add_entry(struct labs *labs, const char *path) {
  struct labs_entry *grown = realloc(labs->entries, (labs->count + 1) * sizeof *grown);
  if (!grown) return false;
  labs->entries = grown;
  grown[labs->count] = (struct labs_entry){.error = ""};
  memcpy(grown[labs->count++].path, path, strlen(path) + 1);
  return true;
}

/* A copy that has kept its name would never be found. */
static void refuse_same_names(struct labs *labs) {
  for (size_t i = 1; i < labs->count; i++)
    for (size_t k = 0; k < i; k++) {
      struct labs_entry *entry = &labs->entries[i];
      if (*entry->error || strcmp(entry->name, labs->entries[k].name) != 0) continue;
      snprintf(entry->error, sizeof entry->error, "%.120s: %.60s is called %.60s, too; rename it",
               entry->path, labs->entries[k].folder, entry->name);
    }
}

int labs_open(struct labs *labs, const char *directory) {
  *labs = (struct labs){.count = 0};
  char path[PATH_MAX];
  bool room = true;
  int status = find_directory(directory, labs->path);
  if (status != 0) return status;
  DIR *folders = opendir(labs->path);
  if (!folders) return cli_fail("%s: %s", labs->path, strerror(errno));
  for (struct dirent *folder; room && (folder = readdir(folders));)
    if (is_lab(labs, folder->d_name, path)) room = add_entry(labs, path);
  closedir(folders);
  if (!room) {
    labs_close(labs);
    return cli_fail("lab: no memory");
  }
  if (labs->count == 0)
    return cli_fail("%s: no lab is there, which is a folder with a file `expect`; see --labs",
                    labs->path);
  for (size_t i = 0; i < labs->count; i++) read_entry(&labs->entries[i]);
  qsort(labs->entries, labs->count, sizeof *labs->entries, by_folder);
  for (size_t i = 0; i < labs->count; i++) { /* these point into what was moved */
    labs->entries[i].folder = strrchr(labs->entries[i].path, '/') + 1;
    labs->entries[i].name = name_of(labs->entries[i].folder);
  }
  refuse_same_names(labs);
  return 0;
}

void labs_close(struct labs *labs) {
  for (size_t i = 0; i < labs->count; i++) lab_expect_release(&labs->entries[i].expect);
  free(labs->entries);
  *labs = (struct labs){.count = 0};
}

/* ---- one of them ---- */

/* How many letters must be changed to make one of the other (Levenshtein), for short names. */
static size_t distance(const char *a, const char *b) {
  enum { MAX = 64 };
  size_t row[MAX], len = strlen(b);
  if (len >= MAX) return SIZE_MAX;
  for (size_t i = 0; i <= len; i++) row[i] = i;
  for (; *a; a++) {
    size_t corner = row[0]++;
    for (size_t i = 0; i < len; i++) {
      size_t best = corner + (tolower((unsigned char)*a) != tolower((unsigned char)b[i]));
      corner = row[i + 1];
      if (corner + 1 < best) best = corner + 1;
      if (row[i] + 1 < best) best = row[i] + 1;
      row[i + 1] = best;
    }
  }
  return row[len];
}

/* NULL: none is like it. */
static const char *nearest(const struct labs *labs, const char *name) {
  const char *best = NULL;
  size_t least = strlen(name) / 2 + 1;
  for (size_t i = 0; i < labs->count; i++) {
    size_t letters = distance(name, labs->entries[i].name);
    if (strlen(name) >= 3 && strstr(labs->entries[i].name, name)) letters = 0;
    if (letters >= least) continue;
    least = letters;
    best = labs->entries[i].name;
  }
  return best;
}

static bool is_named(const struct labs_entry *entry, const char *name) {
  if (strcmp(name, entry->name) == 0 || strcmp(name, entry->folder) == 0) return true;
  if (!*name || name[strspn(name, "0123456789")]) return false;
  return entry->name != entry->folder &&
         strtoul(name, NULL, 10) == strtoul(entry->folder, NULL, 10);
}

const struct labs_entry *labs_find(const struct labs *labs, const char *name) {
  for (size_t i = 0; i < labs->count; i++) {
    const struct labs_entry *entry = &labs->entries[i];
    if (!is_named(entry, name)) continue;
    if (!*entry->error) return entry;
    cli_fail("%s", entry->error);
    return NULL;
  }
  const char *near = nearest(labs, name);
  cli_fail("no lab '%s'; %s%s%sfinale lab list names all", name, near ? "did you mean " : "",
           near ? near : "", near ? "? " : "");
  return NULL;
}

int labs_open_one(struct labs *labs, const char *directory, const char *command, const char *name,
                  const struct labs_entry **entry) {
  if (!name)
    return cli_fail("lab %s: which lab? write for example finale lab %s eof-ignored", command,
                    command);
  int status = labs_open(labs, directory);
  if (status != 0) return status;
  *entry = labs_find(labs, name);
  if (*entry) return 0;
  labs_close(labs);
  return 2;
}
