/* SPDX-License-Identifier: MIT
 *
 * `finale serve PROTOCOL`: a server in the foreground until a signal drains it.
 */
#include "serve.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

#ifndef FINALE_HAVE_HTTP
const struct serve_protocol serve_http = {.name = "http"};
#endif

static const struct serve_protocol *const protocols[] = {&serve_echo, &serve_line, &serve_http,
                                                         &serve_tunnel};

#define PROTOCOLS (sizeof protocols / sizeof *protocols)

static const struct cli_flag flags[] = {
    {"--listen", CLI_ADDRESS, offsetof(struct serve, listen),
     "where: a name, 127.0.0.1:7000, [::1]:7000,\n"
     "                            :7000 for every address; port 0: any free\n"
     "                            (127.0.0.1:7000)"},
    {"--drain", CLI_TIME, offsetof(struct serve, drain_ms), "for a drain, in all (30s)"},
    {0}};

/* ---- arguments ---- */

static int help(void) {
  puts("Usage: finale serve PROTOCOL [OPTION...]\n");
  for (size_t i = 0; i < PROTOCOLS; i++)
    if (protocols[i]->help) fputs(protocols[i]->help, stdout);
  puts(
      "\n"
      "Prints `listening on HOST:PORT` when ready. SIGINT or SIGTERM drains it: what is\n"
      "begun is finished, and what is left after --drain is aborted; a second signal\n"
      "aborts at once. Then it says how the connections ended.\n"
      "\n"
      "A TIME has a unit (500ms, 5s, 1m), a SIZE may have one (512, 64k, 1m).\n");
  cli_flags_help(flags, stdout);
  for (size_t i = 0; i < PROTOCOLS; i++) {
    if (!protocols[i]->flags) continue;
    printf("\nOf %s:\n", protocols[i]->name);
    cli_flags_help(protocols[i]->flags, stdout);
  }
  puts("\nEvery state of a connection has a bound:");
  cli_flags_help(cli_conn_flags, stdout);
  puts("\nExit status: 0 when drained, 1 if connections were cut short, 2 for wrong input.");
  return 0;
}

/* "echo, line, http or tunnel" */
static const char *every_name(void) {
  static char text[64];
  size_t len = 0;
  for (size_t i = 0; i < PROTOCOLS; i++) {
    const char *before = i == 0 ? "" : i + 1 < PROTOCOLS ? ", " : " or ";
    len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", before, protocols[i]->name);
  }
  return text;
}

static int choose(struct serve *serve, const char *name) {
  for (size_t i = 0; i < PROTOCOLS; i++)
    if (strcmp(name, protocols[i]->name) == 0) serve->protocol = protocols[i];
  if (!serve->protocol) return cli_fail("unknown protocol '%s'; use %s", name, every_name());
  if (!serve->protocol->start)
    return cli_fail("serve %s: this finale was built without it; build it with -DFINALE_HTTP=ON",
                    name);
  return 0;
}

/* What is no option here may be one of another protocol. */
static int unknown(const struct cli_args *args, const struct serve *serve) {
  for (size_t i = 0; i < PROTOCOLS; i++) {
    const char *owner = protocols[i]->name;
    if (!protocols[i]->flags || !cli_flag_find(args, protocols[i]->flags)) continue;
    if (!serve->protocol)
      return cli_fail("'%s': an option of serve %s; name that first: finale serve %s %s",
                      args->text, owner, owner, args->text);
    return cli_fail("'%s': an option of serve %s, not of serve %s; leave it out", args->text, owner,
                    serve->protocol->name);
  }
  return cli_args_unknown(args);
}

static int read_argument(struct cli_args *args, struct serve *serve) {
  int status = cli_flag_take(args, flags, serve);
  if (status < 0) status = cli_flag_take(args, cli_conn_flags, &serve->conn);
  if (status < 0 && serve->protocol && serve->protocol->flags)
    status = cli_flag_take(args, serve->protocol->flags, serve);
  if (status < 0 && cli_args_is_operand(args) && !serve->protocol)
    status = choose(serve, args->text);
  return status < 0 ? unknown(args, serve) : status;
}

/* -1: go on and serve. */
static int read_arguments(struct serve *serve, int argc, char **argv) {
  struct cli_args args = CLI_ARGS("finale serve", argc, argv);
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) return help();
    int status = read_argument(&args, serve);
    if (status != 0) return status;
  }
  if (!serve->protocol) return cli_fail("no protocol given; use %s", every_name());
  return cli_conn_options_check(&serve->conn) == 0 ? -1 : 2;
}

/* ---- serving ---- */

/* In which words a listener can fail. Wrong input gives 2, want of something else 1. */
static int cannot_listen(const struct cli_address *listen, int error) {
  const char *where = listen->text;
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
          where, listen->host);
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
  printf("%llu connections ended\n", (unsigned long long)(stats->accepted + stats->dialled));
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

static int run(const struct serve *serve, const fin_handler *handler, fin_server *server) {
  const char *host = serve->listen.host;
  int error = fin_server_listen(server, &(fin_listen){.host = *host ? host : NULL,
                                                      .port = serve->listen.port,
                                                      .handler = handler,
                                                      .conn = serve->conn});
  if (error < 0) return cannot_listen(&serve->listen, error);
  print_listening(host, fin_server_port(server));
  error = fin_server_run(server);
  if (error < 0) {
    cli_fail("the server stopped: %s", fin_strerror(error));
    return 1;
  }
  fin_server_stats stats;
  fin_server_stats_read(server, &stats);
  print_endings(&stats);
  return stats.closed[FIN_REASON_DRAIN_TIMEOUT] > 0;
}

int cli_serve(int argc, char **argv) {
  struct serve serve = {.listen = {.host = "127.0.0.1", .port = 7000, .text = "127.0.0.1:7000"}};
  int status = read_arguments(&serve, argc, argv);
  if (status >= 0) return status;

  cli_raise_descriptor_limit();
  const fin_handler *handler;
  status = serve.protocol->start(&serve, &handler);
  if (status != 0) return status;
  fin_server *server =
      fin_server_new(&(fin_server_options){.drain_ms = serve.drain_ms, .drain_on_signals = true});
  if (server) {
    status = run(&serve, handler, server);
  } else {
    cli_fail("no server: %s", fin_strerror(errno));
    status = 1;
  }
  fin_server_free(server);
  if (serve.protocol->stop) serve.protocol->stop(&serve);
  return status;
}
