/* SPDX-License-Identifier: MIT
 *
 * HTTP's dates (RFC 9110, 5.6.7).
 */
#ifndef FIN_HTTP_DATE_H
#define FIN_HTTP_DATE_H

#include <finale/http.h>

enum { FIN_HTTP_DATE_SIZE = 30 }; /* with the NUL */

/* Seconds since 1970 as "Sun, 06 Nov 1994 08:49:37 GMT", in the years from 1970 to 9999. */
void fin_http_date_format(char text[FIN_HTTP_DATE_SIZE], int64_t time);

/* Reads each of the three forms; `now` tells the century of one that has none. */
bool fin_http_date_parse(fin_http_text text, int64_t now, int64_t *time);

#endif
