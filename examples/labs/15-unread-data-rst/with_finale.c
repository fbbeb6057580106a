/* SPDX-License-Identifier: MIT
 *
 * The same service. fin_conn_close sends what was written and our FIN, and discards input until the
 * client's FIN, within linger_ms and linger_bytes_max: a refusal can be read.
 */
#include <errno.h>
#include <finale/finale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTA = 1000, LOOKUP_MS = 200 };

struct upload {
  long size, left;
  bool allowed;
};

static void say(fin_conn *conn, const char *text) {
  fin_conn_write(conn, text, strlen(text));
  fin_conn_close(conn, 0);
}

static void on_timer(fin_conn *conn) { /* stands for the answer of the machine that knows */
  struct upload *upload = fin_conn_state(conn);
  upload->allowed = upload->size <= QUOTA;
  if (!upload->allowed)
    say(conn, "413 too large\n");
  else
    fin_conn_resume(conn);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct upload *upload = fin_conn_state(conn);
  if (!upload->allowed) {
    const char *end = memchr(data, '\n', len);
    if (!end) return 0;
    if (strncmp(data, "PUT ", 4) != 0) return fin_conn_close(conn, 0), len;
    upload->size = upload->left = strtol(data + 4, NULL, 10);
    fin_conn_pause(conn);
    fin_conn_set_timer(conn, LOOKUP_MS);
    return (size_t)(end + 1 - data);
  }
  size_t used = len < (size_t)upload->left ? len : (size_t)upload->left;
  upload->left -= (long)used;
  if (upload->left == 0) say(conn, "201 stored\n");
  return used;
}

int main(int argc, char **argv) {
  static const fin_handler uploads = {
      .state_size = sizeof(struct upload), .on_data = on_data, .on_timer = on_timer};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &uploads};
  listen.port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 0);
  int error = server ? fin_server_listen(server, &listen) : -errno;
  if (error == 0) {
    printf("listening on 0.0.0.0:%u\n", fin_server_port(server));
    fflush(stdout);
    error = fin_server_run(server);
  }
  if (error < 0) fprintf(stderr, "with_finale: %s\n", fin_strerror(error));
  fin_server_free(server);
  return error < 0;
}
