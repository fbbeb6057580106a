/* SPDX-License-Identifier: MIT
 *
 * TCP over the wire: delays, what becomes of chosen segments, and a person in the network's place.
 */
#include "lab/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/rig.h"

enum { DELAY_MS = 150, MS = 1000000, MANY = 10000 };

#define RULE(text) ((const char *const[]){text, NULL})
#define FATE(name) (1 + LAB_##name)
#define FROM(name) (1 + LAB_##name)

static struct rig rig;

static void expect_delay(const struct rig_pick *entering, size_t nth) {
  struct rig_pick leaving = *entering;
  leaving.leaves = true;
  const struct lab_event *in = rig_find(&rig, entering, nth), *out = rig_find(&rig, &leaving, nth);
  const uint64_t took = out->at_ns - in->at_ns;
  within_check(in->segment.number == out->segment.number, "another one has left");
  within_check(took >= (uint64_t)DELAY_MS * MS && took < (uint64_t)DELAY_MS * 4 * MS, "%u ms",
               (unsigned)(took / MS));
}

WITHIN(wire, a_handshake_is_late_and_in_order) {
  const struct rig_pick syn = {.flags = TCP_SYN, .without = TCP_ACK},
                        syn_ack = {.flags = TCP_SYN | TCP_ACK},
                        ack = {.flags = TCP_ACK, .without = TCP_SYN};
  rig_begin(&rig, DELAY_MS, NULL);
  rig_connect(&rig);
  within_check(rig.story.count == 6, "%zu", rig.story.count);
  for (size_t i = 0; i < 6; i++) {
    const struct lab_segment *segment = &rig.story.events[i].segment;
    within_check(segment->leaves == (i % 2 == 1) && segment->number == i / 2 + 1, "%zu", i);
    within_check(segment->from == (i / 2 == 1 ? LAB_SERVER : LAB_CLIENT), "%zu", i);
    within_check(segment->server_port == RIG_PORT && segment->len == 0, "%zu", i);
    within_check(segment->seq == i / 4 && segment->ack == (i >= 2), "%zu", i);
    within_check(segment->fate == LAB_PASSED, "%zu", i);
  }
  expect_delay(&syn, 0);
  expect_delay(&syn_ack, 0);
  expect_delay(&ack, 0);
  rig_end(&rig);
}

WITHIN(wire, what_is_late_leaves_in_order) {
  uint64_t last = 0;
  rig_begin(&rig, 20, NULL);
  rig_connect(&rig);
  rig_transfer(&rig, rig.client, rig.server, 1024 * 1024);
  for (size_t i = 0; i < rig.story.count; i++) {
    const struct lab_segment *segment = &rig.story.events[i].segment;
    if (!segment->leaves) continue;
    within_check(segment->number == last + 1, "%u behind %u", (unsigned)segment->number,
                 (unsigned)last);
    last = segment->number;
  }
  within_check(last > 700, "%u", (unsigned)last);
  rig_end(&rig);
}

/* On a busy machine an answer may be so late that the sender asks again, once in a while; where
 * segments are lost in bursts it is thousands. */
static void expect_unharmed(int fd) {
  const struct rig_pick in = {.leaves = false}, out = {.leaves = true};
  struct tcp_info info;
  socklen_t size = sizeof info;
  within_check(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0, "%s", strerror(errno));
  within_check(info.tcpi_total_retrans <= MANY / 1000, "%u repeated", info.tcpi_total_retrans);
  within_check(rig_count(&rig, &in) >= MANY && rig_count(&rig, &in) == rig_count(&rig, &out),
               "%zu entered, %zu left", rig_count(&rig, &in), rig_count(&rig, &out));
}

WITHIN(wire, many_segments_pass_unharmed) {
  enum { SIZE = 24 * 1024 * 1024 };
  rig_begin(&rig, 0, NULL);
  rig_connect(&rig);
  const uint64_t begun = rig_now_ms();
  rig_transfer(&rig, rig.server, rig.client, SIZE);
  const uint64_t took = rig_now_ms() - begun;
  expect_unharmed(rig.server);
  within_check(took < 10 * 1000, "%u ms", (unsigned)took);
  rig_end(&rig);
}

