/* SPDX-License-Identifier: MIT
 *
 * PUT /NAME puts a body of up to 1 GiB into DIR/NAME: whole, or not at all.
 *
 *   $ http_upload /tmp &
 *   $ curl -T holiday.mp4 http://127.0.0.1:7081/
 */
#include <errno.h>
#include <fcntl.h>
#include <finale/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct upload {
  int fd;
  char name[128], temporary[48];
};

static int directory;

static void answer(fin_http_request *request, unsigned status) {
  const char *text = fin_http_status_text(status);
  fin_http_reply(request, status, "text/plain", text, strlen(text));
}

/* What is encoded in a path stays so, but for harmless characters: these two are all to fear. */
static bool good_name(fin_http_text name) {
  return name.len > 0 && name.len < sizeof((struct upload *)0)->name && name.data[0] != '.' &&
         !memchr(name.data, '/', name.len);
}

static void begin(fin_http_request *request) {
  fin_http_text path = fin_http_path(request), name = {path.data + 1, path.len - 1};
  struct upload *upload = good_name(name) ? calloc(1, sizeof *upload) : NULL;
  if (!upload) {
    answer(request, 400);
    return;
  }
  fin_http_set_data(request, upload);
  memcpy(upload->name, name.data, name.len);
  snprintf(upload->temporary, sizeof upload->temporary, ".upload-%ld-%llu", (long)getpid(),
           (unsigned long long)fin_conn_id(fin_http_conn(request)));
  upload->fd = openat(directory, upload->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (upload->fd < 0) answer(request, 500);
}

static void receive(fin_http_request *request, const char *data, size_t len) {
  const struct upload *upload = fin_http_data(request);
  while (len > 0) {
    ssize_t n = write(upload->fd, data, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      answer(request, 507); /* what else comes of the body is not shown to us */
      return;
    }
    data += n;
    len -= (size_t)n;
  }
}

static void finish(fin_http_request *request) {
  const struct upload *upload = fin_http_data(request);
  bool done = renameat(directory, upload->temporary, directory, upload->name) == 0;
  answer(request, done ? 201 : 500);
}

/* Comes in any case: also if the client has left in the middle. */
static void end(fin_http_request *request, bool replied) {
  struct upload *upload = fin_http_data(request);
  (void)replied;
  if (!upload) return;
  if (upload->fd >= 0) {
    close(upload->fd);
    unlinkat(directory, upload->temporary, 0); /* unless it has got its name */
  }
  free(upload);
}

int main(int argc, char **argv) {
  static const fin_http_route routes[] = {{.method = "PUT",
                                           .path = "/*",
                                           .on_request = begin,
                                           .on_body = receive,
                                           .on_body_end = finish,
                                           .on_close = end,
                                           .body_max = 1024 * 1024 * 1024},
                                          {0}};
  if (argc != 2) return fprintf(stderr, "usage: http_upload DIR\n"), 2;
  directory = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return perror(argv[1]), 1;
  fin_http *http = fin_http_new(&(fin_http_options){.routes = routes});
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  if (!http || !server) return perror("http_upload"), 1;
  int error =
      fin_server_listen(server, &(fin_listen){.port = 7081, .handler = fin_http_handler(http)});
  if (error == 0) error = fin_server_run(server);
  if (error < 0) fprintf(stderr, "http_upload: %s\n", fin_strerror(error));
  fin_server_free(server);
  fin_http_free(http);
  return error < 0;
}
