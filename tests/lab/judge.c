/* SPDX-License-Identifier: MIT
 *
 * Each kind of claim, held and failed, on stories that are made up.
 */
#include "lab/judge.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lab/tale.h"

static void expect_claim_of(struct tale *tale, const char *players, const char *claim,
                            enum lab_verdict verdict, const char *says) {
  struct lab_judgement judgement;
  char *text;
  cr_assert_gt(asprintf(&text, "%s\nbroken:\n  %s\n", players, claim), 0);
  tale_expect(tale, text);
  free(text);
  cr_assert(lab_judge(&tale->story, &tale->expect, &tale->expect.broken, &judgement));
  cr_assert_eq(judgement.count, 1);
  const struct lab_finding *finding = &judgement.findings[0];
  cr_expect_eq(finding->verdict, verdict, "%s: %s, because: %s", claim,
               lab_verdict_name(finding->verdict), finding->seen);
  cr_expect_not_null(strstr(finding->seen, says), "%s: \"%s\" does not say \"%s\"", claim,
                     finding->seen, says);
  cr_expect_eq(judgement.verdicts[verdict], 1);
  lab_judgement_release(&judgement);
}

static void expect_claim(struct tale *tale, const char *claim, enum lab_verdict verdict,
                         const char *says) {
  expect_claim_of(tale, "client:\n  connect", claim, verdict, says);
}

struct verdict {
  const char *claim;
  enum lab_verdict verdict;
  const char *says; /* within what was seen */
};

static void expect_all(struct tale *tale, const struct verdict *all, size_t count) {
  for (size_t i = 0; i < count; i++) expect_claim(tale, all[i].claim, all[i].verdict, all[i].says);
  tale_release(tale);
}

#define EXPECT_ALL(tale, all) expect_all(tale, all, sizeof(all) / sizeof *(all))

