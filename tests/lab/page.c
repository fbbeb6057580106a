/* SPDX-License-Identifier: MIT
 *
 * The page: well-formed, escaped, asking for nothing, with all its parts.
 */
#include "lab/page.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lab/tale.h"

static char *print(struct tale *tale, const char *expect) {
  struct lab_judgement judgement;
  struct lab_evidence evidence;
  struct lab_diagnosis diagnosis;
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  cr_assert_not_null(out);
  tale_expect(tale, expect);
  cr_assert(lab_judge(&tale->story, &tale->expect, &tale->expect.broken, &judgement));
  cr_assert(lab_evidence_read(&tale->story, tale->expect.under_test, &evidence));
  lab_diagnose(&evidence, &diagnosis);
  const struct lab_page page = {.story = &tale->story,
                                .expect = &tale->expect,
                                .judgement = &judgement,
                                .diagnosis = &diagnosis,
                                .name = "02-<eof>",
                                .program = "a&b.c"};
  cr_assert(lab_page_print(out, &page));
  fclose(out);
  lab_judgement_release(&judgement);
  lab_evidence_release(&evidence);
  return text;
}

/* ---- a strict reader: tags are closed in order, attributes quoted, entities known ---- */

enum { DEPTH_MAX = 64, NAME_MAX_LEN = 16 };

static const char *read_entity(const char *at) {
  static const char *const known[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strncmp(at, known[i], strlen(known[i])) == 0) return at + strlen(known[i]);
  cr_assert_fail("no entity: %.20s", at);
  return at;
}

static const char *read_attributes(const char *at) {
  while (isspace((unsigned char)*at)) {
    at += strspn(at, " \n");
    if (*at == '/' || *at == '>') break;
    at += strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    cr_assert_eq(strncmp(at, "=\"", 2), 0, "an attribute without a value: %.20s", at);
    for (at += 2; *at != '"';) {
      cr_assert(*at != '<' && *at != '\0', "in an attribute: %.20s", at);
      at = *at == '&' ? read_entity(at) : at + 1;
    }
    at++;
  }
  return at;
}

static void expect_well_formed(const char *at) {
  char open[DEPTH_MAX][NAME_MAX_LEN];
  unsigned depth = 0;
  cr_assert_eq(strncmp(at, "<!DOCTYPE html>\n", 16), 0);
  for (at += 16; *at != '\0';) {
    if (*at == '&') {
      at = read_entity(at);
      continue;
    }
    cr_assert_neq(*at, '>', "between tags: %.20s", at);
    if (*at++ != '<') continue;
    const bool closes = *at == '/';
    char name[NAME_MAX_LEN] = "";
    at += closes;
    const size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz123456");
    cr_assert(len > 0 && len < sizeof name, "no tag: %.20s", at);
    memcpy(name, at, len);
    at = read_attributes(at + len);
    if (closes) {
      cr_assert_gt(depth, 0);
      cr_assert_str_eq(name, open[--depth], "before %.40s", at);
    } else if (*at == '/') {
      at++;
    } else {
      cr_assert_lt(depth, DEPTH_MAX);
      strcpy(open[depth++], name);
    }
    cr_assert_eq(*at++, '>');
  }
  cr_assert_eq(depth, 0);
}

static unsigned count_of(const char *text, const char *what) {
  unsigned count = 0;
  while ((text = strstr(text, what)) != NULL) {
    text += strlen(what);
    count++;
  }
  return count;
}

static const char plain[] = "client:\n  connect\nbroken:\n  gone server\n  descriptors +1\n";

