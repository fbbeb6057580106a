/* SPDX-License-Identifier: MIT
 *
 * Looks at the TCP sockets of the caller's network namespace, again and again, and tells what has
 * changed since: LAB_STATE and LAB_COUNT. What must have been between two looks it infers.
 */
#ifndef LAB_SAMPLER_H
#define LAB_SAMPLER_H

#include <stdbool.h>

#include "lab/story.h"

struct lab_sampler;

struct lab_sampler_options {
  enum lab_side side;
  bool shared; /* both sides, and everybody else, are in this namespace: only these ports matter */
  uint16_t server_port;   /* 0: not known yet, see lab_sampler_serve; used if `shared` */
  uint16_t upstream_port; /* of a server that the lab plays beside the program: only the program's
                             end of its connections is told; 0: none */
  void (*on_event)(void *context, const struct lab_event *event);
  void *context;
};

struct lab_sampler *lab_sampler_new(const struct lab_sampler_options *options); /* NULL: errno */
void lab_sampler_free(struct lab_sampler *sampler);

void lab_sampler_serve(struct lab_sampler *sampler, uint16_t server_port);
void lab_sampler_count(struct lab_sampler *sampler); /* the TCP descriptors of our children */

/* One look. Counts are told when they have changed, or always. */
void lab_sampler_look(struct lab_sampler *sampler, bool count_always);

/* The kernel tells of each connection that it frees, at once: this descriptor can be read then, and
 * lab_sampler_hear is to be called; true: it was one of ours. -1: it does not. */
int lab_sampler_ear(const struct lab_sampler *sampler);
bool lab_sampler_hear(struct lab_sampler *sampler);

#endif
