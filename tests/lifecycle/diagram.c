/* SPDX-License-Identifier: MIT
 *
 * The pages that show the lifecycle agree with the table. What stands between
 * `<!-- generated: NAME -->` and `<!-- end -->` is compared with what the table yields, or, with
 * FINALE_REGENERATE in the environment, replaced by it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/lifecycle.h"
#include "lifecycle/model.h"

static const char *const input_words[] = {"held back", "delivered", "discarded", "-"};
static const char *const output_words[] = {"accepted", "refused; leaves, then FIN", "-"};
static const char *const bound_words[] = {"-",       "open_ms",  "idle_ms",
                                          "half_ms", "stall_ms", "linger_ms"};
static const char *const source_words[] = {"transport", "handler", "clock"};

static const struct fin_step *step_of(unsigned state, unsigned event) {
  return &fin_lifecycle[state][event];
}

/* An event that takes every state before CLOSING there: drawn once. */
static bool ends_all(unsigned event) {
  for (unsigned state = 0; state < FIN_ST_CLOSING; state++)
    if (step_of(state, event)->kind != FIN_ROW || step_of(state, event)->to != FIN_ST_CLOSING)
      return false;
  return true;
}

/* The events that lead from one state to another, comma between; from ANY: those that all have. */
enum { ANY = FIN_ST_COUNT };

static void print_arrow(FILE *page, unsigned from, unsigned to) {
  const char *between = "";

  for (unsigned event = 0; event < FIN_EV_COUNT; event++) {
    bool common = ends_all(event);
    bool leads = from == ANY
                     ? common && to == FIN_ST_CLOSING
                     : step_of(from, event)->kind == FIN_ROW && step_of(from, event)->to == to &&
                           (!common || from >= FIN_ST_CLOSING);
    if (!leads) continue;
    if (!*between)
      fprintf(page, "  %s --> %s : ", from == ANY ? "ANY" : fin_states[from].name,
              fin_states[to].name);
    fprintf(page, "%s%s", between, fin_events[event].name);
    between = ", ";
  }
  if (*between) fputc('\n', page);
}

static void print_diagram(FILE *page) {
  fprintf(page, "```mermaid\nstateDiagram-v2\n  ANY : any state before CLOSING\n");
  fprintf(page, "  [*] --> %s\n", fin_states[0].name);
  for (unsigned from = 0; from <= ANY; from++)
    for (unsigned to = 0; to < FIN_ST_COUNT; to++) print_arrow(page, from, to);
  fprintf(page, "  %s --> [*]\n```\n", fin_states[FIN_ST_CLOSED].name);
}

static void print_states(FILE *page) {
  fprintf(page,
          "| state | input | output | time limited by | `ss` shows |\n|---|---|---|---|---|\n");
  for (unsigned i = 0; i < FIN_ST_COUNT; i++) {
    const struct fin_state_info *state = &fin_states[i];
    fprintf(page, "| %s | %s | %s | %s | %s |\n", state->name, input_words[state->input],
            output_words[state->output], bound_words[state->bound], state->kernel);
  }
}

static void print_events(FILE *page) {
  fprintf(page, "| event | comes from | when |\n|---|---|---|\n");
  for (unsigned i = 0; i < FIN_EV_COUNT; i++)
    fprintf(page, "| %s | %s | %s |\n", fin_events[i].name, source_words[fin_events[i].source],
            fin_events[i].meaning);
}

static void print_actions(FILE *page) {
  static const char *const meanings[] = {
#define ACTION(name, meaning) meaning,
#include "lifecycle/lifecycle.def"
  };
  for (unsigned bit = 0; bit < FIN_ACTION_COUNT; bit++)
    fprintf(page, "%u. %s: %s\n", bit + 1, fin_action_names[bit], meanings[bit]);
}

static void print_rows(FILE *page) {
  fprintf(page, "| in | on | goes to | and does |\n|---|---|---|---|\n");
  for (unsigned state = 0; state < FIN_ST_COUNT; state++) {
    for (unsigned event = 0; event < FIN_EV_COUNT; event++) {
      const struct fin_step *step = step_of(state, event);
      const char *between = "";
      if (step->kind != FIN_ROW) continue;
      fprintf(page, "| %s | %s | %s | ", fin_states[state].name, fin_events[event].name,
              fin_states[step->to].name);
      for (unsigned bit = 0; bit < FIN_ACTION_COUNT; bit++) {
        if (!(step->actions >> bit & 1)) continue;
        fprintf(page, "%s%s", between, fin_action_names[bit]);
        between = ", ";
      }
      fprintf(page, "%s |\n", *between ? "" : "-");
    }
  }
}

