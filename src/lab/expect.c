/* SPDX-License-Identifier: MIT
 *
 * The lines of a file `expect`: what stands at the left margin begins something, what is indented
 * belongs to it.
 */
#include "lab/expect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/expect_line.h"

enum { FILE_MAX = 64 * 1024, TIMES_MAX = 64 };

struct parser {
  struct lab_expect *expect;
  struct lab_line line;
  struct lab_group *group;   /* that indented lines belong to, or NULL */
  struct lab_player *player; /* the same, inside of the group if there is one */
  unsigned player_indent;    /* of the line that begins it */
  unsigned rules_line;       /* of what needs a wire */
};

/* ---- lines at the margin ---- */

static bool parse_wire(struct parser *parser) {
  struct lab_expect *expect = parser->expect;
  struct lab_line *line = &parser->line;
  char why[LAB_WHY_MAX];
  const char *text;
  if (lab_line_take(line, "delay")) return lab_line_ms(line, &expect->delay_ms);
  if (!lab_line_rest(line, "delay 150ms, or a rule like \"drop fin from server\",", &text))
    return false;
  if (expect->rule_count == LAB_RULES_MAX)
    return lab_line_refuse(line, "at most %d rules", LAB_RULES_MAX);
  parser->rules_line = line->number;
  return lab_rule_parse(text, &expect->rules[expect->rule_count++], why) ||
         lab_line_refuse(line, "%s", why);
}

/* `tcp_fin_timeout 3`, `client tcp_tw_reuse 0`. */
static bool parse_sysctl(struct parser *parser) {
  struct lab_expect *expect = parser->expect;
  struct lab_line *line = &parser->line;
  struct lab_sysctl *sysctl =
      lab_line_append(line, (void **)&expect->sysctls, &expect->sysctl_count, sizeof *sysctl);
  if (sysctl == NULL) return false;
  sysctl->line = line->number;
  sysctl->of[LAB_CLIENT] = !lab_line_is(line, "server");
  sysctl->of[LAB_SERVER] = !lab_line_is(line, "client");
  if (!lab_line_take(line, "server")) lab_line_take(line, "client");
  return lab_line_word(line, "a name like tcp_fin_timeout", &sysctl->name) &&
         lab_line_rest(line, "its value", &sysctl->value);
}

static bool parse_run(struct parser *parser) {
  if (!lab_line_ms(&parser->line, &parser->expect->run_ms)) return false;
  return parser->expect->run_ms <= LAB_RUN_MS_MAX ||
         lab_line_refuse(&parser->line, "run: at most %ds", LAB_RUN_MS_MAX / 1000);
}

static bool parse_needs(struct parser *parser) {
  parser->expect->needs_wire = lab_line_take(&parser->line, "wire");
  return parser->expect->needs_wire || lab_line_refuse(&parser->line, "needs: only \"wire\"");
}

static bool parse_title(struct parser *parser) {
  return lab_line_rest(&parser->line, "the title", &parser->expect->title);
}

static bool parse_title_zh(struct parser *parser) {
  return lab_line_rest(&parser->line, "the title", &parser->expect->title_zh);
}

static bool parse_cause(struct parser *parser) {
  return lab_line_word(&parser->line, "a cause", &parser->expect->cause);
}

static bool parse_under_test(struct parser *parser) {
  return lab_line_side(&parser->line, &parser->expect->under_test);
}

/* ---- blocks ---- */

/* `client:`, `client x3:`; `players` is where such a line adds one. */
static bool begin_player(struct parser *parser, struct lab_players *players) {
  struct lab_line *line = &parser->line;
  struct lab_player *player =
      lab_line_append(line, (void **)&players->items, &players->count, sizeof *player);
  const char *times = strchr(line->source, 'x');
  char *end;
  if (player == NULL) return false;
  *player = (struct lab_player){.times = 1, .line = line->number};
  if (times != NULL) {
    const long value = strtol(times + 1, &end, 10);
    if (times[1] < '0' || times[1] > '9' || *end != ':' || value < 1 || value > TIMES_MAX)
      return lab_line_refuse(line, "\"%s\": \"client x3:\", at most %d", line->source, TIMES_MAX);
    player->times = (unsigned)value;
  }
  parser->player = player;
  parser->player_indent = line->indent;
  return true;
}

static bool begin_group(struct parser *parser, struct lab_group *group) {
  if (group->line != 0)
    return lab_line_refuse(&parser->line, "\"%s\" began at line %u already", parser->line.source,
                           group->line);
  group->line = parser->line.number;
  parser->group = group;
  return true;
}

