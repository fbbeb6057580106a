/* SPDX-License-Identifier: MIT
 *
 * The line protocol: whatever the ends of lines look like and wherever the input is cut, the same
 * lines arrive, in order, none lost, and none that the handler does not want any more.
 */
#include <errno.h>
#include <finale/line.h>

#include "support/net.h"

enum { LINE_MAX_TESTED = 10, LINES_KEPT = 64 };

struct scene {
  struct net net;
  fin_line line;
  char lines[LINES_KEPT][LINE_MAX_TESTED + 8];
  unsigned count;
  void (*do_on_line)(fin_conn *conn);
};

/* fin_line_on_data wants a fin_line for a handler, which net's is not: so we count for it. */
static void on_open(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  scene->net.opened++;
  scene->net.conn = conn;
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct scene *scene = fin_conn_context(conn);
  scene->net.closed++;
  scene->net.report = *report;
  if (scene->net.conn == conn) scene->net.conn = NULL;
}

static void on_line(fin_conn *conn, const char *line, size_t len) {
  struct scene *scene = fin_conn_context(conn);
  cr_assert(fin_conn_reading(conn));
  cr_assert(scene->count < LINES_KEPT && len <= LINE_MAX_TESTED);
  memcpy(scene->lines[scene->count], line, len);
  scene->lines[scene->count++][len] = '\0';
  if (scene->do_on_line) scene->do_on_line(conn);
}

static void begin_with(struct scene *scene, void (*do_on_line)(fin_conn *conn), size_t input_max) {
  struct net *net = &scene->net;
  memset(scene, 0, sizeof *scene);
  scene->line = (fin_line){
      .handler = {.on_open = on_open,
                  .on_data = fin_line_on_data,
                  .on_timer = fin_conn_resume,
                  .on_close = on_close},
      .on_line = on_line,
      .line_max = LINE_MAX_TESTED,
  };
  scene->do_on_line = do_on_line;
  net_begin(net, &(fin_listen){.handler = &scene->line.handler, .context = scene});
  fin_listen listen = {.host = "127.0.0.1",
                       .handler = &scene->line.handler,
                       .context = scene,
                       .conn = {.input_max = input_max, .linger_grace_ms = 5000}};
  cr_assert_eq(fin_server_listen(net->server, &listen), 0);
  net->port = fin_server_port(net->server);
}

static void begin(struct scene *scene, void (*do_on_line)(fin_conn *conn)) {
  begin_with(scene, do_on_line, 0);
}

static void leave(struct scene *scene, int peer) {
  net_close(&scene->net, peer);
  net_until(&scene->net, scene->net.closed == scene->net.opened);
}

/* `expected`: the lines, with a '|' before each. */
static void expect_lines(struct scene *scene, const char *expected) {
  char seen[LINES_KEPT * sizeof *scene->lines] = "";
  for (unsigned i = 0; i < scene->count; i++) strcat(strcat(seen, "|"), scene->lines[i]);
  cr_assert_str_eq(seen, expected);
}

static void say(struct scene *scene, int peer, const char *text) {
  net_send(&scene->net, peer, text, strlen(text));
}

/* ---- what a line is ---- */

struct example {
  const char *text, *lines;
};

static const struct example examples[] = {
    {"one\n", "|one"},
    {"one\r\n", "|one"},
    {"one\ntwo\r\nthree\n", "|one|two|three"},
    {"\n", "|"},
    {"\r\n", "|"},
    {"\n\r\n\n", "|||"},
    {"one\r\r\n", "|one\r"},
    {"\r\r\n", "|\r"},
    {"o\rne\n", "|o\rne"},
    {"\rone\n", "|\rone"},
    {"one\n\ntwo\n", "|one||two"},
    {"1234567890\n", "|1234567890"},
    {"1234567890\r\n", "|1234567890"},
    {"one\nunfinished", "|one"},
    {"one\nunfinish\r", "|one"},
    {"unfinished", ""},
    {"\r", ""},
    {"", ""},
};

/* Cut into two at every place, and byte by byte. */
static void expect_example(struct scene *scene, const struct example *example) {
  size_t len = strlen(example->text);
  for (size_t cut = 0; cut <= len + 1; cut++) {
    int peer = net_connect(&scene->net);
    scene->count = 0;
    if (cut <= len) {
      net_send(&scene->net, peer, example->text, cut);
      net_send(&scene->net, peer, example->text + cut, len - cut);
    } else {
      for (size_t i = 0; i < len; i++) net_send(&scene->net, peer, example->text + i, 1);
    }
    leave(scene, peer);
    expect_lines(scene, example->lines);
    cr_assert_eq(scene->net.report.reason, FIN_REASON_PEER_ENDED);
    cr_assert_eq(scene->net.report.bytes_in, len);
  }
}

