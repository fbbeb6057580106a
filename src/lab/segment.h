/* SPDX-License-Identifier: MIT
 *
 * Segments as they are in frames, and the connections that they belong to: what makes sequence
 * numbers relative and segments countable.
 */
#ifndef LAB_SEGMENT_H
#define LAB_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/rule.h"
#include "lab/story.h"

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

struct lab_tcp { /* of one segment, as it is in its header */
  uint16_t source, destination, window;
  uint8_t flags;
  uint32_t seq, ack, len;
};

/* False: the Ethernet frame does not hold a whole segment of TCP over IPv4. */
bool lab_tcp_parse(const uint8_t *frame, size_t size, struct lab_tcp *tcp);

struct lab_flow { /* a connection; indices are of the side that sent */
  struct lab_flow *next;
  uint16_t client_port, server_port;
  bool vanished;
  bool begun[2], ended[2];          /* whether first[], behind_fin[] are known */
  uint32_t first[2], behind_fin[2]; /* sequence numbers: of the SYN, and the one after the FIN */
  uint32_t matched[LAB_RULES_MAX];  /* segments that were of a rule's kind */
};

struct lab_flows {
  struct lab_flow *by_client_port[1 << 16];
};

void lab_flows_release(struct lab_flows *flows);

/* The connection that the segment is of, begun anew by a SYN with another number; fills `segment`
 * but for number and fate. NULL: no memory. */
struct lab_flow *lab_flow_take(struct lab_flows *flows, enum lab_side from,
                               const struct lab_tcp *tcp, struct lab_segment *segment);
/* Counts a segment just taken with all rules; returns the first that strikes it. */
const struct lab_rule *lab_flow_strike(struct lab_flow *flow, const struct lab_segment *segment,
                                       const struct lab_rule *rules, size_t count);

#endif
