/* SPDX-License-Identifier: MIT
 *
 * A story as lines of JSON, for programs: an event each, in order of time. Times are seconds since
 * the story began.
 */
#ifndef LAB_JSONL_H
#define LAB_JSONL_H

#include <jansson.h>
#include <stdio.h>

#include "lab/cause.h"
#include "lab/judge.h"
#include "lab/story.h"

/* A string of it. What is not UTF-8 becomes '?', for JSON has nothing else. */
json_t *lab_json_text(const char *text);

/* One line, while it happens; `began_ns` is when the time is 0. */
bool lab_jsonl_event(FILE *out, uint64_t began_ns, const struct lab_event *event);

/* The line behind all events: counters, whether there was a wire, how the program ended; verdicts
 * and cause unless they are NULL. */
bool lab_jsonl_end(FILE *out, const struct lab_story *story, const struct lab_judgement *judgement,
                   const struct lab_diagnosis *diagnosis);

/* The whole story. False: no memory, or it could not be written. */
bool lab_jsonl_print(FILE *out, const struct lab_story *story,
                     const struct lab_judgement *judgement, const struct lab_diagnosis *diagnosis);

#endif
