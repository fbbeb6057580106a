/* SPDX-License-Identifier: MIT
 *
 * A story in the terminal: client, wire and server beside each other, time running down. Told while
 * it happens, or afterwards.
 */
#ifndef LAB_TIMELINE_H
#define LAB_TIMELINE_H

#include <stdio.h>

#include "lab/story.h"

enum { LAB_COLUMNS_MIN = 80, LAB_COLUMNS_MAX = 160 };

struct lab_timeline_options {
  FILE *out;
  unsigned columns; /* brought between the bounds above */
  bool colour;
  bool unicode;  /* arrows as such; otherwise ASCII */
  bool rewrites; /* a terminal: a line may be completed by what belongs to it and comes later.
                    Otherwise it is written when it is complete */
  bool numbers;  /* segments have theirs, by which they can be released */
  enum lab_side under_test;
  unsigned connections; /* as far as is known: one needs no number; 0: not known */
  uint64_t began_ns;    /* when the time is 0; 0: with the first event */
  const char *program;  /* what the column of the program under test is called; NULL: its side */
};

/* out, columns, colour, unicode, rewrites as this stream and the environment have it (COLUMNS,
 * NO_COLOR, TERM, LC_ALL, ...); the rest is 0. */
struct lab_timeline_options lab_timeline_options(FILE *out);

struct lab_timeline;

struct lab_timeline *lab_timeline_new(
    const struct lab_timeline_options *options); /* NULL: memory */
void lab_timeline_event(struct lab_timeline *timeline, const struct lab_event *event);
/* What is complete now: to be called before anything else is written to `out`. */
void lab_timeline_settle(struct lab_timeline *timeline);
/* The last lines: what is still there of each socket, and the counters that grew. */
void lab_timeline_end(struct lab_timeline *timeline, const struct lab_story *story);
void lab_timeline_free(struct lab_timeline *timeline); /* NULL is allowed */

/* All of a story at once. False: no memory, or it could not be written. */
bool lab_timeline_print(const struct lab_timeline_options *options, const struct lab_story *story);

/* "FIN ACK", "6 bytes", "SYN", "RST", "ACK win 0": as both timeline and page have it. */
const char *lab_segment_text(const struct lab_segment *segment, char text[48]);
/* "read(9) = 6", "accept() = 9", "read(9) = EOF", "connect(9): ECONNREFUSED" */
const char *lab_call_text(const struct lab_call *call, char text[64]);
/* Whether a counter tells something of how connections ended; most grow with every segment. */
bool lab_counter_tells(const char *name);

#endif
