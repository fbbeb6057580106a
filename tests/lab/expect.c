/* SPDX-License-Identifier: MIT
 *
 * Files `expect`: all that is right is understood, all that is wrong is named with its line.
 */
#include "lab/expect.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lab_expect expect;
static char error[LAB_ERROR_MAX];

static bool parse(const char *text) {
  return lab_expect_parse("x", text, strlen(text), &expect, error);
}

static void end(void) { lab_expect_release(&expect); }

#define HEAD "title: T\ncause: c\n"
#define CLIENT "client:\n  connect\n"

Test(expect, every_line_is_understood, .fini = end) {
  cr_assert(parse("# a comment\n"
                  "title: A title\ntitle.zh: 标题\ncause: eof-ignored\nunder-test: server\n"
                  "sysctl: tcp_fin_timeout 3\nsysctl: client ip_local_port_range 40000 40009\n"
                  "wire: delay 20ms\nwire: drop 2nd fin from server\nneeds: wire\nrun: 4s\n"
                  "client x3:\n"
                  "  set keepalive 1 2 3   # behind a line\n"
                  "  connect\n  send \"a # b\\n\"\n  send 100000 bytes\n"
                  "  read \"x\\\"\\\\\\x7f\" within 1s\n  read to end\n  wait 500ms\n  vanish\n"
                  "client:\n  connect\n  reset\n"
                  "server:\n  read 3 bytes\n  end\n"
                  "broken:\n"
                  "  stay server CLOSE-WAIT recv-q >1 send-q 0 owned timer off x3 for 2s\n"
                  "  order client ESTAB, FIN-WAIT-1, TIME-WAIT\n"
                  "  descriptors +1\n  counter server TCPAbortOnClose +2\n  client failed\n"
                  "fixed:\n  gone server\n  prints \"up\"\n  exits 0\n  connections <3\n"
                  "service:\n  client:\n    connect\n    close\n  server:\n    close\n  client ok\n"
                  "service:\n  client x2:\n    connect\n"),
            "%s", error);
  cr_assert_str_eq(expect.title, "A title");
  cr_assert_str_eq(expect.title_zh, "标题");
  cr_assert_str_eq(expect.cause, "eof-ignored");
  cr_assert(expect.needs_wire);
  cr_assert_eq(expect.run_ms, 4000);
  cr_assert_eq(expect.delay_ms, 20);
  cr_assert_eq(expect.rule_count, 1);
  cr_assert_eq(expect.rules[0].nth, 2);
  cr_assert_eq(expect.sysctl_count, 2);
  cr_assert(expect.sysctls[0].of[LAB_CLIENT] && expect.sysctls[0].of[LAB_SERVER]);
  cr_assert(expect.sysctls[1].of[LAB_CLIENT] && !expect.sysctls[1].of[LAB_SERVER]);
  cr_assert_str_eq(expect.sysctls[1].value, "40000 40009");
  cr_assert_eq(expect.clients.count, 2);
  cr_assert_eq(expect.servers.count, 1);
  cr_assert_eq(expect.service_count, 2);
  cr_assert_eq(expect.services[0].clients.count, 1);
  cr_assert_eq(expect.services[0].servers.count, 1);
  cr_assert_eq(expect.services[0].claim_count, 1);
  cr_assert_eq(expect.services[1].clients.items[0].times, 2);
  cr_assert_eq(expect.fixed.claim_count, 4);
}

Test(expect, steps_keep_their_values, .fini = end) {
  cr_assert(
      parse(HEAD "client x3:\n  set keepalive 1 2 3\n  set user-timeout 2s\n  connect\n"
                 "  send \"a # b\\n\"\n  read \"x\\\"\\\\\\x7f\" within 1s\n  read 9 bytes\n"),
      "%s", error);
  const struct lab_player *player = &expect.clients.items[0];
  const struct lab_step *step = player->steps;
  cr_assert_eq(player->times, 3);
  cr_assert_eq(player->step_count, 6);
  cr_assert_eq(step[0].option, LAB_OPTION_KEEPALIVE);
  cr_assert_arr_eq(step[0].values, ((int[]){1, 2, 3}), sizeof step[0].values);
  cr_assert_eq(step[1].values[0], 2000);
  cr_assert_eq(step[3].kind, LAB_STEP_SEND);
  cr_assert_eq(step[3].len, 6);
  cr_assert_arr_eq(step[3].bytes, "a # b\n", 6);
  cr_assert_eq(step[3].line, 7);
  cr_assert_eq(step[4].len, 4);
  cr_assert_arr_eq(step[4].bytes, "x\"\\\x7f", 4);
  cr_assert_eq(step[4].ms, 1000);
  cr_assert_eq(step[5].kind, LAB_STEP_READ_COUNT);
  cr_assert_eq(step[5].ms, LAB_READ_MS);
}

