/* SPDX-License-Identifier: MIT
 *
 * Writes the page of every made-up report into a directory, for a browser to look at.
 */
#include <stdio.h>

#include "bench/made_up.h"

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  for (enum made_up which = 0; which < MADE_UP_COUNT; which++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.html", argv[1], made_up_name(which));
    FILE *out = fopen(path, "w");
    struct report *report = made_up_new(which);
    bool written = out && report_print_html(report, out) && fclose(out) == 0;
    made_up_free(report);
    if (!written) {
      perror(path);
      return 1;
    }
  }
  return 0;
}
