/* SPDX-License-Identifier: MIT
 *
 * Players, clients against servers of the lab's own, over loopback.
 */
#include "lab/script.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lab/clock.h"
#include "support/leftover.h"

enum { SAID_MAX = 64, TURNS_MS = 10 * 1000 };

static struct lab_expect expect;
static struct lab_said said[SAID_MAX];
static size_t said_count;
static struct leftover_baseline baseline;

static void on_said(void *context, const struct lab_event *event) {
  (void)context;
  cr_assert_eq(event->kind, LAB_SAID);
  cr_assert_lt(said_count, SAID_MAX);
  said[said_count++] = event->said;
}

static struct lab_script *begin_patient(enum lab_side side, uint16_t port, bool patient) {
  struct lab_script_options options = {
      .side = side,
      .players = side == LAB_CLIENT ? &expect.clients : &expect.servers,
      .address = {.sin_family = AF_INET,
                  .sin_port = htons(port),
                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
      .patient = patient,
      .on_said = on_said,
  };
  struct lab_script *const script = lab_script_new(&options);
  cr_assert_not_null(script);
  return script;
}

static struct lab_script *begin(enum lab_side side, uint16_t port) {
  return begin_patient(side, port, false);
}

/* Both scripts, until the clients are done. */
static void play(const char *text) {
  char error[LAB_ERROR_MAX], whole[2048];
  snprintf(whole, sizeof whole, "title: T\ncause: c\n%s", text);
  said_count = 0;
  baseline = leftover_begin();
  cr_assert(lab_expect_parse("x", whole, strlen(whole), &expect, error), "%s", error);
  struct lab_script *const servers = begin(LAB_SERVER, 0);
  struct lab_script *const clients = begin(LAB_CLIENT, lab_script_port(servers));
  const uint64_t begun = lab_now();
  while (!lab_script_over(clients) || !lab_script_over(servers)) {
    struct pollfd polls[64];
    int timeout_ms = 1000;
    cr_assert_lt(lab_now() - begun, TURNS_MS * LAB_MS, "a script does not end");
    lab_script_turn(clients);
    lab_script_turn(servers);
    size_t count = lab_script_polls(servers, polls, 64, &timeout_ms);
    count += lab_script_polls(clients, polls + count, 64 - count, &timeout_ms);
    if (!lab_script_over(clients) || !lab_script_over(servers)) poll(polls, count, timeout_ms);
  }
  lab_script_free(clients);
  lab_script_free(servers);
  lab_expect_release(&expect);
  leftover_end(&baseline);
}

/* What a player said last. */
static const struct lab_said *last_of(enum lab_side side, unsigned player) {
  for (size_t i = said_count; i > 0; i--)
    if (said[i - 1].side == side && said[i - 1].player == player) return &said[i - 1];
  cr_assert_fail("player %u said nothing", player);
  return NULL;
}

static void ended(enum lab_side side, unsigned player, bool failed, const char *text) {
  const struct lab_said *const last = last_of(side, player);
  cr_assert(last->last);
  cr_assert_eq(last->failed, failed, "%s", last->text);
  cr_assert_str_eq(last->text, text);
}

Test(script, both_ends_speak_and_close) {
  play(
      "client:\n  connect\n  send \"hello\"\n  read \"HELLO\"\n  end\n  read to end\n  close\n"
      "server:\n  read \"hello\"\n  send \"HELLO\"\n  read to end\n  close\n");
  ended(LAB_CLIENT, 1, false, "close");
  ended(LAB_SERVER, 1, false, "close");
  cr_assert_eq(said_count, 10);
  cr_assert_neq(said[0].client_port, 0);
  for (size_t i = 1; i < said_count; i++) cr_assert_eq(said[i].client_port, said[0].client_port);
}

Test(script, much_goes_both_ways) {
  play(
      "client x3:\n  connect\n  send 3000000 bytes\n  end\n  read 2000000 bytes\n  read to end\n"
      "server:\n  read 3000000 bytes\n  send 2000000 bytes\n  close\n");
  for (unsigned i = 1; i <= 3; i++) ended(LAB_CLIENT, i, false, "read to end: EOF behind 0 bytes");
}

Test(script, connections_play_one_block_after_another) {
  play(
      "client x3:\n  connect\n  read to end\nserver:\n  send \"a\"\n  close\n"
      "server:\n  send \"bb\"\n  close\n");
  size_t bytes = 0;
  for (unsigned i = 1; i <= 3; i++) {
    size_t len = 0;
    cr_assert_eq(sscanf(last_of(LAB_CLIENT, i)->text, "read to end: EOF behind %zu", &len), 1);
    bytes += len;
  }
  cr_assert_eq(bytes, 1 + 2 + 2);
}

Test(script, a_reset_is_told_from_an_end) {
  play("client:\n  connect\n  send \"x\"\n  read reset\nserver:\n  read \"x\"\n  reset\n");
  ended(LAB_CLIENT, 1, false, "read reset: reset behind 0 bytes");
  play("client:\n  connect\n  send \"x\"\n  read to end\nserver:\n  read \"x\"\n  reset\n");
  ended(LAB_CLIENT, 1, true, "read to end: ECONNRESET (Connection reset by peer)");
  play("client:\n  connect\n  read reset\nserver:\n  close\n");
  ended(LAB_CLIENT, 1, true, "read reset: EOF behind 0 bytes");
}

Test(script, what_does_not_come_fails_in_time) {
  const uint64_t begun = lab_now();
  play("client:\n  connect\n  read \"x\" within 200ms\nserver:\n  read to end\n  close\n");
  ended(LAB_CLIENT, 1, true, "read \"x\" within 200ms: not within 200 ms");
  cr_assert_geq(lab_now() - begun, 200 * LAB_MS);
  cr_assert_lt(lab_now() - begun, 3000 * LAB_MS);
}

Test(script, other_bytes_fail) {
  play("client:\n  connect\n  read \"abc\"\nserver:\n  send \"abd\"\n  close\n");
  ended(LAB_CLIENT, 1, true, "read \"abc\": other bytes came, from byte 1 on");
  play("client:\n  connect\n  read \"abc\"\nserver:\n  send \"ab\"\n  close\n");
  ended(LAB_CLIENT, 1, true, "read \"abc\": EOF behind 2 of 3 bytes");
}

/* A player that failed has closed: the other one sees the end. */
Test(script, a_failure_ends_its_player_only) {
  play(
      "client:\n  connect\n  read \"x\" within 50ms\n  send \"never\"\n"
      "client:\n  wait 300ms\n  connect\n  send \"late\"\n  close\nserver:\n  read to end\n  "
      "close\n");
  cr_assert(last_of(LAB_CLIENT, 1)->failed);
  ended(LAB_CLIENT, 2, false, "close");
  ended(LAB_SERVER, 1, false, "close");
}

Test(script, nobody_listens) {
  const char *text = "title: T\ncause: c\nclient:\n  connect\n";
  char error[LAB_ERROR_MAX];
  cr_assert(lab_expect_parse("x", text, strlen(text), &expect, error), "%s", error);
  expect.servers = expect.clients;
  struct lab_script *const listener = begin(LAB_SERVER, 0);
  const uint16_t port = lab_script_port(listener);
  lab_script_free(listener);
  struct lab_script *const script = begin(LAB_CLIENT, port);
  while (!lab_script_over(script)) lab_script_turn(script);
  ended(LAB_CLIENT, 1, true, "connect: ECONNREFUSED (Connection refused)");
  lab_script_free(script);
  lab_expect_release(&expect);
}

Test(script, options_are_set) {
  play(
      "client:\n  set rcvbuf 8192\n  set sndbuf 8192\n  set keepalive 1 2 3\n  set nodelay\n"
      "  set user-timeout 2s\n  set fin-timeout 2s\n  connect\n  set linger 0\n  close\n"
      "server:\n  read reset\n");
  ended(LAB_SERVER, 1, false, "read reset: reset behind 0 bytes");
}

Test(script, there_is_no_wire_to_vanish_from) {
  play("client:\n  connect\n  vanish\nserver:\n  read to end\n  close\n");
  ended(LAB_CLIENT, 1, true, "vanish: there is no wire");
}

/* A step that may take any time asks for no turn when its time would have been over. */
Test(script, patience_needs_no_turns) {
  static const char text[] =
      "title: T\ncause: c\nclient:\n  connect\n  read \"x\" within 1ms\nserver:\n  read to end\n";
  char error[LAB_ERROR_MAX];
  struct pollfd polls[4] = {{.fd = -1}};
  int timeout_ms = 1000;
  said_count = 0;
  baseline = leftover_begin();
  cr_assert(lab_expect_parse("x", text, strlen(text), &expect, error), "%s", error);
  struct lab_script *const servers = begin(LAB_SERVER, 0);
  struct lab_script *const clients = begin_patient(LAB_CLIENT, lab_script_port(servers), true);
  while (said_count == 0) lab_script_turn(clients);
  const uint64_t connected = lab_now();
  while (lab_now() <= connected + LAB_MS) lab_script_turn(clients);
  cr_expect_eq(lab_script_polls(clients, polls, 4, &timeout_ms), 1);
  cr_expect_eq(timeout_ms, 1000);
  lab_script_turn(clients);
  cr_expect_not(lab_script_over(clients));
  lab_script_free(clients);
  lab_script_free(servers);
  lab_expect_release(&expect);
  leftover_end(&baseline);
}
