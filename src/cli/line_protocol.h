/* SPDX-License-Identifier: MIT
 *
 * The line protocol of `finale serve line`, which the servers and the clients of `finale demo`
 * speak too: a line is answered with its letters in upper case; `SEND n` is answered with n bytes,
 * the last of them a newline. Every reply follows from its request, so a client can check each
 * byte.
 */
#ifndef FINALE_CLI_LINE_PROTOCOL_H
#define FINALE_CLI_LINE_PROTOCOL_H

#include <stddef.h>

enum {
  LINE_MAX_LEN = 8 * 1024,     /* of a request, without its ending */
  LINE_ENDING_MAX = 2,         /* CR LF */
  LINE_SEND_MAX = 1024 * 1024, /* n of SEND */
};

struct line_reply {
  const char *data; /* `buffer`, or constant memory if `constant` */
  size_t len;
  int constant;
};

/* The reply to a line of at most LINE_MAX_LEN bytes. `buffer` has room for LINE_MAX_LEN + 1. */
struct line_reply line_reply_to(const char *line, size_t len, char *buffer);

#endif
