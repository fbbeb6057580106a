/* SPDX-License-Identifier: MIT
 *
 * Files over HTTP. A small one is read and sent in one piece; of a large one there is a descriptor
 * and a block at a time, and the next block is read when the client has made room for it.
 */
#include <finale/http_files.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "proto/http_date.h"
#include "proto/http_files_parts.h"

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

enum {
  BLOCK = 64 * 1024,
  HEADER_ROOM = 1024,   /* for the header in front of a small file */
  BLOCKS_PER_TURN = 32, /* then the others have their turn, however fast this client reads */
};

/* A route's context. */
struct mount {
  struct mount *next;
  int root;
  size_t path_len; /* of the route, which the requests' paths begin with */
  char pattern[];  /* the route's path with a '*' behind it: all below */
};

struct fin_http_files {
  int root;
  struct mount *mounts;
};

/* A large file on its way. */
struct transfer {
  int fd;
  uint64_t at, left;
};

/* Else it is HEAD: the route has no other. */
static bool is_get(const fin_http_request *request) {
  return fin_http_method(request).len == strlen("GET");
}

/* ---- replies ---- */

static void refuse(fin_http_request *request, unsigned status) {
  char text[64];
  int len = snprintf(text, sizeof text, "%u %s\n", status, fin_http_status_text(status));
  fin_http_reply(request, status, "text/plain; charset=utf-8", text, (size_t)len);
}

static unsigned status_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return 403;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
    case ENAMETOOLONG:
    case EINVAL: /* a name that this file system cannot have */
    case ENXIO:  /* a socket, or a device without a driver */
    case ENODEV:
      return 404;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
      return 503;
    default:
      return 500;
  }
}

/* To the same place with a '/' behind it, so that what its index.html refers to is found. The path
 * has no empty segment: it cannot be taken for "//host". */
static void redirect(fin_http_request *request) {
  fin_http_text path = fin_http_path(request), query = fin_http_query(request);
  char *location = fin_alloc(path.len + 2 + query.len + 1);
  if (!location) {
    refuse(request, 503);
    return;
  }
  char *at = location;
  memcpy(at, path.data, path.len);
  at += path.len;
  *at++ = '/';
  if (query.data) {
    *at++ = '?';
    memcpy(at, query.data, query.len);
    at += query.len;
  }
  *at = '\0';
  fin_http_add_header(request, "Location", location);
  fin_release(location);
  refuse(request, 301);
}

static void add_range(fin_http_request *request, const struct fin_http_part *part, uint64_t size) {
  char text[80];
  if (part)
    snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, part->first,
             part->first + part->len - 1, size);
  else
    snprintf(text, sizeof text, "bytes */%" PRIu64, size);
  fin_http_add_header(request, "Content-Range", text);
}

static void add_version(fin_http_request *request, const struct fin_http_version *version) {
  char date[FIN_HTTP_DATE_SIZE];
  fin_http_date_format(date, version->modified);
  fin_http_add_header(request, "Last-Modified", date);
  fin_http_add_header(request, "ETag", version->etag);
  fin_http_add_header(request, "Accept-Ranges", "bytes");
  fin_http_add_header(request, "X-Content-Type-Options", "nosniff");
}

/* ---- bodies ---- */

/* Whether on_writable will say when to go on. */
static bool full(const fin_http_request *request) {
  return fin_http_output_len(request) > fin_conn_limits(fin_http_conn(request))->output_high;
}

/* How much may be written now. */
static size_t room(const fin_http_request *request) {
  if (full(request)) return 0;
  size_t left = fin_conn_limits(fin_http_conn(request))->output_max - fin_http_output_len(request);
  return left < BLOCK ? left : BLOCK;
}