Test(judge, of_a_server_that_does_not_close) {
  static const struct verdict all[] = {
      {"see server CLOSE-WAIT", LAB_HOLDS, "lasted 4.8 s"},
      {"see server CLOSE-WAIT recv-q 0 send-q 0 owned timer off", LAB_HOLDS, "owned by broken"},
      {"see server CLOSE-WAIT recv-q 1", LAB_FAILS, "with Recv-Q 0"},
      {"see server CLOSE-WAIT recv-q >0", LAB_FAILS, "with Recv-Q 0"},
      {"see server CLOSE-WAIT send-q 3", LAB_FAILS, "Send-Q 0"},
      {"see server CLOSE-WAIT queued", LAB_FAILS, "owned by broken"},
      {"see server CLOSE-WAIT unowned", LAB_FAILS, "owned by broken"},
      {"see server CLOSE-WAIT timer keepalive", LAB_FAILS, "timer off"},
      {"see server CLOSE-WAIT x2", LAB_FAILS, "1, not 2"},
      {"see server CLOSE-WAIT for 4s", LAB_HOLDS, "still there at the end"},
      {"see server CLOSE-WAIT for 5s", LAB_FAILS, "lasted 4.8 s"},
      {"see server LAST-ACK", LAB_FAILS, "there were SYN-RECV, ESTAB, CLOSE-WAIT"},
      {"see server SYN-RECV queued", LAB_HOLDS, "queued"},
      {"see client FIN-WAIT-2 orphan timer timewait for 3s", LAB_HOLDS, "then it was gone"},
      {"see client FIN-WAIT-1 for 1s", LAB_FAILS, "then came FIN-WAIT-2"},
      {"see LISTEN recv-q 0", LAB_HOLDS, "LISTEN"},
      {"see LISTEN recv-q 3", LAB_FAILS, "Recv-Q 0"},
      {"stay server CLOSE-WAIT", LAB_HOLDS, "still there"},
      {"stay server CLOSE-WAIT owned for 4500ms", LAB_HOLDS, "still there"},
      {"stay server CLOSE-WAIT owned for 4900ms", LAB_FAILS, "lasted 4.8 s"},
      {"stay server ESTAB", LAB_FAILS, "then came CLOSE-WAIT"},
      {"stay client FIN-WAIT-2", LAB_FAILS, "then it was gone"},
      {"never client TIME-WAIT", LAB_HOLDS, "none was seen"},
      {"never server CLOSE-WAIT", LAB_FAILS, "from 0.78 s on"},
      {"never server CLOSE-WAIT recv-q 1", LAB_HOLDS, "none was seen"},
      {"never client CLOSE-WAIT", LAB_HOLDS, "none was seen"},
      {"see client CLOSE-WAIT", LAB_FAILS, "there were SYN-SENT, ESTAB"},
      {"never server CLOSE-WAIT for 1s", LAB_FAILS, "lasted 4.8 s"},
      {"never server CLOSE-WAIT for 5s", LAB_HOLDS, "lasted 4.8 s"},
      {"gone client", LAB_HOLDS, "no socket was left"},
      {"gone server", LAB_FAILS, "CLOSE-WAIT was still there, since 4.8 s"},
      {"order client SYN-SENT, ESTAB, FIN-WAIT-1, FIN-WAIT-2", LAB_HOLDS, "SYN-SENT, ESTAB"},
      {"order client ESTAB, FIN-WAIT-2", LAB_FAILS, "ESTAB, FIN-WAIT-1, FIN-WAIT-2"},
      {"order server ESTAB, CLOSE-WAIT, LAST-ACK", LAB_FAILS, "SYN-RECV, ESTAB, CLOSE-WAIT"},
      {"order server CLOSE-WAIT, ESTAB", LAB_FAILS, "ESTAB, CLOSE-WAIT"},
      {"descriptors +1", LAB_HOLDS, "(+1)"},
      {"descriptors +0", LAB_FAILS, "1 before the clients came, 2 at the end"},
      {"invisible 0", LAB_HOLDS, "0 of its sockets"},
      {"invisible 1", LAB_FAILS, "0 of its sockets"},
      {"counter server TCPKeepAlive +1", LAB_HOLDS, "grew by 4"},
      {"counter server TCPKeepAlive +5", LAB_FAILS, "grew by 4"},
      {"counter server TCPKeepAlive +0", LAB_FAILS, "grew by 4"},
      {"counter client TCPKeepAlive +1", LAB_FAILS, "grew by 0"},
      {"counter client TCPKeepAlive +0", LAB_HOLDS, "grew by 0"},
      {"counter client TcpExtTCPKeepAlive +0", LAB_FAILS, "this kernel counts no TcpExt"},
      {"client ok", LAB_HOLDS, "every client did all its steps"},
      {"client failed", LAB_FAILS, "every client did all its steps"},
      {"prints \"on 0.0.0.0\"", LAB_HOLDS, "it printed that"},
      {"prints \"bye\"", LAB_FAILS, "its last line was \"ready\""},
      {"exits 0", LAB_FAILS, "still running"},
      {"connections 0", LAB_HOLDS, "made 0"},
      {"connections 1", LAB_FAILS, "made 0"},
  };
  struct tale tale;
  tale_eof_ignored(&tale);
  tale_counter(&tale, LAB_SERVER, "TCPKeepAlive", 4);
  tale.story.output = strdup("listening on 0.0.0.0:7000\nready\n");
  tale.story.output_len = strlen(tale.story.output);
  EXPECT_ALL(&tale, all);
}

