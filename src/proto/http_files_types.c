/* SPDX-License-Identifier: MIT
 *
 * Media types by extension. Text is taken to be UTF-8; what says itself how it is encoded, as JSON
 * and XML do, gets no charset.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/http_files_parts.h"

struct type {
  const char *extension, *type;
};

#define TEXT(subtype) "text/" subtype "; charset=utf-8"

/* Sorted. */
static const struct type types[] = {
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"atom", "application/atom+xml"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", TEXT("css")},
    {"csv", TEXT("csv")},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", TEXT("html")},
    {"html", TEXT("html")},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", TEXT("calendar")},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", TEXT("javascript")},
    {"json", "application/json"},
    {"m4a", "audio/mp4"},
    {"map", "application/json"},
    {"md", TEXT("markdown")},
    {"mjs", TEXT("javascript")},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"rss", "application/rss+xml"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"ttf", "font/ttf"},
    {"txt", TEXT("plain")},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

enum { EXTENSION_MAX = 15 };

static int compare(const void *extension, const void *type) {
  return strcmp(extension, ((const struct type *)type)->extension);
}

const char *fin_http_files_type(const char *name) {
  const char *slash = strrchr(name, '/');
  const char *base = slash ? slash + 1 : name;
  const char *dot = strrchr(base, '.');
  const struct type *type = NULL;
  if (dot && dot > base && strlen(dot + 1) <= EXTENSION_MAX) {
    char extension[EXTENSION_MAX + 1];
    size_t len = 0;
    for (const char *at = dot + 1; *at; at++)
      extension[len++] = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
    extension[len] = '\0';
    type = bsearch(extension, types, sizeof types / sizeof *types, sizeof *types, compare);
  }
  return type ? type->type : "application/octet-stream";
}
