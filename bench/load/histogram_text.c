/* SPDX-License-Identifier: MIT
 *
 * HdrHistogram's percentile distribution as text. A value with six decimals of a millisecond is a
 * whole number of nanoseconds: nothing is lost. The first line has the minimum, the last one the
 * maximum, the others the highest value of their bucket.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "load/histogram_buckets.h"

#define NS_PER_MS 1e6
#define VALUE_MAX_MS \
  1e9 /* so that it fits into an integer; more than an hour counts as an hour \
       */

/* ---- writing ---- */

static void write_row(FILE *out, uint64_t value_ns, double part, uint64_t count) {
  fprintf(out, "%12.6f %2.12f %10" PRIu64, (double)value_ns / NS_PER_MS, part, count);
  if (part < 1) fprintf(out, " %14.2f", 1 / (1 - part));
  fputc('\n', out);
}

static void write_rows(const struct histogram *histogram, FILE *out) {
  size_t last = histogram_bucket(histogram->max_ns);
  uint64_t seen = 0;
  for (size_t i = histogram_bucket(histogram->min_ns); i <= last; i++) {
    if (histogram->counts[i] == 0) continue;
    if (seen == 0) write_row(out, histogram->min_ns, 0, histogram->counts[i]);
    seen += histogram->counts[i];
    uint64_t value_ns = i < last ? histogram_bucket_highest(i) : histogram->max_ns;
    write_row(out, value_ns, (double)seen / (double)histogram->count, seen);
  }
}

void histogram_write(const struct histogram *histogram, FILE *out) {
  fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
  if (histogram->count > 0) write_rows(histogram, out);
  fprintf(out, "#[Mean    = %12.6f, StdDeviation   = %12.6f]\n",
          histogram_mean_ns(histogram) / NS_PER_MS, histogram_deviation_ns(histogram) / NS_PER_MS);
  fprintf(out, "#[Max     = %12.6f, Total count    = %12" PRIu64 "]\n",
          (double)histogram->max_ns / NS_PER_MS, histogram->count);
  fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n",
          HISTOGRAM_BUCKETS * 2 / HISTOGRAM_STEPS - 1, HISTOGRAM_STEPS);
}

/* ---- reading ---- */

struct reader {
  struct histogram *histogram;
  uint64_t value_ns, count; /* of the row before */
  bool header, footer;
};

/* A plain decimal number: strtod alone would take "0x1p3", "nan" and "-1" as well. */
static bool read_decimal(char **text, double *number) {
  *text += strspn(*text, " \t");
  size_t len = strspn(*text, "0123456789.");
  char *end;
  *number = strtod(*text, &end);
  bool whole = len > 0 && end == *text + len;
  *text = end;
  return whole;
}

static bool read_count(char **text, uint64_t *count) {
  *text += strspn(*text, " \t");
  size_t len = strspn(*text, "0123456789");
  char *end;
  *count = strtoull(*text, &end, 10);
  bool whole = len > 0 && len < 20 && end == *text + len;
  *text = end;
  return whole;
}

static bool at_end(const char *text) { return text[strspn(text, " \t\r\n")] == '\0'; }

static bool is_header(const char *text) {
  text += strspn(text, " \t");
  return strncmp(text, "Value", 5) == 0 && strstr(text, "Percentile") && strstr(text, "TotalCount");
}

/* What our first row says of the minimum, the second one repeats for its bucket: a higher value, no
 * more seen. If there is no third one, it is the maximum. */
static void take_row(struct reader *reader, uint64_t value_ns, uint64_t count) {
  struct histogram *histogram = reader->histogram;
  if (count > reader->count)
    histogram_add_many(histogram, value_ns, count - reader->count);
  else if (count > 0 && value_ns > histogram->max_ns &&
           histogram_bucket(value_ns) == histogram_bucket(reader->value_ns))
    histogram->max_ns = value_ns;
  reader->value_ns = value_ns;
  reader->count = count;
}

/* Value, percentile, count, and behind them what follows from them. */
static bool read_row(struct reader *reader, char *text) {
  double value_ms, part, inverse;
  uint64_t count;
  if (!read_decimal(&text, &value_ms) || !read_decimal(&text, &part) || !read_count(&text, &count))
    return false;
  text += strspn(text, " \t");
  bool inf = strncmp(text, "inf", 3) == 0;
  if (inf) text += 3;
  if (!inf && !at_end(text) && !read_decimal(&text, &inverse)) return false;
  if (!at_end(text) || part > 1 || value_ms > VALUE_MAX_MS) return false;

  uint64_t value_ns = (uint64_t)llround(value_ms * NS_PER_MS);
  if (value_ns > HISTOGRAM_HOUR_NS) value_ns = HISTOGRAM_HOUR_NS;
  if (value_ns < reader->value_ns || count < reader->count) return false;
  take_row(reader, value_ns, count);
  return true;
}

/* "#[Max     =    12.5, Total count    =    1000]" ends the rows; other comments say nothing new.
 */
static bool read_comment(struct reader *reader, const char *text) {
  static const char label[] = "Total count";
  const char *found = strstr(text, label);
  if (!found) return true;
  char *number = (char *)found + sizeof label - 1;
  number += strspn(number, " \t=");
  uint64_t count;
  if (!read_count(&number, &count) || strcspn(number, "]\r\n") != 0) return false;
  if (reader->footer || count != reader->count) return false;
  reader->footer = true;
  return true;
}

static bool read_line(struct reader *reader, char *text) {
  if (at_end(text)) return true;
  if (!reader->header) return reader->header = is_header(text);
  if (*text == '#') return read_comment(reader, text);
  return !reader->footer && read_row(reader, text);
}

unsigned histogram_read(struct histogram *histogram, FILE *in) {
  struct reader reader = {.histogram = histogram};
  char *text = NULL;
  size_t size = 0;
  unsigned line = 1;
  ssize_t len;
  while ((len = getline(&text, &size, in)) >= 0) {
    if (strlen(text) != (size_t)len || !read_line(&reader, text)) break;
    line++;
  }
  free(text);
  return len < 0 && reader.footer && !ferror(in) ? 0 : line;
}
