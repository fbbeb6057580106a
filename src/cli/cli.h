/* SPDX-License-Identifier: MIT
 *
 * What main.c and the subcommands of `finale` know of each other. A subcommand gets its own name in
 * argv[0], answers --help on stdout, and returns the exit status: 0 if what was asked holds, 1 if
 * it does not, 2 for wrong input.
 */
#ifndef FINALE_CLI_H
#define FINALE_CLI_H

struct cli_command {
  const char *name;
  const char *summary; /* one line for `finale --help` */
  int (*run)(int argc, char **argv);
};

int cli_census(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_demo(int argc, char **argv);
int cli_lab(int argc, char **argv);        /* if FINALE_HAVE_LAB */
int cli_demo_naive(int argc, char **argv); /* not for people: the demo's counter-example */

/* Lets this process and its children open as many descriptors as the system allows, up to a
 * million. Returns how many that is. */
unsigned long cli_raise_descriptor_limit(void);

/* Why sockets cannot be counted, and the remedy, from the errno of fin_census_take. */
const char *cli_why_no_census(int error);

/* Prints "finale: ..." as one line on stderr: the input at fault and the remedy. Returns 2. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
