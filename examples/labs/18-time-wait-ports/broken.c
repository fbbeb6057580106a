/* SPDX-License-Identifier: MIT
 *
 * Thirty questions to a server that answers each with an echo, and how many came back.
 *
 *   $ broken 127.0.0.1 7000
 *   30 of 30 answered
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUESTIONS = 30 };

static int dial(const char *host, const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_port = htons((uint16_t)atoi(port));
  inet_pton(AF_INET, host, &address.sin_addr);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

static bool ask(int fd, int number) {
  char question[32], answer[32];
  int length = snprintf(question, sizeof question, "question %d\n", number);
  if (send(fd, question, (size_t)length, MSG_NOSIGNAL) != length) return false;
  return recv(fd, answer, (size_t)length, MSG_WAITALL) == length &&
         memcmp(question, answer, (size_t)length) == 0;
}

int main(int argc, char **argv) {
  int answered = 0;
  if (argc != 3) return fprintf(stderr, "usage: %s HOST PORT\n", argv[0]), 2;
  for (int i = 1; i <= QUESTIONS; i++) {
    int fd = dial(argv[1], argv[2]);
    if (fd < 0) {
      printf("question %d: connect: %s\n", i, strerror(errno));
      break;
    }
    answered += ask(fd, i);
    close(fd);
  }
  printf("%d of %d answered\n", answered, QUESTIONS);
  return answered != QUESTIONS;
}
