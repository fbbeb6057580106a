/* SPDX-License-Identifier: MIT
 *
 * Rules for the wire as people write them.
 */
#include "lab/rule.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
  const char *text;
  struct lab_rule rule;
} good[] = {
    {"drop fin from server", {LAB_DROPPED, LAB_PICK_FIN, LAB_SERVER, 1, 0}},
    {"hold 2nd data from client", {LAB_HELD, LAB_PICK_DATA, LAB_CLIENT, 2, 0}},
    {"hold fin from client for 500ms", {LAB_HELD, LAB_PICK_FIN, LAB_CLIENT, 1, 500}},
    {"hold 1st syn+ack from server for 2s", {LAB_HELD, LAB_PICK_SYN_ACK, LAB_SERVER, 1, 2000}},
    {"duplicate every data from server", {LAB_DUPLICATED, LAB_PICK_DATA, LAB_SERVER, 0, 0}},
    {"drop every syn from client", {LAB_DROPPED, LAB_PICK_SYN, LAB_CLIENT, 0, 0}},
    {"drop 11th ack from client", {LAB_DROPPED, LAB_PICK_ACK, LAB_CLIENT, 11, 0}},
    {"drop ack-of-fin from client", {LAB_DROPPED, LAB_PICK_ACK_OF_FIN, LAB_CLIENT, 1, 0}},
    {"  drop\t3rd  segment from server ", {LAB_DROPPED, LAB_PICK_SEGMENT, LAB_SERVER, 3, 0}},
    {"duplicate rst from server", {LAB_DUPLICATED, LAB_PICK_RST, LAB_SERVER, 1, 0}},
};

/* What is wrong with it is named. */
static const struct {
  const char *text, *named;
} bad[] = {
    {"", "drop, hold or duplicate"},
    {"lose fin from server", "lose"},
    {"Drop fin from server", "Drop"},
    {"drop", "is not syn"},
    {"drop fon from server", "fon"},
    {"drop 0th fin from server", "0th"},
    {"drop 2 fin from server", "\"2\""},
    {"drop 2fin from server", "2fin"},
    {"drop 99999999999th fin from server", "99999999999th"},
    {"drop -1st fin from server", "-1st"},
    {"drop fin", "from client"},
    {"drop fin server", "from client"},
    {"drop fin from peer", "from client"},
    {"drop fin from server now", "now"},
    {"drop fin from server for 2s", "held"},
    {"hold fin from server for", "is not a time"},
    {"hold fin from server for 2", "\"2\""},
    {"hold fin from server for 0s", "0s"},
    {"hold fin from server for 2s please", "please"},
    {"drop fin from server and then the syn of the client", "or the like"},
    {"drop averyveryverylongwordthatnobodyknows from server", "or the like"},
};

Test(rule, what_is_right_is_understood) {
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char why[LAB_WHY_MAX] = "";
    struct lab_rule rule;
    const struct lab_rule *meant = &good[i].rule;
    cr_expect(lab_rule_parse(good[i].text, &rule, why), "%s", why);
    cr_expect(rule.fate == meant->fate && rule.pick == meant->pick && rule.from == meant->from &&
                  rule.nth == meant->nth && rule.hold_ms == meant->hold_ms,
              "%s", good[i].text);
  }
}

Test(rule, what_is_wrong_is_named) {
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char why[LAB_WHY_MAX] = "";
    struct lab_rule rule;
    cr_expect_not(lab_rule_parse(bad[i].text, &rule, why), "%s", bad[i].text);
    cr_expect(strstr(why, bad[i].named) != NULL, "%s: %s", bad[i].text, why);
    cr_expect(strchr(why, '\n') == NULL);
  }
}

Test(rule, times_have_a_unit) {
  uint32_t ms = 0;
  cr_expect(lab_ms_parse("150ms", &ms) && ms == 150);
  cr_expect(lab_ms_parse("2s", &ms) && ms == 2000);
  cr_expect(lab_ms_parse("0ms", &ms) && ms == 0);
  cr_expect(lab_ms_parse("3600s", &ms) && ms == 3600000);
  const char *const wrong[] = {
      "", "s", "150", "-1s", "+1s", " 1s", "1 s", "1m", "1sec", "3601s", "99999999999999999999s"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    cr_expect_not(lab_ms_parse(wrong[i], &ms), "%s", wrong[i]);
}