Test(line, examples_however_they_are_cut) {
  struct scene scene;
  begin(&scene, NULL);
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
    expect_example(&scene, &examples[i]);
  net_end(&scene.net);
}

Test(line, may_contain_nul) {
  struct scene scene;
  begin(&scene, NULL);
  int peer = net_connect(&scene.net);
  net_send(&scene.net, peer, "a\0b\n", 4);
  net_until(&scene.net, scene.count == 1);
  cr_assert_arr_eq(scene.lines[0], "a\0b", 4);
  leave(&scene, peer);
  net_end(&scene.net);
}

/* ---- too long ---- */

static void expect_too_long(const char *text, const char *before) {
  struct scene scene;
  int ending;
  begin(&scene, NULL);
  for (size_t cut = 0; cut <= strlen(text); cut++) {
    int peer = net_connect(&scene.net);
    scene.count = 0;
    net_send(&scene.net, peer, text, cut);
    say(&scene, peer, text + cut);
    cr_assert_eq(net_receive_all(&scene.net, peer, NULL, 1, &ending), 0);
    cr_assert_eq(ending, 0, "closed politely");
    leave(&scene, peer);
    expect_lines(&scene, before);
    cr_assert_eq(scene.net.report.reason, FIN_REASON_TOO_LONG);
  }
  net_end(&scene.net);
}

Test(line, one_byte_too_long) { expect_too_long("12345678901\n", ""); }
Test(line, one_byte_too_long_before_crlf) { expect_too_long("12345678901\r\n", ""); }
Test(line, too_long_before_its_end) { expect_too_long("12345678901", ""); }
Test(line, too_long_after_others) { expect_too_long("1\n2\n12345678901\n3\n", "|1|2"); }

/* A CR that ends the buffer may be the line's ending, and one more byte decides. */
Test(line, as_long_as_may_be_with_a_cr) {
  expect_too_long("1234567890\rx\n", "");
  expect_too_long("1234567890\r\r\n", "");
}

Test(line, the_default_limit_is_8_kib) {
  enum { DEFAULT = 8 * 1024 };
  struct scene scene;
  begin(&scene, NULL);
  for (size_t len = DEFAULT - 1; len <= DEFAULT + 1; len++) {
    scene.line.line_max = 0;
    scene.line.on_line = NULL; /* none is ever whole */
    int peer = net_connect(&scene.net), ending;
    net_send(&scene.net, peer, net_pattern(len), len);
    if (len > DEFAULT) net_receive_all(&scene.net, peer, NULL, 1, &ending);
    leave(&scene, peer);
    cr_assert_eq(scene.net.report.reason,
                 len > DEFAULT ? FIN_REASON_TOO_LONG : FIN_REASON_PEER_ENDED);
  }
  net_end(&scene.net);
}

/* line_max is at most input_max - 2: such a line just fits, whatever its ending. */
Test(line, the_longest_that_input_max_allows) {
  struct scene scene;
  begin_with(&scene, NULL, LINE_MAX_TESTED + 2);
  int peer = net_connect(&scene.net);
  for (const char *byte = "1234567890\r\n1234567890\n\n"; *byte; byte++)
    net_send(&scene.net, peer, byte, 1);
  leave(&scene, peer);
  expect_lines(&scene, "|1234567890|1234567890|");
  cr_assert_eq(scene.net.report.reason, FIN_REASON_PEER_ENDED);
  net_end(&scene.net);
}

/* ---- a handler that does not want more now, or never ---- */

static void close_it(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_PROTOCOL); }

