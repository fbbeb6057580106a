/* SPDX-License-Identifier: MIT
 *
 * See counters.h. Both files are pairs of lines, "Group: Name Name ..." and "Group: 1 2 ...".
 */
#include "lab/counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not what grows, but settings and the like. */
static bool is_counter(const char *name) {
  static const char *const others[] = {"RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "CurrEstab"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (strcmp(name, others[i]) == 0) return false;
  return true;
}

static void read_pair(struct lab_counters *counters, enum lab_side side, char *names,
                      char *values) {
  char *name_rest = NULL, *value_rest = NULL;
  char *name = strtok_r(names, " \n", &name_rest), *value = strtok_r(values, " \n", &value_rest);
  while ((name = strtok_r(NULL, " \n", &name_rest)) != NULL &&
         (value = strtok_r(NULL, " \n", &value_rest)) != NULL &&
         counters->count < LAB_COUNTERS_MAX) {
    struct lab_counter *counter = &counters->all[counters->count];
    if (!is_counter(name) || strlen(name) >= sizeof counter->name) continue;
    *counter = (struct lab_counter){.side = side, .grew = strtoll(value, NULL, 10)};
    strcpy(counter->name, name);
    counters->count++;
  }
}

static void read_group(struct lab_counters *counters, enum lab_side side, const char *path,
                       const char *group) {
  char *names = NULL, *values = NULL;
  size_t names_size = 0, values_size = 0;
  FILE *file = fopen(path, "re");
  if (file == NULL) return;
  while (getline(&names, &names_size, file) > 0 && getline(&values, &values_size, file) > 0)
    if (strncmp(names, group, strlen(group)) == 0) read_pair(counters, side, names, values);
  free(names);
  free(values);
  fclose(file);
}

void lab_counters_read(struct lab_counters *counters, enum lab_side side) {
  counters->count = 0;
  read_group(counters, side, "/proc/self/net/snmp", "Tcp: ");
  read_group(counters, side, "/proc/self/net/netstat", "TcpExt: ");
}

bool lab_counter_known(const char *name) {
  struct lab_counters *all = malloc(sizeof *all);
  bool known = false;
  if (all == NULL) return false;
  lab_counters_read(all, LAB_SERVER);
  for (size_t i = 0; i < all->count && !known; i++) known = strcmp(all->all[i].name, name) == 0;
  free(all);
  return known;
}

void lab_counters_subtract(struct lab_counters *now, const struct lab_counters *before) {
  size_t kept = 0;
  for (size_t i = 0; i < now->count && i < before->count; i++) {
    struct lab_counter counter = now->all[i];
    counter.grew -= before->all[i].grew;
    if (counter.grew > 0) now->all[kept++] = counter;
  }
  now->count = kept;
}