Test(page, has_all_its_parts) {
  static const char *const parts[] = {"<h2>Claims</h2>",
                                      "<h2>Sequence</h2>",
                                      "<h2>States</h2>",
                                      "<h2>Sockets</h2>",
                                      "<h2>Descriptors</h2>",
                                      "<h2>Counters</h2>",
                                      "<h2>What the program printed</h2>",
                                      "<code>eof-ignored</code>",
                                      "程序读到了 EOF",
                                      "CLOSE-WAIT was still there",
                                      "class=\"verdict fails\"",
                                      "class=\"verdict holds\"",
                                      "TCPKeepAlive",
                                      "FIN ACK</text>",
                                      "default-src &#39;none&#39;"};
  struct tale tale;
  tale_eof_ignored(&tale);
  tale_counter(&tale, LAB_SERVER, "TCPKeepAlive", 4);
  tale.story.output = strdup("listening\n");
  tale.story.output_len = strlen(tale.story.output);
  char *text = print(&tale, plain);
  expect_well_formed(text);
  for (size_t i = 0; i + 1 < sizeof parts / sizeof *parts; i++)
    cr_expect_not_null(strstr(text, parts[i]), "%s", parts[i]);
  cr_expect_not_null(strstr(text, "default-src 'none'"));
  cr_expect_eq(count_of(text, "<script"), 0);
  cr_expect_eq(count_of(text, "http://") + count_of(text, "https://"), 0);
  /* 8 segments, of which each is one arrow with one tip */
  cr_expect_eq(count_of(text, "class=\"tip "), 7);
  free(text);
  tale_release(&tale);
}

Test(page, nothing_of_others_gets_out_of_its_place) {
  struct tale tale;
  tale_eof_ignored(&tale);
  tale_said(&tale, 700, 1, "send \"</text><script>alert(1)</script>\"");
  snprintf(tale_state(&tale, 5000, LAB_SERVER, FIN_TCP_CLOSE_WAIT, FIN_TCP_LAST_ACK)->owner, 16,
           "<b>&\"'\x01\xff");
  tale.story.output = strdup("<img src=x>\n\033[31m \xf0\x28\x8c\x28 &amp;\n");
  tale.story.output_len = strlen(tale.story.output);
  tale.story.wire = false;
  snprintf(tale.story.why_no_wire, sizeof tale.story.why_no_wire, "<i>refused</i>");
  char *text = print(&tale,
                     "title: <b>\"A\" & 'B'\ntitle.zh: <u>中文\ncause: none\n"
                     "client:\n  connect\nbroken:\n  prints \"<td>\"\n");
  expect_well_formed(text);
  cr_expect_eq(count_of(text, "<script"), 0);
  cr_expect_eq(count_of(text, "<b>"), 0);
  cr_expect_eq(count_of(text, "<img"), 0);
  cr_expect_not_null(strstr(text, "&lt;i&gt;refused"));
  cr_expect_not_null(strstr(text, "&lt;img src=x&gt;"));
  free(text);
  tale_release(&tale);
}

Test(page, of_a_story_without_anything) {
  struct tale tale;
  tale_begin(&tale, 0);
  char *text = print(&tale, plain);
  expect_well_formed(text);
  free(text);
  tale_release(&tale);
}

/* What is lost, doubled, held, or on its way when the story ends; and many at once. */
Test(page, of_all_that_may_happen_to_segments) {
  struct tale tale;
  tale_begin(&tale, 2000);
  for (unsigned i = 0; i < 12; i++) {
    tale.client_port = (uint16_t)(TALE_PORT + i);
    tale_state(&tale, 10 * i, LAB_CLIENT, FIN_TCP_ANY, FIN_TCP_SYN_SENT);
    tale_segment(&tale, 10 * i, LAB_CLIENT, 2, 0, LAB_DROPPED);
    tale_segment(&tale, 500, LAB_CLIENT, 2, 0, LAB_DUPLICATED);
    tale_segment(&tale, 600, LAB_SERVER, 18, 0, LAB_HELD);
    for (unsigned k = 0; k < 100; k++)
      tale_segment(&tale, 700 + k, LAB_CLIENT, 16, 1448, LAB_PASSED);
    tale_segment(&tale, 1999, LAB_SERVER, 4, 0, LAB_PASSED);
  }
  char *text = print(&tale, plain);
  expect_well_formed(text);
  cr_expect_eq(count_of(text, ", dropped"), 8);
  cr_expect_eq(count_of(text, ", held"), 8);
  cr_expect_not_null(strstr(text, "4 more connections are not drawn"));
  free(text);
  tale_release(&tale);
}
