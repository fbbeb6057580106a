/* SPDX-License-Identifier: MIT
 *
 * Dates (RFC 9110, 5.6.7).
 */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/http_date.h"
#include "support/random.h"

enum { IN_2024 = 1704067200, EXAMPLE = 784111777 };

static bool parse(const char *text, int64_t now, int64_t *time) {
  size_t len = strlen(text);
  char *copy = malloc(len > 0 ? len : 1);
  cr_assert(copy != NULL);
  memcpy(copy, text, len);
  bool good = fin_http_date_parse((fin_http_text){copy, len}, now, time);
  free(copy);
  return good;
}

static void expect(const char *text, int64_t expected) {
  int64_t time = -1;
  cr_assert(parse(text, IN_2024, &time), "%s", text);
  cr_assert(time == expected, "%s: %lld", text, (long long)time);
}

Test(http_files_date, the_three_forms) {
  expect("Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE);
  expect("Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE);
  expect("Sun Nov  6 08:49:37 1994", EXAMPLE);
  expect("Thu, 01 Jan 1970 00:00:00 GMT", 0);
  expect("Wed Nov 16 08:49:37 1994", EXAMPLE + 10 * 86400);
  expect("Thu, 29 Feb 2024 23:59:59 GMT", 1709251199);
  expect("Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799));
  expect("Sat, 31 Dec 2016 23:59:60 GMT", 1483228799); /* a leap second */
  expect("Wed, 31 Dec 1969 23:59:59 GMT", -1);
}

/* The century that is not said: at most 50 years ahead. */
Test(http_files_date, two_digits_of_a_year) {
  const int64_t in_2099 = INT64_C(4070908800);
  int64_t time;
  expect("Monday, 01-Jan-24 00:00:00 GMT", IN_2024);
  expect("Monday, 01-Jan-74 00:00:00 GMT", INT64_C(3281990400)); /* 2074 */
  expect("Wednesday, 01-Jan-75 00:00:00 GMT", 157766400);        /* 1975 */
  expect("Saturday, 01-Jan-00 00:00:00 GMT", 946684800);
  cr_assert(parse("Saturday, 01-Jan-01 00:00:00 GMT", in_2099, &time));
  cr_assert_eq(time, INT64_C(4133980800)); /* 2101 */
  cr_assert(parse("Saturday, 01-Jan-98 00:00:00 GMT", in_2099, &time));
  cr_assert_eq(time, INT64_C(4039372800)); /* 2098 */
}

Test(http_files_date, none) {
  static const char *const texts[] = {
      "",
      "0",
      "784111777",
      "now",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 06 Nov 1994 08:49:37 GMT ",
      " Sun, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37 GMT; length=1",
      "sun, 06 nov 1994 08:49:37 gmt",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun,  6 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 94 08:49:37 GMT",
      "Sun, 06 Nov 1994 8:49:37 GMT",
      "Sun, 06 Nov 1994 08:49 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:00 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 31 Nov 1994 08:49:37 GMT",
      "Sun, 29 Feb 2023 08:49:37 GMT",
      "Sun, 06 Foo 1994 08:49:37 GMT",
      "Foo, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06-Nov-1994 08:49:37 GMT",
      "Sun, 06-Nov-94 08:49:37 GMT",
      "Sunday, 06 Nov 1994 08:49:37 GMT",
      "Sun Nov 06 08:49:37 94",
      "Sun Nov 6 08:49:37 1994",
      "Sun Nov  66 08:49:37 1994",
      "Sun Nov  6 08:49:37 1994 GMT",
      "Sun, 06 Nov 1994 -8:49:37 GMT",
      "Sun, 06 Nov +994 08:49:37 GMT",
      "1994-11-06T08:49:37Z",
  };
  int64_t time;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    cr_assert(!parse(texts[i], IN_2024, &time), "\"%s\"", texts[i]);
}

/* Cut anywhere, it is none; and nothing behind it is read. */
Test(http_files_date, cut_short) {
  static const char *const whole[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                      "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"};
  char text[64];
  int64_t time;
  for (int i = 0; i < 3; i++)
    for (size_t len = 0; len < strlen(whole[i]); len++) {
      memcpy(text, whole[i], len);
      text[len] = '\0';
      cr_assert(!parse(text, IN_2024, &time), "\"%s\"", text);
    }
}

static void expect_written(int64_t time, const char *expected) {
  char text[FIN_HTTP_DATE_SIZE];
  fin_http_date_format(text, time);
  cr_assert_str_eq(text, expected);
}

Test(http_files_date, written) {
  expect_written(EXAMPLE, "Sun, 06 Nov 1994 08:49:37 GMT");
  expect_written(0, "Thu, 01 Jan 1970 00:00:00 GMT");
  expect_written(INT64_C(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
  expect_written(-1, "Thu, 01 Jan 1970 00:00:00 GMT");
  expect_written(INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT");
  expect_written(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
}

/* Wherever the program lives. */
Test(http_files_date, in_another_place) {
  setenv("TZ", "Asia/Kathmandu", 1);
  tzset();
  setlocale(LC_ALL, "de_DE.UTF-8"); /* if there is one */
  expect_written(EXAMPLE, "Sun, 06 Nov 1994 08:49:37 GMT");
  expect("Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE);
  expect("Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE);
}

Test(http_files_date, what_was_written_is_read) {
  uint64_t random = 1;
  for (int i = 0; i < 100 * 1000; i++) {
    int64_t time = (int64_t)random_below(&random, UINT64_C(253402300800)), read;
    char text[FIN_HTTP_DATE_SIZE];
    fin_http_date_format(text, time);
    cr_assert(parse(text, IN_2024, &read) && read == time, "%s", text);
  }
}
