/* SPDX-License-Identifier: MIT
 *
 * `finale serve tunnel`: every connection is led to one other place.
 */
#include <errno.h>
#include <finale/tunnel.h>
#include <stddef.h>

#include "cli.h"
#include "serve.h"

static const struct cli_flag flags[] = {
    {"--to", CLI_ADDRESS, offsetof(struct serve, to), "where connections are led; required"}, {0}};

static int start(struct serve *serve, const fin_handler **handler) {
  const struct cli_address *to = &serve->to;
  if (!to->text)
    return cli_fail("serve tunnel: no destination; add --to HOST:PORT, for example --to [::1]:80");
  if (to->host[0] == '\0')
    return cli_fail("--to %s: no host; write HOST:PORT, for example 127.0.0.1%s", to->text,
                    to->port != 0 ? to->text : ":80");
  if (to->port == 0)
    return cli_fail("--to %s: nothing listens on port 0; use one of 1 to 65535", to->text);

  fin_tunnel *tunnel = fin_tunnel_new(
      &(fin_tunnel_options){.host = to->host, .port = to->port, .conn = serve->conn});
  if (!tunnel) return cli_fail("no tunnel: %s", fin_strerror(errno)), 1;
  serve->instance = tunnel;
  *handler = fin_tunnel_handler(tunnel);
  return 0;
}

static void stop(struct serve *serve) { fin_tunnel_free(serve->instance); }

const struct serve_protocol serve_tunnel = {
    .name = "tunnel",
    .help =
        "  tunnel every connection is led to the one place --to, bytes and endings both\n"
        "         ways\n",
    .flags = flags,
    .start = start,
    .stop = stop,
};
