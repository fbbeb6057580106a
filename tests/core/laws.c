/* SPDX-License-Identifier: MIT
 *
 * The words of the laws, and the end of whoever breaks one.
 */
#include "core/laws.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct law_catcher *law_catcher;

const char *const law_names[LAW_COUNT] = {
#define LAW(name, text) #name,
#include "core/laws.def"
};

const char *const law_texts[LAW_COUNT] = {
#define LAW(name, text) text,
#include "core/laws.def"
};

void law_broken(enum law law, const char *detail, ...) {
  char text[sizeof law_catcher->detail];
  va_list arguments;
  va_start(arguments, detail);
  vsnprintf(text, sizeof text, detail, arguments);
  va_end(arguments);
  if (law_catcher) {
    law_catcher->broken = law;
    snprintf(law_catcher->detail, sizeof law_catcher->detail, "%s", text);
    longjmp(law_catcher->back, 1);
  }
  cr_assert_fail("%s (%s): %s", law_names[law], law_texts[law], text);
  abort(); /* not reached: the assertion leaves the test */
}
