/* SPDX-License-Identifier: MIT
 *
 * The options of every subcommand: walking over argv, values with units, HOST:PORT, and tables of
 * flags. Whatever is wrong is said by cli_fail, naming the option, what was given and what would be
 * right; the function then returns 2, or NULL.
 */
#ifndef FINALE_CLI_OPTIONS_H
#define FINALE_CLI_OPTIONS_H

#include <finale/finale.h>
#include <stdio.h>

/* ---- walking ---- */

struct cli_args {
  const char *command; /* "finale serve", for the remedy "see finale serve --help" */
  char **argv;
  int argc, next;
  const char *text; /* the argument at hand, as it was given */
  size_t name_len;  /* of the option in it, up to a '=' */
};

#define CLI_ARGS(command, argc, argv) \
  { (command), (argv), (argc), 1, NULL, 0 }

/* Moves to the next argument. False: there is none. */
bool cli_args_next(struct cli_args *args);
bool cli_args_is(const struct cli_args *args, const char *name);
bool cli_args_is_operand(const struct cli_args *args);

/* The value of the option at hand: behind its '=' or the next argument. */
const char *cli_args_value(struct cli_args *args);

/* For an option that takes no value: 0. */
int cli_args_no_value(const struct cli_args *args);

/* Says that the argument at hand means nothing to the command. 2. */
int cli_args_unknown(const struct cli_args *args);

/* ---- values: 0 or 2 ---- */

/* "500ms", "5s", "1m", "2h", "1d": 1 ms to 24 days. "never" gives FIN_NEVER if it is allowed. */
int cli_parse_time(const char *option, const char *text, bool never, uint32_t *ms);

/* "500us", "5ms", "1s" in nanoseconds: 1 us to 4 s. */
int cli_parse_short_time(const char *option, const char *text, uint32_t *ns);

/* "512", "64k", "1m", "1g" in bytes: 1 to `max`. */
int cli_parse_size(const char *option, const char *text, size_t max, size_t *size);

/* A plain number, `min` to `max`. */
int cli_parse_count(const char *option, const char *text, unsigned min, unsigned max,
                    unsigned *count);

/* "500", "20k", "1m": so many things, 1 to `max`; k is a thousand here. */
int cli_parse_amount(const char *option, const char *text, uint64_t max, uint64_t *amount);

struct cli_address {
  char host[256]; /* without brackets; empty: every address */
  uint16_t port;
  const char *text; /* as it was given */
};

/* "127.0.0.1:7000", "name:0", "[::1]:0", ":7000", "*:7000". */
int cli_parse_address(const char *option, const char *text, struct cli_address *address);

/* ---- tables of flags that fill a struct ---- */

enum cli_unit {
  CLI_TIME,          /* uint32_t, milliseconds */
  CLI_TIME_OR_NEVER, /* uint32_t, FIN_NEVER included */
  CLI_TIME_OR_0,     /* uint32_t */
  CLI_SHORT_TIME,    /* uint32_t, nanoseconds */
  CLI_BYTES32,       /* uint32_t */
  CLI_BYTES64,       /* uint64_t */
  CLI_BYTES,         /* size_t */
  CLI_COUNT,         /* unsigned, 1 to a million */
  CLI_COUNT64,       /* uint64_t */
  CLI_RATE,          /* double, a second */
  CLI_DIRECTORY,     /* const char * */
  CLI_FILE,          /* const char * */
  CLI_ADDRESS,       /* struct cli_address */
  CLI_SWITCH         /* bool: the flag takes no value */
};

struct cli_flag {
  const char *name; /* NULL ends the table */
  enum cli_unit unit;
  size_t offset;    /* of the member */
  const char *help; /* one line, with the default */
};

/* Which of these the argument at hand is, or NULL. */
const struct cli_flag *cli_flag_find(const struct cli_args *args, const struct cli_flag *flags);

/* If it is one of them: takes its value, 0 or 2. -1: it is not. */
int cli_flag_take(struct cli_args *args, const struct cli_flag *flags, void *members);

/* One line of help for each. */
void cli_flags_help(const struct cli_flag *flags, FILE *out);

/* ---- the options of a connection ---- */

/* Fill a fin_conn_options. */
extern const struct cli_flag cli_conn_flags[];

/* Whether the options agree with each other: 0 or 2. */
int cli_conn_options_check(const fin_conn_options *options);

#endif
