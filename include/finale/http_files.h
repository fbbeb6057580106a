/* SPDX-License-Identifier: MIT
 *
 * The files below a directory, over HTTP: GET and HEAD, types by extension, Last-Modified and ETag
 * with 304, a single byte range with 206 and 416 (RFC 9110, 13 and 14), index.html for a directory
 * that ends in '/' and 301 for one that does not; never a listing.
 *
 *   fin_http_files *files = fin_http_files_new("/srv/www");
 *   fin_http_route routes[] = {fin_http_files_route(files, "/"), {0}};
 *
 * No path leads out of the directory: neither dots, nor encoded slashes, nor symbolic links.
 */
#ifndef FINALE_HTTP_FILES_H
#define FINALE_HTTP_FILES_H

#include <finale/http.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fin_http_files fin_http_files;

/* NULL with errno set: as open(2) of the directory has it, or ENOMEM. */
FIN_EXPORT fin_http_files *fin_http_files_new(const char *root);

/* After all connections that use it have ended. NULL is allowed. */
FIN_EXPORT void fin_http_files_free(fin_http_files *files);

/* A route that serves the files below `path`, which must begin and end with '/'. It is valid until
 * fin_http_files_free. A route without on_request if the path is none, or memory is short. */
FIN_EXPORT fin_http_route fin_http_files_route(fin_http_files *files, const char *path);

#ifdef __cplusplus
}
#endif
#endif
