/* SPDX-License-Identifier: MIT
 *
 * The timeline as it looks: what is expected is in timeline/, as files to be looked at. With
 * FINALE_WRITE=1 they are written anew.
 */
#include "lab/timeline.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/tale.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static char *print(const struct tale *tale, struct lab_timeline_options options) {
  char *text = NULL;
  size_t len = 0;
  options.out = open_memstream(&text, &len);
  cr_assert_not_null(options.out);
  options.under_test = LAB_SERVER;
  if (options.program == NULL) options.program = "broken.c";
  cr_assert(lab_timeline_print(&options, &tale->story));
  fclose(options.out);
  return text;
}

static unsigned columns_of(const char *line, size_t len) {
  unsigned columns = 0;
  for (size_t i = 0; i < len; i++)
    if (((unsigned char)line[i] & 0xc0) != 0x80) columns++;
  return columns;
}

static void expect_fits(const char *text, unsigned columns) {
  while (*text != '\0') {
    const size_t len = strcspn(text, "\n");
    cr_expect_leq(columns_of(text, len), columns, "too wide: %.*s", (int)len, text);
    cr_expect(len == 0 || text[len - 1] != ' ', "ends with a blank: %.*s", (int)len, text);
    text += len + (text[len] == '\n');
  }
}

static void expect_as_in(const char *name, const char *text) {
  char path[512];
  const char *source = getenv("FINALE_SOURCE_DIR");
  snprintf(path, sizeof path, "%s/tests/lab/timeline/%s.txt", source ? source : ".", name);
  const bool write = getenv("FINALE_WRITE") != NULL;
  FILE *file = fopen(path, write ? "w" : "r");
  cr_assert_not_null(file, "%s", path);
  if (write) {
    fputs(text, file);
  } else {
    char *expected = calloc(1, 1 << 16);
    cr_assert_not_null(expected);
    fread(expected, 1, (1 << 16) - 1, file);
    cr_expect_str_eq(text, expected, "not as in %s:\n%s", path, text);
    free(expected);
  }
  fclose(file);
}

static void expect_both(struct tale *tale, const char *name) {
  for (unsigned columns = 80; columns <= 160; columns += 80) {
    char file[64];
    snprintf(file, sizeof file, "%s-%u", name, columns);
    char *text = print(tale, (struct lab_timeline_options){.columns = columns, .unicode = true});
    expect_fits(text, columns);
    expect_as_in(file, text);
    free(text);
  }
}

Test(timeline, of_a_server_that_does_not_close) {
  struct tale tale;
  tale_eof_ignored(&tale);
  tale_counter(&tale, LAB_SERVER, "TCPKeepAlive", 4);
  tale_counter(&tale, LAB_SERVER, "InSegs", 20);
  expect_both(&tale, "eof-ignored");
  tale_release(&tale);
}

Test(timeline, of_a_server_that_closes) {
  struct tale tale;
  tale_eof_heeded(&tale);
  expect_both(&tale, "eof-heeded");
  tale_release(&tale);
}

/* Whatever may happen: segments that are lost, held, doubled; bursts; two connections; a transition
 * that is none; names that do not fit. */
static void tell_all(struct tale *tale) {
  struct lab_state *state;
  struct lab_said *said;
  tale_begin(tale, 9000);
  tale_point(tale, 0, LAB_READY, "");
  tale_segment(tale, 10, LAB_CLIENT, SYN, 0, LAB_DROPPED);
  tale_segment(tale, 1010, LAB_CLIENT, SYN, 0, LAB_DUPLICATED);
  tale_state(tale, 1163, LAB_SERVER, FIN_TCP_LISTEN, FIN_TCP_SYN_RECV)->source = LAB_INFERRED;
  state = tale_state(tale, 1163, LAB_SERVER, FIN_TCP_SYN_RECV, FIN_TCP_ESTABLISHED);
  snprintf(state->owner, sizeof state->owner, "a-long-program");
  state->fd = 1234;
  state->recv_queue = 3919872;
  state->send_queue = 2803713;
  state->timer = FIN_TCP_TIMER_PERSIST;
  state->timer_ms = 200;
  for (unsigned i = 0; i < 60; i++) {
    tale_segment(tale, 1500 + i, LAB_CLIENT, ACK, 1448, LAB_PASSED);
    tale_call(tale, 1652 + i, "read", 1234, 1448);
  }
  tale->client_port++;
  tale_segment(tale, 2000, LAB_CLIENT, SYN, 0, LAB_HELD);
  tale_call(tale, 2200, "accept", -1, -1)->error = 24; /* EMFILE */
  said = tale_said(tale, 2300, 2, "send \"你好，世界，这是一个很长的字符串\"");
  said = tale_said(tale, 2400, 2, "read to end: ECONNRESET (Connection reset by peer)");
  said->failed = said->last = true;
  tale_state(tale, 2500, LAB_CLIENT, FIN_TCP_ANY, FIN_TCP_SYN_SENT);
  tale_state(tale, 2600, LAB_CLIENT, FIN_TCP_SYN_SENT, FIN_TCP_LAST_ACK);
  tale_segment(tale, 2700, LAB_SERVER, RST | ACK, 0, LAB_PASSED);
  tale_segment(tale, 3000, LAB_SERVER, ACK, 0, LAB_PASSED)->window = 0;
  tale_segment(tale, 3300, LAB_SERVER, FIN | ACK, 1, LAB_DROPPED);
  tale_count(tale, 3400, 3, 1);
  tale_point(tale, 3500, LAB_ENDED, "")->status = -11;
  tale_point(tale, 3600, LAB_FAILED,
             "the \033[31mwire\n broke, and why it did takes more than one line to tell");
}