Test(judge, of_a_server_that_closes) {
  static const struct verdict all[] = {
      /* It was too short to be seen, but it was gone through. */
      {"see server CLOSE-WAIT", LAB_FAILS, "it is only inferred"},
      {"never server CLOSE-WAIT", LAB_HOLDS, "none was seen"},
      {"order server ESTAB, CLOSE-WAIT, LAST-ACK", LAB_HOLDS, "ESTAB, ~CLOSE-WAIT, LAST-ACK"},
      {"order server ESTAB, LAST-ACK", LAB_HOLDS, "~CLOSE-WAIT"},
      /* Three segments instead of four. */
      {"order client FIN-WAIT-1, TIME-WAIT", LAB_HOLDS, "FIN-WAIT-1, TIME-WAIT"},
      {"order client FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT", LAB_FAILS, "FIN-WAIT-1, TIME-WAIT"},
      {"gone server", LAB_HOLDS, "no socket was left"},
      {"gone client", LAB_HOLDS, "1 in TIME-WAIT"},
      {"stay client TIME-WAIT timer timewait for 2s", LAB_HOLDS, "still there"},
      {"descriptors +0", LAB_HOLDS, "(+0)"},
  };
  struct tale tale;
  tale_eof_heeded(&tale);
  EXPECT_ALL(&tale, all);
}

Test(judge, fin_wait_2_may_have_a_moment) {
  struct tale tale;
  tale_begin(&tale, 3000);
  tale_state(&tale, 10, LAB_CLIENT, FIN_TCP_ANY, FIN_TCP_SYN_SENT);
  tale_state(&tale, 20, LAB_CLIENT, FIN_TCP_SYN_SENT, FIN_TCP_ESTABLISHED);
  tale_state(&tale, 30, LAB_CLIENT, FIN_TCP_ESTABLISHED, FIN_TCP_FIN_WAIT1);
  tale_state(&tale, 40, LAB_CLIENT, FIN_TCP_FIN_WAIT1, FIN_TCP_FIN_WAIT2);
  tale_state(&tale, 50, LAB_CLIENT, FIN_TCP_FIN_WAIT2, FIN_TCP_TIME_WAIT);
  expect_claim(&tale, "order client FIN-WAIT-1, TIME-WAIT", LAB_HOLDS, "");
  expect_claim(&tale, "order client ESTAB, FIN-WAIT-2", LAB_FAILS, "");
  tale_release(&tale);
}

/* Two sockets, one after the other, each for 600 ms; a third beside the second. */
static void three_in_close_wait(struct tale *tale) {
  tale_begin(tale, 3000);
  for (unsigned i = 0; i < 3; i++) {
    const unsigned ms = i == 0 ? 100 : i == 1 ? 700 : 900;
    tale->client_port = (uint16_t)(TALE_PORT + i);
    tale_state(tale, ms - 60, LAB_SERVER, FIN_TCP_LISTEN, FIN_TCP_SYN_RECV);
    tale_state(tale, ms - 50, LAB_SERVER, FIN_TCP_SYN_RECV, FIN_TCP_ESTABLISHED);
    tale_state(tale, ms, LAB_SERVER, FIN_TCP_ESTABLISHED, FIN_TCP_CLOSE_WAIT)->recv_queue = i;
    tale_state(tale, ms + 600, LAB_SERVER, FIN_TCP_CLOSE_WAIT, FIN_TCP_ANY);
  }
}

Test(judge, several_sockets_and_how_long_each) {
  static const struct verdict all[] = {
      {"see server CLOSE-WAIT x2", LAB_HOLDS, "2 at one time"},
      {"see server CLOSE-WAIT x2 for 400ms", LAB_HOLDS, "2 at one time"},
      {"see server CLOSE-WAIT x2 for 401ms", LAB_FAILS, "lasted 0.60 s"},
      {"see server CLOSE-WAIT x3", LAB_FAILS, "2, not 3"},
      {"see server CLOSE-WAIT for 600ms", LAB_HOLDS, "lasted 0.60 s"},
      {"see server CLOSE-WAIT for 601ms", LAB_FAILS, "lasted 0.60 s"},
      {"never server CLOSE-WAIT for 601ms", LAB_HOLDS, "lasted 0.60 s"},
      {"never server CLOSE-WAIT for 600ms", LAB_FAILS, "lasted 0.60 s"},
      {"see server CLOSE-WAIT recv-q >0 x2", LAB_HOLDS, "2 at one time"},
      {"see server CLOSE-WAIT recv-q >1 x2", LAB_FAILS, "1, not 2"},
      {"stay server CLOSE-WAIT", LAB_FAILS, "then it was gone"},
      {"gone server", LAB_HOLDS, "no socket was left"},
  };
  struct tale tale;
  three_in_close_wait(&tale);
  EXPECT_ALL(&tale, all);
}