static void print_ignored(FILE *page) {
  fprintf(page, "| in | is ignored | because |\n|---|---|---|\n");
#define IGNORE(state, event, why) fprintf(page, "| " #state " | " #event " | " why " |\n");
#include "lifecycle/lifecycle.def"
}

static void print_laws(FILE *page) {
  for (unsigned law = 0; law < LAW_COUNT; law++)
    fprintf(page, "* `%s`: %s\n", law_names[law], law_texts[law]);
}

static const struct block {
  const char *name;
  void (*print)(FILE *page);
} blocks[] = {
    {"diagram", print_diagram}, {"states", print_states}, {"events", print_events},
    {"actions", print_actions}, {"rows", print_rows},     {"ignored", print_ignored},
    {"laws", print_laws},
};
enum { BLOCK_COUNT = sizeof blocks / sizeof *blocks };

/* ---- pages ---- */

static char *read_page(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) return NULL;
  char *text = NULL;
  size_t size = 0;
  if (getdelim(&text, &size, '\0', file) < 0) cr_assert_fail("%s: empty", path);
  fclose(file);
  return text;
}

static const struct block *block_named(const char *name, size_t len) {
  for (unsigned i = 0; i < BLOCK_COUNT; i++)
    if (strlen(blocks[i].name) == len && !strncmp(blocks[i].name, name, len)) return &blocks[i];
  return NULL;
}

/* The page as the table would have it. Counts in `seen` the blocks by their place in the list. */
static char *regenerate(const char *text, unsigned seen[BLOCK_COUNT]) {
  static const char open_mark[] = "<!-- generated: ";
  static const char close_mark[] = "<!-- end -->";
  char *result = NULL;
  size_t size = 0;
  FILE *page = open_memstream(&result, &size);
  cr_assert_not_null(page);

  for (const char *mark; (mark = strstr(text, open_mark));) {
    const char *name = mark + strlen(open_mark);
    const char *body = strchr(name, '\n');
    const char *end = strstr(name, close_mark);
    const struct block *block = block_named(name, strcspn(name, " "));
    cr_assert(block && body && end && body < end, "a broken mark: %.40s", mark);
    fwrite(text, 1, (size_t)(body + 1 - text), page);
    fputc('\n', page);
    block->print(page);
    fputc('\n', page);
    seen[block - blocks]++;
    text = end;
  }
  fputs(text, page);
  fclose(page);
  return result;
}

/* Where two texts part: the first line that differs, of both. */
static void compare(const char *path, const char *is, const char *should) {
  unsigned line = 1;
  while (*is && *should) {
    size_t is_len = strcspn(is, "\n");
    size_t should_len = strcspn(should, "\n");
    if (is_len != should_len || strncmp(is, should, is_len) != 0) break;
    is += is_len + (is[is_len] != '\0');
    should += should_len + (should[should_len] != '\0');
    line++;
  }
  cr_expect(*is == '\0' && *should == '\0',
            "%s:%u differs from the table (set FINALE_REGENERATE=1 to rewrite it)\n  is     %.*s\n"
            "  should %.*s",
            path, line, (int)strcspn(is, "\n"), is, (int)strcspn(should, "\n"), should);
}

static void check_page(const char *name, unsigned seen[BLOCK_COUNT]) {
  const char *root = getenv("FINALE_SOURCE_DIR"); /* set by CTest */
  char path[4096];

  snprintf(path, sizeof path, "%s/%s", root ? root : ".", name);
  char *text = read_page(path);
  cr_assert_not_null(text, "%s: cannot be read", path);
  char *should = regenerate(text, seen);

  if (getenv("FINALE_REGENERATE") && strcmp(text, should) != 0) {
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s: cannot be written", path);
    fputs(should, file);
    cr_assert(fclose(file) == 0);
  } else {
    compare(path, text, should);
  }
  free(should);
  free(text);
}

Test(pages, lifecycle_md_shows_the_table_whole) {
  unsigned seen[BLOCK_COUNT] = {0};

  check_page("docs/lifecycle.md", seen);
  for (unsigned i = 0; i < BLOCK_COUNT; i++)
    cr_expect(seen[i] == 1, "docs/lifecycle.md has \"%s\" %u times", blocks[i].name, seen[i]);
}

Test(pages, readme_shows_the_diagram) {
  unsigned seen[BLOCK_COUNT] = {0};

  check_page("README.md", seen);
  cr_expect(seen[0] == 1, "README.md has \"%s\" %u times", blocks[0].name, seen[0]);
}
