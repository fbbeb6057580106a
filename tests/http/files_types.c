/* SPDX-License-Identifier: MIT
 *
 * Media types by extension.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "proto/http_files_parts.h"

static void expect(const char *name, const char *type) {
  cr_assert(strcmp(fin_http_files_type(name), type) == 0, "%s: %s", name,
            fin_http_files_type(name));
}

Test(http_files_types, known) {
  expect("index.html", "text/html; charset=utf-8");
  expect("a/b/INDEX.HTML", "text/html; charset=utf-8");
  expect("a.htm", "text/html; charset=utf-8");
  expect("a.css", "text/css; charset=utf-8");
  expect("a.min.js", "text/javascript; charset=utf-8");
  expect("a.mjs", "text/javascript; charset=utf-8");
  expect("a.txt", "text/plain; charset=utf-8");
  expect("a.json", "application/json");
  expect("a.js.map", "application/json");
  expect("a.xml", "application/xml");
  expect("a.svg", "image/svg+xml");
  expect("a.png", "image/png");
  expect("a.jpg", "image/jpeg");
  expect("a.jpeg", "image/jpeg");
  expect("a.gif", "image/gif");
  expect("a.webp", "image/webp");
  expect("a.ico", "image/vnd.microsoft.icon");
  expect("a.woff2", "font/woff2");
  expect("a.wasm", "application/wasm");
  expect("a.pdf", "application/pdf");
  expect("a.mp4", "video/mp4");
  expect("a.tar.gz", "application/gzip");
  expect("a.7z", "application/x-7z-compressed");
  expect("a.zst", "application/zstd");
  expect("a.webmanifest", "application/manifest+json");
}

Test(http_files_types, unknown) {
  static const char *const names[] = {"",        "README",  "a.",      "a.b/c",     ".html",
                                      "a/.css",  "a.html~", "a.htmll", "a.ht",      "a.html/b",
                                      "a.html ", "a.0",     "a.exe",   "a/b.css/c", "a.html.xx",
                                      "html",    "a.zzzz",  "..",      "a.\xc3\xa4"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    expect(names[i], "application/octet-stream");
  expect("a.1234567890123456789012345678901234567890", "application/octet-stream");
}

/* The table is searched by halves: every entry is found in it. */
Test(http_files_types, every_entry_is_found) {
  static const char *const extensions[] = {
      "7z",   "aac",   "atom", "avif", "bmp", "bz2",  "css",         "csv",  "epub", "flac", "gif",
      "gz",   "htm",   "html", "ico",  "ics", "jpeg", "jpg",         "js",   "m4a",  "map",  "json",
      "md",   "mjs",   "mov",  "mp3",  "mp4", "ogg",  "ogv",         "opus", "otf",  "pdf",  "png",
      "rss",  "svg",   "tar",  "tif",  "ttf", "tiff", "txt",         "wasm", "wav",  "webm", "webp",
      "woff", "woff2", "xml",  "xz",   "zip", "zst",  "webmanifest", "xhtml"};
  for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
    char name[32];
    snprintf(name, sizeof name, "a.%s", extensions[i]);
    cr_assert_str_neq(fin_http_files_type(name), "application/octet-stream", "%s", name);
  }
}
