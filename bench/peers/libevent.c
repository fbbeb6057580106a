/* SPDX-License-Identifier: MIT
 *
 * libevent as its manual has it: evhttp for HTTP, and bufferevents whose output is given their
 * input for echo.
 *
 *   libevent echo|http [PORT]        prints `listening on 127.0.0.1:PORT`
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BACKLOG = 4096 };

static void on_request(struct evhttp_request *request, void *context) {
  static const char body[] = "Hello from finale\n";
  (void)context;
  struct evbuffer *buffer = evbuffer_new();
  if (!buffer) abort();
  evbuffer_add(buffer, body, sizeof body - 1);
  evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "text/plain");
  evhttp_send_reply(request, HTTP_OK, "OK", buffer);
  evbuffer_free(buffer);
}

static void on_input(struct bufferevent *connection, void *context) {
  (void)context;
  evbuffer_add_buffer(bufferevent_get_output(connection), bufferevent_get_input(connection));
}

static void on_event(struct bufferevent *connection, short events, void *context) {
  (void)context;
  if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) bufferevent_free(connection);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int len, void *context) {
  (void)address;
  (void)len;
  (void)context;
  struct bufferevent *connection =
      bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
  if (!connection) abort();
  bufferevent_setcb(connection, on_input, NULL, on_event, NULL);
  bufferevent_enable(connection, EV_READ | EV_WRITE);
}

static bool ready(evutil_socket_t fd) {
  struct sockaddr_in address;
  socklen_t len = sizeof address;
  int one = 1; /* connections inherit it */
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ||
      getsockname(fd, (struct sockaddr *)&address, &len))
    return false;
  printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
  return fflush(stdout) == 0;
}

int main(int argc, char **argv) {
  bool http = argc > 1 && strcmp(argv[1], "http") == 0;
  if (!http && (argc < 2 || strcmp(argv[1], "echo") != 0)) {
    fprintf(stderr, "usage: libevent echo|http [PORT]\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons((uint16_t)(argc > 2 ? atoi(argv[2]) : 0)),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  struct event_base *base = event_base_new();
  struct evconnlistener *listener =
      base ? evconnlistener_new_bind(base, http ? NULL : on_connection, NULL,
                                     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, BACKLOG,
                                     (struct sockaddr *)&address, sizeof address)
           : NULL;
  if (listener && http) {
    struct evhttp *server = evhttp_new(base);
    if (!server || !evhttp_bind_listener(server, listener)) listener = NULL;
    if (server) evhttp_set_gencb(server, on_request, NULL);
  }
  if (!listener || !ready(evconnlistener_get_fd(listener))) {
    perror("libevent");
    return 2;
  }
  return event_base_dispatch(base);
}
