/* SPDX-License-Identifier: MIT
 *
 * Servers that are none.
 */
#include "scripted.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int scripted_claim(uint16_t *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_geq(fd, 0);
  cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  *port = ntohs(address.sin_port);
  return fd;
}

static void *serve(void *context) {
  struct scripted *scripted = context;
  for (int fd; (fd = accept(scripted->fd, NULL, NULL)) >= 0; close(fd)) {
    char request[4096];
    if (!scripted->answer || recv(fd, request, sizeof request, 0) <= 0) continue;
    send(fd, scripted->answer, strlen(scripted->answer), MSG_NOSIGNAL);
  }
  return NULL;
}

void scripted_begin(struct scripted *scripted) {
  scripted->fd = scripted_claim(&scripted->port);
  cr_assert_eq(listen(scripted->fd, 16), 0);
  cr_assert_eq(pthread_create(&scripted->thread, NULL, serve, scripted), 0);
}

void scripted_end(struct scripted *scripted) {
  shutdown(scripted->fd, SHUT_RDWR); /* wakes accept */
  pthread_join(scripted->thread, NULL);
  close(scripted->fd);
}
