/* SPDX-License-Identifier: MIT
 *
 * The histogram's text: HdrHistogram's layout, everything back when it is read, others' files too,
 * and garbage refused with its line.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "load/histogram.h"
#include "support/random.h"

#define HEADER "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"

static struct histogram one, two;

static char *written(const struct histogram *histogram) {
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  histogram_write(histogram, out);
  fclose(out);
  return text;
}

static unsigned read_bytes(struct histogram *histogram, const char *text, size_t len) {
  FILE *in = fmemopen((void *)text, len, "r");
  cr_assert_not_null(in);
  unsigned line = histogram_read(histogram, in);
  fclose(in);
  return line;
}

static unsigned read_text(struct histogram *histogram, const char *text) {
  return read_bytes(histogram, text, strlen(text));
}

/* ---- our own ---- */

static void check_round_trip(void) {
  char *text = written(&one);
  memset(&two, 0, sizeof two);
  cr_expect_eq(read_text(&two, text), 0);
  cr_expect_arr_eq(&one, &two, sizeof one);
  free(text);
}

Test(histogram_text, comes_back_whole) {
  check_round_trip();
  for (uint64_t random = 1, i = 1; i <= 10000; i++) {
    histogram_add(&one, random_size(&random, 42));
    if (i < 10 || i % 1000 == 0) check_round_trip();
  }
}

/* One bucket has its minimum and its maximum at different values. */
Test(histogram_text, comes_back_from_a_single_bucket) {
  histogram_add(&one, 1000003);
  check_round_trip();
  histogram_add(&one, 1000001);
  histogram_add(&one, 1000002);
  check_round_trip();
}

Test(histogram_text, every_value_comes_back) {
  for (unsigned bit = 0; bit < 42; bit++) {
    histogram_clear(&one);
    histogram_add(&one, UINT64_C(1) << bit);
    histogram_add(&one, (UINT64_C(1) << bit) - 1);
    check_round_trip();
  }
}

