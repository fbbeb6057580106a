/* SPDX-License-Identifier: MIT
 *
 * A desk calculator, with a thread for each client: sums until the client is done or says quit.
 * After a line that is no sum the connection ends, too.
 *
 *   $ broken 7000 &
 *   $ printf 'add 2 3\nquit\n' | nc 127.0.0.1 7000
 *   5
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct input {
  int fd;
  size_t used;
  char text[64];
};

/* The next line into the text: its length, 0 at the end, -1 on an error or if it is too long. */
static ssize_t next_line(struct input *in, size_t last) {
  char *end;
  memmove(in->text, in->text + last, in->used -= last);
  while (!(end = memchr(in->text, '\n', in->used))) {
    if (in->used == sizeof in->text) return -1;
    ssize_t n = read(in->fd, in->text + in->used, sizeof in->text - in->used);
    if (n <= 0) return n;
    in->used += (size_t)n;
  }
  *end = 0;
  return end + 1 - in->text;
}

static bool say(int fd, const char *text) {
  size_t length = strlen(text);
  return write(fd, text, length) == (ssize_t)length;
}

static void *serve(void *argument) {
  struct input in = {.fd = (int)(intptr_t)argument};
  char answer[32];
  ssize_t n = 0;
  int a, b;
  while ((n = next_line(&in, (size_t)n)) > 0 && strcmp(in.text, "quit") != 0) {
    if (sscanf(in.text, "add %d %d", &a, &b) != 2) {
      say(in.fd, "no sum\n");
      return NULL;
    }
    snprintf(answer, sizeof answer, "%lld\n", (long long)a + b);
    if (!say(in.fd, answer)) return NULL;
  }
  if (n < 0) return NULL;
  close(in.fd);
  return NULL;
}

int main(int argc, char **argv) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
  signal(SIGPIPE, SIG_IGN);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 128) < 0)
    return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("listening on 0.0.0.0:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    pthread_t thread;
    if (fd < 0) continue;
    if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
      pthread_detach(thread);
    else
      close(fd);
  }
}