Test(judge, a_queue_that_changes_does_not_end_what_is_claimed) {
  static const struct verdict all[] = {
      {"stay server ESTAB recv-q >1000 for 1500ms", LAB_HOLDS, "Recv-Q 8000"},
      {"stay server ESTAB recv-q 4000 for 1s", LAB_FAILS, "then its Recv-Q was 8000"},
      {"see server ESTAB recv-q 4000 for 1s", LAB_HOLDS, "lasted 1.0 s"},
      {"stay server ESTAB recv-q >8000", LAB_FAILS, "Recv-Q 8000"},
  };
  struct tale tale;
  tale_begin(&tale, 3000);
  tale_state(&tale, 10, LAB_SERVER, FIN_TCP_LISTEN, FIN_TCP_SYN_RECV);
  tale_state(&tale, 20, LAB_SERVER, FIN_TCP_SYN_RECV, FIN_TCP_ESTABLISHED);
  tale_state(&tale, 1000, LAB_SERVER, FIN_TCP_ESTABLISHED, FIN_TCP_ESTABLISHED)->recv_queue = 4000;
  tale_state(&tale, 2000, LAB_SERVER, FIN_TCP_ESTABLISHED, FIN_TCP_ESTABLISHED)->recv_queue = 8000;
  EXPECT_ALL(&tale, all);
}

Test(judge, a_port_used_again_is_another_connection) {
  const char *const server = "under-test: client\nserver:\n  read to end";
  struct tale tale;
  tale_begin(&tale, 2000);
  for (unsigned ms = 0; ms < 1000; ms += 500) {
    tale_state(&tale, ms, LAB_CLIENT, FIN_TCP_ANY, FIN_TCP_SYN_SENT);
    tale_state(&tale, ms + 1, LAB_CLIENT, FIN_TCP_SYN_SENT, FIN_TCP_ESTABLISHED);
    tale_state(&tale, ms + 401, LAB_CLIENT, FIN_TCP_ESTABLISHED, FIN_TCP_ANY);
  }
  tale_state(&tale, 1400, LAB_CLIENT, FIN_TCP_ANY, FIN_TCP_SYN_SENT);
  tale_state(&tale, 1500, LAB_CLIENT, FIN_TCP_SYN_SENT, FIN_TCP_ANY);
  expect_claim(&tale, "order client ESTAB, FIN-WAIT-1", LAB_FAILS, "SYN-SENT, ESTAB");
  expect_claim(&tale, "see client ESTAB for 500ms", LAB_FAILS, "lasted 0.40 s");
  expect_claim(&tale, "connections 0", LAB_HOLDS, "made 0"); /* the server is the program */
  expect_claim_of(&tale, server, "connections 2", LAB_HOLDS, "made 2, and 1 did not come about");
  expect_claim_of(&tale, server, "connections <2", LAB_FAILS, "made 2");
  tale_release(&tale);
}

