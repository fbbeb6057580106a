/* SPDX-License-Identifier: MIT
 *
 * Names and texts: of every reason, state, error and of the version.
 */
#include <ctype.h>
#include <errno.h>

#include "support/net.h"

static bool is_name(const char *name) {
  for (const char *c = name; *c; c++)
    if (!isupper((unsigned char)*c) && *c != '_') return false;
  return name[0] != '\0';
}

Test(words, of_reasons) {
  for (int i = 0; i < FIN_REASON_COUNT; i++) {
    fin_reason reason = (fin_reason)i;
    cr_assert(is_name(fin_reason_name(reason)));
    cr_assert(strlen(fin_reason_text(reason)) > 5);
    for (int j = 0; j < i; j++) {
      cr_assert_str_neq(fin_reason_name(reason), fin_reason_name((fin_reason)j));
      cr_assert_str_neq(fin_reason_text(reason), fin_reason_text((fin_reason)j));
    }
  }
  cr_assert_str_eq(fin_reason_name(FIN_REASON_PEER_RESET), "PEER_RESET");
  cr_assert_str_eq(fin_reason_text(FIN_REASON_PEER_RESET), "the peer reset the connection");
}

Test(words, of_clean_reasons) {
  static const bool clean[FIN_REASON_COUNT] = {
      [FIN_REASON_PEER_ENDED] = true, [FIN_REASON_ENDED] = true, [FIN_REASON_CLOSED] = true,
      [FIN_REASON_DRAINED] = true,    [FIN_REASON_IDLE] = true,
  };
  for (int i = 0; i < FIN_REASON_COUNT; i++)
    cr_assert_eq(fin_reason_clean((fin_reason)i), clean[i], "%s", fin_reason_name((fin_reason)i));
}

Test(words, of_no_reason) {
  static const int values[] = {0, FIN_REASON_COUNT, FIN_REASON_COUNT + 1, -1, 1000000};
  cr_assert_eq(FIN_REASON_BUG, 0);
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    volatile int value = values[i];
    cr_assert_str_eq(fin_reason_name((fin_reason)value), "BUG");
    cr_assert_str_eq(fin_reason_text((fin_reason)value), fin_reason_text(FIN_REASON_BUG));
    cr_assert(!fin_reason_clean((fin_reason)value));
  }
}

Test(words, of_states) {
  unsigned count = fin_state_count();
  cr_assert(count > 5 && count <= FIN_STATES_MAX);
  for (unsigned i = 0; i < count; i++) {
    cr_assert(is_name(fin_state_name(i)));
    for (unsigned j = 0; j < i; j++) cr_assert_str_neq(fin_state_name(i), fin_state_name(j));
  }
  cr_assert_str_eq(fin_state_name(count), "?");
  cr_assert_str_eq(fin_state_name(UINT32_MAX), "?");
}

Test(words, of_errors) {
  static const int errors[] = {EADDRINUSE, EINVAL, ENOMEM, EPIPE, ENOBUFS, ECANCELED};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    cr_assert_str_eq(fin_strerror(errors[i]), strerror(errors[i]));
    cr_assert_str_eq(fin_strerror(-errors[i]), strerror(errors[i]));
  }
  cr_assert(strlen(fin_strerror(123456)) > 0);
  cr_assert(strlen(fin_strerror(-123456)) > 0);
  cr_assert(strlen(fin_strerror(INT32_MIN)) > 0);
}

Test(words, of_the_version) {
  char expected[32];
  snprintf(expected, sizeof expected, "%d.%d.%d", FIN_VERSION_MAJOR, FIN_VERSION_MINOR,
           FIN_VERSION_PATCH);
  cr_assert_str_eq(fin_version(), expected);
}
