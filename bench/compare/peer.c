/* SPDX-License-Identifier: MIT
 *
 * Reads the file of a peer, in place.
 */
#include "compare/peer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/compare.h"

enum { FILE_SIZE_MAX = 64 * 1024 };

struct reader {
  const char *path;
  struct compare_peer *peer;
  unsigned line;
  bool port_used; /* {port} is somewhere */
  bool listening_given;
  char *why;
};

static bool wrong(const struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool wrong(const struct reader *reader, const char *format, ...) {
  va_list values;
  int len = reader->line > 0
                ? snprintf(reader->why, LOAD_WHY_MAX, "%.200s:%u: ", reader->path, reader->line)
                : snprintf(reader->why, LOAD_WHY_MAX, "%.200s: ", reader->path);
  va_start(values, format);
  vsnprintf(reader->why + len, (size_t)(LOAD_WHY_MAX - len), format, values);
  va_end(values);
  return false;
}

static char *trim(char *text) {
  text += strspn(text, " \t");
  size_t len = strlen(text);
  while (len > 0 && strchr(" \t\r", text[len - 1])) text[--len] = '\0';
  return text;
}

/* ---- key = value ---- */

/* In a file a brace is a brace; in a command one that means nothing is a slip of the pen. */
static bool check_command(const struct reader *reader, const char *command) {
  static const char *const known[] = {"{port}", "{dir}", "{peers}", "{finale}", "{body}"};
  for (const char *at = strchr(command, '{'); at; at = strchr(at + 1, '{')) {
    bool found = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
      found |= strncmp(at, known[i], strlen(known[i])) == 0;
    if (!found)
      return wrong(reader, "'%.40s' is none of {port}, {dir}, {peers}, {finale} and {body}", at);
  }
  return true;
}

static bool take_listening(struct reader *reader, const char *value) {
  if (strcmp(value, "printed") != 0 && strcmp(value, "port") != 0)
    return wrong(reader, "listening = %.60s: use printed or port", value);
  reader->peer->prints_port = strcmp(value, "printed") == 0;
  return true;
}

static bool take_workloads(struct reader *reader, char *names) {
  char *rest = NULL;
  for (char *name = strtok_r(names, " \t", &rest); name; name = strtok_r(NULL, " \t", &rest)) {
    const struct compare_workload *workload = compare_workload_find(name);
    if (!workload)
      return wrong(reader, "unknown workload '%.60s'; see finale bench compare --help", name);
    reader->peer->workloads |= 1U << (workload - compare_workloads);
  }
  return true;
}

static bool take_setting(struct reader *reader, char *line) {
  char *equals = strchr(line, '=');
  if (!equals)
    return wrong(reader, "'%.60s': not 'key = value', '[file NAME]' or a '# remark'", line);
  *equals = '\0';
  const char *key = trim(line);
  char *value = trim(equals + 1);
  struct compare_peer *peer = reader->peer;
  bool is_command = false, again = false;
  const char **text = NULL;
  if (strcmp(key, "about") == 0) text = &peer->about;
  if (strcmp(key, "packages") == 0) text = &peer->packages;
  for (unsigned protocol = LOAD_HTTP; protocol <= LOAD_ECHO; protocol++) {
    if (strcmp(key, protocol == LOAD_HTTP ? "http" : "echo") != 0) continue;
    text = &peer->commands[protocol];
    is_command = true;
  }
  bool is_listening = strcmp(key, "listening") == 0;
  bool is_workloads = strcmp(key, "workloads") == 0;
  if (!text && !is_listening && !is_workloads)
    return wrong(reader,
                 "unknown key '%.60s'; use about, packages, http, echo, listening or workloads",
                 key);
  if (*value == '\0') return wrong(reader, "%s has no value; give it one, or leave it out", key);
  again = text ? *text != NULL : is_listening ? reader->listening_given : peer->workloads != 0;
  if (again) return wrong(reader, "%s is given twice; leave one of them out", key);
  if (is_listening) {
    reader->listening_given = true;
    return take_listening(reader, value);
  }
  if (is_workloads) return take_workloads(reader, value);
  *text = value;
  if (!is_command) return true;
  if (strstr(value, "{port}")) reader->port_used = true;
  return check_command(reader, value);
}

/* ---- [file NAME] ---- */

static bool is_section(const char *line) { return strncmp(line, "[file", 5) == 0; }

/* `line` is "[file NAME]"; the name is left in it. */
static bool take_section(struct reader *reader, char *line) {
  struct compare_peer *peer = reader->peer;
  line = trim(line);
  char *end = line + strlen(line) - 1;
  if (line[5] != ' ' || *end != ']') return wrong(reader, "'%.60s': write [file NAME]", line);
  *end = '\0';
  const char *name = trim(line + 5);
  if (*name == '\0') return wrong(reader, "the file has no name; write [file NAME]");
  if (*name == '/' || strstr(name, "..") || strlen(name) > 200)
    return wrong(reader, "'%.60s': files lie in a directory of their own; use a relative name",
                 name);
  for (size_t i = 0; i < peer->file_count; i++)
    if (strcmp(peer->files[i].name, name) == 0)
      return wrong(reader, "file '%.60s' is given twice; leave one of them out", name);
  if (peer->file_count == COMPARE_FILES_MAX)
    return wrong(reader, "more than %d files; use fewer", COMPARE_FILES_MAX);
  peer->files[peer->file_count++].name = name;
  return true;
}

/* The text of the file that has been begun last, up to the next section, which is returned. */
static char *take_text(struct reader *reader, char *at) {
  reader->peer->files[reader->peer->file_count - 1].text = at;
  for (; *at && !is_section(at); at = strchr(at, '\n') + 1) reader->line++;
  return at;
}

/* ---- all of it ---- */

static bool read_text(struct reader *reader) {
  FILE *file = fopen(reader->path, "r");
  char *text = file ? malloc(FILE_SIZE_MAX + 2) : NULL;
  if (!text) {
    int error = errno;
    if (file) fclose(file);
    return wrong(reader, "%s; name a .peer file that can be read", strerror(error));
  }
  reader->peer->text = text;
  size_t len = fread(text, 1, FILE_SIZE_MAX + 1, file);
  int error = ferror(file) ? errno : 0;
  fclose(file);
  if (error != 0) return wrong(reader, "%s; name a .peer file that can be read", strerror(error));
  if (len > FILE_SIZE_MAX)
    return wrong(reader, "longer than %d KiB: this is no .peer file", FILE_SIZE_MAX / 1024);
  if (memchr(text, '\0', len)) return wrong(reader, "has a NUL byte: this is no .peer file");
  if (len > 0 && text[len - 1] != '\n') text[len++] = '\n';
  text[len] = '\0';
  return true;
}

static bool read_lines(struct reader *reader) {
  char *next = reader->peer->text, *section = NULL;
  while (*next) {
    char *line = next, *feed = strchr(next, '\n');
    reader->line++;
    *feed = '\0';
    next = feed + 1;
    if (is_section(line)) {
      if (!take_section(reader, line)) return false;
      if (section) *section = '\0'; /* ends the text before it */
      next = section = take_text(reader, next);
      continue;
    }
    line = trim(line);
    if (*line && *line != '#' && !take_setting(reader, line)) return false;
  }
  return true;
}

static bool check(struct reader *reader) {
  struct compare_peer *peer = reader->peer;
  reader->line = 0;
  if (!peer->commands[LOAD_HTTP] && !peer->commands[LOAD_ECHO])
    return wrong(reader, "neither http nor echo is given; say how to start it");
  for (size_t i = 0; i < peer->file_count; i++)
    reader->port_used |= strstr(peer->files[i].text, "{port}") != NULL;
  if (!peer->prints_port && !reader->port_used)
    return wrong(reader,
                 "{port} is nowhere: put it where the server is told its port, or say "
                 "listening = printed");
  if (!peer->about) peer->about = peer->name;
  if (!peer->packages) peer->packages = "";
  return true;
}

bool compare_peer_read(const char *path, struct compare_peer *peer, char why[LOAD_WHY_MAX]) {
  struct reader reader = {.path = path, .peer = peer, .why = why};
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  size_t len = strlen(name);
  if (len > 5 && strcmp(name + len - 5, ".peer") == 0) len -= 5;
  *peer = (struct compare_peer){.name = strndup(name, len)};
  if (peer->name && read_text(&reader) && read_lines(&reader) && check(&reader)) return true;
  if (!peer->name) wrong(&reader, "no memory");
  compare_peer_release(peer);
  return false;
}

bool compare_peer_takes_part(const struct compare_peer *peer,
                             const struct compare_workload *workload) {
  return peer->workloads == 0 || (peer->workloads >> (workload - compare_workloads) & 1);
}

void compare_peer_release(struct compare_peer *peer) {
  free(peer->name);
  free(peer->text);
  *peer = (struct compare_peer){0};
}
