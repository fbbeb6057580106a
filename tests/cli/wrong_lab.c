/* SPDX-License-Identifier: MIT
 *
 * Wrong input for `finale lab`: nothing is built, nothing is run.
 */
#include <criterion/criterion.h>

#include "wrong.h"

Test(wrong_lab, commands_and_names) {
  WRONG_CHECK_ALL({{"lab"}, "no command", "finale lab --help"},
                  {{"lab", "bogus"}, "'bogus'", "finale lab --help"},
                  {{"lab", "--bogus"}, "'--bogus'", "finale lab --help"},
                  {{"lab", "run"}, "lab run", "finale lab run eof-ignored"},
                  {{"lab", "work"}, "lab work", "finale lab work eof-ignored"},
                  {{"lab", "check"}, "lab check", "finale lab check eof-ignored"},
                  {{"lab", "hint"}, "lab hint", "finale lab hint eof-ignored"},
                  {{"lab", "quiz"}, "lab quiz", "finale lab quiz eof-ignored"},
                  {{"lab", "report"}, "lab report", "finale lab report eof-ignored"},
                  {{"lab", "run", "eof-ignord"}, "'eof-ignord'", "did you mean eof-ignored?"},
                  {{"lab", "check", "EOF-IGNORED"}, "'EOF-IGNORED'", "did you mean eof-ignored?"},
                  {{"lab", "work", "keepalive"}, "'keepalive'", "did you mean keepalive-mirage?"},
                  {{"lab", "hint", "99"}, "'99'", "finale lab list"},
                  {{"lab", "quiz", ""}, "''", "finale lab list"});
}

Test(wrong_lab, options) {
  WRONG_CHECK_ALL(
      {{"lab", "list", "--bogus"}, "'--bogus'", "finale lab list --help"},
      {{"lab", "list", "eof"}, "'eof'", "finale lab list --help"},
      {{"lab", "list", "--json=yes"}, "'--json=yes'", "write --json"},
      {{"lab", "list", "--labs"}, "'--labs'", "needs a value"},
      {{"lab", "list", "--labs", "/no/such"}, "--labs /no/such", "give the directory"},
      {{"lab", "list", "--labs", "/proc/self/fdinfo"}, "fdinfo: no lab", "see --labs"},
      {{"lab", "run", "2", "--bogus"}, "'--bogus'", "finale lab run --help"},
      {{"lab", "run", "2", "--delay", "5"}, "--delay 5", "500ms, 5s, 1m"},
      {{"lab", "run", "2", "--drop", "everything"}, "--drop everything", "syn+ack"},
      {{"lab", "run", "2", "--hold", "fin"}, "--hold fin", "from client"},
      {{"lab", "run", "2", "/no/such.c"}, "/no/such.c", "cannot be read"},
      {{"lab", "run", "2", "--html", "/no/such"}, "--html /no/such", "can be written"},
      {{"lab", "run", "2", "--jsonl", "/no/such"}, "--jsonl /no/such", "can be written"},
      {{"lab", "check", "2", "/no/such.c"}, "/no/such.c", "give a C file"},
      {{"lab", "check", "2", "--dir", "/no"}, "/no/eof-ignored", "finale lab work eof-ignored"},
      {{"lab", "check", "--jobs", "0"}, "--jobs 0", "use 1 to"},
      {{"lab", "quiz", "2", "--lang", "de"}, "--lang de", "en and zh"},
      {{"lab", "hint", "2", "--lang", "de"}, "--lang de", "en and zh"},
      {{"lab", "mystery", "--seed", "x"}, "--seed x", "not a number"},
      {{"lab", "grade", "/no/such"}, "/no/such", "finale lab work"},
      {{"lab", "claims", "eof"}, "'eof'", "finale lab claims --help"});
}

Test(wrong_lab, what_does_not_go_together) {
  WRONG_CHECK_ALL(
      {{"lab", "run", "2", "--fixed", "--with-finale"}, "--fixed, --with-finale", "give one"},
      {{"lab", "run", "2", "--fixed", "mine.c"}, "--fixed, --with-finale and FILE", "give one"},
      {{"lab", "run", "2", "a.c", "b.c"}, "'b.c'", "finale lab run --help"},
      {{"lab", "run", "2", "--step", "--loopback"}, "--step and --loopback", "leave one out"},
      {{"lab", "run", "2", "--loopback", "--drop=fin from server"}, "--loopback", "leave it out"},
      {{"lab", "run", "2", "--json", "--jsonl=-"}, "--json and --jsonl -", "give one a FILE"},
      {{"lab", "check", "2", "mine.c", "--all-fixed"}, "mine.c", "leave one out"});
}
