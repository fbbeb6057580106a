/* SPDX-License-Identifier: MIT */
#include "support/nginx.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/scratch.h"

/* 20,000 connections are room for every benchmark here. */
static const char config[] =
    "daemon off;\n"
    "master_process off;\n"
    "error_log stderr error;\n"
    "pid nginx.pid;\n"
    "events { worker_connections 20000; }\n"
    "http {\n"
    "  access_log off;\n"
    "  keepalive_requests 1000000000;\n"
    "  client_body_temp_path body;\n"
    "  proxy_temp_path proxy;\n"
    "  fastcgi_temp_path fastcgi;\n"
    "  uwsgi_temp_path uwsgi;\n"
    "  scgi_temp_path scgi;\n"
    "  default_type text/plain;\n"
    "  server { listen 127.0.0.1:%u backlog=4096; %s }\n"
    "  %s\n"
    "}\n";

bool nginx_is_installed(void) {
  char *program = find_program("nginx");
  free(program);
  return program != NULL;
}

/* nginx cannot be told to choose one. */
static uint16_t free_port(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) ||
      getsockname(fd, (struct sockaddr *)&address, &len))
    bench_fail("no free port: %s", strerror(errno));
  close(fd);
  return ntohs(address.sin_port);
}

struct server_process nginx_start_with(const char *const *prefix, const char *locations,
                                       const char *others) {
  char *program = find_program("nginx"), *text;
  if (!program) bench_fail("nginx is not installed");
  uint16_t port = free_port();
  if (asprintf(&text, config, port, locations, others) < 0) bench_fail("no memory");
  char *config_path = scratch_write("nginx.conf", text), *directory = scratch_path("");
  const char *const command[] = {program, "-e", "stderr", "-p", directory, "-c", config_path, NULL};
  struct server_process server = server_process_start_at(port, prefix, command);
  free(program);
  free(text);
  free(config_path);
  free(directory);
  return server;
}

struct server_process nginx_start(const char *const *prefix, const char *body) {
  char *locations;
  if (asprintf(&locations, "location / { return 200 \"%s\"; }", body) < 0) bench_fail("no memory");
  struct server_process server = nginx_start_with(prefix, locations, "");
  free(locations);
  return server;
}