Test(expect, claims_keep_their_values, .fini = end) {
  cr_assert(parse(HEAD CLIENT "broken:\n"
                              "  stay server CLOSE-WAIT recv-q >1 unowned timer off x3 for 2s\n"
                              "  order client ESTAB, FIN-WAIT-1, TIME-WAIT\n"
                              "  descriptors +1\n  counter server TCPAbortOnClose +2\n"
                              "  see LISTEN recv-q 4\n  connections <3\n"
                              "  counter client TCPTimeouts +0\n"),
            "%s", error);
  const struct lab_claim *claim = expect.broken.claims;
  cr_assert_eq(claim[0].kind, LAB_CLAIM_STAY);
  cr_assert_eq(claim[0].states[0], FIN_TCP_CLOSE_WAIT);
  cr_assert_eq(claim[0].recv_queue.compare, LAB_MORE);
  cr_assert_eq(claim[0].send_queue.compare, LAB_ANY);
  cr_assert(claim[0].unowned && claim[0].timed && claim[0].timer == FIN_TCP_TIMER_NONE);
  cr_assert_eq(claim[0].sockets, 3);
  cr_assert_eq(claim[0].for_ms, 2000);
  cr_assert_eq(claim[0].line, 6);
  cr_assert_str_eq(claim[0].source, "stay server CLOSE-WAIT recv-q >1 unowned timer off x3 for 2s");
  cr_assert_eq(claim[1].state_count, 3);
  cr_assert_eq(claim[1].states[1], FIN_TCP_FIN_WAIT1);
  cr_assert_eq(claim[2].number.compare, LAB_EXACTLY);
  cr_assert_eq(claim[3].number.compare, LAB_AT_LEAST);
  cr_assert_str_eq(claim[3].text, "TCPAbortOnClose");
  cr_assert_eq(claim[4].side, LAB_SERVER);
  cr_assert_eq(claim[5].number.compare, LAB_LESS);
  cr_assert_eq(claim[6].number.compare, LAB_EXACTLY);
  cr_assert(lab_number_holds(claim[3].number, 2) && lab_number_holds(claim[3].number, 3));
  cr_assert(!lab_number_holds(claim[3].number, 1) && !lab_number_holds(claim[5].number, 3));
}

/* A program that is the client talks to an echo, if the file says nothing else. */
Test(expect, a_client_under_test_has_somebody_to_talk_to, .fini = end) {
  cr_assert(parse(HEAD "under-test: client\n"), "%s", error);
  cr_assert_eq(expect.servers.count, 1);
  cr_assert_eq(expect.servers.items[0].steps[0].kind, LAB_STEP_ECHO);
}

