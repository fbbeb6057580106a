/* SPDX-License-Identifier: MIT
 *
 * One step of a player, tried until it is done.
 */
#ifndef LAB_SCRIPT_STEP_H
#define LAB_SCRIPT_STEP_H

#include "lab/script.h"

struct lab_playing {
  const struct lab_player *player;
  unsigned number; /* counts from 1 */
  int fd;          /* -1: not yet, or no more */
  uint16_t client_port;
  bool connected; /* was once */
  bool ended;
  bool blocked;      /* an echo that waits for room */
  size_t step, done; /* bytes of this step */
  uint64_t began_ns; /* the step; sending: when it last got on */
};

enum lab_went { LAB_WAITS, LAB_WENT, LAB_FAILED_STEP };

/* Tries the step once more. `text`: what came of it, "" if nothing is to be said. */
enum lab_went lab_step_play(struct lab_playing *playing, const struct lab_script_options *options,
                            const struct lab_step *step, char text[80]);
/* What to poll for meanwhile. */
short lab_step_events(const struct lab_playing *playing, const struct lab_step *step);
void lab_playing_close(struct lab_playing *playing);

#endif
