/* SPDX-License-Identifier: MIT
 *
 * What the wire is to do to a chosen segment, as people write it:
 *
 *   drop fin from server              the first one of each connection; when repeated, it passes
 *   hold 2nd data from client         until it is released; those behind it overtake it
 *   hold fin from client for 2s
 *   duplicate every data from client
 */
#ifndef LAB_RULE_H
#define LAB_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/spaces.h"
#include "lab/story.h"

/* X(name, text). What has two kinds (a FIN with data) is of both. */
#define LAB_PICKS(X) \
  X(SYN, "syn") /* without ACK */ \
  X(SYN_ACK, "syn+ack") \
  X(FIN, "fin") \
  X(DATA, "data") \
  X(ACK, "ack")               /* and nothing else */ \
  X(ACK_OF_FIN, "ack-of-fin") /* the same, of the other side's FIN */ \
  X(RST, "rst") \
  X(SEGMENT, "segment") /* any */

enum { LAB_RULES_MAX = 16 }; /* for one wire */

enum lab_pick {
#define LAB_PICK_ENUM(name, text) LAB_PICK_##name,
  LAB_PICKS(LAB_PICK_ENUM)
#undef LAB_PICK_ENUM
};

struct lab_rule {
  enum lab_fate fate; /* LAB_DROPPED, LAB_HELD or LAB_DUPLICATED */
  enum lab_pick pick;
  enum lab_side from;
  uint32_t nth;     /* of each connection; 0: every */
  uint32_t hold_ms; /* 0: until it is released */
};

bool lab_rule_parse(const char *text, struct lab_rule *rule, char why[LAB_WHY_MAX]);

/* "150ms", "2s". */
bool lab_ms_parse(const char *text, uint32_t *ms);

#endif