/* Whether it is "WORD:", "WORD :", or "WORD xN:". */
static bool begins(const struct lab_line *line, const char *word) {
  const size_t len = strlen(word);
  const char *behind = line->source + len;
  if (strncmp(line->source, word, len) != 0) return false;
  if (strcmp(behind, ":") == 0) return true;
  return behind[0] == ' ' && behind[1] == 'x' && behind[strlen(behind) - 1] == ':';
}

static bool parse_block(struct parser *parser, bool *found) {
  struct lab_expect *expect = parser->expect;
  const struct lab_line *line = &parser->line;
  *found = true;
  if (begins(line, "client")) return begin_player(parser, &expect->clients);
  if (begins(line, "server")) return begin_player(parser, &expect->servers);
  if (begins(line, "broken")) return begin_group(parser, &expect->broken);
  if (begins(line, "fixed")) return begin_group(parser, &expect->fixed);
  if (begins(line, "service")) {
    struct lab_group *group =
        lab_line_append(line, (void **)&expect->services, &expect->service_count, sizeof *group);
    if (group == NULL) return false;
    *group = (struct lab_group){0};
    return begin_group(parser, group);
  }
  *found = false;
  return true;
}

static bool parse_margin(struct parser *parser) {
  static const struct {
    const char *name;
    bool (*parse)(struct parser *parser);
  } keys[] = {{"title:", parse_title},   {"title.zh:", parse_title_zh},
              {"cause:", parse_cause},   {"under-test:", parse_under_test},
              {"sysctl:", parse_sysctl}, {"wire:", parse_wire},
              {"needs:", parse_needs},   {"run:", parse_run}};
  struct lab_line *line = &parser->line;
  bool found;
  parser->group = NULL;
  parser->player = NULL;
  if (!parse_block(parser, &found)) return false;
  if (found) return true;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (lab_line_take(line, keys[i].name)) return keys[i].parse(parser) && lab_line_end(line);
  return lab_line_refuse(
      line,
      "\"%s\" begins nothing: title:, title.zh:, cause:, under-test:, "
      "sysctl:, wire:, needs:, run:, client:, server:, broken:, fixed:, service: "
      "(steps and claims are indented)",
      line->source);
}

/* ---- indented lines ---- */

static bool parse_step(struct parser *parser) {
  struct lab_player *player = parser->player;
  struct lab_step *step = lab_line_append(&parser->line, (void **)(uintptr_t)&player->steps,
                                          &player->step_count, sizeof *step);
  if (step == NULL) return false;
  *step = (struct lab_step){0};
  if (!lab_step_parse(&parser->line, step)) return false;
  if (step->kind == LAB_STEP_VANISH) parser->rules_line = step->line;
  return true;
}

static bool parse_indented(struct parser *parser) {
  struct lab_group *group = parser->group;
  struct lab_line *line = &parser->line;
  if (parser->player != NULL && line->indent > parser->player_indent) return parse_step(parser);
  if (group == NULL) return lab_line_refuse(line, "\"%s\" belongs to nothing", line->source);
  parser->player = NULL;
  if (begins(line, "client")) return begin_player(parser, &group->clients);
  if (begins(line, "server")) return begin_player(parser, &group->servers);
  struct lab_claim *claim =
      lab_line_append(line, (void **)&group->claims, &group->claim_count, sizeof *claim);
  if (claim == NULL) return false;
  *claim = (struct lab_claim){0};
  return lab_claim_parse(line, claim);
}

static bool parse_line(struct parser *parser) {
  return parser->line.indent == 0 ? parse_margin(parser) : parse_indented(parser);
}

/* ---- the file ---- */

/* A client connects once, before it does anything else with its connection; a server is connected
 * from the beginning. */
static bool check_players(struct lab_line *line, const struct lab_players *players, bool clients) {
  for (size_t i = 0; i < players->count; i++) {
    const struct lab_player *player = &players->items[i];
    bool connected = !clients;
    line->number = player->line;
    if (player->step_count == 0) return lab_line_refuse(line, "a player without a step");
    for (size_t n = 0; n < player->step_count; n++) {
      const struct lab_step *step = &player->steps[n];
      line->number = step->line;
      if (step->kind == LAB_STEP_CONNECT && connected)
        return lab_line_refuse(line, clients ? "one connection for each client; write another one"
                                             : "a server does not connect");
      if (step->kind == LAB_STEP_CONNECT) connected = true;
      if (!connected && step->kind != LAB_STEP_SET && step->kind != LAB_STEP_WAIT)
        return lab_line_refuse(line, "\"%s\" comes before \"connect\"", step->text);
    }
  }
  return true;
}

