/* SPDX-License-Identifier: MIT
 *
 * Frames made by hand, as segments and as parts of connections.
 */
#include "lab/segment.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { ETHERNET = 14, PLAIN = ETHERNET + 20 + 20, CLIENT_PORT = 40000, SERVER_PORT = 7000 };

static void put16(uint8_t *at, unsigned value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

/* A data segment of 5 bytes, PSH and ACK, with a header of 32 bytes. */
static size_t make(uint8_t frame[128]) {
  uint8_t *ip = frame + ETHERNET, *tcp = ip + 20;
  memset(frame, 0, 128);
  put16(frame + 12, 0x0800);
  ip[0] = 0x45;
  put16(ip + 2, 20 + 32 + 5);
  put16(ip + 6, 0x4000);
  ip[9] = 6;
  put16(tcp, CLIENT_PORT);
  put16(tcp + 2, SERVER_PORT);
  put32(tcp + 4, 0xfffffff0);
  put32(tcp + 8, 1000);
  tcp[12] = 8 << 4;
  tcp[13] = 0x18;
  put16(tcp + 14, 502);
  return ETHERNET + 20 + 32 + 5;
}

Test(segment, a_frame_is_read) {
  uint8_t frame[128];
  struct lab_tcp tcp;
  const size_t size = make(frame);
  for (size_t padded = size; padded <= sizeof frame; padded++) {
    cr_assert(lab_tcp_parse(frame, padded, &tcp));
    cr_assert(tcp.source == CLIENT_PORT && tcp.destination == SERVER_PORT && tcp.window == 502);
    cr_assert(tcp.seq == 0xfffffff0 && tcp.ack == 1000 && tcp.flags == 0x18 && tcp.len == 5);
  }
}

Test(segment, a_part_of_a_frame_is_none) {
  uint8_t frame[128];
  struct lab_tcp tcp;
  const size_t size = make(frame);
  for (size_t part = 0; part < size; part++) {
    uint8_t *exactly = malloc(part > 0 ? part : 1); /* so that a sanitizer sees a look behind it */
    memcpy(exactly, frame, part);
    cr_expect_not(lab_tcp_parse(exactly, part, &tcp), "%zu", part);
    free(exactly);
  }
}

static bool parses_with(size_t at, uint8_t value) {
  uint8_t frame[128];
  struct lab_tcp tcp;
  const size_t size = make(frame);
  frame[at] = value;
  return lab_tcp_parse(frame, size, &tcp);
}

Test(segment, what_is_not_tcp_over_ipv4_is_none) {
  cr_expect(parses_with(ETHERNET, 0x45));
  cr_expect_not(parses_with(12, 0x86), "another protocol than IPv4");
  cr_expect_not(parses_with(ETHERNET, 0x65), "another version");
  cr_expect_not(parses_with(ETHERNET, 0x44), "an IP header that is too short");
  cr_expect_not(parses_with(ETHERNET, 0x4f), "an IP header that is too long");
  cr_expect_not(parses_with(ETHERNET + 9, 17), "UDP");
  cr_expect_not(parses_with(ETHERNET + 6, 0x20), "the first fragment");
  cr_expect_not(parses_with(ETHERNET + 7, 1), "a later fragment");
  cr_expect_not(parses_with(ETHERNET + 3, 255), "an IP packet longer than the frame");
  cr_expect_not(parses_with(ETHERNET + 20 + 12, 4 << 4), "a TCP header that is too short");
  cr_expect_not(parses_with(ETHERNET + 20 + 12, 15 << 4), "a TCP header that is too long");
}

/* ---- connections ---- */

static struct lab_flows *flows;
static struct lab_flow *flow;
static struct lab_segment segment;

static void begin(void) { flows = calloc(1, sizeof *flows); }
static void end(void) {
  lab_flows_release(flows);
  free(flows);
}

static void take(enum lab_side from, unsigned flags, uint32_t seq, uint32_t ack, uint32_t len) {
  const struct lab_tcp tcp = {
      .source = from == LAB_CLIENT ? CLIENT_PORT : SERVER_PORT,
      .destination = from == LAB_CLIENT ? SERVER_PORT : CLIENT_PORT,
      .flags = (uint8_t)flags,
      .seq = seq,
      .ack = ack,
      .len = len,
  };
  flow = lab_flow_take(flows, from, &tcp, &segment);
  cr_assert_not_null(flow);
  cr_assert(segment.client_port == CLIENT_PORT && segment.server_port == SERVER_PORT);
  cr_assert(segment.from == from && segment.flags == flags && segment.len == len);
}

#define expect_numbers(s, a) \
  cr_expect(segment.seq == (s) && segment.ack == (a), "%u, %u", segment.seq, segment.ack)

static void shake_hands(uint32_t client, uint32_t server) {
  take(LAB_CLIENT, TCP_SYN, client, 0, 0);
  expect_numbers(0, 0);
  take(LAB_SERVER, TCP_SYN | TCP_ACK, server, client + 1, 0);
  expect_numbers(0, 1);
  take(LAB_CLIENT, TCP_ACK, client + 1, server + 1, 0);
  expect_numbers(1, 1);
}

Test(segment, numbers_are_relative, .init = begin, .fini = end) {
  shake_hands(0xffffffff, 77);
  take(LAB_CLIENT, TCP_ACK, 0, 78, 10);
  expect_numbers(1, 1);
  take(LAB_CLIENT, TCP_SYN, 0xffffffff, 0, 0);
  expect_numbers(0, 0); /* the SYN once more */
  take(LAB_SERVER, TCP_ACK | TCP_FIN, 78, 10, 0);
  expect_numbers(1, 11);
  shake_hands(5000, 6000); /* the same ports again */
}

Test(segment, numbers_without_a_syn_begin_at_one, .init = begin, .fini = end) {
  take(LAB_SERVER, TCP_ACK, 900, 400, 10);
  expect_numbers(1, 1);
  take(LAB_CLIENT, TCP_ACK, 400, 910, 0);
  expect_numbers(1, 11);
}

Test(segment, a_refusal_is_relative_too, .init = begin, .fini = end) {
  take(LAB_CLIENT, TCP_SYN, 5000, 0, 0);
  take(LAB_SERVER, TCP_RST | TCP_ACK, 0, 5001, 0);
  expect_numbers(1, 1);
}

Test(segment, both_may_begin_at_once, .init = begin, .fini = end) {
  take(LAB_CLIENT, TCP_SYN, 100, 0, 0);
  take(LAB_SERVER, TCP_SYN, 200, 0, 0);
  take(LAB_CLIENT, TCP_SYN | TCP_ACK, 100, 201, 0);
  expect_numbers(0, 1);
  take(LAB_SERVER, TCP_SYN | TCP_ACK, 200, 101, 0);
  expect_numbers(0, 1);
}

static bool struck(const struct lab_rule *rules, size_t count, size_t which) {
  return lab_flow_strike(flow, &segment, rules, count) == &rules[which];
}

static bool is_of(enum lab_pick pick) {
  const struct lab_rule rule = {LAB_DROPPED, pick, segment.from, 0, 0};
  return struck(&rule, 1, 0);
}

/* One bit for each kind, as in LAB_PICKS. */
static unsigned kinds(void) {
  unsigned found = 0;
  for (unsigned pick = LAB_PICK_SYN; pick <= LAB_PICK_SEGMENT; pick++)
    found |= (unsigned)is_of((enum lab_pick)pick) << pick;
  return found;
}

#define expect_kinds(...) \
  do { \
    const enum lab_pick meant_[] = {LAB_PICK_SEGMENT, __VA_ARGS__}; \
    unsigned bits_ = 0; \
    for (size_t i_ = 0; i_ < sizeof meant_ / sizeof *meant_; i_++) bits_ |= 1U << meant_[i_]; \
    cr_expect_eq(kinds(), bits_, "%#x, not %#x", kinds(), bits_); \
  } while (0)

Test(segment, each_is_of_its_kinds, .init = begin, .fini = end) {
  take(LAB_CLIENT, TCP_SYN, 100, 0, 0);
  expect_kinds(LAB_PICK_SYN);
  take(LAB_SERVER, TCP_SYN | TCP_ACK, 200, 101, 0);
  expect_kinds(LAB_PICK_SYN_ACK);
  take(LAB_CLIENT, TCP_ACK, 101, 201, 0);
  expect_kinds(LAB_PICK_ACK);
  take(LAB_CLIENT, TCP_ACK | 8, 101, 201, 50);
  expect_kinds(LAB_PICK_DATA);
  take(LAB_CLIENT, TCP_ACK | TCP_FIN, 151, 201, 50);
  expect_kinds(LAB_PICK_DATA, LAB_PICK_FIN);
  take(LAB_SERVER, TCP_ACK, 201, 201, 0);
  expect_kinds(LAB_PICK_ACK); /* of the data, not of the FIN */
  take(LAB_SERVER, TCP_ACK, 201, 202, 0);
  expect_kinds(LAB_PICK_ACK, LAB_PICK_ACK_OF_FIN);
  take(LAB_SERVER, TCP_ACK | TCP_FIN, 201, 202, 0);
  expect_kinds(LAB_PICK_FIN);
  take(LAB_CLIENT, TCP_ACK, 202, 202, 0);
  expect_kinds(LAB_PICK_ACK, LAB_PICK_ACK_OF_FIN);
  take(LAB_CLIENT, TCP_RST, 202, 0, 0);
  expect_kinds(LAB_PICK_RST);
}

Test(segment, the_nth_of_each_connection_is_struck, .init = begin, .fini = end) {
  const struct lab_rule rules[] = {{LAB_DROPPED, LAB_PICK_DATA, LAB_CLIENT, 2, 0},
                                   {LAB_HELD, LAB_PICK_DATA, LAB_CLIENT, 3, 0},
                                   {LAB_HELD, LAB_PICK_DATA, LAB_SERVER, 1, 0}};
  for (uint32_t connection = 0; connection < 3; connection++) {
    take(LAB_CLIENT, TCP_SYN, 1000 * connection, 0, 0);
    cr_expect_null(lab_flow_strike(flow, &segment, rules, 3));
    for (uint32_t nth = 1; nth < 6; nth++) {
      take(LAB_CLIENT, TCP_ACK, 1000 * connection + nth, 1, 1);
      const struct lab_rule *rule = lab_flow_strike(flow, &segment, rules, 3);
      cr_expect_eq(rule, nth == 2 ? &rules[0] : nth == 3 ? &rules[1] : NULL, "%u", nth);
    }
    take(LAB_SERVER, TCP_ACK, 1, 1, 1);
    cr_expect(struck(rules, 3, 2));
  }
}