WITHIN(wire, many_small_segments_pass_unharmed_both_ways) {
  rig_begin(&rig, 0, NULL);
  rig_connect(&rig);
  for (unsigned i = 0; i < MANY / 2; i++) {
    rig_send(rig.client, "ping");
    rig_until(&rig, rig_receives(rig.server, "ping"));
    rig_send(rig.server, "pong");
    rig_until(&rig, rig_receives(rig.client, "pong"));
  }
  expect_unharmed(rig.client);
  expect_unharmed(rig.server);
  rig_end(&rig);
}

WITHIN(wire, a_dropped_fin_is_sent_again) {
  const struct rig_pick fin = {.flags = TCP_FIN, .from = FROM(SERVER)},
                        gone = {.flags = TCP_FIN, .from = FROM(SERVER), .fate = FATE(DROPPED)},
                        passed = {.flags = TCP_FIN, .from = FROM(SERVER), .leaves = true};
  rig_begin(&rig, 0, RULE("drop fin from server"));
  rig_connect(&rig);
  shutdown(rig.server, SHUT_WR);
  rig_until(&rig, rig_ended(rig.client));
  within_check(rig_count(&rig, &gone) == 1, "%zu dropped", rig_count(&rig, &gone));
  within_check(rig_find(&rig, &fin, 0)->segment.fate == LAB_DROPPED, "the first one");
  within_check(rig_find(&rig, &fin, 1)->segment.seq == rig_find(&rig, &fin, 0)->segment.seq,
               "another FIN");
  within_check(
      rig_find(&rig, &passed, 0)->segment.number == rig_find(&rig, &fin, 1)->segment.number,
      "the first one left");
  rig_end(&rig);
}

WITHIN(wire, a_duplicate_leaves_twice_and_harms_nobody) {
  const struct rig_pick twice = {.data = true, .fate = FATE(DUPLICATED), .leaves = true};
  rig_begin(&rig, 0, RULE("duplicate 2nd data from client"));
  rig_connect(&rig);
  rig_send(rig.client, "one");
  rig_until(&rig, rig_receives(rig.server, "one"));
  rig_send(rig.client, "two");
  rig_until(&rig, rig_receives(rig.server, "two"));
  within_check(rig_count(&rig, &twice) == 2, "%zu", rig_count(&rig, &twice));
  within_check(rig_find(&rig, &twice, 0)->segment.seq == 4, "%u",
               rig_find(&rig, &twice, 0)->segment.seq);
  rig_send(rig.client, "three");
  rig_until(&rig, rig_receives(rig.server, "three"));
  rig_end(&rig);
}

WITHIN(wire, what_is_held_leaves_when_it_is_released) {
  const struct rig_pick held = {.data = true, .fate = FATE(HELD)},
                        left = {.data = true, .fate = FATE(HELD), .leaves = true};
  rig_begin(&rig, 0, RULE("hold every data from client"));
  rig_connect(&rig);
  rig_send(rig.client, "hello");
  rig_until(&rig, rig_count(&rig, &held) == 2); /* it is sent again, and held again */
  within_check(lab_wire_held(rig.wire) >= 2 && rig_receives(rig.server, ""), "it has passed");
  const uint64_t second = rig_find(&rig, &held, 1)->segment.number;
  within_check(lab_wire_release(rig.wire, second), "not held");
  within_check(!lab_wire_release(rig.wire, second), "released twice");
  rig_until(&rig, rig_receives(rig.server, "hello"));
  within_check(rig_count(&rig, &left) == 1, "%zu", rig_count(&rig, &left));
  within_check(lab_wire_discard(rig.wire, 0), "nothing held");
  within_check(rig_count(&rig, &(struct rig_pick){.fate = FATE(DROPPED), .leaves = true}) == 1,
               "untold");
  rig_end(&rig);
}