/* TIME-WAIT gives way to a SYN, and between two looks nothing else is seen of it. */
Test(judge, a_connection_may_begin_where_none_has_ended) {
  struct tale tale;
  tale_begin(&tale, 2000);
  for (unsigned ms = 0; ms < 1000; ms += 500) {
    tale_state(&tale, ms, LAB_SERVER, FIN_TCP_LISTEN, FIN_TCP_SYN_RECV);
    tale_state(&tale, ms + 1, LAB_SERVER, FIN_TCP_SYN_RECV, FIN_TCP_ESTABLISHED);
    tale_state(&tale, ms + 2, LAB_SERVER, FIN_TCP_ESTABLISHED, FIN_TCP_FIN_WAIT1);
    tale_state(&tale, ms + 3, LAB_SERVER, FIN_TCP_FIN_WAIT1, FIN_TCP_TIME_WAIT);
  }
  expect_claim(&tale, "order server TIME-WAIT, SYN-RECV", LAB_FAILS, "");
  expect_claim(&tale, "stay server TIME-WAIT for 1400ms", LAB_HOLDS, "");
  expect_claim(&tale, "stay server TIME-WAIT x2", LAB_FAILS, "1, not 2");
  tale_release(&tale);
}

Test(judge, of_a_program_that_ended) {
  struct tale tale;
  tale_eof_ignored(&tale);
  tale.story.exited = true;
  tale.story.status = 1;
  expect_claim(&tale, "exits 1", LAB_HOLDS, "ended with status 1");
  expect_claim(&tale, "exits 0", LAB_FAILS, "ended with status 1");
  tale.story.status = -11;
  expect_claim(&tale, "exits 1", LAB_FAILS, "signal 11 killed it");
  expect_claim(&tale, "prints \"x\"", LAB_FAILS, "it printed nothing");
  tale_release(&tale);
}

Test(judge, of_clients) {
  struct tale tale;
  struct lab_said *said;
  tale_begin(&tale, 1000);
  expect_claim(&tale, "client ok", LAB_FAILS, "1 of 1 clients did not come to the end");
  tale_said(&tale, 10, 1, "connect");
  expect_claim(&tale, "client ok", LAB_FAILS, "the last that was heard: connect");
  expect_claim(&tale, "client failed", LAB_FAILS, "did not come to the end");
  said = tale_said(&tale, 20, 1, "read \"HELLO\": EOF behind 2 bytes");
  said->failed = said->last = true;
  expect_claim(&tale, "client ok", LAB_FAILS, "client 1 failed at line 9: read");
  expect_claim(&tale, "client failed", LAB_HOLDS, "EOF behind 2 bytes");
  tale_release(&tale);
}

Test(judge, a_server_of_the_labs_own_fails_nothing) {
  struct tale tale;
  struct lab_judgement judgement;
  struct lab_said *said;
  tale_begin(&tale, 1000);
  said = tale_said(&tale, 10, 1, "read 4 bytes: not within 5000 ms");
  said->side = LAB_SERVER;
  said->failed = said->last = true;
  tale_expect(&tale, "under-test: client\nserver:\n  read 4 bytes\nbroken:\n  gone server\n");
  cr_assert(lab_judge(&tale.story, &tale.expect, &tale.expect.broken, &judgement));
  cr_expect_eq(judgement.clients.verdict, LAB_HOLDS, "%s", judgement.clients.seen);
  lab_judgement_release(&judgement);
  tale_release(&tale);
}

Test(judge, over_loopback_only_what_stays) {
  static const struct verdict all[] = {
      {"see server CLOSE-WAIT", LAB_OPEN, "loopback"},
      {"never server LAST-ACK", LAB_OPEN, "loopback"},
      {"order server ESTAB, CLOSE-WAIT", LAB_OPEN, "loopback"},
      {"counter server TCPKeepAlive +1", LAB_OPEN, "loopback"},
      {"connections 1", LAB_OPEN, "loopback"},
      {"stay server CLOSE-WAIT", LAB_HOLDS, "still there"},
      {"stay server ESTAB", LAB_FAILS, "CLOSE-WAIT"},
      {"gone server", LAB_FAILS, "still there"},
      {"descriptors +1", LAB_HOLDS, "+1"},
      {"invisible 1", LAB_FAILS, "0 of"},
      {"client ok", LAB_HOLDS, "all its steps"},
      {"prints \"x\"", LAB_FAILS, "nothing"},
      {"exits 0", LAB_FAILS, "running"},
  };
  struct tale tale;
  tale_eof_ignored(&tale);
  tale.story.wire = false;
  EXPECT_ALL(&tale, all);
}

