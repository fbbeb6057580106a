/* SPDX-License-Identifier: MIT
 *
 * See segment.h.
 */
#include "lab/segment.h"

#include <stdlib.h>

enum { ETHERNET_HEADER = 14, IP_HEADER_MIN = 20, TCP_HEADER_MIN = 20, TCP = 6 };

/* ---- frames ---- */

static uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }

bool lab_tcp_parse(const uint8_t *frame, size_t size, struct lab_tcp *tcp) {
  const uint8_t *ip = frame + ETHERNET_HEADER, *header;
  size_t ip_size, ip_header, tcp_header;
  if (size < ETHERNET_HEADER + IP_HEADER_MIN || get16(frame + 12) != 0x0800) return false;
  ip_size = get16(ip + 2); /* the frame may be padded */
  ip_header = (ip[0] & 15U) * 4U;
  if (ip[0] >> 4 != 4 || ip[9] != TCP || ip_header < IP_HEADER_MIN) return false;
  if ((get16(ip + 6) & 0x3fff) != 0) return false; /* a fragment */
  if (ip_size > size - ETHERNET_HEADER || ip_size < ip_header + TCP_HEADER_MIN) return false;
  header = ip + ip_header;
  tcp_header = (header[12] >> 4) * 4U;
  if (tcp_header < TCP_HEADER_MIN || ip_size < ip_header + tcp_header) return false;
  *tcp = (struct lab_tcp){
      .source = get16(header),
      .destination = get16(header + 2),
      .seq = get32(header + 4),
      .ack = get32(header + 8),
      .flags = header[13],
      .window = get16(header + 14),
      .len = (uint32_t)(ip_size - ip_header - tcp_header),
  };
  return true;
}

/* ---- connections ---- */

static struct lab_flow *find(struct lab_flows *flows, uint16_t client_port, uint16_t server_port) {
  struct lab_flow *flow = flows->by_client_port[client_port];
  while (flow != NULL && flow->server_port != server_port) flow = flow->next;
  if (flow != NULL) return flow;
  flow = calloc(1, sizeof *flow);
  if (flow == NULL) return NULL;
  flow->client_port = client_port;
  flow->server_port = server_port;
  flow->next = flows->by_client_port[client_port];
  flows->by_client_port[client_port] = flow;
  return flow;
}

void lab_flows_release(struct lab_flows *flows) {
  for (size_t port = 0; port < 1 << 16; port++) {
    while (flows->by_client_port[port] != NULL) {
      struct lab_flow *next = flows->by_client_port[port]->next;
      free(flows->by_client_port[port]);
      flows->by_client_port[port] = next;
    }
  }
}

/* The ports are used again: only they stay. */
static void begin_anew(struct lab_flow *flow) {
  *flow = (struct lab_flow){
      .next = flow->next, .client_port = flow->client_port, .server_port = flow->server_port};
}

/* Where the SYN was not seen, what is seen first counts as the byte behind it, as in Wireshark. */
static void learn(struct lab_flow *flow, enum lab_side from, const struct lab_tcp *tcp) {
  const enum lab_side other = from == LAB_CLIENT ? LAB_SERVER : LAB_CLIENT;
  const bool syn = (tcp->flags & TCP_SYN) != 0;
  if (syn && (tcp->flags & TCP_ACK) == 0 && flow->begun[from] && flow->first[from] != tcp->seq)
    begin_anew(flow);
  if (syn || !flow->begun[from]) flow->first[from] = syn ? tcp->seq : tcp->seq - 1;
  flow->begun[from] = true;
  if ((tcp->flags & TCP_ACK) != 0 && !flow->begun[other]) {
    flow->first[other] = tcp->ack - 1;
    flow->begun[other] = true;
  }
  if ((tcp->flags & TCP_FIN) != 0) {
    flow->behind_fin[from] = tcp->seq + tcp->len + 1;
    flow->ended[from] = true;
  }
}

struct lab_flow *lab_flow_take(struct lab_flows *flows, enum lab_side from,
                               const struct lab_tcp *tcp, struct lab_segment *segment) {
  const enum lab_side other = from == LAB_CLIENT ? LAB_SERVER : LAB_CLIENT;
  const uint16_t client_port = from == LAB_CLIENT ? tcp->source : tcp->destination;
  const uint16_t server_port = from == LAB_CLIENT ? tcp->destination : tcp->source;
  struct lab_flow *flow = find(flows, client_port, server_port);
  if (flow == NULL) return NULL;
  learn(flow, from, tcp);
  *segment = (struct lab_segment){
      .from = from,
      .flags = tcp->flags,
      .client_port = client_port,
      .server_port = server_port,
      .window = tcp->window,
      .seq = tcp->seq - flow->first[from],
      .ack = (tcp->flags & TCP_ACK) != 0 ? tcp->ack - flow->first[other] : 0,
      .len = tcp->len,
  };
  return flow;
}

static bool is_of(enum lab_pick pick, const struct lab_flow *flow,
                  const struct lab_segment *segment) {
  const enum lab_side other = segment->from == LAB_CLIENT ? LAB_SERVER : LAB_CLIENT;
  const unsigned kind = segment->flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK);
  const bool only_ack = kind == TCP_ACK && segment->len == 0;
  switch (pick) {
    case LAB_PICK_SYN:
      return kind == TCP_SYN;
    case LAB_PICK_SYN_ACK:
      return kind == (TCP_SYN | TCP_ACK);
    case LAB_PICK_FIN:
      return (kind & TCP_FIN) != 0;
    case LAB_PICK_DATA:
      return segment->len > 0;
    case LAB_PICK_ACK:
      return only_ack;
    case LAB_PICK_ACK_OF_FIN:
      return only_ack && flow->ended[other] &&
             segment->ack == flow->behind_fin[other] - flow->first[other];
    case LAB_PICK_RST:
      return (kind & TCP_RST) != 0;
    case LAB_PICK_SEGMENT:
      return true;
  }
  return false;
}

const struct lab_rule *lab_flow_strike(struct lab_flow *flow, const struct lab_segment *segment,
                                       const struct lab_rule *rules, size_t count) {
  const struct lab_rule *strikes = NULL;
  for (size_t i = 0; i < count; i++) {
    if (rules[i].from != segment->from || !is_of(rules[i].pick, flow, segment)) continue;
    flow->matched[i]++;
    if (strikes == NULL && (rules[i].nth == 0 || rules[i].nth == flow->matched[i]))
      strikes = &rules[i];
  }
  return strikes;
}
