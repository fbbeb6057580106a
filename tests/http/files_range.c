/* SPDX-License-Identifier: MIT
 *
 * A byte range (RFC 9110, 14.1.2 and 14.2), of a file of some size.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/http_files_parts.h"

struct example {
  const char *value;
  uint64_t size;
  unsigned status;
  uint64_t first, len; /* for 206 */
};

#define MAX_TEXT "18446744073709551615"

static const struct example examples[] = {
    /* first-last */
    {"bytes=0-0", 10, 206, 0, 1},
    {"bytes=0-9", 10, 206, 0, 10},
    {"bytes=3-5", 10, 206, 3, 3},
    {"bytes=9-9", 10, 206, 9, 1},
    {"bytes=9-10", 10, 206, 9, 1},
    {"bytes=0-" MAX_TEXT, 10, 206, 0, 10},
    {"bytes=5-99999999999999999999999", 10, 206, 5, 5},
    {"bytes=003-0005", 10, 206, 3, 3},
    {"BYTES=3-5", 10, 206, 3, 3},
    {"bytes=10-10", 10, 416, 0, 0},
    {"bytes=10-20", 10, 416, 0, 0},
    {"bytes=99999999999999999999-", 10, 416, 0, 0},
    {"bytes=18446744073709551616-", 10, 416, 0, 0}, /* 2^64 */
    {"bytes=0-18446744073709551617", 10, 206, 0, 10},
    {"bytes=0-0", 0, 416, 0, 0},
    {"bytes=4294967296-4294967297", UINT64_C(1) << 40, 206, UINT64_C(1) << 32, 2},
    {"bytes=1-" MAX_TEXT, UINT64_MAX, 206, 1, UINT64_MAX - 1},
    /* first- */
    {"bytes=0-", 10, 206, 0, 10},
    {"bytes=9-", 10, 206, 9, 1},
    {"bytes=10-", 10, 416, 0, 0},
    {"bytes=0-", 0, 416, 0, 0},
    /* -suffix */
    {"bytes=-1", 10, 206, 9, 1},
    {"bytes=-10", 10, 206, 0, 10},
    {"bytes=-11", 10, 206, 0, 10},
    {"bytes=-99999999999999999999999", 10, 206, 0, 10},
    {"bytes=-0", 10, 416, 0, 0},
    {"bytes=-0", 0, 416, 0, 0},
    {"bytes=-1", 0, 200, 0, 0}, /* satisfiable, by nothing */
    /* several */
    {"bytes=0-0,2-2", 10, 200, 0, 0},
    {"bytes=0-0, -1", 10, 200, 0, 0},
    {"bytes=0-0,", 10, 200, 0, 0},
    {"bytes=,0-0", 10, 200, 0, 0},
    {"bytes=20-30,40-50", 10, 200, 0, 0},
    /* not one */
    {"", 10, 200, 0, 0},
    {"b", 10, 200, 0, 0},
    {"bytes", 10, 200, 0, 0},
    {"bytes=", 10, 200, 0, 0},
    {"bytes=-", 10, 200, 0, 0},
    {"bytes=1", 10, 200, 0, 0},
    {"bytes=5-3", 10, 200, 0, 0},
    {"bytes=20-15", 10, 200, 0, 0},
    {"bytes=--1", 10, 200, 0, 0},
    {"bytes=1--2", 10, 200, 0, 0},
    {"bytes=1-2-", 10, 200, 0, 0},
    {"bytes=1-2 ", 10, 200, 0, 0},
    {"bytes= 1-2", 10, 200, 0, 0},
    {"bytes =1-2", 10, 200, 0, 0},
    {"bytes=1 -2", 10, 200, 0, 0},
    {"bytes:1-2", 10, 200, 0, 0},
    {"bytes=+1-2", 10, 200, 0, 0},
    {"bytes=0x1-2", 10, 200, 0, 0},
    {"bytes=a-b", 10, 200, 0, 0},
    {"bytes=1-b", 10, 200, 0, 0},
    {"bytes=1.0-2", 10, 200, 0, 0},
    /* of something else */
    {"lines=1-2", 10, 200, 0, 0},
    {"bytess=1-2", 10, 200, 0, 0},
    {"byte=1-2", 10, 200, 0, 0},
};

Test(http_files_range, table) {
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    const struct example *example = &examples[i];
    size_t len = strlen(example->value);
    char *copy = malloc(len > 0 ? len : 1); /* without anything behind it */
    struct fin_http_part part = {0, 0};
    cr_assert(copy != NULL);
    memcpy(copy, example->value, len);
    unsigned status = fin_http_files_range((fin_http_text){copy, len}, example->size, &part);
    free(copy);
    cr_assert(status == example->status, "%s of %llu: %u", example->value,
              (unsigned long long)example->size, status);
    cr_assert(part.first == example->first && part.len == example->len, "%s of %llu: %llu+%llu",
              example->value, (unsigned long long)example->size, (unsigned long long)part.first,
              (unsigned long long)part.len);
  }
}

/* Every range of a small file, against its definition. */
Test(http_files_range, all_of_a_small_file) {
  enum { SIZE = 7 };
  for (unsigned first = 0; first < SIZE + 2; first++)
    for (unsigned last = 0; last < SIZE + 2; last++) {
      char value[32];
      struct fin_http_part part = {0, 0};
      snprintf(value, sizeof value, "bytes=%u-%u", first, last);
      unsigned status = fin_http_files_range((fin_http_text){value, strlen(value)}, SIZE, &part);
      unsigned count = 0;
      for (unsigned at = 0; at < SIZE; at++) count += at >= first && at <= last;
      cr_assert(status == (last < first ? 200 : count > 0 ? 206 : 416), "%s", value);
      if (status != 206) continue;
      cr_assert(part.first == first && part.len == count, "%s", value);
    }
}