static const struct {
  const char *text;
  const char *error; /* how it begins */
} wrong[] = {
    {"cause: c\n" CLIENT, "x:1: \"title: ...\" is missing"},
    {"title: T\n" CLIENT, "x:1: \"cause: ...\" is missing"},
    {HEAD, "x:1: \"client:\" is missing"},
    {HEAD "client:\n", "x:3: a player without a step"},
    {HEAD "client x0:\n  connect\n", "x:3: \"client x0:\": \"client x3:\", at most 64"},
    {HEAD "  connect\n", "x:3: \"connect\" belongs to nothing"},
    {HEAD "colour: red\n", "x:3: \"colour: red\" begins nothing: title:"},
    {HEAD "run: 16s\n", "x:3: run: at most 15s"},
    {HEAD "run: 4\n", "x:3: \"run: 4\": a time like 500ms or 2s is wanted, not \"4\""},
    {HEAD "run: 4s 5s\n", "x:3: \"run: 4s 5s\": what does \"5s\" mean here?"},
    {HEAD "needs: luck\n", "x:3: needs: only \"wire\""},
    {HEAD "wire: drop fin\n", "x:3: \"drop fin\": goes on with \"from client\""},
    {HEAD "sysctl: tcp_fin_timeout\n", "x:3: \"sysctl: tcp_fin_timeout\": its value is missing"},
    {HEAD "under-test: both\n", "x:3: \"under-test: both\": client or server is wanted"},
    {HEAD "\tconnect\n", "x:3: a tab"},
    {HEAD "client:\n  send \"a\"\n", "x:4: \"send \"a\"\" comes before \"connect\""},
    {HEAD CLIENT "  connect\n", "x:5: one connection for each client"},
    {HEAD CLIENT "server:\n  connect\n", "x:6: a server does not connect"},
    {HEAD CLIENT "  sing\n", "x:5: \"sing\" is no step: connect, set"},
    {HEAD CLIENT "  send hello\n", "x:5: \"send hello\": a text in \"\", or so many bytes,"},
    {HEAD CLIENT "  send \"hello\n", "x:5: \"send \"hello\": the text has no end"},
    {HEAD CLIENT "  send \"a\\q\"\n", "x:5: a \\ is followed by n, r, t"},
    {HEAD CLIENT "  send \"\"\n", "x:5: an empty text"},
    {HEAD CLIENT "  read \"a\"b\n", "x:5: a blank is wanted behind a text"},
    {HEAD CLIENT "  read to eof\n", "x:5: \"read to eof\": \"read to end\" is wanted"},
    {HEAD CLIENT "  read 99999999999999999999 bytes\n", "x:5: \"read 99999999999999999999 bytes\""},
    {HEAD CLIENT "  set volume 11\n", "x:5: set volume 11: there is rcvbuf"},
    {HEAD CLIENT "  set keepalive 1 1\n", "x:5: \"set keepalive 1 1\": a number is wanted"},
    {HEAD CLIENT "broken:\n  hope\n", "x:6: \"hope\" is no claim: see, stay"},
    {HEAD CLIENT "broken:\n  see CLOSE-WAIT\n", "x:6: \"see CLOSE-WAIT\": client or server"},
    {HEAD CLIENT "broken:\n  see server CLOSEWAIT\n",
     "x:6: \"see server CLOSEWAIT\": \"CLOSEWAIT\""},
    {HEAD CLIENT "broken:\n  see server ESTAB mine\n", "x:6: \"see server ESTAB mine\": \"mine\""},
    {HEAD CLIENT "broken:\n  see server ESTAB timer egg\n", "x:6: \"see server ESTAB timer egg\""},
    {HEAD CLIENT "broken:\n  order server ESTAB\n", "x:6: \"order server ESTAB\": an order has"},
    {HEAD CLIENT "broken:\n  never server ESTAB x0\n", "x:6: x0: \"never\" says that"},
    {HEAD CLIENT "broken:\n  client maybe\n", "x:6: \"client maybe\": a client is ok or failed"},
    {HEAD CLIENT "broken:\nbroken:\n", "x:6: \"broken:\" began at line 5 already"},
    {HEAD CLIENT "under-test: client\n", "x:3: under-test: client: the program is the client"},
};

Test(expect, what_is_wrong_is_named) {
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cr_expect(!parse(wrong[i].text), "%s is understood", wrong[i].text);
    cr_expect(strncmp(error, wrong[i].error, strlen(wrong[i].error)) == 0, "%s: \"%s\", not \"%s\"",
              wrong[i].text, error, wrong[i].error);
    end();
  }
}

/* Whatever the end of a file is cut off, and whichever byte is another one: nothing is read that is
 * not there, nothing is left allocated. (The sanitizers look.) */
Test(expect, nothing_breaks_the_parser) {
  static const char good[] = HEAD
      "wire: hold fin from client for 1s\nsysctl: server a 1\n"
      "client x2:\n  connect\n  send \"\\x41\\n\" within 1s\n"
      "broken:\n  see server ESTAB recv-q >1 x2 for 1s\n"
      "  order client ESTAB, TIME-WAIT\nservice:\n  client:\n    connect\n";
  char text[sizeof good];
  for (size_t len = 0; len < sizeof good; len++) {
    lab_expect_parse("x", good, len, &expect, error);
    end();
  }
  for (size_t i = 0; i + 1 < sizeof good; i++) {
    for (const char *c = "\n :\"\\#x0,"; *c != '\0'; c++) {
      memcpy(text, good, sizeof good);
      text[i] = *c;
      parse(text);
      end();
    }
  }
}

Test(expect, every_lab_can_be_read) {
  char pattern[512];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/examples/labs/*/expect", getenv("FINALE_SOURCE_DIR"));
  cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    cr_expect(lab_expect_read(found.gl_pathv[i], &expect, error), "%s", error);
    end();
  }
  globfree(&found);
}

Test(expect, a_file_that_is_not_there_is_named) {
  cr_assert_not(lab_expect_read("/nonexistent/expect", &expect, error));
  cr_assert_str_eq(error, "/nonexistent/expect: No such file or directory");
}
