/* SPDX-License-Identifier: MIT
 *
 * A story as one page of HTML: no scripts, nothing to be fetched, light and dark. Well-formed XML
 * too, so that a strict parser can read it.
 */
#ifndef LAB_PAGE_H
#define LAB_PAGE_H

#include <stdio.h>

#include "lab/cause.h"
#include "lab/judge.h"
#include "lab/story.h"

struct lab_page {
  const struct lab_story *story;
  const struct lab_expect *expect;
  const struct lab_judgement *judgement; /* NULL: no claims are shown */
  const struct lab_diagnosis *diagnosis; /* NULL: no cause is shown */
  const char *name;                      /* of the lab: "02-eof-ignored" */
  const char *program;                   /* what was run: "broken.c" */
};

/* False: no memory, or it could not be written. */
bool lab_page_print(FILE *out, const struct lab_page *page);

#endif