Test(timeline, of_all_that_may_happen) {
  struct tale tale;
  tell_all(&tale);
  expect_both(&tale, "all");
  tale_release(&tale);
}

Test(timeline, in_ascii) {
  struct tale tale;
  tell_all(&tale);
  char *text = print(&tale, (struct lab_timeline_options){.columns = 80});
  expect_as_in("all-ascii", text);
  for (const char *c = text; *c != '\0'; c++)
    cr_expect(*c == '\n' || (*c >= ' ' && *c < 0x7f), "%02x", (unsigned char)*c);
  free(text);
  tale_release(&tale);
}

Test(timeline, colour_changes_nothing_but_colour) {
  struct tale tale;
  tell_all(&tale);
  char *plain = print(&tale, (struct lab_timeline_options){.columns = 100, .unicode = true});
  char *colour =
      print(&tale, (struct lab_timeline_options){.columns = 100, .unicode = true, .colour = true});
  cr_expect_not_null(strchr(colour, '\033'));
  size_t to = 0;
  for (size_t from = 0; colour[from] != '\0'; from++) {
    if (colour[from] == '\033')
      from += strcspn(colour + from, "m");
    else
      colour[to++] = colour[from];
  }
  colour[to] = '\0';
  cr_expect_str_eq(colour, plain);
  free(plain);
  free(colour);
  tale_release(&tale);
}

/* What a terminal shows after all rewriting is what a pipe is given. */
Test(timeline, rewritten_lines_come_to_the_same) {
  struct tale tale;
  char *live = NULL, shown[1 << 15] = "";
  size_t len = 0, at = 0;
  tale_eof_ignored(&tale);
  char *plain = print(&tale, (struct lab_timeline_options){.columns = 80, .connections = 1});
  struct lab_timeline_options options = {.out = open_memstream(&live, &len),
                                         .columns = 80,
                                         .connections = 1,
                                         .rewrites = true,
                                         .under_test = LAB_SERVER,
                                         .began_ns = tale.story.began_ns,
                                         .program = "broken.c"};
  struct lab_timeline *timeline = lab_timeline_new(&options);
  cr_assert_not_null(timeline);
  for (size_t i = 0; i < tale.story.count; i++) lab_timeline_event(timeline, &tale.story.events[i]);
  lab_timeline_end(timeline, &tale.story);
  lab_timeline_free(timeline);
  fclose(options.out);
  for (size_t i = 0; live[i] != '\0'; i++) {
    if (live[i] != '\033') {
      shown[at++] = live[i];
      continue;
    }
    for (unsigned long up = strtoul(live + i + 2, NULL, 10); up > 0 && at > 0; up--) do
        at--;
      while (at > 0 && shown[at - 1] != '\n');
    i += strcspn(live + i, "J");
  }
  shown[at] = '\0';
  cr_expect_str_eq(shown, plain);
  free(live);
  free(plain);
  tale_release(&tale);
}

Test(timeline, the_environment_is_heeded) {
  setenv("COLUMNS", "132", 1);
  setenv("LC_ALL", "de_DE.UTF-8", 1);
  FILE *out = tmpfile();
  struct lab_timeline_options options = lab_timeline_options(out);
  cr_expect_eq(options.columns, 132);
  cr_expect(options.unicode);
  cr_expect_not(options.colour);
  cr_expect_not(options.rewrites);
  setenv("LC_ALL", "C", 1);
  cr_expect_not(lab_timeline_options(out).unicode);
  fclose(out);
}