WITHIN(wire, what_is_held_for_a_time_is_overtaken_and_leaves) {
  const struct rig_pick left = {.data = true, .from = FROM(CLIENT), .leaves = true};
  rig_begin(&rig, 0, RULE("hold 1st data from client for 100ms"));
  rig_connect(&rig);
  rig_send(rig.client, "first");
  rig_until(&rig, lab_wire_held(rig.wire) == 1);
  rig_send(rig.client, "second");
  rig_until(&rig, rig_receives(rig.server, "firstsecond"));
  within_check(rig_find(&rig, &left, 0)->segment.seq == 6, "not overtaken");
  within_check(rig_find(&rig, &left, 1)->segment.seq == 1, "not released");
  rig_end(&rig);
}

WITHIN(wire, a_person_lets_segments_pass_one_by_one) {
  const struct rig_pick syn = {.flags = TCP_SYN, .without = TCP_ACK};
  rig_begin(&rig, 0, NULL);
  lab_wire_step(rig.wire, true);
  rig_dial(&rig);
  rig_until(&rig, lab_wire_held(rig.wire) == 1);
  within_check(lab_wire_discard(rig.wire, 0), "the SYN");
  rig_until(&rig, rig_count(&rig, &syn) == 2); /* a second later */
  for (unsigned step = 0; step < 2; step++) {
    rig_until(&rig, lab_wire_held(rig.wire) == 1);
    within_check(lab_wire_release(rig.wire, 0), "SYN, SYN and ACK");
  }
  rig_until(&rig, lab_wire_held(rig.wire) == 1);
  within_check(accept(rig.listener, NULL, NULL) < 0, "before the ACK has passed");
  lab_wire_step(rig.wire, false);
  within_check(lab_wire_held(rig.wire) == 0, "still held");
  rig_until(&rig, (rig.server = accept4(rig.listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
  rig_transfer(&rig, rig.client, rig.server, 100);
  rig_end(&rig);
}

WITHIN(wire, a_connection_vanishes_others_do_not) {
  const struct rig_pick gone = {.data = true, .fate = FATE(DROPPED)};
  rig_begin(&rig, 0, NULL);
  rig_connect(&rig);
  const int client = rig.client, server = rig.server;
  lab_wire_vanish(rig.wire, rig.story.events[0].segment.client_port);
  rig_connect(&rig);
  rig_send(client, "to");
  rig_send(server, "fro");
  rig_until(&rig, rig_count(&rig, &gone) >= 4); /* both, and both again */
  within_check(rig_receives(client, "") && rig_receives(server, ""), "it has arrived");
  rig_transfer(&rig, rig.client, rig.server, 100);
  close(client);
  close(server);
  rig_end(&rig);
}

WITHIN(wire, what_is_not_tcp_passes_at_once_and_untold) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(RIG_PORT)};
  rig_begin(&rig, 5000, NULL);
  rig.server = rig_socket(&rig, LAB_SERVER, SOCK_DGRAM);
  rig.client = rig_socket(&rig, LAB_CLIENT, SOCK_DGRAM);
  within_check(bind(rig.server, (struct sockaddr *)&address, sizeof address) == 0, "%s",
               strerror(errno));
  address.sin_addr.s_addr = inet_addr(LAB_SERVER_ADDRESS);
  const uint64_t begun = rig_now_ms();
  within_check(
      sendto(rig.client, "datagram", 8, 0, (struct sockaddr *)&address, sizeof address) == 8, "%s",
      strerror(errno));
  rig_until(&rig, rig_receives(rig.server, "datagram"));
  within_check(rig_now_ms() - begun < 3000 && rig.story.count == 0, "%zu", rig.story.count);
  rig_end(&rig);
}

WITHIN(wire, too_many_rules_are_refused) {
  char why[LAB_WHY_MAX];
  struct lab_rule rules[LAB_RULES_MAX + 1] = {{0}};
  rig_begin(&rig, 0, NULL);
  const struct lab_wire_options options = {
      .loop = &rig.loop, .spaces = &rig.spaces, .rules = rules, .rule_count = LAB_RULES_MAX + 1};
  within_check(lab_wire_new(&options, why) == NULL && strstr(why, "17 rules") != NULL, "%s", why);
  rig_end(&rig);
}