/* What a program that is the client talks to, if the file does not say. */
static bool add_echo(struct parser *parser) {
  static const struct lab_step echo = {
      .kind = LAB_STEP_ECHO, .text = "echo", .bytes = "", .ms = UINT32_MAX};
  struct lab_players *players = &parser->expect->servers;
  struct lab_player *player =
      lab_line_append(&parser->line, (void **)&players->items, &players->count, sizeof *player);
  if (player == NULL) return false;
  *player = (struct lab_player){.steps = &echo, .step_count = 1, .times = 1};
  return true;
}

static bool check(struct parser *parser) {
  struct lab_expect *expect = parser->expect;
  struct lab_line *line = &parser->line;
  const bool client = expect->under_test == LAB_CLIENT;
  if (!check_players(line, &expect->clients, true) || !check_players(line, &expect->servers, false))
    return false;
  for (size_t i = 0; i < expect->service_count; i++)
    if (!check_players(line, &expect->services[i].clients, true) ||
        !check_players(line, &expect->services[i].servers, false))
      return false;
  line->number = 1;
  if (expect->title == NULL) return lab_line_refuse(line, "\"title: ...\" is missing");
  if (expect->cause == NULL) return lab_line_refuse(line, "\"cause: ...\" is missing");
  if (expect->title_zh == NULL) expect->title_zh = expect->title;
  if (client && expect->clients.count > 0) {
    line->number = expect->clients.items[0].line;
    return lab_line_refuse(line,
                           "under-test: client: the program is the client, \"client:\" has "
                           "nothing to say");
  }
  if (client && expect->servers.count == 0 && !add_echo(parser)) return false;
  if (!client && expect->clients.count == 0) return lab_line_refuse(line, "\"client:\" is missing");
  if (parser->rules_line != 0) expect->needs_wire = true;
  return true;
}

/* Blanks behind, and what a '#' outside of a text begins. */
static void trim(char *line) {
  char *end = line;
  bool quoted = false;
  for (char *at = line; *at != '\0'; at++) {
    if (*at == '#' && !quoted && (at == line || at[-1] == ' ' || at[-1] == '\t')) break;
    if (quoted && *at == '\\' && at[1] != '\0')
      at++;
    else if (*at == '"')
      quoted = !quoted;
    if (*at != ' ' && *at != '\t' && *at != '\r') end = at + 1;
  }
  *end = '\0';
}

static bool parse_lines(struct parser *parser, char *text) {
  struct lab_line *line = &parser->line;
  for (char *next; text != NULL; text = next) {
    next = strchr(text, '\n');
    if (next != NULL) *next++ = '\0';
    line->number++;
    trim(text);
    line->indent = (unsigned)strspn(text, " ");
    if (text[line->indent] == '\t') return lab_line_refuse(line, "a tab: indent by spaces");
    line->source = line->at = text + line->indent;
    if (*line->at != '\0' && !parse_line(parser)) return false;
  }
  return check(parser);
}

bool lab_expect_parse(const char *name, const char *text, size_t len, struct lab_expect *expect,
                      char error[LAB_ERROR_MAX]) {
  struct lab_memory *memory = NULL;
  struct parser parser = {
      .expect = expect,
      .line = {.name = name, .source = "", .memory = &memory, .error = error},
  };
  char *copy;
  bool ok;
  *expect = (struct lab_expect){
      .under_test = LAB_SERVER, .run_ms = LAB_WATCH_MS, .delay_ms = LAB_DELAY_MS};
  copy = lab_line_alloc(&parser.line, len + 1);
  if (copy == NULL) return false;
  memcpy(copy, text, len);
  if (memchr(text, '\0', len) != NULL)
    ok = lab_line_refuse(&parser.line, "a byte 0: not a text");
  else
    ok = parse_lines(&parser, copy);
  expect->memory = memory;
  if (!ok) lab_expect_release(expect);
  return ok;
}

bool lab_expect_read(const char *path, struct lab_expect *expect, char error[LAB_ERROR_MAX]) {
  char *text = malloc(FILE_MAX + 1);
  FILE *file = text != NULL ? fopen(path, "re") : NULL;
  bool ok = false;
  *expect = (struct lab_expect){0};
  if (file == NULL) {
    snprintf(error, LAB_ERROR_MAX, "%s: %s", path, strerror(errno));
  } else {
    const size_t len = fread(text, 1, FILE_MAX + 1, file);
    if (ferror(file) != 0)
      snprintf(error, LAB_ERROR_MAX, "%s: %s", path, strerror(errno));
    else if (len > FILE_MAX)
      snprintf(error, LAB_ERROR_MAX, "%s: longer than %d bytes", path, FILE_MAX);
    else
      ok = lab_expect_parse(path, text, len, expect, error);
    fclose(file);
  }
  free(text);
  return ok;
}
