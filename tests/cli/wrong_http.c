/* SPDX-License-Identifier: MIT
 *
 * Wrong input for `finale serve http`.
 */
#include <criterion/criterion.h>

#include "wrong.h"

Test(wrong_http, options) {
  WRONG_CHECK_ALL(
      {{"serve", "http", "--root"}, "'--root'", "needs a value"},
      {{"serve", "http", "--root", "/no/such"}, "--root /no/such", "give a directory"},
      {{"serve", "http", "--root", "/dev/null"}, "--root /dev/null: Not a", "give a directory"},
      {{"serve", "http", "--root", ""}, "--root ", "give a directory"},
      {{"serve", "http", "--connect-proxy=yes"}, "'--connect-proxy=yes'", "write --connect-proxy"},
      {{"serve", "http", "--header-timeout", "never"}, "--header-timeout never", "30s"},
      {{"serve", "http", "--header-timeout", "10"}, "--header-timeout 10", "500ms, 5s, 1m"},
      {{"serve", "http", "--request-timeout", "0s"}, "--request-timeout 0s", "or never"},
      {{"serve", "http", "--keep-alive", "-1s"}, "--keep-alive -1s", "or never"},
      {{"serve", "http", "--body-rate", "fast"}, "--body-rate fast", "64k, 1m"},
      {{"serve", "http", "--max-body", "0"}, "--max-body 0", "use 1 to"},
      {{"serve", "http", "--max-body", "10t"}, "--max-body 10t", "64k, 1m"},
      {{"serve", "http", "--to", "localhost:80"}, "'--to'", "leave it out"},
      {{"serve", "http", "/srv/www"}, "'/srv/www'", "finale serve --help"});
}

Test(wrong_http, of_another_protocol) {
  WRONG_CHECK_ALL({{"serve", "line", "--root", "/"}, "'--root'", "leave it out"},
                  {{"serve", "--root", "/", "http"}, "'--root'", "finale serve http --root"},
                  {{"serve", "tunnel", "--max-body=1m"}, "'--max-body=1m'", "leave it out"});
}
