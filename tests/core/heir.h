/* SPDX-License-Identifier: MIT
 *
 * Who connections of a rig are handed over to: handlers that keep a diary of what they hear.
 */
#ifndef FIN_TEST_HEIR_H
#define FIN_TEST_HEIR_H

#include "core/rig.h"

enum { HEIRS_STATE = 40 };

struct heir {
  char diary[256];
  const fin_handler *does; /* the test's; NULL: consumes all */
  fin_conn *conn;          /* NULL after on_close */
  fin_report report;
};

extern const fin_handler heirs; /* their handler: its context is the heir */

/* Checks the diary: "open data 7 end ". */
#define HEARD(heir, text) cr_assert_str_eq((heir)->diary, text)

/* Hands the connection over, with the bounds it has. */
void give(fin_conn *conn, struct heir *heir);

/* Checks the state by name. */
#define HEIR_IN(heir, name) cr_assert_str_eq(fin_state_name(fin_conn_life((heir)->conn)), name)

/* Ends the connection, which is the heir's by now, and the rig. */
void heir_end(struct rig *rig, struct heir *heir);

#endif
