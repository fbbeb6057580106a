/* SPDX-License-Identifier: MIT
 *
 * `finale serve echo|line`: a server in the foreground until a signal drains it.
 */
#include <errno.h>
#include <finale/line.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "line_protocol.h"
#include "options.h"

/* ---- what is served ---- */

static void give_up_on(fin_conn *conn, int error) {
  if (error == -ENOMEM) fin_conn_close(conn, FIN_REASON_NO_MEMORY);
  if (error == -ENOBUFS) fin_conn_close(conn, FIN_REASON_TOO_LONG); /* a reply over --output-max */
}

static size_t echo(fin_conn *conn, const char *data, size_t len) {
  int error = fin_conn_write(conn, data, len);
  if (error < 0) give_up_on(conn, error);
  return len;
}

static void keep(void *arg, const void *data) {
  (void)arg;
  (void)data;
}

static void answer(fin_conn *conn, const char *line, size_t len) {
  char buffer[LINE_MAX_LEN + 1];
  struct line_reply reply = line_reply_to(line, len, buffer);
  int error = reply.constant ? fin_conn_write_take(conn, reply.data, reply.len, keep, NULL)
                             : fin_conn_write(conn, reply.data, reply.len);
  if (error < 0) give_up_on(conn, error);
}

/* ---- the command ---- */

struct serve {
  const char *protocol;
  struct cli_address address;
  const char *address_text;
  fin_conn_options conn;
  uint32_t drain_ms;
};

static int help(void) {
  puts(
      "Usage: finale serve echo|line [OPTION...]\n"
      "\n"
      "  echo   every byte comes back\n"
      "  line   a line comes back in upper case; for `SEND n`, n bytes come, at most\n"
      "         1048576, the last of them a newline\n"
      "\n"
      "Prints `listening on HOST:PORT` when ready. SIGINT or SIGTERM drains it: what is\n"
      "begun is finished, and what is left after --drain is aborted; a second signal\n"
      "aborts at once. Then it says how the connections ended.\n"
      "\n"
      "  --listen HOST:PORT        where: a name, 127.0.0.1:7000, [::1]:7000, :7000 for\n"
      "                            every address; port 0: any free (127.0.0.1:7000)\n"
      "  --drain TIME              for a drain, in all (30s)\n"
      "\n"
      "Every state of a connection has a bound. A TIME has a unit (500ms, 5s, 1m), a\n"
      "SIZE may have one (512, 64k, 1m):\n");
  cli_conn_options_help(stdout);
  puts("\nExit status: 0 when drained, 1 if connections were cut short, 2 for wrong input.");
  return 0;
}

/* -1: go on and serve. */
static int read_options(struct serve *serve, int argc, char **argv) {
  struct cli_args args = CLI_ARGS("finale serve", argc, argv);
  while (cli_args_next(&args)) {
    const char *value = NULL;
    int status = cli_conn_option(&args, &serve->conn);
    if (status == 0) continue;
    if (status > 0) return status;
    if (cli_args_is(&args, "--help")) return help();
    if (cli_args_is(&args, "--listen")) {
      if (!(value = cli_args_value(&args))) return 2;
      serve->address_text = value;
      status = cli_parse_address("--listen", value, &serve->address);
    } else if (cli_args_is(&args, "--drain")) {
      if (!(value = cli_args_value(&args))) return 2;
      status = cli_parse_time("--drain", value, false, &serve->drain_ms);
    } else if (cli_args_is_operand(&args) && !serve->protocol) {
      serve->protocol = args.text;
      status = 0;
    } else {
      status = cli_args_unknown(&args);
    }
    if (status != 0) return status;
  }
  if (!serve->protocol) return cli_fail("no protocol given; write finale serve echo, or line");
  if (strcmp(serve->protocol, "echo") != 0 && strcmp(serve->protocol, "line") != 0)
    return cli_fail("unknown protocol '%s'; use echo or line", serve->protocol);
  size_t input_max = serve->conn.input_max;
  if (strcmp(serve->protocol, "line") == 0 && input_max > 0 && input_max <= LINE_ENDING_MAX)
    return cli_fail("--input-max %zu: no room for a line and its ending; use 3 or more", input_max);
  return cli_conn_options_check(&serve->conn) == 0 ? -1 : 2;
}

