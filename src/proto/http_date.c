/* SPDX-License-Identifier: MIT
 *
 * Not by strftime and strptime, which speak the locale's language.
 */
#include <string.h>
#include <time.h>

#include "proto/http_date.h"

static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

enum { SHORT_NAME = 3 };

/* ---- writing ---- */

static char *put(char *at, const char *text, size_t len) {
  memcpy(at, text, len);
  return at + len;
}

static char *put_number(char *at, int number, int digits) {
  for (int i = digits - 1; i >= 0; i--, number /= 10) at[i] = (char)('0' + number % 10);
  return at + digits;
}

void fin_http_date_format(char text[FIN_HTTP_DATE_SIZE], int64_t time) {
  const int64_t last = INT64_C(253402300799); /* of the year 9999 */
  time_t seconds = (time_t)(time < 0 ? 0 : time > last ? last : time);
  struct tm tm;
  gmtime_r(&seconds, &tm);
  char *at = put(text, days[tm.tm_wday], SHORT_NAME);
  at = put(at, ", ", 2);
  at = put_number(at, tm.tm_mday, 2);
  at = put(at, " ", 1);
  at = put(at, months[tm.tm_mon], SHORT_NAME);
  at = put(at, " ", 1);
  at = put_number(at, tm.tm_year + 1900, 4);
  at = put(at, " ", 1);
  at = put_number(at, tm.tm_hour, 2);
  at = put(at, ":", 1);
  at = put_number(at, tm.tm_min, 2);
  at = put(at, ":", 1);
  at = put_number(at, tm.tm_sec, 2);
  put(at, " GMT", 5);
}

/* ---- reading ---- */

/* Each of these takes something from the front of the text, or is false. */

static bool take(fin_http_text *text, const char *expected, size_t len) {
  if (text->len < len || memcmp(text->data, expected, len) != 0) return false;
  text->data += len;
  text->len -= len;
  return true;
}

static bool take_char(fin_http_text *text, char expected) { return take(text, &expected, 1); }

static bool take_number(fin_http_text *text, int digits, int *number) {
  *number = 0;
  for (int i = 0; i < digits; i++) {
    if (text->len == 0 || *text->data < '0' || *text->data > '9') return false;
    *number = *number * 10 + (*text->data - '0');
    text->data++;
    text->len--;
  }
  return true;
}

static bool take_day(fin_http_text *text, bool whole) {
  for (int i = 0; i < 7; i++)
    if (take(text, days[i], whole ? strlen(days[i]) : SHORT_NAME)) return true;
  return false;
}

static bool take_month(fin_http_text *text, int *month) {
  for (*month = 0; *month < 12; ++*month)
    if (take(text, months[*month], SHORT_NAME)) return true;
  return false;
}

static bool take_clock(fin_http_text *text, struct tm *tm) {
  return take_number(text, 2, &tm->tm_hour) && take_char(text, ':') &&
         take_number(text, 2, &tm->tm_min) && take_char(text, ':') &&
         take_number(text, 2, &tm->tm_sec);
}

static bool take_year(fin_http_text *text, struct tm *tm) {
  bool taken = take_number(text, 4, &tm->tm_year);
  tm->tm_year -= 1900;
  return taken;
}

/* The year with these last digits that is at most 50 years ahead. */
static bool take_short_year(fin_http_text *text, int64_t now, struct tm *tm) {
  time_t seconds = (time_t)now;
  struct tm today;
  int digits;
  if (!take_number(text, 2, &digits) || !gmtime_r(&seconds, &today)) return false;
  int ahead = (digits - today.tm_year % 100 + 100) % 100;
  tm->tm_year = today.tm_year + ahead - (ahead > 50 ? 100 : 0);
  return true;
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool imf_fixdate(fin_http_text text, struct tm *tm) {
  return take_day(&text, false) && take(&text, ", ", 2) && take_number(&text, 2, &tm->tm_mday) &&
         take_char(&text, ' ') && take_month(&text, &tm->tm_mon) && take_char(&text, ' ') &&
         take_year(&text, tm) && take_char(&text, ' ') && take_clock(&text, tm) &&
         take(&text, " GMT", 4) && text.len == 0;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool rfc850(fin_http_text text, int64_t now, struct tm *tm) {
  return take_day(&text, true) && take(&text, ", ", 2) && take_number(&text, 2, &tm->tm_mday) &&
         take_char(&text, '-') && take_month(&text, &tm->tm_mon) && take_char(&text, '-') &&
         take_short_year(&text, now, tm) && take_char(&text, ' ') && take_clock(&text, tm) &&
         take(&text, " GMT", 4) && text.len == 0;
}

/* Sun Nov  6 08:49:37 1994 */
static bool asctime_date(fin_http_text text, struct tm *tm) {
  return take_day(&text, false) && take_char(&text, ' ') && take_month(&text, &tm->tm_mon) &&
         take_char(&text, ' ') && take_number(&text, take_char(&text, ' ') ? 1 : 2, &tm->tm_mday) &&
         take_char(&text, ' ') && take_clock(&text, tm) && take_char(&text, ' ') &&
         take_year(&text, tm) && text.len == 0;
}

bool fin_http_date_parse(fin_http_text text, int64_t now, int64_t *time) {
  struct tm tm = {0};
  if (!imf_fixdate(text, &tm) && !rfc850(text, now, &tm) && !asctime_date(text, &tm)) return false;
  if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60) return false;
  int day = tm.tm_mday;
  if (tm.tm_sec == 60) tm.tm_sec = 59; /* a leap second, which the clock does not know */
  *time = timegm(&tm);
  return tm.tm_mday == day; /* it has turned the 31st of February into another day */
}
