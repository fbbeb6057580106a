/* SPDX-License-Identifier: MIT
 *
 * Echo, in one thread and with poll. May open few descriptors: room for three clients.
 *
 *   $ fixed 7000 &
 *   $ nc 127.0.0.1 7000
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 3, PLACES = 1024 };

static struct pollfd polled[PLACES]; /* the listener first */
static nfds_t places = 1;
static int spare;

static void limit_descriptors(int highest) {
  struct rlimit limit = {.rlim_cur = (rlim_t)highest + 1, .rlim_max = (rlim_t)highest + 1};
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* Who waits in the queue wakes us again and again, and hears nothing: better to be told no. For
 * that one descriptor is needed, which is kept for it. */
static void shed(void) {
  close(spare);
  close(accept(polled[0].fd, NULL, NULL));
  spare = open("/dev/null", O_RDONLY);
}

static void take_client(void) {
  int fd = accept(polled[0].fd, NULL, NULL);
  if (fd < 0) {
    if (errno == EMFILE) shed();
    return;
  }
  if (places < PLACES)
    polled[places++] = (struct pollfd){.fd = fd, .events = POLLIN};
  else
    close(fd);
}

/* False when the client is done. */
static bool serve(int fd) {
  char text[1024];
  ssize_t n = recv(fd, text, sizeof text, 0);
  return n > 0 && send(fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  spare = open("/dev/null", O_RDONLY);
  int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 128) < 0)
    return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  limit_descriptors(listener + CLIENTS);
  printf("listening on 0.0.0.0:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  while (poll(polled, places, -1) >= 0) {
    for (nfds_t i = places - 1; i > 0; i--)
      if (polled[i].revents != 0 && !serve(polled[i].fd)) {
        close(polled[i].fd);
        polled[i] = polled[--places];
      }
    if (polled[0].revents != 0) take_client();
  }
  return perror("poll"), 1;
}