Test(histogram_text, layout) {
  for (uint64_t i = 0; i < 4; i++) histogram_add(&one, (i + 1) * 1000);
  char *text = written(&one);
  static const char *const lines[] = {
      HEADER,
      "    0.001000 0.000000000000          1           1.00\n",
      "    0.001000 0.250000000000          1           1.33\n",
      "    0.002000 0.500000000000          2           2.00\n",
      "    0.004000 1.000000000000          4\n",
      "#[Mean    =     0.002500, StdDeviation   =     0.001118]\n",
      "#[Max     =     0.004000, Total count    =            4]\n",
      "#[Buckets =           32, SubBuckets     =         2048]\n",
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    cr_expect_not_null(strstr(text, lines[i]), "'%s' is not in '%s'", lines[i], text);
  free(text);
}

Test(histogram_text, reading_adds) {
  for (uint64_t i = 0; i < 100; i++) histogram_add(&one, i * 1000);
  char *text = written(&one);
  cr_expect_eq(read_text(&two, text), 0);
  cr_expect_eq(read_text(&two, text), 0);
  histogram_merge(&one, &one);
  cr_expect_arr_eq(&one, &two, sizeof one);
  free(text);
}

/* ---- others' ---- */

/* As HdrHistogram's Java and C libraries write it: three decimals, values that repeat. */
Test(histogram_text, of_hdrhistogram) {
  cr_expect_eq(read_text(&one, HEADER "       1.000 0.000000000000          2           1.00\n"
                                      "       1.000 0.100000000000          2           1.11\n"
                                      "      12.500 0.500000000000          5           2.00\n"
                                      "      12.500 0.550000000000          5           2.22\n"
                                      "     100.031 1.000000000000         10\n"
                                      "#[Mean    =       54.166, StdDeviation   =       44.000]\n"
                                      "#[Max     =      100.031, Total count    =           10]\n"
                                      "#[Buckets =           20, SubBuckets     =         2048]\n"),
               0);
  cr_expect_eq(one.count, 10);
  cr_expect_eq(one.min_ns, 1000000);
  cr_expect_eq(one.max_ns, 100031000);
  cr_expect_float_eq((double)histogram_percentile_ns(&one, 50), 12.5e6, 12.5e3);
}

/* wrk2 writes "inf" where we write nothing. */
Test(histogram_text, of_wrk2) {
  cr_expect_eq(read_text(&one,
                         "  Value   Percentile   TotalCount 1/(1-Percentile)\r\n\r\n"
                         "     0.921     0.000000            1         1.00\r\n"
                         "     2.000     1.000000            3          inf\r\n"
                         "#[Mean    =        1.640, StdDeviation   =        0.508]\r\n"
                         "#[Max     =        2.000, Total count    =            3]\r\n"
                         "#[Buckets =           27, SubBuckets     =         2048]\r\n"),
               0);
  cr_expect_eq(one.count, 3);
  cr_expect_eq(one.max_ns, 2000000);
}

Test(histogram_text, more_than_an_hour_is_an_hour) {
  cr_expect_eq(read_text(&one, HEADER "999999999.0 0.500000000000          1           2.00\n"
                                      "999999999.5 0.500000000000          1           2.00\n"
                                      "#[Max = 999999999.5, Total count = 1]\n"),
               0);
  cr_expect_eq(one.count, 1);
  cr_expect_eq(histogram_percentile_ns(&one, 100), UINT64_C(3600000000000));
}

/* ---- garbage ---- */

#define ROW "    1.000000 0.500000000000          2           2.00\n"
#define END "#[Max     =     1.000000, Total count    =            2]\n"

Test(histogram_text, garbage_is_refused_with_its_line) {
  static const struct {
    const char *text;
    unsigned line;
  } cases[] = {
      {"\n", 2}, /* it ends where the header should be */
      {"hello\n", 1},
      {"\n\nhello\n", 3},
      {ROW END, 1},
      {HEADER "hello\n" END, 3},
      {HEADER ROW, 4}, /* cut off */
      {HEADER "    1.000000 0.500000000000\n" END, 3},
      {HEADER "    1.000000 0.500000000000          x           2.00\n" END, 3},
      {HEADER "    1.000000 0.500000000000         -2           2.00\n" END, 3},
      {HEADER "    1.000000 0.500000000000        2.5           2.00\n" END, 3},
      {HEADER "   -1.000000 0.500000000000          2           2.00\n" END, 3},
      {HEADER "         nan 0.500000000000          2           2.00\n" END, 3},
      {HEADER "         inf 0.500000000000          2           2.00\n" END, 3},
      {HEADER "       0x1p3 0.500000000000          2           2.00\n" END, 3},
      {HEADER "     1.0.000 0.500000000000          2           2.00\n" END, 3},
      {HEADER "           . 0.500000000000          2           2.00\n" END, 3},
      {HEADER "    1.000000 1.500000000000          2           2.00\n" END, 3},
      {HEADER "    1.000000 0.500000000000          2           2.00 more\n" END, 3},
      {HEADER "    1.000000 0.500000000000          2 infinite\n" END, 3},
      {HEADER "1e300000 0.500000000000 2 2.00\n" END, 3},
      {HEADER "99999999999999999999999999999 0.5 2 2.00\n" END, 3},
      {HEADER "    1.000000 0.500000000000 99999999999999999999999 2.00\n" END, 3},
      {HEADER ROW "    0.999000 0.600000000000          3           2.50\n" END, 4}, /* less */
      {HEADER ROW "    2.000000 0.600000000000          1           2.50\n" END, 4}, /* fewer */
      {HEADER ROW "#[Max     =     1.000000, Total count    =            3]\n", 4},
      {HEADER ROW "#[Max     =     1.000000, Total count    =             ]\n", 4},
      {HEADER ROW END ROW, 5},
      {HEADER ROW END END, 5},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_expect_eq(read_text(&one, cases[i].text), cases[i].line, "'%s'", cases[i].text);
  static const char nul[] = HEADER ROW
  "\0" END;
  cr_expect_eq(read_bytes(&one, nul, sizeof nul - 1), 4);
}

/* Whatever is read, what comes of it can be asked. */
Test(histogram_text, mutilated) {
  for (uint64_t i = 0; i < 30; i++) histogram_add(&one, i * i * i * 1000);
  char *text = written(&one);
  size_t len = strlen(text);
  uint64_t random = 3;
  for (unsigned i = 0; i < 5000; i++) {
    char *changed = malloc(len);
    memcpy(changed, text, len);
    for (unsigned k = 0; k < 3; k++)
      changed[random_below(&random, len)] = "0129. \n#-xe"[random_below(&random, 11)];
    histogram_clear(&two);
    unsigned line = read_bytes(&two, changed, len);
    cr_expect_leq(line, 40);
    cr_expect_leq(histogram_percentile_ns(&two, 99), two.max_ns);
    free(changed);
  }
  free(text);
}