/* In which words a listener can fail. Wrong input gives 2, want of something else 1. */
static int cannot_listen(const struct serve *serve, int error) {
  const char *where = serve->address_text;
  switch (error) {
    case -EADDRINUSE:
      return cli_fail(
          "--listen %s: the address is in use; stop what listens there, or choose "
          "another port (0: any free one)",
          where);
    case -EADDRNOTAVAIL:
      return cli_fail(
          "--listen %s: host '%s' cannot be resolved or is not of this machine; use "
          "127.0.0.1, [::1] or one of its own addresses",
          where, serve->address.host);
    case -EACCES:
      return cli_fail("--listen %s: this port needs privileges; use one from 1024, or run as root",
                      where);
    case -EINVAL:
      return cli_fail("--listen %s: an option is out of range; see finale serve --help", where);
    default:
      cli_fail("--listen %s: %s", where, fin_strerror(error));
      return 1;
  }
}

static void print_listening(const char *host, unsigned port) {
  const char *format = strchr(host, ':') ? "listening on [%s]:%u\n" : "listening on %s:%u\n";
  printf(format, *host ? host : "*", port);
  fflush(stdout); /* whoever started us may wait for this line in a pipe */
}

/* How every connection ended, most frequent reason first. */
static void print_endings(const fin_server_stats *stats) {
  uint64_t left[FIN_REASON_COUNT];
  memcpy(left, stats->closed, sizeof left);
  printf("%llu connections ended\n", (unsigned long long)stats->accepted);
  for (;;) {
    fin_reason most = 0;
    for (fin_reason i = 0; i < FIN_REASON_COUNT; i++)
      if (left[i] > left[most]) most = i;
    if (left[most] == 0) break;
    printf("%8llu  %-14s %s\n", (unsigned long long)left[most], fin_reason_name(most),
           fin_reason_text(most));
    left[most] = 0;
  }
}

static int run(const struct serve *serve, fin_server *server) {
  fin_handler echo_handler = {.on_data = echo};
  fin_line line = {.handler = {.on_data = fin_line_on_data}, .on_line = answer};
  size_t input_max = serve->conn.input_max;
  bool short_lines = input_max > 0 && input_max < LINE_MAX_LEN + LINE_ENDING_MAX;
  line.line_max = short_lines ? input_max - LINE_ENDING_MAX : LINE_MAX_LEN;

  const char *host = serve->address.host;
  bool echoes = strcmp(serve->protocol, "echo") == 0;
  int error =
      fin_server_listen(server, &(fin_listen){.host = *host ? host : NULL,
                                              .port = serve->address.port,
                                              .handler = echoes ? &echo_handler : &line.handler,
                                              .conn = serve->conn});
  if (error < 0) return cannot_listen(serve, error);
  print_listening(host, fin_server_port(server));
  error = fin_server_run(server);
  if (error < 0) {
    cli_fail("the server stopped: %s", fin_strerror(error));
    return 1;
  }
  fin_server_stats stats;
  fin_server_stats_read(server, &stats);
  print_endings(&stats);
  return stats.closed[FIN_REASON_ABORTED] || stats.closed[FIN_REASON_DRAIN_TIMEOUT];
}

int cli_serve(int argc, char **argv) {
  struct serve serve = {.address = {.host = "127.0.0.1", .port = 7000},
                        .address_text = "127.0.0.1:7000"};
  int status = read_options(&serve, argc, argv);
  if (status >= 0) return status;

  cli_raise_descriptor_limit();
  fin_server *server =
      fin_server_new(&(fin_server_options){.drain_ms = serve.drain_ms, .drain_on_signals = true});
  if (!server) {
    cli_fail("no server: %s", fin_strerror(errno));
    return 1;
  }
  status = run(&serve, server);
  fin_server_free(server);
  return status;
}
