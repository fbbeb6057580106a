/* SPDX-License-Identifier: MIT
 *
 * Builds a lab's program with the compiler that is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"
#include "lab/clock.h"
#include "server/process.h"

enum { WORDS_MAX = 64, TEXT_MAX = 4096, COMPILE_MS = 60 * 1000, LOOK_MS = 5 };

struct words {
  const char *list[WORDS_MAX + 1];
  size_t count;
  char text[TEXT_MAX]; /* of those that were in one piece */
  size_t used;
};

static void add(struct words *words, const char *word) {
  if (words->count < WORDS_MAX) words->list[words->count++] = word;
  words->list[words->count] = NULL;
}

static void add_copy(struct words *words, const char *text, size_t len) {
  if (words->used + len + 1 > TEXT_MAX) return;
  char *word = words->text + words->used;
  memcpy(word, text, len);
  word[len] = '\0';
  words->used += len + 1;
  add(words, word);
}

/* As the shell would split it, without quotes. */
static void add_split(struct words *words, const char *text) {
  for (text += strspn(text, " \t\n"); *text; text += strspn(text, " \t\n")) {
    const size_t len = strcspn(text, " \t\n");
    add_copy(words, text, len);
    text += len;
  }
}

static bool add_compiler(struct words *words) {
  static const char *const names[] = {"cc", "gcc", "clang"};
  const char *chosen = getenv("CC");
  if (chosen && *chosen) {
    add_split(words, chosen);
    return words->count > 0;
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char *path = process_find_program(names[i]);
    free(path);
    if (!path) continue;
    add(words, names[i]);
    return true;
  }
  return false;
}

/* What a command prints; `otherwise` if it fails. */
static void add_output(struct words *words, const char *command, const char *otherwise) {
  char text[TEXT_MAX];
  FILE *out = popen(command, "re");
  const size_t len = out ? fread(text, 1, sizeof text - 1, out) : 0;
  text[len] = '\0';
  const bool ok = out && pclose(out) == 0;
  add_split(words, ok ? text : otherwise);
}

/* ---- finale itself, for with_finale.c ---- */

static bool own_directory(char path[PATH_MAX]) {
  const ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
  if (len <= 0) return false;
  path[len] = '\0';
  char *slash = strrchr(path, '/');
  if (slash) *slash = '\0';
  return slash != NULL;
}

/* From the tree that this command was built from while it is there, else as it is installed. */
static void add_finale(struct words *words) {
  char directory[PATH_MAX], built[PATH_MAX], command[3 * PATH_MAX];
  if (!own_directory(directory)) return;
  if (labs_join(built, directory, "libfinale.a") && access(built, R_OK) == 0 &&
      access(FINALE_LABS_INCLUDE, R_OK) == 0) {
    add(words, "-I" FINALE_LABS_INCLUDE);
    add_copy(words, built, strlen(built)); /* a folder's name may have blanks */
    add_split(words, FINALE_LABS_LIBRARIES);
    return;
  }
  snprintf(
      command, sizeof command,
      "PKG_CONFIG_PATH='%s/%s':\"$PKG_CONFIG_PATH\" sh -c 'pkg-config --cflags --libs finale &&"
      " echo -Wl,-rpath,$(pkg-config --variable=libdir finale)' 2>/dev/null",
      directory, FINALE_LABS_PKG_CONFIG);
  add_output(words, command, "-lfinale");
}

static bool speaks_finale(const char *source) {
  char line[256];
  bool found = false;
  FILE *in = fopen(source, "re");
  while (in && !found && fgets(line, sizeof line, in))
    found = strncmp(line, "#include <finale/", 17) == 0;
  if (in) fclose(in);
  return found;
}

/* ---- the compiler ---- */

/* What the compiler puts aside goes where the program goes, so that nothing is left of it either
 * when it is killed. */
static void put_aside(const char *program) {
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", program);
  char *slash = strrchr(folder, '/');
  if (!slash) return;
  *slash = '\0';
  setenv("TMPDIR", folder, 1);
}

/* A signal may come before a wait as well as in it; and a file can include itself for hours. */
static bool await(pid_t pid, int *status, int output) {
  const uint64_t deadline = lab_now() + COMPILE_MS * LAB_MS;
  bool late = false;
  pid_t ended;
  while ((ended = waitpid(pid, status, WNOHANG)) == 0) {
    if (!late && lab_now() > deadline) {
      dprintf(output, "the compiler was not done within %d s\n", COMPILE_MS / 1000);
      late = true;
    }
    if (late || labs_stopped) kill(-pid, SIGKILL);
    poll(NULL, 0, LOOK_MS);
  }
  return ended == pid && WIFEXITED(*status);
}

/* The exit status; -1: it could not be started, was stopped, or killed. */
static int compile(const struct words *words, const char *program, int output) {
  const pid_t pid = fork();
  int status;
  if (pid < 0) return -1;
  if (pid == 0) {
    setpgid(0, 0); /* with all that it starts */
    put_aside(program);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execvp(words->list[0], (char *const *)(uintptr_t)words->list);
    dprintf(STDERR_FILENO, "%s: %s\n", words->list[0], strerror(errno));
    _exit(127);
  }
  setpgid(pid, pid);
  return await(pid, &status, output) ? WEXITSTATUS(status) : -1;
}

static char *text_of(int fd) {
  const off_t len = lseek(fd, 0, SEEK_END);
  char *text = len < 0 ? NULL : malloc((size_t)len + 1);
  if (!text) return NULL;
  const ssize_t got = pread(fd, text, (size_t)len, 0);
  text[got < 0 ? 0 : got] = '\0';
  return text;
}

bool labs_build(const char *source, const char *program, char **errors) {
  struct words words = {.count = 0};
  *errors = NULL;
  if (!add_compiler(&words)) {
    *errors = strdup("no C compiler was found: install gcc or clang, or name one in $CC\n");
    return false;
  }
  const int output = memfd_create("compiler", MFD_CLOEXEC);
  add_split(&words, "-std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -pthread -o");
  add(&words, program);
  add(&words, source);
  if (speaks_finale(source)) add_finale(&words);
  add_output(&words, "pkg-config --cflags --libs libuv 2>/dev/null", "-luv");
  const int status = output < 0 ? -1 : compile(&words, program, output);
  *errors = text_of(output);
  if (output >= 0) close(output);
  return status == 0;
}