static void no_line_after(void (*verb)(fin_conn *conn), fin_reason reason, int expected) {
  struct scene scene;
  int ending;
  begin(&scene, verb);
  int peer = net_connect(&scene.net);
  say(&scene, peer, "one\ntwo\nthree");
  cr_assert_eq(net_receive_all(&scene.net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, expected);
  leave(&scene, peer);
  expect_lines(&scene, "|one");
  cr_assert_eq(scene.net.report.reason, reason);
  net_end(&scene.net);
}

Test(line, close_within_on_line) { no_line_after(close_it, FIN_REASON_PROTOCOL, 0); }
Test(line, abort_within_on_line) { no_line_after(fin_conn_abort, FIN_REASON_ABORTED, ECONNRESET); }

/* After end input is still delivered. */
Test(line, end_within_on_line) {
  struct scene scene;
  int ending;
  begin(&scene, fin_conn_end);
  int peer = net_connect(&scene.net);
  say(&scene, peer, "one\ntwo\nthr");
  cr_assert_eq(net_receive_all(&scene.net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0);
  say(&scene, peer, "ee\n");
  leave(&scene, peer);
  expect_lines(&scene, "|one|two|three");
  cr_assert_eq(scene.net.report.reason, FIN_REASON_ENDED);
  net_end(&scene.net);
}

Test(line, pause_within_on_line) {
  struct scene scene;
  begin(&scene, fin_conn_pause);
  int peer = net_connect(&scene.net);
  say(&scene, peer, "one\ntwo\n\nfour\nfi");
  for (unsigned i = 1; i <= 4; i++) {
    for (int turn = 0; turn < 3; turn++) net_turn(&scene.net, 1);
    cr_assert_eq(scene.count, i);
    fin_conn_resume(scene.net.conn);
  }
  say(&scene, peer, "ve\nsix\n"); /* meets a connection that is not paused */
  net_until(&scene.net, scene.count == 5);
  fin_conn_resume(scene.net.conn);
  net_until(&scene.net, scene.count == 6);
  expect_lines(&scene, "|one|two||four|five|six");
  fin_conn_resume(scene.net.conn);
  leave(&scene, peer);
  net_end(&scene.net);
}

Test(line, pause_within_on_line_with_the_peers_fin_behind) {
  struct scene scene;
  begin(&scene, fin_conn_pause);
  int peer = net_connect(&scene.net);
  say(&scene, peer, "one\ntwo\nthree\nunfinished");
  net_fin(peer);
  for (unsigned i = 1; i <= 3; i++) {
    net_until(&scene.net, scene.count == i);
    fin_conn_resume(scene.net.conn);
  }
  leave(&scene, peer);
  expect_lines(&scene, "|one|two|three");
  cr_assert_eq(scene.net.report.reason, FIN_REASON_PEER_ENDED);
  net_end(&scene.net);
}

/* Work that takes a while: on_timer resumes. */
static void pause_for_a_while(fin_conn *conn) {
  fin_conn_pause(conn);
  fin_conn_set_timer(conn, 1);
}

Test(line, a_pause_between_any_two) {
  struct scene scene;
  begin(&scene, pause_for_a_while);
  int peer = net_connect(&scene.net);
  say(&scene, peer, "one\ntwo\nthree\n");
  net_fin(peer);
  net_until(&scene.net, scene.net.closed == 1);
  expect_lines(&scene, "|one|two|three");
  net_close(&scene.net, peer);
  net_end(&scene.net);
}

static void pause_and_resume(fin_conn *conn) {
  fin_conn_pause(conn);
  fin_conn_resume(conn);
}

Test(line, pause_and_resume_within_on_line) {
  struct scene scene;
  begin(&scene, pause_and_resume);
  int peer = net_connect(&scene.net);
  say(&scene, peer, "one\ntwo\nthree\n");
  leave(&scene, peer);
  expect_lines(&scene, "|one|two|three");
  net_end(&scene.net);
}

/* ---- back-pressure ---- */

enum { LINES = 3000, REPLY = 4000, BUFFER = 16 * 1024 };

/* Every line is its number, and is answered with much. */
static void answer(fin_conn *conn, const char *line, size_t len) {
  struct scene *scene = fin_conn_context(conn);
  char expected[16];
  cr_assert_eq((size_t)snprintf(expected, sizeof expected, "%u", scene->count), len);
  cr_assert_eq(memcmp(line, expected, len), 0);
  size_t from = (size_t)scene->count++ * REPLY;
  cr_assert_eq(fin_conn_write(conn, net_pattern(LINES * REPLY) + from, REPLY), 0);
}

/* The whole batch is in the connection's buffer when its answers meet a peer that does not read. */
Test(line, back_pressure_in_the_midst_of_a_batch) {
  static char batch[LINES * 8];
  struct scene scene;
  size_t len = 0;
  begin(&scene, NULL);
  scene.line.on_line = answer;
  for (unsigned i = 0; i < LINES; i++)
    len += (size_t)snprintf(batch + len, sizeof batch - len, i % 2 ? "%u\n" : "%u\r\n", i);
  int peer = net_connect_small(&scene.net, BUFFER, 0);
  net_send(&scene.net, peer, batch, len);
  net_fin(peer);
  for (int turn = 0; turn < 20; turn++) net_turn(&scene.net, 1);
  cr_assert(scene.count > 0 && scene.count < LINES, "%u lines were answered", scene.count);
  cr_assert(fin_conn_output_len(scene.net.conn) <= 64 * 1024 + REPLY);
  net_expect(&scene.net, peer, net_pattern(LINES * REPLY), LINES * REPLY);
  leave(&scene, peer);
  cr_assert_eq(scene.count, LINES);
  cr_assert_eq(scene.net.report.reason, FIN_REASON_PEER_ENDED);
  net_end(&scene.net);
}
