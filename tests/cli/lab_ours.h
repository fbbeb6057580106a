/* SPDX-License-Identifier: MIT
 *
 * A lab of our own in a scratch folder, as labs/07-ours, and the command that is asked about it.
 */
#ifndef TESTS_CLI_LAB_OURS_H
#define TESTS_CLI_LAB_OURS_H

#include <criterion/criterion.h>
#include <string.h>

#include "command.h"

enum { LAB_PATIENCE_MS = 50 * 1000, LAB_OURS_EXPECT_MAX = 1024 };

extern struct command command; /* the last one */

/* Waits for its end. */
void lab(const char *const *args);

#define LAB(...) lab((const char *[]){__VA_ARGS__, NULL})
#define SAYS(text) \
  cr_expect_not_null(strstr(command.out, text), "no '%s' in '%s'", text, command.out)
#define COMPLAINS(text) \
  cr_expect_not_null(strstr(command.err, text), "no '%s' in '%s'", text, command.err)

/* Makes the scratch folder, which becomes the working directory. */
void lab_ours_make(void);
void lab_ours_remove(void);
/* What was built is gone. */
void lab_ours_nothing_left(void);

extern const char lab_ours_expect[]; /* its file `expect`; shorter than LAB_OURS_EXPECT_MAX */

/* What each connection is served by; `c` is its descriptor. */
extern const char lab_ours_broken[], lab_ours_fixed[];

void lab_ours_write(const char *folder, const char *name, const char *text);
void lab_ours_program(const char *folder, const char *name, const char *serve);

#endif