/* How many bytes there were, fewer than `len` only at the file's end; negative: an error. */
static ssize_t read_at(int fd, char *data, size_t len, uint64_t at) {
  size_t done = 0;
  while (done < len) {
    ssize_t count = pread(fd, data + done, len - done, (off_t)(at + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += (size_t)count;
  }
  return (ssize_t)done;
}

static void send_on(fin_http_request *request) {
  struct transfer *transfer = fin_http_data(request);
  char block[BLOCK];
  if (!transfer || transfer->left == 0) return;
  for (int blocks = 0; transfer->left > 0 && blocks < BLOCKS_PER_TURN; blocks++) {
    size_t len = room(request);
    if (len == 0) break;
    if (len > transfer->left) len = (size_t)transfer->left;
    /* The length has been announced: a file that has shrunk since cannot be sent any more. */
    if (read_at(transfer->fd, block, len, transfer->at) != (ssize_t)len) {
      fin_http_abort(request);
      return;
    }
    if (fin_http_write(request, block, len)) return;
    transfer->at += len;
    transfer->left -= len;
  }
  if (transfer->left == 0)
    fin_http_end(request);
  else if (!full(request))
    fin_http_set_timer(request, 1);
}

/* Takes the descriptor. */
static void stream(fin_http_request *request, unsigned status, const char *type, int fd,
                   const struct fin_http_part *part) {
  struct transfer *transfer = fin_alloc(sizeof *transfer);
  if (!transfer) {
    close(fd);
    refuse(request, 503);
    return;
  }
  *transfer = (struct transfer){.fd = fd, .at = part->first, .left = part->len};
  fin_http_set_data(request, transfer);
  if (fin_http_begin(request, status, type, part->len) == 0) send_on(request);
}

/* In one piece with its header. Takes the descriptor. */
static void send_small(fin_http_request *request, unsigned status, const char *type, int fd,
                       const struct fin_http_part *part) {
  char block[BLOCK];
  ssize_t len = read_at(fd, block, (size_t)part->len, part->first);
  close(fd);
  if (len == (ssize_t)part->len)
    fin_http_reply(request, status, type, block, (size_t)len);
  else
    fin_http_abort(request);
}

/* Takes the descriptor. */
static void send_part(fin_http_request *request, unsigned status, const char *type, int fd,
                      const struct fin_http_part *part) {
  if (!is_get(request)) {
    close(fd);
    fin_http_begin(request, status, type, part->len);
    fin_http_end(request);
  } else if (part->len + HEADER_ROOM <= room(request)) {
    send_small(request, status, type, fd, part);
  } else {
    stream(request, status, type, fd, part);
  }
}

/* ---- requests ---- */

static void ask_of(struct fin_http_ask *ask, const struct fin_http_version *version,
                   const fin_http_request *request) {
  *ask = (struct fin_http_ask){.lines = {0}};
  for (unsigned i = 0; i < fin_http_header_count(request); i++)
    fin_http_ask_add(ask, version, fin_http_header_name(request, i),
                     fin_http_header_value(request, i));
}

/* Takes the descriptor. */
static void serve(fin_http_request *request, int fd, const struct stat *file, const char *name) {
  struct fin_http_version version;
  struct fin_http_ask ask;
  struct fin_http_part part;
  fin_http_version_of(&version, file, time(NULL));
  ask_of(&ask, &version, request);
  unsigned status = fin_http_ask_status(&ask, &version, is_get(request), &part);
  if (status == 200 || status == 206) {
    add_version(request, &version);
    if (status == 206) add_range(request, &part, version.size);
    send_part(request, status, fin_http_files_type(name), fd, &part);
    return;
  }
  close(fd);
  if (status == 304) {
    fin_http_add_header(request, "ETag", version.etag);
    fin_http_reply(request, 304, NULL, NULL, 0);
    return;
  }
  if (status == 416) add_range(request, NULL, version.size);
  refuse(request, status);
}

static void on_request(fin_http_request *request) {
  static const char index[] = "index.html";
  const struct mount *mount = fin_http_context(request);
  fin_http_text path = fin_http_path(request);
  char name[PATH_MAX];
  struct stat file = {0};
  path.data += mount->path_len;
  path.len -= mount->path_len;
  unsigned refused = fin_http_files_name(path, name, sizeof name - strlen(index));
  if (refused) {
    refuse(request, refused);
    return;
  }
  bool directory = path.len == 0 || path.data[path.len - 1] == '/';
  if (directory) strcat(name, index);
  int fd = fin_http_files_open(mount->root, name);
  if (fd < 0) {
    refuse(request, status_of(-fd));
  } else if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
    serve(request, fd, &file, name);
  } else {
    close(fd);
    if (S_ISDIR(file.st_mode) && !directory)
      redirect(request);
    else
      refuse(request, 404);
  }
}

static void on_close(fin_http_request *request, bool replied) {
  struct transfer *transfer = fin_http_data(request);
  (void)replied;
  if (transfer) close(transfer->fd);
  fin_release(transfer);
}

/* ---- the object ---- */

fin_http_files *fin_http_files_new(const char *root) {
  int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return NULL;
  fin_http_files *files = fin_alloc(sizeof *files);
  if (!files) {
    close(fd);
    errno = ENOMEM;
    return NULL;
  }
  *files = (fin_http_files){.root = fd};
  return files;
}

void fin_http_files_free(fin_http_files *files) {
  if (!files) return;
  for (struct mount *mount = files->mounts; mount; mount = files->mounts) {
    files->mounts = mount->next;
    fin_release(mount);
  }
  close(files->root);
  fin_release(files);
}

fin_http_route fin_http_files_route(fin_http_files *files, const char *path) {
  size_t len = strlen(path);
  if (path[0] != '/' || path[len - 1] != '/') return (fin_http_route){0};
  struct mount *mount = fin_alloc(sizeof *mount + len + 2);
  if (!mount) return (fin_http_route){0};
  *mount = (struct mount){.next = files->mounts, .root = files->root, .path_len = len};
  memcpy(mount->pattern, path, len);
  memcpy(mount->pattern + len, "*", 2);
  files->mounts = mount;
  return (fin_http_route){
      .method = "GET",
      .path = mount->pattern,
      .on_request = on_request,
      .on_writable = send_on,
      .on_timer = send_on,
      .on_close = on_close,
      .context = mount,
  };
}
