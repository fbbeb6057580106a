/* SPDX-License-Identifier: MIT
 *
 * What serving files consists of, apart from HTTP itself: names, opening, conditions, byte ranges
 * and types. Nothing here knows a request.
 */
#ifndef FIN_HTTP_FILES_PARTS_H
#define FIN_HTTP_FILES_PARTS_H

#include <finale/http.h>
#include <sys/stat.h>

/* ---- http_files_path.c ---- */

/* Decodes what follows the route's path, once, into a NUL-terminated name relative to the root: 0,
 * 400 for what is no path, or 404 for what can be nobody's: other names for a file, and whatever
 * might lead out. Empty, or with a last '/': a directory. */
unsigned fin_http_files_name(fin_http_text path, char *name, size_t size);

/* ---- http_files_open.c ---- */

/* Opens a file below the directory `root` for reading, whatever it is, without waiting for anybody.
 * No ".." and no symbolic link leads out of `root`. The descriptor, or a negative errno. */
int fin_http_files_open(int root, const char *name);

/* ---- http_files_range.c ---- */

struct fin_http_part {
  uint64_t first, len;
};

/* What a Range asks for, of `size` bytes: 206 with the part, 416, or 200 where it does not count:
 * another unit, several ranges, or none at all. */
unsigned fin_http_files_range(fin_http_text value, uint64_t size, struct fin_http_part *part);

/* ---- http_files_ask.c ---- */

/* A file as it is now: what conditions are compared with. */
struct fin_http_version {
  uint64_t size;
  int64_t modified; /* seconds, never in the future */
  int64_t now;
  char etag[40];
};

void fin_http_version_of(struct fin_http_version *version, const struct stat *file, int64_t now);

enum fin_http_ask_field {
  FIN_ASK_IF_MATCH,
  FIN_ASK_IF_NONE_MATCH,
  FIN_ASK_IF_UNMODIFIED_SINCE,
  FIN_ASK_IF_MODIFIED_SINCE,
  FIN_ASK_IF_RANGE,
  FIN_ASK_RANGE,
  FIN_ASK_FIELDS
};

/* What a request asks for beside the name. All zeros at first. */
struct fin_http_ask {
  unsigned lines[FIN_ASK_FIELDS]; /* how many there were of each */
  fin_http_text value[FIN_ASK_FIELDS];
  bool matched[FIN_ASK_FIELDS]; /* one of the tags is ours */
};

/* To be called for every field of the request's header. */
void fin_http_ask_add(struct fin_http_ask *ask, const struct fin_http_version *version,
                      fin_http_text name, fin_http_text value);

/* The answer, in the order of RFC 9110, 13.2.2: 200, 206, 304, 412 or 416, and which part of the
 * file it has. Ranges are for GET alone. */
unsigned fin_http_ask_status(const struct fin_http_ask *ask, const struct fin_http_version *version,
                             bool get, struct fin_http_part *part);

/* ---- http_files_types.c ---- */

/* The media type for a name, by what follows the last '.' of its last segment. */
const char *fin_http_files_type(const char *name);

#endif
