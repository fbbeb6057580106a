/* SPDX-License-Identifier: MIT
 *
 * Wrong input: one line on stderr that names the input and the remedy, nothing on stdout, status 2.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.h"
#include "wrong.h"

Test(wrong_input, commands) {
  WRONG_CHECK_ALL({{NULL}, "no command", "--help"}, {{"bogus"}, "'bogus'", "finale --help"},
                  {{"--bogus"}, "'--bogus'", "finale --help"}, {{"serve"}, "no protocol", "echo"},
                  {{"serve", "gopher"}, "'gopher'", "echo, line, http or tunnel"},
                  {{"serve", "line", "echo"}, "'echo'", "finale serve --help"},
                  {{"serve", "line", "--bogus"}, "'--bogus'", "finale serve --help"},
                  {{"serve", "line", "-x"}, "'-x'", "finale serve --help"},
                  {{"serve", "line", "--idl", "5s"}, "'--idl'", "finale serve --help"},
                  {{"demo", "--bogus=1"}, "'--bogus=1'", "finale demo --help"},
                  {{"demo", "now"}, "'now'", "finale demo --help"},
                  {{"demo", "--json=yes"}, "'--json=yes'", "write --json"},
                  {{"demo", "--connections"}, "'--connections'", "needs a value"},
                  {{"demo", "--connections", "999"}, "999", "1000 to 5000"},
                  {{"demo", "--connections", "5001"}, "5001", "1000 to 5000"},
                  {{"demo", "--connections", "0x500"}, "0x500", "1000 to 5000"});
}

Test(wrong_input, times) {
  WRONG_CHECK_ALL({{"serve", "line", "--idle"}, "'--idle'", "needs a value"},
                  {{"serve", "line", "--idle", "-5s"}, "--idle -5s", "negative; write"},
                  {{"serve", "line", "--linger=-1ms"}, "--linger -1ms", "negative; write"},
                  {{"serve", "line", "--drain", "-1s"}, "--drain -1s", "negative; write"},
                  {{"serve", "line", "--half", "5"}, "--half 5", "500ms, 5s, 1m"},
                  {{"serve", "line", "--half", "5 s"}, "--half 5 s", "500ms, 5s, 1m"},
                  {{"serve", "line", "--half", "5sec"}, "--half 5sec", "500ms, 5s, 1m"},
                  {{"serve", "line", "--half", "1.5s"}, "--half 1.5s", "500ms, 5s, 1m"},
                  {{"serve", "line", "--half", "+5s"}, "--half +5s", "500ms, 5s, 1m"},
                  {{"serve", "line", "--half", ""}, "--half ", "500ms, 5s, 1m"},
                  {{"serve", "line", "--half", "s"}, "--half s", "500ms, 5s, 1m"},
                  {{"serve", "line", "--stall", "0s"}, "--stall 0s", "use 1ms to 24d"},
                  {{"serve", "line", "--stall", "25d"}, "--stall 25d", "use 1ms to 24d"},
                  {{"serve", "line", "--stall", "99999999999999999999s"}, "--stall 9999", "5s"},
                  {{"serve", "line", "--idle", "0s"}, "--idle 0s", "or never"});
}

/* The times that bound a dying connection must come. */
Test(wrong_input, never) {
  static const char *const options[] = {"--open",   "--half",         "--stall",
                                        "--linger", "--linger-grace", "--dead-peer-after"};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    char input[64];
    snprintf(input, sizeof input, "%s never", options[i]);
    wrong_check((const char *[]){"serve", "line", options[i], "never", NULL}, input, "30s");
  }
}

Test(wrong_input, sizes) {
  WRONG_CHECK_ALL(
      {{"serve", "line", "--output-high", "64x"}, "--output-high 64x", "64k, 1m"},
      {{"serve", "line", "--output-high", "64kb"}, "--output-high 64kb", "64k, 1m"},
      {{"serve", "line", "--output-max", "-1"}, "--output-max -1", "64k, 1m"},
      {{"serve", "line", "--output-max", "0"}, "--output-max 0", "use 1 to"},
      {{"serve", "line", "--output-max", "64g"}, "--output-max 64g", "use 1 to"},
      {{"serve", "line", "--min-rate", "fast"}, "--min-rate fast", "64k, 1m"},
      {{"serve", "line", "--output-low", "1m"}, "--output-low 1048576", "--output-high"},
      {{"serve", "line", "--output-high", "1g"}, "--output-high 1073741824", "--output-max"},
      {{"serve", "line", "--input-max", "2"}, "--input-max 2", "use 3"});
}

Test(wrong_input, addresses) {
  WRONG_CHECK_ALL({{"serve", "echo", "--listen", "7000"}, "7000", "HOST:PORT"},
                  {{"serve", "echo", "--listen", "::1:7000"}, "::1:7000", "[::1]:7000"},
                  {{"serve", "echo", "--listen", "127.0.0.1:65536"}, "'65536'", "0 to 65535"},
                  {{"serve", "echo", "--listen", "127.0.0.1:-1"}, "'-1'", "0 to 65535"},
                  {{"serve", "echo", "--listen", "127.0.0.1:http"}, "'http'", "0 to 65535"},
                  {{"serve", "echo", "--listen", "127.0.0.1:"}, "''", "0 to 65535"},
                  {{"serve", "echo", "--listen", "no-such-host.invalid:0"},
                   "'no-such-host.invalid'",
                   "use 127.0.0.1"},
                  {{"serve", "echo", "--listen", "192.0.2.1:0"}, "'192.0.2.1'", "use 127.0.0.1"});
}

Test(wrong_input, port_in_use) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  char where[64];
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
  cr_assert_eq(listen(fd, 1), 0);
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  snprintf(where, sizeof where, "127.0.0.1:%u", ntohs(address.sin_port));
  wrong_check((const char *[]){"serve", "echo", "--listen", where, NULL}, where, "another port");
  close(fd);
}

Test(wrong_input, tunnel) {
  WRONG_CHECK_ALL({{"serve", "tunnel"}, "tunnel", "add --to HOST:PORT"},
                  {{"serve", "tunnel", "--to"}, "'--to'", "needs a value"},
                  {{"serve", "tunnel", "--to", "localhost"}, "localhost", "HOST:PORT"},
                  {{"serve", "tunnel", "--to", ":80"}, "--to :80", "127.0.0.1:80"},
                  {{"serve", "tunnel", "--to", "*:0"}, "--to *:0", "127.0.0.1:80"},
                  {{"serve", "tunnel", "--to", "localhost:0"}, "localhost:0", "1 to 65535"},
                  {{"serve", "tunnel", "--to", "::1:80"}, "::1:80", "[::1]:7000"},
                  {{"serve", "echo", "--to", "localhost:80"}, "'--to'", "leave it out"},
                  {{"serve", "--to", "localhost:80"}, "'--to'", "finale serve tunnel --to"});
}

/* What was given may try to break the line, or the terminal. */
Test(wrong_input, control_characters) {
  wrong_check((const char *[]){"serve", "line", "--half", "5\n\033[31m", NULL}, "5??[31m", "5s");
}
