/* SPDX-License-Identifier: MIT
 *
 * The `finale` command: finds the subcommand and lets it run.
 */
#include <finale/finale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "cli.h"

static const struct cli_command commands[] = {
    {"serve", "serve a protocol: echo, line, http or tunnel", cli_serve},
    {"census", "count the kernel's TCP sockets by state and owner", cli_census},
    {"bench", "load, and the socket states left over", cli_bench},
    {"demo", "a finale server and a naive one under the same rude load", cli_demo},
    {"demo-naive", NULL, cli_demo_naive},
#ifdef FINALE_HAVE_LAB
    {"lab", "teaching labs: real CLOSE_WAIT bugs to see, find and fix", cli_lab},
#endif
};

#define COMMANDS (sizeof commands / sizeof *commands)

int cli_fail(const char *format, ...) {
  char text[1024];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  /* What the user gave may hold anything; the answer stays one line, and the terminal sane. */
  for (char *p = text; *p; p++)
    if ((unsigned char)*p < ' ' || *p == 0x7f) *p = '?';
  fprintf(stderr, "finale: %s\n", text);
  return 2;
}

unsigned long cli_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return 1024;
  const rlim_t enough = 1024 * 1024; /* containers allow a thousand times that */
  limit.rlim_cur = limit.rlim_max < enough ? limit.rlim_max : enough;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

static int help(void) {
  puts(
      "Usage: finale COMMAND [OPTION...]\n\nTCP servers in which every connection comes to its "
      "end.\n");
  for (size_t i = 0; i < COMMANDS; i++)
    if (commands[i].summary) printf("  %-10s %s\n", commands[i].name, commands[i].summary);
  puts("\n  finale COMMAND --help    its options\n  finale --version");
  puts("\nExit status: 0 if what was asked holds, 1 if it does not, 2 for wrong input.");
  return 0;
}

static int run(int argc, char **argv) {
  if (argc < 2) return cli_fail("no command given; see finale --help");
  const char *name = argv[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
    return help();
  if (strcmp(name, "--version") == 0) {
    printf("finale %s\n", fin_version());
    return 0;
  }
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(name, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  return cli_fail("unknown %s '%s'; see finale --help", name[0] == '-' ? "option" : "command",
                  name);
}

int main(int argc, char **argv) {
  int status = run(argc, argv);
  if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
    cli_fail("standard output cannot be written; check where it goes");
    return 1;
  }
  return status;
}
