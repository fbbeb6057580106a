/* SPDX-License-Identifier: MIT
 *
 * Where the recorder of calls is: beside the command when it was built, else where it was
 * installed, which moves with the command.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/run.h"

#ifndef LAB_CALLS_INSTALLED
#define LAB_CALLS_INSTALLED "../lib/finale/calls.so" /* from the command's directory */
#endif

const char *lab_calls_path(void) {
  static const char *const places[] = {"lab/calls.so", LAB_CALLS_INSTALLED};
  static char path[PATH_MAX];
  char self[PATH_MAX - 64];
  const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
  char *slash;
  if (len <= 0) return NULL;
  self[len] = '\0';
  slash = strrchr(self, '/');
  if (slash == NULL) return NULL;
  slash[1] = '\0';
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    snprintf(path, sizeof path, "%s%s", self, places[i]);
    if (access(path, R_OK) == 0) return path;
  }
  return NULL;
}
