/* SPDX-License-Identifier: MIT
 *
 * A command that was built without HTTP.
 */
#include <criterion/criterion.h>

#include "wrong.h"

Test(no_http, says_so) {
  WRONG_CHECK_ALL({{"serve", "http"}, "serve http", "-DFINALE_HTTP=ON"},
                  {{"serve", "http", "--root", "/"}, "serve http", "-DFINALE_HTTP=ON"},
                  {{"bench", "http://127.0.0.1:1"}, "http://127.0.0.1:1", "-DFINALE_HTTP=ON"},
                  {{"bench", "compare", "churn"}, "churn", "-DFINALE_HTTP=ON"},
                  {{"bench", "--protocol", "http"}, "--protocol http", "-DFINALE_HTTP=ON"});
}
