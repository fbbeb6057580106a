/* SPDX-License-Identifier: MIT
 *
 * A server in somebody else's loop: the other handles work as ever, servers do not disturb each
 * other, and the loop ends when they are drained and nothing else is in it.
 */
#include "more.h"

enum { SERVERS = 2 };

struct guest {
  fin_server *server;
  int peer;
  unsigned closed, drained;
};

static size_t echo(fin_conn *conn, const char *data, size_t len) {
  cr_assert_eq(fin_conn_write(conn, data, len), 0);
  return len;
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct guest *guest = fin_conn_context(conn);
  (void)report;
  guest->closed++;
  fin_server_drain(guest->server);
}

static const fin_handler handler = {.on_data = echo, .on_close = on_close};

static void on_drained(fin_server *server, void *context) {
  struct guest *guest = context;
  cr_assert(server == guest->server);
  guest->drained++;
}

/* A client has said all it has to say before the loop runs. */
static void begin(struct guest *guest, uv_loop_t *loop) {
  fin_server_options options = {.loop = loop, .on_drained = on_drained, .context = guest};
  guest->server = fin_server_new(&options);
  fin_listen listen = {.host = "127.0.0.1", .handler = &handler, .context = guest};
  cr_assert(guest->server && fin_server_listen(guest->server, &listen) == 0);
  guest->peer = dial(fin_server_port(guest->server));
  cr_assert_eq(net_send_some(guest->peer, "hello", 5), 5);
  net_fin(guest->peer);
}

static void end(struct guest *guest) {
  char reply[8];
  cr_assert_eq(recv(guest->peer, reply, sizeof reply, 0), 5);
  cr_assert_arr_eq(reply, "hello", 5);
  cr_assert_eq(recv(guest->peer, reply, sizeof reply, 0), 0);
  close(guest->peer);
  cr_assert_eq(guest->closed, 1);
  cr_assert_eq(guest->drained, 1);
  fin_server_free(guest->server);
}

Test(embedded_loop, ends_when_its_servers_are_drained) {
  uv_loop_t loop;
  struct guest guests[SERVERS] = {{.closed = 0}};
  cr_assert_eq(uv_loop_init(&loop), 0);
  for (int i = 0; i < SERVERS; i++) begin(&guests[i], &loop);
  cr_assert_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  for (int i = 0; i < SERVERS; i++) end(&guests[i]);
  cr_assert_eq(uv_loop_close(&loop), 0);
}

Test(embedded_loop, freeing_one_server_leaves_the_other_alone) {
  uv_loop_t loop;
  struct guest guests[SERVERS] = {{.closed = 0}};
  cr_assert_eq(uv_loop_init(&loop), 0);
  for (int i = 0; i < SERVERS; i++) begin(&guests[i], &loop);
  fin_server_free(guests[0].server);
  cr_assert_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  end(&guests[1]);
  close(guests[0].peer);
  cr_assert_eq(uv_loop_close(&loop), 0);
}

/* ---- other handles ---- */

struct others {
  uv_timer_t timer;
  uv_idle_t idle;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_async_t async;
  uv_poll_t poll;
  uv_signal_t signal;
  unsigned ticks, idles, prepares, checks, asyncs, polls, signals;
};

static void on_tick(uv_timer_t *timer) { ((struct others *)timer->data)->ticks++; }
static void on_idle(uv_idle_t *idle) { ((struct others *)idle->data)->idles++; }
static void on_prepare(uv_prepare_t *prepare) { ((struct others *)prepare->data)->prepares++; }
static void on_check(uv_check_t *check) { ((struct others *)check->data)->checks++; }
static void on_async(uv_async_t *async) { ((struct others *)async->data)->asyncs++; }

static void on_poll(uv_poll_t *poll, int status, int events) {
  ((struct others *)poll->data)->polls += status == 0 && events == UV_WRITABLE;
}

static void on_signal(uv_signal_t *signal, int number) {
  ((struct others *)signal->data)->signals += number == SIGTERM;
}

static void others_begin(struct others *others, uv_loop_t *loop, int fd) {
  uv_timer_init(loop, &others->timer);
  uv_idle_init(loop, &others->idle);
  uv_prepare_init(loop, &others->prepare);
  uv_check_init(loop, &others->check);
  uv_async_init(loop, &others->async, on_async);
  uv_poll_init(loop, &others->poll, fd);
  uv_signal_init(loop, &others->signal);
  others->timer.data = others->idle.data = others->prepare.data = others->check.data =
      others->async.data = others->poll.data = others->signal.data = others;
  cr_assert_eq(uv_timer_start(&others->timer, on_tick, 1, 1), 0);
  cr_assert_eq(uv_idle_start(&others->idle, on_idle), 0);
  cr_assert_eq(uv_prepare_start(&others->prepare, on_prepare), 0);
  cr_assert_eq(uv_check_start(&others->check, on_check), 0);
  cr_assert_eq(uv_poll_start(&others->poll, UV_WRITABLE, on_poll), 0);
  cr_assert_eq(uv_signal_start(&others->signal, on_signal, SIGTERM), 0);
}

static void expect_all_to_work(struct others *others, uv_loop_t *loop) {
  unsigned ticks = others->ticks, idles = others->idles, prepares = others->prepares,
           checks = others->checks, asyncs = others->asyncs, polls = others->polls,
           signals = others->signals;
  uv_async_send(&others->async);
  raise(SIGTERM);
  uint64_t begun = net_now_ms();
  while (others->ticks == ticks || others->idles == idles || others->prepares == prepares ||
         others->checks == checks || others->asyncs == asyncs || others->polls == polls ||
         others->signals == signals) {
    cr_assert(net_now_ms() - begun < NET_DEADLINE_MS);
    cr_assert_neq(uv_run(loop, UV_RUN_ONCE), 0);
  }
}

static void others_end(struct others *others, uv_loop_t *loop) {
  uv_close((uv_handle_t *)&others->timer, NULL);
  uv_close((uv_handle_t *)&others->idle, NULL);
  uv_close((uv_handle_t *)&others->prepare, NULL);
  uv_close((uv_handle_t *)&others->check, NULL);
  uv_close((uv_handle_t *)&others->async, NULL);
  uv_close((uv_handle_t *)&others->poll, NULL);
  uv_close((uv_handle_t *)&others->signal, NULL);
  cr_assert_eq(uv_run(loop, UV_RUN_DEFAULT), 0);
}

Test(embedded_loop, other_handles_work) {
  uv_loop_t loop;
  struct guest guest = {.closed = 0};
  struct others others = {.ticks = 0};
  int pipe_ends[2];
  cr_assert_eq(uv_loop_init(&loop), 0);
  cr_assert_eq(pipe(pipe_ends), 0);
  others_begin(&others, &loop, pipe_ends[1]);
  expect_all_to_work(&others, &loop);
  begin(&guest, &loop);
  expect_all_to_work(&others, &loop);
  while (guest.drained == 0) expect_all_to_work(&others, &loop);
  expect_all_to_work(&others, &loop);
  end(&guest);
  expect_all_to_work(&others, &loop);
  others_end(&others, &loop);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  cr_assert_eq(uv_loop_close(&loop), 0);
}
