/* SPDX-License-Identifier: MIT
 *
 * Starts a peer: its files in a directory of their own, its command with what it asks for put in.
 */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare/peer.h"

enum { WORDS_MAX = 48 };

#define COUNTED_FILE "callgrind.out"

struct values { /* of what is in braces */
  const struct compare_place *place;
  const char *directory;
  char port[8];
};

/* The caller frees it; NULL: no memory. */
static char *put_in(const char *text, const struct values *values) {
  const struct {
    const char *name, *value;
  } known[] = {
      {"{port}", values->port},          {"{dir}", values->directory},
      {"{peers}", values->place->peers}, {"{finale}", values->place->finale},
      {"{body}", COMPARE_BODY},
  };
  char *result = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&result, &size);
  if (!out) return NULL;
  while (*text) {
    size_t plain = strcspn(text, "{"), i = 0;
    fwrite(text, 1, plain, out);
    text += plain;
    const size_t count = sizeof known / sizeof *known;
    while (i < count && strncmp(text, known[i].name, strlen(known[i].name)) != 0) i++;
    if (i < count) {
      fputs(known[i].value, out);
      text += strlen(known[i].name);
    } else if (*text) {
      fputc(*text++, out);
    }
  }
  return fclose(out) == 0 ? result : NULL;
}

/* ---- the command ---- */

struct command {
  char *words[WORDS_MAX + 1];
};

static void release_command(struct command *command) {
  for (char **word = command->words; *word; word++) free(*word);
}

/* Words are told apart before anything is put in: a path may have blanks in it. */
static bool build_command(const char *text, const struct values *values, struct command *command) {
  char *copy = strdup(text), *rest = NULL;
  size_t count = 0;
  *command = (struct command){0};
  if (!copy) return false;
  bool whole = true;
  for (char *word = strtok_r(copy, " \t", &rest); word && whole;
       word = strtok_r(NULL, " \t", &rest)) {
    whole = count < WORDS_MAX && (command->words[count] = put_in(word, values)) != NULL;
    count++;
  }
  free(copy);
  if (!whole) release_command(command);
  return whole;
}

bool compare_peer_is_there(const struct compare_peer *peer, const struct compare_place *place,
                           enum load_protocol protocol, char why[LOAD_WHY_MAX]) {
  const char *text = peer->commands[protocol];
  if (!text) {
    snprintf(why, LOAD_WHY_MAX, "no server of %s", protocol == LOAD_HTTP ? "HTTP" : "echo");
    return false;
  }
  struct values values = {.place = place, .directory = ""};
  struct command command;
  if (!build_command(text, &values, &command)) {
    snprintf(why, LOAD_WHY_MAX, "its command has more than %d words", WORDS_MAX);
    return false;
  }
  char *program = process_find_program(command.words[0]);
  bool there = program != NULL;
  bool ours = strncmp(text, "{peers}", 7) == 0;
  const char *packages = peer->packages, *install = *packages ? "apt-get install " : "";
  if (!there && ours)
    snprintf(why, LOAD_WHY_MAX, "%.300s is not built: %s%.80s%scmake -DFINALE_BENCH=ON",
             command.words[0], install, packages, *packages ? ", then " : "");
  if (!there && !ours)
    snprintf(why, LOAD_WHY_MAX, "%.300s is not installed%s%s%.80s", command.words[0],
             *packages ? ": " : "", install, packages);
  free(program);
  release_command(&command);
  return there;
}

/* ---- its files ---- */

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw) {
  (void)info;
  (void)type;
  (void)ftw;
  return remove(path);
}

static void remove_files(struct compare_server *server) {
  if (*server->directory) nftw(server->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  *server->directory = '\0';
}

/* And the directories that lead to it. */
static bool write_file(const char *directory, const char *name, const char *text, mode_t mode) {
  char path[2 * COMPARE_PATH_MAX];
  size_t base = strlen(directory) + 1;
  snprintf(path, sizeof path, "%s/%s", directory, name);
  for (char *slash = strchr(path + base, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(path, 0755) && errno != EEXIST) return false;
    chmod(path, 0755);
    *slash = '/';
  }
  FILE *file = fopen(path, "w");
  if (!file) return false;
  bool written = fputs(text, file) >= 0 && fchmod(fileno(file), mode) == 0;
  return fclose(file) == 0 && written;
}

/* A server that root starts may change to another user, who is to read them all the same. */
static bool write_files(const struct compare_peer *peer, const struct values *values,
                        struct compare_server *server, char why[LOAD_WHY_MAX]) {
  const char *parent = getenv("TMPDIR");
  snprintf(server->directory, sizeof server->directory, "%.2000s/finale-peer.XXXXXX",
           parent && *parent ? parent : "/tmp");
  bool written = mkdtemp(server->directory) != NULL;
  if (!written) {
    snprintf(why, LOAD_WHY_MAX, "%.300s: %s; set TMPDIR to a directory that can be written",
             server->directory, strerror(errno));
    *server->directory = '\0';
    return false;
  }
  chmod(server->directory, 0755);
  written = write_file(server->directory, COUNTED_FILE, "", 0666);
  for (size_t i = 0; i < peer->file_count && written; i++) {
    char *text = put_in(peer->files[i].text, values);
    written = text && write_file(server->directory, peer->files[i].name, text, 0644);
    free(text);
  }
  if (!written)
    snprintf(why, LOAD_WHY_MAX, "its files cannot be written to %.300s: %s", server->directory,
             strerror(errno));
  return written;
}

/* ---- begin and end ---- */

bool compare_peer_begin(const struct compare_peer *peer, const struct compare_place *place,
                        const struct compare_begin *begin, struct compare_server *server,
                        char why[LOAD_WHY_MAX]) {
  *server = (struct compare_server){.process = {.output = -1}};
  if (!compare_peer_is_there(peer, place, begin->protocol, why)) return false;
  struct values values = {.place = place, .directory = server->directory};
  uint16_t port = peer->prints_port ? 0 : process_free_port();
  snprintf(values.port, sizeof values.port, "%u", port);
  struct command command;
  bool begun = write_files(peer, &values, server, why);
  if (begun && !build_command(peer->commands[begin->protocol], &values, &command)) {
    snprintf(why, LOAD_WHY_MAX, "no memory");
    begun = false;
  } else if (begun) {
    char output[COMPARE_PATH_MAX + 64];
    snprintf(output, sizeof output, "--callgrind-out-file=%s/" COUNTED_FILE, server->directory);
    const char *const valgrind[] = {"valgrind", "-q", "--tool=callgrind", output, NULL};
    begun = process_begin(&server->process,
                          &(struct process_start){
                              .argv = (const char *const *)command.words,
                              .prefix = begin->counted ? valgrind : NULL,
                              .directory = server->directory,
                              .port = port,
                              .cpu = begin->cpu,
                              .quiet = true,
                              .deadline_ms = begin->deadline_ms,
                          },
                          why);
    release_command(&command);
  }
  if (!begun) remove_files(server);
  return begun;
}

void compare_peer_end(struct compare_server *server) {
  process_end(&server->process);
  remove_files(server);
}

uint64_t compare_peer_end_counted(struct compare_server *server) {
  char path[COMPARE_PATH_MAX + 64], line[4096];
  snprintf(path, sizeof path, "%s/" COUNTED_FILE, server->directory);
  process_end(&server->process);
  FILE *file = fopen(path, "r");
  uint64_t total = 0;
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "totals: %" SCNu64, &total) == 1) break;
  if (file) fclose(file);
  remove_files(server);
  return total;
}