Test(judge, over_loopback_what_the_kernel_alone_still_has_is_left_open) {
  struct tale tale;
  tale_begin(&tale, 1000);
  struct lab_state *state =
      tale_state(&tale, 10, LAB_SERVER, FIN_TCP_ESTABLISHED, FIN_TCP_FIN_WAIT2);
  state->holder = FIN_HOLDER_ORPHAN;
  expect_claim(&tale, "gone server", LAB_FAILS, "FIN-WAIT-2 was still there");
  tale.story.wire = false;
  expect_claim(&tale, "gone server", LAB_OPEN, "FIN-WAIT-2 was still there");
  state->holder = FIN_HOLDER_OWNED;
  expect_claim(&tale, "gone server", LAB_FAILS, "FIN-WAIT-2 was still there");
  tale_release(&tale);
}

Test(judge, of_a_run_that_was_stopped_only_what_is_certain) {
  static const struct verdict all[] = {
      {"see server CLOSE-WAIT", LAB_HOLDS, "CLOSE-WAIT"},
      {"see server LAST-ACK", LAB_OPEN, "the run was stopped; until then: no LAST-ACK"},
      {"never server CLOSE-WAIT", LAB_FAILS, "CLOSE-WAIT"},
      {"never server LAST-ACK", LAB_OPEN, "stopped"},
      {"stay server CLOSE-WAIT", LAB_OPEN, "stopped"},
      {"gone server", LAB_OPEN, "stopped"},
      {"descriptors +1", LAB_OPEN, "stopped"},
      {"counter server TCPKeepAlive +0", LAB_OPEN, "stopped"},
      {"client ok", LAB_OPEN, "stopped"},
  };
  struct tale tale;
  tale_eof_ignored(&tale);
  tale.story.stopped = true;
  EXPECT_ALL(&tale, all);
}

Test(judge, descriptors_that_nobody_counted) {
  struct tale tale;
  tale_begin(&tale, 100);
  expect_claim(&tale, "descriptors +0", LAB_OPEN, "could not be counted");
  expect_claim(&tale, "invisible 0", LAB_OPEN, "could not be counted");
  expect_claim(&tale, "gone server", LAB_HOLDS, "no socket was left");
  expect_claim(&tale, "see server ESTAB", LAB_FAILS, "it had no connection at all");
  expect_claim(&tale, "order server ESTAB, CLOSE-WAIT", LAB_FAILS, "had no connection");
  tale_release(&tale);
}

static size_t breaches_of(struct tale *tale, char text[160]) {
  struct lab_judgement judgement;
  tale_expect(tale, "client:\n  connect\nbroken:\n  gone server\n");
  cr_assert(lab_judge(&tale->story, &tale->expect, &tale->expect.broken, &judgement));
  const size_t count = judgement.breach_count;
  if (count > 0) memcpy(text, judgement.breaches[0].text, 160);
  lab_judgement_release(&judgement);
  return count;
}

Test(judge, transitions_that_tcp_does_not_have) {
  struct tale tale;
  char text[160] = "";
  tale_eof_ignored(&tale);
  cr_expect_eq(breaches_of(&tale, text), 0, "%s", text);
  tale_state(&tale, 5000, LAB_SERVER, FIN_TCP_CLOSE_WAIT, FIN_TCP_TIME_WAIT);
  cr_expect_eq(breaches_of(&tale, text), 1);
  cr_expect_str_eq(text,
                   "the server's socket of port 40001 went from CLOSE-WAIT to TIME-WAIT, "
                   "which TCP does not know");
  tale_release(&tale);
}
