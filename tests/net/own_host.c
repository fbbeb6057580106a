/* SPDX-License-Identifier: MIT
 *
 * See own_host.h.
 */
#include "own_host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, "%s: %s", path,
            strerror(errno));
}

static void raise_loopback(void) {
  struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  cr_assert(any >= 0 && ioctl(any, SIOCSIFFLAGS, &lo) == 0, "lo: %s", strerror(errno));
  close(any);
}

void own_host_begin(const char *names) {
  if (geteuid() != 0) cr_skip_test("a host of its own needs root");
  if (unshare(CLONE_NEWNET | CLONE_NEWNS)) cr_skip_test("no namespaces here: %s", strerror(errno));
  cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0, "/: %s", strerror(errno));
  cr_assert_eq(mount("none", "/etc", "tmpfs", 0, NULL), 0, "/etc: %s", strerror(errno));
  write_file("/etc/hosts", names);
  write_file("/etc/host.conf", "multi on\n");
  write_file("/etc/nsswitch.conf", "hosts: files dns\n");
  write_file("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n");
  raise_loopback();
}

void own_host_address(const char *name, unsigned index, char text[FIN_ADDRESS_MAX]) {
  struct addrinfo *all, hints = {.ai_socktype = SOCK_STREAM};
  cr_assert_eq(getaddrinfo(name, NULL, &hints, &all), 0);
  const struct addrinfo *address = all;
  while (address && index-- > 0) address = address->ai_next;
  cr_assert(address != NULL, "%s has no further address", name);
  cr_assert_eq(getnameinfo(address->ai_addr, address->ai_addrlen, text, FIN_ADDRESS_MAX, NULL, 0,
                           NI_NUMERICHOST),
               0);
  freeaddrinfo(all);
}

int own_host_name_server(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  cr_assert(server >= 0 && bind(server, (struct sockaddr *)&at, sizeof at) == 0, "%s",
            strerror(errno));
  return server;
}

/* RFC 1035, 4.1.1: the question comes back as a response with the code 3, no such name. */
unsigned own_host_answer(int name_server) {
  unsigned count = 0;
  unsigned char message[512];
  struct sockaddr_in from;
  socklen_t from_len = sizeof from;
  ssize_t len;
  while ((len = recvfrom(name_server, message, sizeof message, 0, (struct sockaddr *)&from,
                         &from_len)) > 4) {
    message[2] |= 0x80;
    message[3] = 0x83;
    cr_assert_eq(sendto(name_server, message, (size_t)len, 0, (struct sockaddr *)&from, from_len),
                 len);
    count++;
  }
  return count;
}
