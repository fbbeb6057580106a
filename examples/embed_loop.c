/* SPDX-License-Identifier: MIT
 *
 * A finale server inside a program that has a libuv loop already: here one that counts seconds, and
 * tells every client that connects how many it has counted. SIGINT ends both in order.
 */
#include <errno.h>
#include <finale/finale.h>
#include <signal.h>
#include <stdio.h>
#include <uv.h>

struct program {
  uv_timer_t clock;
  uv_signal_t interrupt;
  fin_server *server;
  unsigned seconds;
};

static void on_open(fin_conn *conn) {
  struct program *program = fin_conn_context(conn);
  char text[64];
  int len = snprintf(text, sizeof text, "up for %u s\n", program->seconds);
  fin_conn_write(conn, text, (size_t)len);
  fin_conn_close(conn, FIN_REASON_CLOSED);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len; /* nothing is asked of a client */
}

static const fin_handler uptime = {.on_open = on_open, .on_data = on_data};

static void on_second(uv_timer_t *clock) { ((struct program *)clock->data)->seconds++; }

static void on_interrupt(uv_signal_t *interrupt, int number) {
  (void)number;
  fin_server_drain(((struct program *)interrupt->data)->server);
}

/* The last connection has ended: now the program's own handles may go, and uv_run returns. */
static void on_drained(fin_server *server, void *context) {
  struct program *program = context;
  fin_server_free(server);
  uv_close((uv_handle_t *)&program->clock, NULL);
  uv_close((uv_handle_t *)&program->interrupt, NULL);
}

int main(void) {
  uv_loop_t *loop = uv_default_loop();
  struct program program = {0};
  program.clock.data = program.interrupt.data = &program;
  uv_timer_init(loop, &program.clock);
  uv_timer_start(&program.clock, on_second, 1000, 1000);
  uv_signal_init(loop, &program.interrupt);
  uv_signal_start(&program.interrupt, on_interrupt, SIGINT);

  program.server = fin_server_new(
      &(fin_server_options){.loop = loop, .on_drained = on_drained, .context = &program});
  fin_listen listen = {.port = 7002, .handler = &uptime, .context = &program};
  int error = program.server ? fin_server_listen(program.server, &listen) : -errno;
  if (error < 0) {
    fprintf(stderr, "embed_loop: %s\n", fin_strerror(error));
    return 1;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
