/* SPDX-License-Identifier: MIT
 *
 * `finale lab`: finds the command and lets it run.
 */
#include "lab.h"

#include <string.h>

#include "cli.h"

volatile sig_atomic_t labs_stopped;

static void on_stop(int number) {
  (void)number;
  labs_stopped = 1;
}

/* A handler for SIGPIPE, too, because a program under test must find it as it is by default. And
 * where SIGCHLD was left ignored, the kernel would keep no status of a child for us. */
static void catch_signals(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  const struct sigaction stop = {.sa_handler = on_stop}; /* no SA_RESTART: waits end early */
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &stop, NULL);
  signal(SIGCHLD, SIG_DFL);
}

static int help(void) {
  puts(
      "Usage: finale lab COMMAND [OPTION...]\n"
      "\n"
      "Real bugs that leave CLOSE_WAIT and other socket states behind: to see on both\n"
      "ends of the connection, to name, to mend, and to be checked.\n");
#define ENTRY(name, operands, summary) printf("  %-19s %s\n", #name " " operands, summary);
  LABS_COMMANDS(ENTRY)
#undef ENTRY
  puts(
      "\n"
      "A first hour:\n"
      "  finale lab run eof-ignored      see it\n"
      "  finale lab work eof-ignored     get the program\n"
      "  finale lab check eof-ignored    after each change\n"
      "  finale lab quiz eof-ignored     and was it understood?\n"
      "\n"
      "NAME is a lab's name or its number. Each command has --help, and takes\n"
      "--labs DIR: where the labs are, if not where they were installed ($FINALE_LABS\n"
      "says the same).\n"
      "\n"
      "Exit status: 0 if what was asked holds, 1 if it does not, 2 for wrong input.");
  return 0;
}

int cli_lab(int argc, char **argv) {
  static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
  } commands[] = {
#define COMMAND(name, operands, summary) {#name, cli_lab_##name},
      LABS_COMMANDS(COMMAND)
#undef COMMAND
  };
  if (argc < 2) return cli_fail("lab: no command given; see finale lab --help");
  const char *name = argv[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
    return help();
  catch_signals();
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strcmp(name, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  return cli_fail("lab: unknown %s '%s'; see finale lab --help",
                  name[0] == '-' ? "option" : "command", name);
}
