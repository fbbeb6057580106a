/* SPDX-License-Identifier: MIT
 *
 * For tests within namespaces (within.h): two sides joined by a wire, all in one process. A socket
 * is of the namespace in which it was made; the loop is turned until what is waited for holds.
 *
 *   struct rig rig;
 *   rig_begin(&rig, 150, (const char *const[]){"drop fin from server", NULL});
 *   rig_connect(&rig);                                rig.client, rig.server: the two ends
 *   rig_until(&rig, rig_count(&rig, &(struct rig_pick){.flags = TCP_FIN}) == 1);
 *   rig_end(&rig);
 */
#ifndef TESTS_LAB_RIG_H
#define TESTS_LAB_RIG_H

#include <uv.h>

#include "lab/segment.h"
#include "lab/wire.h"
#include "lab/within.h"

enum { RIG_PORT = 7000, RIG_DEADLINE_MS = 20 * 1000 };

struct rig {
  struct lab_spaces spaces;
  uv_loop_t loop;
  uv_timer_t wake;
  struct lab_wire *wire;
  struct lab_story story; /* of segments */
  int listener, client, server;
  size_t allocated; /* bytes, before it all */
};

void rig_begin(struct rig *rig, uint32_t delay_ms, const char *const *rules); /* NULL: no rules */
void rig_end(struct rig *rig); /* checks that neither handles nor memory nor frames were lost */

int rig_socket(struct rig *rig, enum lab_side side, int type); /* non-blocking */
void rig_dial(struct rig *rig);    /* the client only begins to connect */
void rig_connect(struct rig *rig); /* and without Nagle's algorithm at either end */

/* Sends abc...xyzabc... while it is all received at the other end, and compares. */
void rig_transfer(struct rig *rig, int from, int to, size_t size);
void rig_send(int fd, const char *text);
bool rig_receives(int fd, const char *text); /* exactly that is there now; "": nothing is */
bool rig_ended(int fd);                      /* EOF is there */

struct rig_pick { /* of segments: all that agree in what is not 0 */
  uint8_t flags;  /* all of these */
  uint8_t without;
  int from; /* 1 + lab_side */
  int fate; /* 1 + lab_fate */
  bool leaves, data;
};
size_t rig_count(const struct rig *rig, const struct rig_pick *pick);
const struct lab_event *rig_find(const struct rig *rig, const struct rig_pick *pick, size_t nth);

uint64_t rig_now_ms(void);
void rig_turn(struct rig *rig);
#define rig_until(rig, condition) \
  do { \
    const uint64_t begun_ = rig_now_ms(); \
    while (!(condition)) { \
      within_check(rig_now_ms() - begun_ < RIG_DEADLINE_MS, "waited for " #condition); \
      rig_turn(rig); \
    } \
  } while (0)

#endif
